"""Overrides are checked against the schema before Hydra composes anything."""

import pytest

from albert_lab.config.overrides import check_overrides, choices_by_group, known_keys
from albert_lab.errors import UserError

REFUSED = {
    "model.hiden_size=64": "unknown key 'model.hiden_size'; did you mean 'model.hidden_size'",
    "modle=base": "unknown key 'modle'; did you mean 'model'",
    "+model.typo=1": r"\+model.typo: the schema is closed",
    "++model.hidden_size=64": r"\+\+model.hidden_size: .*write model.hidden_size=VALUE",
    "~sharing": "~sharing: the schema is closed",
    "sharing=al": "no sharing=al; did you mean 'all'",
    "sharing=all,ffnn": "no sharing=ffnn; did you mean 'ffn'",
    "study=table9": "no study=table9",
    "hardware=[h200,a100]": r"no hardware=\[h200,a100\]: hardware takes one choice; several are --multirun",
    "study=null": r"no study=null; write study=\[\] for none",
    "block=[pre_ln,univrsal]": "no block=univrsal; did you mean 'universal'",
    "embedding=[albert,rembert]": "no embedding=\\[albert,rembert]",
    "model.hidden_size": "write KEY=VALUE",
}


@pytest.mark.parametrize(("override", "message"), REFUSED.items(), ids=REFUSED)
def test_a_wrong_override_is_refused_in_one_line(override: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        check_overrides([override])
    assert "\n" not in str(caught.value)


def test_right_overrides_pass() -> None:
    check_overrides(
        ["model.hidden_size=64", "sharing=all,none", "scale=smoke", "study=[]", "hydra/launcher=joblib",
         "model.embedding_size=range(8,64,8)", "train.budget.steps=5", "block=[pre_ln,universal]",
         "block=[],deepnorm,[pre_ln,universal]"]
    )  # fmt: skip


def test_groups_and_keys_are_read_from_the_yaml_and_the_schema() -> None:
    assert {"model", "sharing", "scale", "study"} <= set(choices_by_group())
    assert {"model.hidden_size", "train.budget.steps", "paths.runs"} <= known_keys()
