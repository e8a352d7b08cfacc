"""The figures of `albert-lab cost` as text: a page for one variant, a row each for many."""

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields

from albert_lab.cost.cluster.strategies import TITLES
from albert_lab.cost.figures import CostFigures, MemoryFigures, StrategyFigures
from albert_lab.cost.history import ALIKE, LONG_ENOUGH_SECONDS, LONG_ENOUGH_STEPS
from albert_lab.report.formatting import (
    BLANK,
    format_bytes,
    format_count,
    format_duration,
    format_exact,
    format_flops,
    format_scaled,
    format_significant,
)
from albert_lab.report.tables.table import Column, Table

WIDTH = 160  # of a line of prose; a machine's own name may be long
DRAWN = 64  # layers: 4 characters each, wider than most terminals
UNKNOWN_SPEED = (
    "how fast it trains is not known: neither its peak, nor a finished run here with the same settings, at most "
    f"{ALIKE:g} times as large or small, of at least {LONG_ENOUGH_STEPS} timed steps in {LONG_ENOUGH_SECONDS:g} s; "
    "cost.mfu= with hardware.fp32_flops= gives a speed"
)
PER_LAYER = ("attention_projections", "attention_products", "ffn", "lora", "adapters")


def format_page(figures: CostFigures) -> str:
    """Everything about one variant."""
    return "\n".join(
        part.rstrip() + "\n"
        for part in (
            figures.variant,
            _drawing(figures),
            _parameters(figures),
            _flops(figures),
            _memory(figures),
            _strategies(figures),
            _budget(figures),
        )
    ).rstrip()


def _drawing(figures: CostFigures) -> str:
    """The layers drawn, as long as a terminal shows them in one piece."""
    layers = figures.layers.num_layers
    if layers <= DRAWN:
        return figures.drawing
    blocks = ", ".join(f"{len(set(ids)):,} of {kind}" for kind, ids in asdict(figures.layers).items())
    return f"{layers:,} layers, too many to draw; blocks: {blocks}"


def format_comparison(rows: Sequence[CostFigures], overrides: Sequence[list[str]]) -> str:
    """One table, a row per variant; the columns that a terminal has room for.

    Args:
        overrides: what was set of each variant; they name those whose own names coincide.
    """
    columns: dict[str, Callable[[CostFigures], str]] = {
        "parameters": lambda row: format_count(row.parameters.unique),
        "applied": lambda row: format_count(row.parameters.applied),
        "FLOP/token": lambda row: format_count(row.flops.per_token.training),
        "activations": lambda row: format_bytes(row.memory[row.batch.precision].activations),
        "memory": lambda row: format_bytes(row.chosen.total if row.chosen else None),
        "fits": lambda row: format_fits(row.fits),
        "largest micro-batch": _largest_micro_batch,
        "sent/step": lambda row: format_bytes(row.chosen.wire_bytes if row.chosen else None),
        "checkpoint": lambda row: format_bytes(row.checkpoint_bytes.with_optimizer),
        "tokens/s": lambda row: _range(row, "tokens_per_second", _round_count),
        "time": lambda row: _range(row, "hours", _round_duration),
        "kWh": lambda row: _range(row, "kilowatt_hours", _round_number),
        "USD": lambda row: _range(row, "dollars", _round_number),
    }
    if len({row.hardware.name for row in rows}) > 1:
        columns["hardware"] = lambda row: row.hardware.name or BLANK
    names = Column("variant", tuple(distinct_names([row.variant for row in rows], overrides)), number=False)
    made = [Column(heading, tuple(map(cell, rows))) for heading, cell in columns.items()]
    return f"{Table((names, *made)).text()}\n{_wrap(_common_settings(rows))}"


def _largest_micro_batch(row: CostFigures) -> str:
    return format_exact(row.chosen.largest_micro_batch[row.batch.precision] if row.chosen else None)


