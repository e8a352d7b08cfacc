"""Overrides are checked against the schema before Hydra composes anything."""

import re

import pytest

from albert_lab.config.aliases import ABSENT, SETTINGS
from albert_lab.config.overrides import check_overrides, list_groups, list_keys
from albert_lab.config.schema import VERBS
from albert_lab.config.sources import Sources
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


def suggestion(override: str, verb: str = "pretrain") -> str:
    with pytest.raises(UserError) as caught:
        check_overrides(verb, [override])
    return str(caught.value).rpartition("; here it is ")[2]


@pytest.mark.parametrize("name", SETTINGS)
def test_a_name_of_another_library_leads_to_our_setting(name: str) -> None:
    verb = "finetune" if SETTINGS[name].startswith("task.") else "pretrain"
    setting = re.split("[,: ]", suggestion(f"{name}=1", verb))[0]
    assert setting in {*list_keys(verb), *list_groups(verb), *VERBS}
    assert suggestion(f"+{name}=1", verb) == SETTINGS[name]


@pytest.mark.parametrize("name", ABSENT)
def test_a_name_without_a_counterpart_is_explained(name: str) -> None:
    assert name not in SETTINGS
    with pytest.raises(UserError, match="unknown key") as caught:
        check_overrides("pretrain", [f"{name}=1"])
    assert str(caught.value).endswith(f"; {ABSENT[name]}")


@pytest.mark.parametrize("text", [*SETTINGS.values(), *ABSENT.values()])
def test_a_suggestion_names_settings_that_exist(text: str) -> None:
    keys = {*list_keys("pretrain"), *list_keys("finetune")}
    named = re.findall(r"\b(?:train|trainer|optimizer|model|data|objective|warm_start|tracking|paths)\.[\w.]*\w", text)
    assert {name for name in named if not name.startswith(("data.files", "train.budget"))} <= keys


@pytest.mark.parametrize(
    ("key", "ours"),
    [
        ("lr", "optimizer.learning_rate"),
        ("optimizer.lr", "optimizer.learning_rate"),
        ("model.optimizer.lr", "optimizer.learning_rate"),
        ("trainer.max_steps", "train.budget.steps"),
        ("trainer.accumulate_grad_batches", "trainer.micro_batch_size"),
        ("data.batch_size", "train.batch_size"),
        ("training_args.learning_rate", "training_args"),
    ],
)
def test_a_name_may_stand_under_the_group_that_the_other_library_has(key: str, ours: str) -> None:
    assert ours in suggestion(f"{key}=1")


def test_an_alias_is_suggested_only_to_verbs_that_have_its_setting() -> None:
    with pytest.raises(UserError, match="unknown key 'lr'") as caught:
        check_overrides("vocabulary", ["lr=1"])
    assert "optimizer" not in str(caught.value)


CHOICES = {
    "model=bert": "experiment=bert",
    "model=bert-base-uncased": "experiment=bert",
    "model=albert": "model=base",
    "model=albert-base": "model=base",
    "model=albert/albert-xlarge-v2": "model=xlarge release=v2",
    "optimizer=adam": "optimizer=adamw_standard",
    "trainer=deepspeed_stage_2": "trainer=zero2",
    "trainer=cpu": "trainer.accelerator=cpu",
    "scale=debug": "scale=smoke",
}


@pytest.mark.parametrize(("choice", "ours"), CHOICES.items())
def test_a_choice_of_another_library_leads_to_ours(choice: str, ours: str) -> None:
    assert suggestion(choice) == ours
    compose_verb("pretrain", *ours.split())


def test_right_overrides_pass() -> None:
    check_overrides(
        "pretrain",
        ["model.hidden_size=64", "sharing=all,none", "scale=smoke", "study=[]", "hydra/launcher=joblib",
         "model.embedding_size=range(8,64,8)", "train.budget.steps=5", "block=[pre_ln,universal]",
         "block=[],deepnorm,[pre_ln,universal]"]
    )  # fmt: skip


def test_groups_and_keys_are_read_from_the_yaml_and_the_schema() -> None:
    assert {"model", "sharing", "scale", "study", "task"} <= set(Sources().groups())
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
