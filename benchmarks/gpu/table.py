"""The benchmark's JSON as a table to read."""

from typing import Any

WIDTHS = (44, 7, 10, 11, 10, 8, 10, 10, 11)
HEAD = ("case", "batch", "ms/step", "tokens/s", "TFLOP/s", "MFU", "of prod.", "peak GB", "predicted")


def table(found: dict[str, Any]) -> str:
    """A line per contestant; then what each case says besides; blank where a figure is not known."""
    device = found["machine"]
    versions = ", ".join(f"{name} {device[name]}" for name in ("torch", "lightning", "transformers", "cuda", "driver"))
    lines = [f"{device['device']}, {device['date']}, {versions}", _line(HEAD)]
    for name, case in found["cases"].items():
        if "error" in case:
            lines.append(f"{name}: {case['error']}")
            continue
        lines += _contestants(name, case)
        lines += _plain(name, case)
    return "\n".join(lines)


def _contestants(name: str, case: dict[str, Any]) -> list[str]:
    steps = {"": case} if "tokens_per_second" in case else case
    return [
        _line(
            (
                f"{name} {who}".strip(),
                case.get("micro_batch"),
                _scaled(step["seconds"], 1e3, 2),
                _scaled(step["tokens_per_second"], 1, 0),
                _scaled(step["flops_per_second"], 1e-12, 1),
                _share(step["mfu"]),
                _share(step["share_of_product"]),
                _scaled(step["peak_bytes"], 1e-9, 2),
                _scaled(step["predicted_peak_bytes"], 1e-9, 2),
            )
        )
        for who, step in steps.items()
        if isinstance(step, dict) and "tokens_per_second" in step
    ]


def _plain(name: str, case: dict[str, Any]) -> list[str]:
    """Figures of a case as a whole, and of parts that are no steps."""
    if "tokens_per_second" in case:
        return []
    alone = {
        key: value
        for key, value in case.items()
        if key not in ("micro_batch", "case_seconds") and not (isinstance(value, dict) and "tokens_per_second" in value)
    }
    return [f"{name}: " + "; ".join(f"{key} {_text(value)}" for key, value in alone.items())] if alone else []


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(each)}" for key, each in value.items())
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _line(cells: tuple[Any, ...]) -> str:
    first, *rest = ("" if cell is None else str(cell) for cell in cells)
    return f"{first:<{WIDTHS[0]}}" + "".join(f"{c:>{w}}" for c, w in zip(rest, WIDTHS[1:], strict=True))


def _scaled(value: float | None, factor: float, digits: int) -> str | None:
    return None if value is None else f"{value * factor:,.{digits}f}"


def _share(value: float | None) -> str | None:
    return None if value is None else f"{value:.1%}"