def _common_settings(rows: Sequence[CostFigures]) -> str:
    """What all rows have in common, and for the rest that they differ."""
    settings = {
        "batches differ": [_batch_line(row) for row in rows],
        "strategies differ": [_title(row.strategy) for row in rows],
        "hardware differs": [str(row.hardware.name) for row in rows],
        "speeds assumed differently": [f"speed {row.assumed.speed}" for row in rows],
    }
    return "; ".join(values[0] if len(set(values)) == 1 else differ for differ, values in settings.items())


def distinct_names(names: Sequence[str], given: Sequence[Sequence[str]]) -> list[str]:
    """Variants by name; where names coincide, by what was overridden differently."""
    shared = set(given[0]).intersection(*given[1:]) if len(given) > 1 else set()
    own = [" ".join(override for override in overrides if override not in shared) for overrides in given]
    return [n if names.count(n) == 1 else o or n for n, o in zip(names, own, strict=True)]


def _parameters(figures: CostFigures) -> str:
    counts = figures.parameters
    parts = [part for part, applied in counts.applied_by_part.items() if applied]
    unique = [counts.unique_by_part[part] for part in parts] + [counts.unique]
    applied = [counts.applied_by_part[part] for part in parts] + [counts.applied]
    return _table(
        Column("parameters", (*parts, "all"), number=False),
        Column("unique", tuple(map(format_exact, unique))),
        Column("applied", tuple(map(format_exact, applied))),
        Column("applied/unique", tuple(f"{format_significant(a / u)}x" for a, u in zip(applied, unique, strict=True))),
    )


def _flops(figures: CostFigures) -> str:
    step, positions, layers = figures.flops, figures.batch.positions, figures.layers.num_layers
    parts = {part: value for part, value in step.forward_by_part.items() if value}
    rows = [(part, value, layers if part in PER_LAYER else 1) for part, value in parts.items()]
    table = _table(
        Column("FLOP of a step", (*parts, "all"), number=False),
        Column("applications", (*(str(times) for _, _, times in rows), "")),
        Column("forward, each", (*(format_count(value / times) for _, value, times in rows), "")),
        Column("forward", tuple(format_count(value) for value in (*parts.values(), step.forward))),
        Column("backward", tuple(format_count(2 * value) for value in (*parts.values(), step.forward))),
        Column("training/token", tuple(format_count(3 * v / positions) for v in (*parts.values(), step.forward))),
    )
    assumed = figures.assumed
    notes = [
        f"{_batch_line(figures)}: {format_flops(step.training)} a step",
        f"real tokens alone ({assumed.real_tokens:.0%} of the positions, {assumed.padding}): "
        f"{format_flops(step.training_of_real_tokens)}",
        f"with logits at every position: {format_flops(step.training_with_all_logits)}; "
        f"gradient checkpointing adds {format_flops(step.recomputed)}",
    ]
    return table + "\n".join(map(_wrap, notes))


def _batch_line(figures: CostFigures) -> str:
    batch = figures.batch
    return f"{batch.sequences:,} sequences of {batch.seq_length} in {batch.precision}"


def _memory(figures: CostFigures) -> str:
    """The kinds of memory of one process, in either precision."""
    kinds = tuple(field.name for field in fields(MemoryFigures))
    heading = f"memory, all state on one device, micro-batch {figures.batch.micro_batch:,}"
    columns = [Column(heading, kinds, number=False)]
    for precision, memory in figures.memory.items():
        columns.append(Column(precision, tuple(format_bytes(getattr(memory, kind)) for kind in kinds)))
    weights, with_optimizer = map(format_bytes, asdict(figures.checkpoint_bytes).values())
    return _table(*columns) + f"on disk: {weights} of weights, {with_optimizer} with the optimizer"


