"""What variants cost, a row each: parameters never without FLOPs and activations, predicted next to measured.

The predictions are columns that `frames.add_costs` added to the runs. A column without any figure is left out; a figure
that a single variant lacks is blank.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from albert_lab.report.formatting import BLANK, format_bytes, format_count, format_duration, format_significant
from albert_lab.report.summary import Summary
from albert_lab.report.tables.table import Column, Table

Cell = Callable[[Summary], str]
HEADING = "What it costs: predicted and measured"
NOTE = (
    "Predicted: one process's memory in a training step, by arithmetic from the settings; measured above the floor is "
    "all that the process took after its start, so data, validation, checkpoints and what the allocator keeps are in "
    "it. DDP: bytes that each process sends in a step, of 8 processes where the run had one. Checkpoint: weights and "
    "the optimizer's moments. FLOP/s: of real tokens, nothing counted for recomputing; the peak is the whole "
    "machine's, whatever else ran on it. What is not known of a machine stays blank."
)
PAPER_SIZE_NOTE = (
    "Predicted at the paper's size: one process on a GPU in float32, activations of one sequence of 512 tokens, DDP "
    "between 8 processes, a checkpoint with the optimizer's moments; time, energy and money only where hardware= names "
    "a device: its 125,000 steps of 4096 sequences on one of them, at the assumed share of the peak (cost.mfu)."
)
STATE = ("weights", "gradients", "optimizer")


def make_cost_table(names: Sequence[str], summaries: Sequence[Summary]) -> Table:
    """Everything, by kind; `names` head the rows."""
    predicted, measured = "predicted", "measured"
    kinds = (*STATE, "activations", "temporary", "peak")
    columns = [
        *_count_columns(summaries),
        *(_column(kind, _format_bytes(f"predicted_bytes/{kind}"), summaries, predicted) for kind in kinds),
        _column("DDP sends a step", _format_bytes("wire_bytes/ddp"), summaries, predicted),
        _column("checkpoint", _format_bytes("checkpoint_bytes/with_optimizer"), summaries, predicted),
        _column("activations", _format_bytes("memory_bytes/activations"), summaries, measured),
        _column("above the floor", _format_above_floor, summaries, measured),
        _column("FLOP/s", _format_count("speed/flops_per_second"), summaries, measured),
        *_spending_columns(summaries, measured),
    ]
    return _make_table("variant", names, columns)


def make_short_cost_table(names: Sequence[str], summaries: Sequence[Summary]) -> Table:
    """For a terminal; a narrow one shows the first columns."""
    predicted, measured = "predicted", "measured"
    columns = [
        *_count_columns(summaries),
        _column("state", _format_state, summaries, predicted),
        _column("activations", _format_bytes("predicted_bytes/activations"), summaries, predicted),
        _column("step's peak", _format_bytes("predicted_bytes/peak"), summaries, predicted),
        _column("DDP/step", _format_bytes("wire_bytes/ddp"), summaries, predicted),
        _column("checkpoint", _format_bytes("checkpoint_bytes/with_optimizer"), summaries, predicted),
        _column("above floor", _format_above_floor, summaries, measured),
        *_spending_columns(summaries, measured),
    ]
    ranked = [replace(column, rank=number) for number, column in enumerate(columns)]
    return _make_table("cell", names, ranked)


def _make_table(heading: str, names: Sequence[str], columns: Sequence[Column]) -> Table:
    known = [column for column in columns if any(cell != BLANK for cell in column.cells)]
    return Table((Column(heading, tuple(names), number=False), *known))


def _column(heading: str, cell: Cell, summaries: Sequence[Summary], group: str = "") -> Column:
    return Column(heading, tuple(map(cell, summaries)), group)


def _count_columns(summaries: Sequence[Summary]) -> list[Column]:
    return [
        _column("parameters", _format_count("parameters/unique"), summaries, "counted"),
        _column("applied", _format_count("parameters/applied"), summaries, "counted"),
        _column("FLOP/token", _format_count("flops_per_token/training"), summaries, "counted"),
    ]


def _spending_columns(summaries: Sequence[Summary], group: str) -> list[Column]:
    return [
        _column("of peak", _format_share_of_peak, summaries, group),
        _column("time", _format_time, summaries, group),
        _column("kWh", _format_figure("spent/kilowatt_hours"), summaries, group),
        _column("USD", _format_figure("spent/dollars"), summaries, group),
    ]


def _format_count(figure: str) -> Cell:
    return lambda summary: format_count(summary.mean(figure))


def _format_bytes(figure: str) -> Cell:
    return lambda summary: format_bytes(summary.mean(figure))


def _format_figure(figure: str) -> Cell:
    return lambda summary: BLANK if (value := summary.mean(figure)) is None else format_significant(value)


def _format_above_floor(summary: Summary) -> str:
    figure = summary.above_floor()
    return format_bytes(figure.mean if figure else None)


def _format_state(summary: Summary) -> str:
    kinds = [summary.mean(f"predicted_bytes/{kind}") for kind in STATE]
    known = [kind for kind in kinds if kind is not None]
    return format_bytes(sum(known)) if len(known) == len(STATE) else BLANK


def _format_share_of_peak(summary: Summary) -> str:
    share = summary.mean("speed/share_of_peak")
    return BLANK if share is None else f"{format_significant(100 * share, 2)} %"


def _format_time(summary: Summary) -> str:
    seconds = summary.mean("training/seconds")
    return format_duration(None if seconds is None else seconds / 3600)
