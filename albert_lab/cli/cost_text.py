"""The figures of `albert-lab cost` as text: a page for one variant, a row each for many."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from albert_lab.report.formatting import (
    BLANK,
    format_bytes,
    format_count,
    format_duration,
    format_exact,
    format_flops,
    format_scaled,
    format_significant,
    format_speed,
)
from albert_lab.report.tables.table import Column, Table

Figures = Mapping[str, Any]

WIDTH = 160  # of a line of prose; a machine's own name may be long
DRAWN = 64  # layers: 4 characters each, wider than most terminals
PER_LAYER = ("attention_projections", "attention_products", "ffn", "lora", "adapters")


def text(told: Figures) -> str:
    """Everything about one variant."""
    return "\n".join(
        part.rstrip() + "\n"
        for part in (
            told["variant"],
            _drawing(told),
            _parameters(told),
            _flops(told),
            _memory(told),
            _strategies(told),
            _budget(told),
        )
    ).rstrip()


def _drawing(told: Figures) -> str:
    """The layers drawn, as long as a terminal shows them in one piece."""
    layers = len(told["layers"]["attention"])
    if layers <= DRAWN:
        return str(told["drawing"])
    blocks = ", ".join(f"{len(set(ids)):,} of {kind}" for kind, ids in told["layers"].items())
    return f"{layers:,} layers, too many to draw; blocks: {blocks}"


def comparison(rows: Sequence[Figures]) -> str:
    """One table, a row per variant; the columns that a terminal has room for."""
    columns = {
        "variant": lambda row: row["variant"],
        "parameters": lambda row: format_count(row["parameters"]["unique"]),
        "applied": lambda row: format_count(row["parameters"]["applied"]),
        "FLOP/token": lambda row: format_count(row["flops"]["per_token"]["training"]),
        "activations": lambda row: format_bytes(row["memory"][row["batch"]["precision"]]["activations"]),
        "memory": lambda row: format_bytes(_chosen(row)["total"]),
        "fits": lambda row: _fits(row["fits"]),
        "largest micro-batch": lambda row: format_exact(_chosen(row)["largest_micro_batch"][row["batch"]["precision"]]),
        "sent/step": lambda row: format_bytes(_chosen(row)["wire_bytes"]),
        "checkpoint": lambda row: format_bytes(row["checkpoint_bytes"]["with_optimizer"]),
        "tokens/s": lambda row: format_count(row["budget"]["tokens_per_second"]),
        "time": lambda row: format_duration(row["budget"]["hours"]),
        "kWh": lambda row: _number(row["budget"]["kilowatt_hours"]),
        "USD": lambda row: _number(row["budget"]["dollars"]),
    }
    machines = [row["hardware"]["name"] for row in rows]
    if len(set(machines)) > 1:
        columns["hardware"] = lambda row: row["hardware"]["name"]
    names = _distinct_names(rows)
    made = [_column(heading, rows, make) for heading, make in columns.items()]
    made[0] = Column("variant", tuple(names), number=False)
    return f"{Table(tuple(made)).text()}\n{_wrap(_under(rows))}"


def _under(rows: Sequence[Figures]) -> str:
    """What all rows have in common, and for the rest that they differ."""
    told = {
        "batches differ": [_batch_line(row) for row in rows],
        "strategies differ": [row["strategy"] for row in rows],
        "hardware differs": [row["hardware"]["name"] for row in rows],
        "speeds assumed differently": [f"speed {row['assumed']['speed']}" for row in rows],
    }
    return "; ".join(values[0] if len(set(values)) == 1 else differ for differ, values in told.items())


def _distinct_names(rows: Sequence[Figures]) -> list[str]:
    """Variants by name; where names coincide, by what was overridden differently."""
    names, given = [row["variant"] for row in rows], [row["overrides"] for row in rows]
    shared = set(given[0]).intersection(*given[1:]) if len(given) > 1 else set()
    own = [" ".join(override for override in overrides if override not in shared) for overrides in given]
    return [n if names.count(n) == 1 else o or n for n, o in zip(names, own, strict=True)]


def _parameters(told: Figures) -> str:
    counts = told["parameters"]
    parts = [part for part, applied in counts["applied_by_part"].items() if applied]
    names = (*parts, "all")
    unique = [counts["unique_by_part"][part] for part in parts] + [counts["unique"]]
    applied = [counts["applied_by_part"][part] for part in parts] + [counts["applied"]]
    return _table(
        Column("parameters", names, number=False),
        Column("unique", tuple(map(format_exact, unique))),
        Column("applied", tuple(map(format_exact, applied))),
        Column("applied/unique", tuple(f"{format_significant(a / u)}x" for a, u in zip(applied, unique, strict=True))),
    )


def _flops(told: Figures) -> str:
    figures, positions = told["flops"], told["batch"]["positions"]
    layers = len(told["layers"]["attention"])
    parts = {part: value for part, value in figures["forward_by_part"].items() if value}
    rows = [(part, value, layers if part in PER_LAYER else 1) for part, value in parts.items()]
    table = _table(
        Column("FLOP of a step", (*parts, "all"), number=False),
        Column("applications", (*(str(times) for _, _, times in rows), "")),
        Column("forward, each", (*(format_count(value / times) for _, value, times in rows), "")),
        Column("forward", tuple(format_count(value) for value in (*parts.values(), figures["forward"]))),
        Column("backward", tuple(format_count(2 * value) for value in (*parts.values(), figures["forward"]))),
        Column("training/token", tuple(format_count(3 * v / positions) for v in (*parts.values(), figures["forward"]))),
    )
    real = told["assumed"]["real_tokens"]
    notes = [
        f"{_batch_line(told)}: {format_flops(figures['training'])} a step",
        f"real tokens alone ({real:.0%} of the positions, {told['assumed']['padding']}): "
        f"{format_flops(figures['training_of_real_tokens'])}",
        f"with logits at every position: {format_flops(figures['training_with_all_logits'])}; "
        f"gradient checkpointing adds {format_flops(figures['recomputed'])}",
    ]
    return table + "\n".join(map(_wrap, notes))


def _batch_line(told: Figures) -> str:
    batch = told["batch"]
    return f"{batch['sequences']:,} sequences of {batch['seq_length']} in {batch['precision']}"


def _memory(told: Figures) -> str:
    """The kinds of memory of one process, in either precision."""
    kinds = list(told["memory"]["fp32"])
    batch = told["batch"]
    heading = f"memory, all state on one device, micro-batch {batch['micro_batch']:,}"
    columns = [Column(heading, tuple(kinds), number=False)]
    for precision, values in told["memory"].items():
        columns.append(Column(precision, tuple(format_bytes(values[kind]) for kind in kinds)))
    checkpoint = told["checkpoint_bytes"]
    weights, whole = format_bytes(checkpoint["weights"]), format_bytes(checkpoint["with_optimizer"])
    on_disk = f"on disk: {weights} of weights, {whole} with the optimizer"
    return _table(*columns) + on_disk


def _strategies(told: Figures) -> str:
    rows = told["strategies"]
    group = f"bytes of each of {told['batch']['devices']} in {told['batch']['precision']}"
    kept = ("allocator",) if any(row["allocator"] for row in rows) else ()
    kinds = ("weights", "gradients", "optimizer", "activations", "temporary", *kept, "floor", "total")
    columns = [Column("strategy", tuple(row["name"] for row in rows), number=False)]
    columns += [Column(kind, tuple(format_bytes(row[kind]) for row in rows), group) for kind in kinds]
    columns.append(_column("fits", rows, lambda row: _fits(row["fits"])))
    for precision in told["memory"]:
        largest = tuple(format_exact(row["largest_micro_batch"][precision]) for row in rows)
        columns.append(Column(f"in {precision}", largest, "largest micro-batch"))
    columns.append(_column("sent/step", rows, lambda row: format_bytes(row["wire_bytes"])))
    columns.append(_column("on the host", rows, lambda row: format_bytes(row["host_bytes"])))
    return Table(tuple(columns)).text() + _wrap(_verdict(told))


def _verdict(told: Figures) -> str:
    hardware, chosen = told["hardware"], _chosen(told)
    if chosen["fits"] is None:
        return f"{hardware['name']}: its memory is not known, so whether this fits is not; give hardware.memory_bytes="
    floor = "" if chosen["floor"] else " (what the framework itself takes is not known, and not counted)"
    memory = format_bytes(hardware["memory_bytes"])
    if chosen["fits"]:
        return f"{hardware['name']}, {memory}: fits with {chosen['name']}{floor}"
    nearest = told["nearest_fit"]
    mend = f"what fits: {nearest}" if nearest else "no micro-batch, precision or strategy here makes it fit"
    over = format_bytes(chosen["over_bytes"])
    return f"{hardware['name']}, {memory}: {chosen['name']} is {over} too large{floor}; {mend}"


def _budget(told: Figures) -> str:
    budget, assumed = told["budget"], told["assumed"]
    lines = {
        "steps": format_exact(budget["steps"]),
        "time of a step": _seconds(budget["step_seconds"]),
        "its traffic alone": _seconds(budget["wire_seconds"]),
        "its update alone, at least": _seconds(budget["update_seconds"]),
        "speed": format_speed(budget["tokens_per_second"]),
        "time": format_duration(budget["hours"]),
        "energy": BLANK if budget["kilowatt_hours"] is None else f"{format_significant(budget['kilowatt_hours'])} kWh",
        "money": BLANK if budget["dollars"] is None else f"{format_significant(budget['dollars'])} USD",
    }
    at = assumed["flops_per_second"]
    speed = "its peak is not known" if at is None else f"{format_scaled(at, 'FLOP/s')}, {assumed['speed']}"
    table = _table(Column("budget", tuple(lines), number=False), Column("", tuple(lines.values())))
    return table + _wrap(f"{told['hardware']['name']}: {speed}")


def _wrap(line: str) -> str:
    return textwrap.fill(line, WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _chosen(told: Figures) -> Figures:
    return next(row for row in told["strategies"] if row["name"] == told["strategy"])


def _column(heading: str, rows: Sequence[Figures], make: Callable[[Figures], str], group: str = "") -> Column:
    return Column(heading, tuple(make(row) for row in rows), group)


def _table(*columns: Column) -> str:
    return Table(columns).text()


def _fits(fits: bool | None) -> str:
    return BLANK if fits is None else "yes" if fits else "no"


def _number(value: float | None) -> str:
    return BLANK if value is None else format_significant(value)


def _seconds(value: float | None) -> str:
    return format_duration(None if value is None else value / 3600)
