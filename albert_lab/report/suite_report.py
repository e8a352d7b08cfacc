"""A stand-in until the report lands, which replaces this file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from albert_lab.config.schema import SuiteConfig
from albert_lab.runs.folder import RunFolder


class SuiteReport:
    def __init__(
        self,
        suite: SuiteConfig,
        source: str,
        runs: Mapping[str, Sequence[RunFolder]],
        failures: Mapping[str, Sequence[str]],
    ) -> None:
        self.suite, self.source, self.runs, self.failures = suite, source, runs, failures

    def text(self, width: int | None = None) -> str:
        counts = {task: (len(runs), len(self.failures[task])) for task, runs in self.runs.items()}
        return "\n".join(f"{task}: {done} runs, {failed} failed" for task, (done, failed) in counts.items())

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
