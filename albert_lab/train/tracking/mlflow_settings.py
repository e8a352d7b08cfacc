"""The settings that MLflow gets of a run: as parameters those that say what it is, and in one tag all, for reports."""

import json

from albert_lab.config.plain import flatten
from albert_lab.config.schema import RESULT_GROUPS, RunConfig

MOST_PARAMETERS = 40
LONGEST_TAG = 8000  # characters that MLflow keeps
MAIN = (  # shown of every run that has them; after them come others that differ from their defaults
    "checkpoint",
    "task.name",
    "task.freeze_encoder",
    "sharing.scheme",
    "model.embedding_size",
    "model.hidden_size",
    "model.num_hidden_layers",
    "model.num_attention_heads",
    "model.intermediate_size",
    "model.vocab_size",
    "train.seed",
    "train.batch_size",
    "train.budget.steps",
    "train.budget.tokens",
    "train.budget.seconds",
    "train.precision",
    "optimizer.name",
    "optimizer.learning_rate",
    "optimizer.warmup_steps",
    "objective.sentence",
    "objective.max_seq_length",
    "data.corpus",
    "data.max_documents",
    "trainer.devices",
    "trainer.strategy",
)


def choose_parameters(config: RunConfig) -> dict[str, str]:
    """At most `MOST_PARAMETERS` settings: the axes of the run's study, the main ones, and changed ones."""
    settings, defaults = flatten(config), flatten(type(config)())
    main = [key for key in (*config.study.axes, *MAIN) if settings.get(key) is not None]
    changed = [key for key in settings if key.split(".")[0] in config.result_groups and settings[key] != defaults[key]]
    chosen = list(dict.fromkeys([*main, *changed]))[:MOST_PARAMETERS]
    return {key: str(settings[key]) for key in chosen}


def pack_settings(config: RunConfig) -> str:
    """Every setting that can change a figure, as JSON; what is too long for a tag, such as many files, is left out."""
    settings = {
        key: value for key, value in flatten(config).items() if key.split(".")[0] in (*RESULT_GROUPS, "trainer")
    }
    while len(text := json.dumps(settings)) > LONGEST_TAG:
        del settings[max(settings, key=lambda key: len(str(settings[key])))]
    return text
