"""Overrides are checked against the schema before Hydra composes anything."""

import re

import pytest

from albert_lab.config.overrides import ALIASES, CHOICE_ALIASES, check_overrides, list_choices, list_groups, list_keys
from albert_lab.config.schema import VERBS
from albert_lab.errors import UserError
from tests.lab import compose_verb

REFUSED = {
    "model.hiden_size=64": "unknown key 'model.hiden_size'; did you mean 'model.hidden_size'",
    "modle=base": "unknown key 'modle'; did you mean 'model'",
    "+model.typo=1": r"\+model.typo: the schema is closed",
    "++model.hidden_size=64": r"\+\+model.hidden_size: .*write model.hidden_size=VALUE",
    "~sharing": "~sharing: the schema is closed",
    "sharing=al": "no sharing=al; did you mean 'all'",
    "sharing=all,ffnn": "no sharing=ffnn; did you mean 'ffn'",
    "study=table9": "no study=table9",
    "scale=[smoke,tiny]": r"no scale=\[smoke,tiny\]: scale takes one choice; several are --multirun",
    "study=null": r"no study=null; write study=\[\] for none",
    "block=[pre_ln,univrsal]": "no block=univrsal; did you mean 'universal'",
    "embedding=[albert,rembert]": "no embedding=\\[albert,rembert]",
    "model.hidden_size": "write KEY=VALUE",
    "hardware=h200": "`albert-lab pretrain` does not take 'hardware'; it belongs to cost, reproduce, report",
    "task.pooling=mean": "`albert-lab pretrain` does not take 'task.pooling'; it belongs to finetune",
}


@pytest.mark.parametrize(("override", "message"), REFUSED.items(), ids=REFUSED)
def test_a_wrong_override_is_refused_in_one_line(override: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        check_overrides("pretrain", [override])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ALIASES)
def test_a_name_of_another_library_leads_to_our_setting(name: str) -> None:
    with pytest.raises(UserError, match=r"; here it is [\w.]+") as caught:
        check_overrides("pretrain", [f"{name}=1"])
    setting = re.split("[,: ]", str(caught.value).rpartition("; here it is ")[2])[0]
    assert setting in list_keys("pretrain")
    with pytest.raises(UserError, match=f"closed.*; here it is {setting}"):
        check_overrides("pretrain", [f"+{name}=1"])


def test_an_alias_is_suggested_only_to_verbs_that_have_its_setting() -> None:
    with pytest.raises(UserError, match="unknown key 'lr'") as caught:
        check_overrides("vocabulary", ["lr=1"])
    assert "optimizer" not in str(caught.value)


@pytest.mark.parametrize(("choice", "ours"), CHOICE_ALIASES.items())
def test_a_choice_of_another_library_leads_to_ours(choice: str, ours: str) -> None:
    with pytest.raises(UserError, match=f"no {choice}; here it is {ours}"):
        check_overrides("pretrain", [choice])
    compose_verb("pretrain", *ours.split())


def test_right_overrides_pass() -> None:
    check_overrides(
        "pretrain",
        ["model.hidden_size=64", "sharing=all,none", "scale=smoke", "study=[]", "hydra/launcher=joblib",
         "model.embedding_size=range(8,64,8)", "train.budget.steps=5", "block=[pre_ln,universal]",
         "block=[],deepnorm,[pre_ln,universal]"]
    )  # fmt: skip


def test_groups_and_keys_are_read_from_the_yaml_and_the_schema() -> None:
    assert {"model", "sharing", "scale", "study", "task"} <= set(list_choices())
    assert {"model.hidden_size", "train.budget.steps", "paths.runs"} <= list_keys("pretrain")
    assert {"checkpoint", "task.name", "train.budget.steps"} <= list_keys("finetune")
    assert {"model", "sharing", "scale", "study"} <= list_groups("pretrain") == list_groups("cost") - {"hardware"}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_composes_the_class_that_it_declares(verb: str) -> None:
    assert type(compose_verb(verb)) is VERBS[verb]


def test_only_verbs_that_pre_train_have_a_scale() -> None:
    for verb in ("finetune", "vocabulary", "dashboard"):
        with pytest.raises(UserError, match="does not take 'scale'; it belongs to pretrain, cost, reproduce, report"):
            check_overrides(verb, ["scale=smoke"])
