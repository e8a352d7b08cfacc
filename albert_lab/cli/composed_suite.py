"""A suite inside a Hydra job: the configuration of each of its runs, its folder, its report."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from albert_lab.config.compose import from_hydra
from albert_lab.config.schema import FinetuneConfig, SuiteConfig
from albert_lab.config.sources import Sources
from albert_lab.errors import UserError, nearest

if TYPE_CHECKING:
    from albert_lab.report.suite_report import SuiteReport
    from albert_lab.sweep.suite import SuiteOutcome

OF_MANY_RUNS = ("suite", "finetune.")  # settings that a single run doesn't have
ROUTINE = ("checkpoint=", "task=", "trainer", "tracking", "paths.", "data_root=", "finetune_scale=", *OF_MANY_RUNS)


class ComposedSuite:
    """The tasks and seeds that the running Hydra job asked for, with the overrides the user gave."""

    def __init__(self, config: FinetuneConfig, verb: str = "finetune") -> None:
        """`verb`: by whose defaults a run is composed; `config` is of its class.

        Raises: UserError for a suite that is given a task as well, or that names an unknown one.
        """
        from hydra.core.hydra_config import HydraConfig

        hydra_config = HydraConfig.get()
        given = list(hydra_config.overrides.task)
        self.search_path = [word for word in hydra_config.overrides.hydra if word.startswith("hydra.searchpath=")]
        self.config, self.verb = config, verb
        self.given = [word for word in given if not word.startswith(OF_MANY_RUNS)]
        self.scale = str(hydra_config.runtime.choices["finetune_scale"])
        task = str(hydra_config.runtime.choices["task"])
        if config.suite.name is None:
            self.suite = SuiteConfig(task, f"{task}: {config.finetune.seeds} seeds", [task])
        else:
            self.suite = config.suite
            places = [Path(source.path) for source in hydra_config.runtime.config_sources if source.schema == "file"]
            _check_tasks(config.suite, [word for word in given if word.startswith("task=")], Sources(tuple(places)))
            self.given = [word for word in self.given if not word.startswith("task=")]
        first = config.train.seed
        self.seeds = list(range(first, first + config.finetune.seeds))

    def compose_run(self, task: str, overrides: Sequence[str]) -> FinetuneConfig:
        """The configuration of a task's run: its recipe, then the user's overrides, then `overrides`."""
        from hydra import compose

        changed = {word.split("=", 1)[0] for word in overrides}
        given = [word for word in self.given if word.split("=", 1)[0] not in {*changed, "task"}]
        composed = compose(self.verb, overrides=[*self.search_path, f"task={task}", *given, *overrides])
        return from_hydra(composed, FinetuneConfig)

    @property
    def folder(self) -> Path:
        """`<paths.runs>/suites/<suite>-from-<checkpoint>-<scale>`, with a hash of the checkpoint's path and of further
        overrides, so that no suite hides another.
        """
        further = sorted(word for word in self.given if not word.startswith(ROUTINE))
        checkpoints = [
            str(Path(each).absolute()) for each in (self.config.checkpoint, self.config.finetune.against) if each
        ]
        suffix = hashlib.sha256(" ".join([*checkpoints, *further]).encode()).hexdigest()[:6]
        name = f"{self.suite.name}-from-{name_source(self.config.checkpoint)}-{self.scale}-{suffix}"
        return Path(self.config.paths.runs).absolute() / "suites" / name

    def report(self, outcome: "SuiteOutcome", other: "SuiteOutcome | None") -> "SuiteReport":
        """`other`: what became of the checkpoint that this one is compared with."""
        from albert_lab.report.suite_report import SuiteReport

        source, name = name_source(self.config.checkpoint), name_source(self.config.finetune.against)
        if source == name:  # two runs of the same variant: their fingerprints tell them apart
            source, name = (Path(str(each)).name for each in (self.config.checkpoint, self.config.finetune.against))
        against = SuiteReport(self.suite, name, other.folders, other.failures) if other else None
        return SuiteReport(self.suite, source, outcome.folders, outcome.failures, against)


def name_source(checkpoint: str | None) -> str:
    """A checkpoint's name, without the fingerprint of a run."""
    return re.sub(r"-[0-9a-f]{10}$", "", Path(checkpoint or "").name)


def _check_tasks(suite: SuiteConfig, given: Sequence[str], sources: Sources) -> None:
    if given:
        raise UserError(f"suite={suite.name} {given[0]}: a suite has tasks of its own; leave one of the two out")
    known = sources.choices("task")
    for task in suite.tasks:
        if task not in known:
            raise UserError(f"suite.tasks: no task={task}{nearest(task, known)}")
