"""`albert-lab predict checkpoint=RUN input=FILE`: a fine-tuned run answers new examples, or a split."""

import logging
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albert_lab.cli.hydra_app import run_app
from albert_lab.config.compose import from_hydra
from albert_lab.config.schema import FinetuneConfig, PredictConfig
from albert_lab.errors import UserError, nearest

if TYPE_CHECKING:
    from albert_lab.data.tasks.examples import Examples
    from albert_lab.scoring.predictions import Prediction
    from albert_lab.train.predict import Predictor

log = logging.getLogger(__name__)

STANDARD_INPUT = "-"


def run(arguments: Sequence[str]) -> int:
    run_app(lambda composed: predict(from_hydra(composed, PredictConfig)), "predict", arguments)
    return 0


def predict(config: PredictConfig) -> None:
    """Answers what `config` asks for; writes all answers at the end, or none."""
    from albert_lab.scoring.predictions import format_predictions, write_predictions
    from albert_lab.storage.disk import explain_full_disk
    from albert_lab.train.light_imports import import_lightning

    check(config)
    folder, trained = find_finetuned(config)
    import_lightning(compiler=False)
    from albert_lab.train.predict import Predictor

    predictor = Predictor(folder, _apply(config, trained))
    examples = load_examples(config, predictor)
    if config.output is not None:
        check_output(Path(config.output), config.input)
    predictions = predictor.answer(examples)
    report(predictor, predictions, examples)
    if config.output is None:
        print_answers(format_predictions(predictions))
        return
    output = Path(config.output).absolute()
    with explain_full_disk(output):
        write_predictions(output, predictions)
    print(output, flush=True)


def print_answers(lines: str) -> None:
    """Raises UserError where standard output is a file on a full disk."""
    try:
        sys.stdout.write(lines)
        sys.stdout.flush()
    except BrokenPipeError:
        raise  # whoever reads has enough
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python tries again when it ends
        raise UserError(f"standard output can't be written: {error.strerror}; output=FILE names a file") from None


def check(config: PredictConfig) -> None:
    """Raises UserError for what can't be, before anything is loaded."""
    from albert_lab.config.check import ACCELERATORS
    from albert_lab.config.plain import flatten
    from albert_lab.config.ranges import check_numbers

    check_numbers(flatten(config))
    accelerator = config.trainer.accelerator
    if accelerator is not None and accelerator not in ACCELERATORS:
        raise UserError(f"no trainer.accelerator={accelerator}{nearest(accelerator, ACCELERATORS)}")
    if (config.input is None) == (config.split is None):
        raise UserError("predict needs input=FILE, or split=test of the task's benchmark: one of the two")
    if config.input not in (None, STANDARD_INPUT) and not Path(str(config.input)).is_file():
        raise UserError(f"input={config.input}: no such file (looked from {Path.cwd()}); - is standard input")


def check_output(output: Path, given: str | None) -> None:
    """Raises UserError where the answers can't be written, before they are computed."""
    if output.is_dir():
        raise UserError(f"output={output} is a folder; name a file in it, as output={output / 'answers.jsonl'}")
    if given is not None and output.exists() and Path(given).exists() and output.samefile(given):
        raise UserError(f"output={output} is the input; give another file to write to")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output.parent):
            pass
    except OSError as error:
        raise UserError(f"output={output} can't be written: {error.strerror} ({error.filename})") from None


def find_finetuned(config: PredictConfig) -> tuple[Path, FinetuneConfig]:
    """The run that `checkpoint` means, and its settings. Raises UserError for any but a finished, fine-tuned one."""
    from albert_lab.runs.catalog import find_run, load_finetuned

    if config.checkpoint is None:
        raise UserError("predict needs checkpoint=RUN: a finished run of `albert-lab finetune`")
    try:
        folder = find_run(config.checkpoint, Path(config.paths.runs)).folder.path
    except UserError as error:
        raise UserError(f"checkpoint={config.checkpoint} is no run of `albert-lab finetune`: {error}") from None
    return folder, load_finetuned(folder)


def _apply(config: PredictConfig, trained: FinetuneConfig) -> FinetuneConfig:
    """The run's settings with what the user changed of them."""
    from albert_lab.train.predict import rename_task

    task = rename_task(trained.task, config.task.name)
    batch_size = config.trainer.micro_batch_size or trained.train.batch_size
    given = {key: value for key, value in vars(config.trainer).items() if value is not None}
    return replace(
        trained,
        data_root=config.data_root or trained.data_root,
        task=replace(task, bad_rows=config.task.bad_rows or task.bad_rows),
        train=replace(trained.train, batch_size=batch_size),
        trainer=replace(trained.trainer, **given),
        paths=config.paths,
    )


def load_examples(config: PredictConfig, predictor: "Predictor") -> "Examples[Any]":
    """What is to be answered. Raises: UserError where there is nothing."""
    if config.split is not None:
        source, examples = f"split={config.split}", predictor.benchmark.load(config.split)
    else:
        source = f"input={config.input}"
        with _name_input(str(config.input)) as file:
            examples = predictor.benchmark.read(file)
    if not examples.rows:
        bad = examples.left_out
        raise UserError(f"{source} holds no example" + (f"; the first malformed row: {bad[0]}" if bad else ""))
    return examples


@contextmanager
def _name_input(given: str) -> Iterator[Path]:
    """The file to read; of standard input a copy, called as what it looks like: JSON lines, or fields between tabs."""
    if given != STANDARD_INPUT:
        yield Path(given)
        return
    with tempfile.TemporaryDirectory() as folder:
        content = sys.stdin.buffer.read()
        file = Path(folder, "standard_input.jsonl" if content.lstrip()[:1] == b"{" else "standard_input.tsv")
        file.write_bytes(content)
        yield file


def report(predictor: "Predictor", predictions: "list[Prediction]", examples: "Examples[Any]") -> None:
    """Logs which rows were left out, and the metrics where labels are known."""
    for row in examples.left_out:
        log.warning("left out: %s", row)
    labelled = sum(prediction.gold is not None for prediction in predictions)
    log.info("%s examples answered, %s of them labelled", f"{len(predictions):,}", f"{labelled:,}")
    if examples.left_out:
        log.info("%s malformed rows left out", f"{len(examples.left_out):,}")
    for line in predictor.judge(predictions):
        log.info("%s", line)
