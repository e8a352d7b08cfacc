"""Whether a record has the types that its readers rely on: a file may be damaged, or written by another version."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from albert_lab.errors import UserError, first_line
from albert_lab.runs.metrics import metrics_from_plain

TEXTS = ("name", "fingerprint", "folder", "verb", "task", "started", "finished")
REQUIRED = ("name", "fingerprint", "started", "config", "metrics", "training", "validation")
HOST = {("hostname", "cpu", "gpu"): (str,), ("cores", "threads", "memory_bytes"): (int, float)}  # types of its parts
FIGURES = ("parameters", "flops_per_token", "memory_bytes", "speed", "training", "validation")


def check_record(record: Mapping[str, Any], file: Path) -> None:
    """Raises UserError where what is there has another type than a record has; a part may be missing."""
    try:
        for key in REQUIRED:
            if key not in record:
                raise ValueError(f"it lacks {key!r}")
        for key in TEXTS:
            _expect(record.get(key), (str, type(None)), key)
        _expect(record["name"], str, "name")
        _expect(record["fingerprint"], str, "fingerprint")
        datetime.fromisoformat(record["started"])
        for key in ("config", "host", "versions"):
            _expect_settings(record.get(key, {}), key)
        host = record.get("host", {})
        for names, kind in HOST.items():
            for name in names:
                _expect(host.get(name), (*kind, type(None)), f"host.{name}")
        for section in FIGURES:
            _expect(record.get(section, {}), dict, section)
            for name, value in record.get(section, {}).items():
                is_figure = value is None or type(value) is float or (type(value) is int and abs(value) < 2**63)
                if not is_figure:
                    raise ValueError(f"{section}/{name} is not a number")
        _check_metrics(record.get("metrics", []))
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{file} is damaged ({first_line(error)}); delete it, and the command that made the run finishes it again"
        ) from None


def _expect(value: Any, kind: Any, key: str) -> None:
    if not isinstance(value, kind):
        raise TypeError(f"{key} is {type(value).__name__}")


def _expect_settings(values: Any, key: str) -> None:
    """Mappings of names to plain values, to lists of those, or to further mappings."""
    _expect(values, dict, key)
    for name, value in values.items():
        if isinstance(value, dict):
            _expect_settings(value, f"{key}.{name}")


def _check_metrics(metrics: Any) -> None:
    _expect(metrics, list, "metrics")
    for metric in metrics_from_plain(metrics):
        for name, kind in (("name", str), ("title", str), ("unit", str), ("higher_is_better", bool)):
            _expect(getattr(metric, name), kind, f"metrics.{name}")
        _expect(metric.chance, (int, float, type(None)), "metrics.chance")
        _expect(metric.counted_by, (str, type(None)), "metrics.counted_by")
        _expect(metric.at_chance, str, "metrics.at_chance")
