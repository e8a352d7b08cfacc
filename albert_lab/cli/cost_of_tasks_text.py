"""The figures of `albert-lab cost task=...` as text: a row a task, or for many variants a row each."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from albert_lab.cli.cost_text import distinct_names, format_fits
from albert_lab.cost.finetuning import Spending, SuiteCost, TaskCost
from albert_lab.report.formatting import (
    BLANK,
    format_bytes,
    format_count,
    format_duration,
    format_exact,
    format_significant,
)
from albert_lab.report.tables.table import Column, Table

UNKNOWN_SPEED = "how fast it trains is not known: cost.mfu= with hardware.fp32_flops_per_second= gives a speed"
Range = tuple[Spending, Spending]


def format_hours(hours: float) -> str:
    return format_duration(hours, 2)


def format_number(value: float) -> str:
    return format_significant(value, 2)


SPENT = (("time", "hours", format_hours), ("kWh", "kilowatt_hours", format_number), ("USD", "dollars", format_number))


def format_suite(cost: SuiteCost) -> str:
    """The tasks, all of them together, and what the figures rest on."""
    title = f"{cost.suite}, {_seeds(cost)} a task: {cost.model}"
    return "\n".join([f"{title}, {format_count(cost.parameters)} parameters", "", _tasks(cost).text(), *_notes(cost)])


def format_suites(rows: Sequence[SuiteCost], overrides: Sequence[Sequence[str]]) -> str:
    """A row a variant.

    Args:
        overrides: what was set of each; they name those whose own names coincide.
    """
    names = distinct_names([f"{row.suite}: {row.model}" for row in rows], overrides)
    columns: dict[str, Callable[[SuiteCost], str]] = {
        "parameters": lambda row: format_count(row.parameters),
        "runs": lambda row: format_exact(row.seeds * len(row.tasks)),
        "FLOP": lambda row: format_count(row.total_flops),
        **{heading: partial(_total, key, text) for heading, key, text in SPENT},
    }
    first = Column("variant", tuple(names), number=False)
    table = Table((first, *(Column(head, tuple(map(cell, rows))) for head, cell in columns.items())))
    return "\n".join([table.text(), *dict.fromkeys(note for row in rows for note in _notes(row))])


def _tasks(cost: SuiteCost) -> Table:
    tasks = cost.tasks
    several = len(tasks) > 1

    def column(heading: str, cell: Callable[[TaskCost], str], group: str = "") -> Column:
        return Column(heading, (*map(cell, tasks), *([""] * several)), group)

    columns = [
        Column("task", (*(task.task for task in tasks), *(["all"] * several)), number=False),
        column("steps", lambda task: format_exact(task.steps)),
        column("batch", _batch),
        column("length", lambda task: format_exact(task.max_seq_length)),
        column("real tokens", lambda task: f"{task.real_tokens:.0%}"),
        column("training", lambda task: format_count(task.training_flops), "FLOP a seed"),
        column("validation", lambda task: format_count(task.validation_flops), "FLOP a seed"),
        column("tokens", lambda task: format_count(task.tokens), "a seed"),
        column("time", lambda task: _range(task.one_seed, "hours", format_hours), "a seed"),
    ]
    for heading, key, text in SPENT:
        cells = [_range(task.all_seeds, key, text) for task in tasks]
        columns.append(Column(heading, (*cells, *([_range(cost.total, key, text)] * several)), _seeds(cost)))
    columns.append(column("memory", lambda task: format_bytes(task.memory_bytes)))
    columns.append(column("fits", lambda task: format_fits(task.fits)))
    return Table(tuple(columns))


def _seeds(cost: SuiteCost) -> str:
    return "1 seed" if cost.seeds == 1 else f"{cost.seeds} seeds"


def _batch(task: TaskCost) -> str:
    return format_exact(task.batch_size) + (f" x {task.sequences}" if task.sequences > 1 else "")


def _notes(cost: SuiteCost) -> list[str]:
    """What the figures rest on, for all tasks or task by task."""
    hardware = f"{cost.devices} x " * (cost.devices > 1) + str(cost.hardware.name)
    notes = [f"{hardware} in {cost.precision}, one run after another; {cost.speed or UNKNOWN_SPEED}"]
    notes += _tell("numbers of examples", {task.task: task.sizes for task in cost.tasks})
    notes += _tell("real tokens", {task.task: task.padding for task in cost.tasks})
    notes.append("memory: of one process, at most: in a step whose every sequence is as long as it may be")
    notes.append("not counted: set-up, checkpoints, answers to test sets; train.patience may end a run earlier")
    return notes


def _tell(what: str, by_task: Mapping[str, str]) -> list[str]:
    """A line for each of the texts, with its tasks where there are several texts."""
    texts = list(dict.fromkeys(by_task.values()))
    if len(texts) == 1:
        return [f"{what}: {texts[0]}"]
    return [f"{what}: {text} ({', '.join(task for task in by_task if by_task[task] == text)})" for text in texts]


def _total(key: str, text: Callable[[float], str], row: SuiteCost) -> str:
    return _range(row.total, key, text)


def _range(spent: Range, key: str, text: Callable[[float], str]) -> str:
    """`1.2 h to 3 h`: at the fastest and at the slowest speed."""
    ends = [getattr(spending, key) for spending in spent]
    return BLANK if None in ends else " to ".join(dict.fromkeys(map(text, ends)))
