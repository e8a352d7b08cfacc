"""A study inside a Hydra job: its cells composed, its folder, the report of what has run of it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albert_lab.config.check import check_study_name
from albert_lab.config.compose import Config, from_hydra
from albert_lab.config.overrides import quote_path
from albert_lab.config.plain import flatten
from albert_lab.config.schema import (
    EstimateConfig,
    FinetuneConfig,
    HardwareConfig,
    PretrainConfig,
    StudyVerbConfig,
)
from albert_lab.config.sources import Sources
from albert_lab.config.study import Cell, Study
from albert_lab.config.variant import ProjectionRule
from albert_lab.errors import UserError
from albert_lab.runs.folder import RunFolder
from albert_lab.sweep.cells import make_study
from albert_lab.sweep.grid import Outcome

if TYPE_CHECKING:
    from albert_lab.report.study_report import StudyReport

HARDWARE = ("hardware", "cost.")  # what a device is and what is assumed of it
DOWNSTREAM = ("data_root=",)  # what no pre-training reads
SOME_GPU = HardwareConfig(name="a GPU")  # the paper's size is not this machine's, unless one is named
PAPER_SIZE = ("scale=paper", "model=base")  # Tables 3 and 4 are about ALBERT-base


class ComposedStudy:
    """The study that the running Hydra job asked for, with the overrides the user gave."""

    def __init__(self, composed: Any) -> None:
        from hydra.core.hydra_config import HydraConfig

        hydra_config = HydraConfig.get()
        self.given = list(hydra_config.overrides.task)
        self.search_path = [given for given in hydra_config.overrides.hydra if given.startswith("hydra.searchpath=")]
        self.config = from_hydra(composed, EstimateConfig)
        self.scale = str(hydra_config.runtime.choices["scale"])
        chosen = hydra_config.runtime.choices["study"]
        if self.config.study.name is None:
            raise UserError(f"study={chosen} has no name: write `name: {chosen}` under `study:` in its file")
        check_study_name(self.config.study.name)
        paper = self._compose("pretrain", PretrainConfig, [f"study={chosen}", *PAPER_SIZE])
        self.study: Study = make_study(self.config.study, self.scale, flatten(self.config), flatten(paper))

    def compose_run(self, overrides: Sequence[str]) -> PretrainConfig:
        """The configuration of a cell's run: the user's overrides, then the cell's."""
        given = [override for override in self.given if not override.startswith((*HARDWARE, *DOWNSTREAM))]
        return self._compose("pretrain", PretrainConfig, [*given, *overrides])

    def compose_downstream(self, task: str, run: RunFolder, seed: int) -> FinetuneConfig:
        """The configuration that fine-tunes a cell's finished run, at the study's scale."""
        scale = self.scale if self.scale in Sources().choices("finetune_scale") else "paper"
        given = [word for word in self.given if word.startswith(("trainer", "tracking", "paths.", *DOWNSTREAM))]
        overrides = [f"task={task}", f"finetune_scale={scale}", *self.config.study.downstream_overrides, *given]
        overrides += [f"checkpoint={quote_path(run.path)}", f"train.seed={seed}"]
        return self._compose("finetune", FinetuneConfig, overrides)

    @property
    def downstream(self) -> tuple[list[str], list[str]]:
        """The tasks that cells are fine-tuned on, and further ones that need a benchmark's files."""
        study, config = self.config.study, self.config
        has_data = isinstance(config, StudyVerbConfig) and config.data_root  # `cost` reads none
        return study.downstream, study.downstream_with_data if has_data else []

    def compose_estimate(self, overrides: Sequence[str]) -> EstimateConfig:
        """The same with the hardware that its cost is estimated for."""
        given = [override for override in self.given if not override.startswith(DOWNSTREAM)]
        return self._compose("cost", EstimateConfig, [*given, *overrides])

    @property
    def folder(self) -> Path:
        """`<paths.runs>/studies/<study>-<scale>`, with a hash of further overrides so that no study hides another."""
        routine = ("study=", "scale=", "study.jobs=", "trainer", "tracking", "paths.", *HARDWARE, *DOWNSTREAM)
        further = sorted(given for given in self.given if not given.startswith(routine))
        suffix = f"-{hashlib.sha256(' '.join(further).encode()).hexdigest()[:6]}" if further else ""
        return Path(self.config.paths.runs).absolute() / "studies" / f"{self.study.name}-{self.scale}{suffix}"

    def report(self, outcome: Outcome, downstream: Mapping[str, Outcome]) -> "StudyReport":
        """`downstream`: what became of the cells' models, by task."""
        from albert_lab.cost.runs import cost_of_run
        from albert_lab.report.study_report import StudyReport

        counts = {cell.name: _paper_counts(self._at_paper_size(cell)) for cell in self.study.cells}
        further = {task: found.records() for task, found in downstream.items()}
        failed = {task: found.failures for task, found in downstream.items()}
        return StudyReport(self.study, outcome.records(), outcome.failures, counts, cost_of_run, further, failed)

    def _at_paper_size(self, cell: Cell) -> EstimateConfig:
        hardware = [given for given in self.given if given.startswith(HARDWARE)]
        return self._compose("cost", EstimateConfig, [*PAPER_SIZE, *cell.paper_overrides, *hardware])

    def _compose(self, verb: str, schema: type[Config], overrides: Sequence[str]) -> Config:
        from hydra import compose

        return from_hydra(compose(verb, overrides=[*self.search_path, *overrides]), schema)


def _paper_counts(config: EstimateConfig) -> dict[str, float | None]:
    """Counted on our model at the paper's size: backbone and pooler, with the E -> H projection as built and always."""
    from albert_lab.cost.counts.variant import count_variant
    from albert_lab.cost.estimate import CostEstimate
    from albert_lab.cost.figures import figures_at_size

    model, sharing, objective = config.model, config.sharing, config.objective
    counts = count_variant(model, sharing, objective)
    projected = count_variant(replace(model, embedding_projection=ProjectionRule.always), sharing, objective)
    on_some_gpu = replace(config, hardware=SOME_GPU) if config.hardware == HardwareConfig() else config
    return {
        "unique_as_built": counts.parameters.backbone_with_pooler,
        "unique_with_projection": projected.parameters.backbone_with_pooler,
        "applied": counts.parameters.applied,
        "flops_per_token": counts.flops_per_token.training,
        **figures_at_size(CostEstimate(on_some_gpu)),
    }