def _strategies(figures: CostFigures) -> str:
    rows, batch = figures.strategies, figures.batch
    group = f"bytes of each of {batch.devices} in {batch.precision}"
    kept = ("allocator",) if any(row.allocator for row in rows) else ()
    kinds = ("weights", "gradients", "optimizer", "activations", "temporary", *kept, "floor", "total")
    columns = [Column("strategy", tuple(_title(row.name) for row in rows), number=False)]
    columns += [Column(kind, tuple(format_bytes(getattr(row, kind)) for row in rows), group) for kind in kinds]
    columns.append(Column("fits", tuple(format_fits(row.fits) for row in rows)))
    for precision in figures.memory:
        largest = tuple(format_exact(row.largest_micro_batch[precision]) for row in rows)
        columns.append(Column(f"in {precision}", largest, "largest micro-batch"))
    columns.append(Column("sent/step", tuple(format_bytes(row.wire_bytes) for row in rows)))
    columns.append(Column("on the host", tuple(format_bytes(row.host_bytes) for row in rows)))
    return Table(tuple(columns)).text() + _wrap(_verdict(figures, figures.chosen))


def _verdict(figures: CostFigures, chosen: StrategyFigures | None) -> str:
    hardware = figures.hardware
    if chosen is None:
        return f"what strategy {figures.strategy} takes is not known, so whether this fits is not"
    if chosen.fits is None:
        return f"{hardware.name}: its memory is not known, so whether this fits is not; give hardware.memory_bytes="
    floor = "" if chosen.floor else " (what the framework itself takes is not known, and not counted)"
    device = f"{hardware.name}, {format_bytes(hardware.memory_bytes)}"
    if chosen.fits:
        return f"{device}: fits with {_title(chosen.name)}{floor}"
    nearest = figures.nearest_fit
    remedy = f"what fits: {nearest}" if nearest else "no micro-batch, precision or strategy here makes it fit"
    return f"{device}: {_title(chosen.name)} is {format_bytes(chosen.over_bytes)} too large{floor}; {remedy}"


def _budget(figures: CostFigures) -> str:
    budget, assumed = figures.budget, figures.assumed
    lines = {
        "steps": _range(figures, "steps", lambda steps: f"{steps:,}"),
        "time of a step": _range(figures, "step_seconds", lambda seconds: _round_duration(seconds / 3600)),
        "its traffic alone": _seconds(budget.wire_seconds),
        "its update alone, at least": _seconds(budget.update_seconds),
        "speed": _range(figures, "tokens_per_second", lambda speed: format_scaled(speed, "tokens/s", 2)),
        "time": _range(figures, "hours", _round_duration),
        "energy": _range(figures, "kilowatt_hours", lambda energy: f"{_round_number(energy)} kWh"),
        "money": _range(figures, "dollars", lambda dollars: f"{_round_number(dollars)} USD"),
    }
    speed = f"{assumed.speed}; training steps alone, at the load of then" if assumed.flops_per_second else UNKNOWN_SPEED
    table = _table(Column("budget", tuple(lines), number=False), Column("", tuple(lines.values())))
    return table + _wrap(f"{figures.hardware.name}: {speed}")


def _range(figures: CostFigures, key: str, text: Callable[[float], str]) -> str:
    """`1.2 min to 3.4 min`: a figure of the budget at the fastest and at the slowest speed."""
    ends = [getattr(budget, key) for budget in figures.budget_range or (figures.budget,)]
    if None in ends:
        return BLANK
    return " to ".join(dict.fromkeys(text(end) for end in sorted(ends)))


def _round_duration(hours: float) -> str:
    return format_duration(hours, 2)


def _round_count(value: float) -> str:
    return format_scaled(value, digits=2)


def _round_number(value: float) -> str:
    return format_significant(value, 2)


def _wrap(line: str) -> str:
    return textwrap.fill(line, WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _title(strategy: str) -> str:
    return TITLES.get(strategy, strategy)


def _table(*columns: Column) -> str:
    return Table(columns).text()


def format_fits(fits: bool | None) -> str:
    return BLANK if fits is None else "yes" if fits else "no"


def _number(value: float | None, unit: str = "") -> str:
    return BLANK if value is None else f"{format_significant(value)}{unit}"


def _seconds(value: float | None) -> str:
    return format_duration(None if value is None else value / 3600)
