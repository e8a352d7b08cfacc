"""MLflow's saved views are not a documented interface: which installed version no longer knows their format."""

from pathlib import Path

import mlflow
import pytest

from albert_lab.report.mlflow_saved_view import (
    PACKED,
    READ_FROM,
    TAG,
    line_chart,
    pack_view,
    scatter_chart,
    unpack_view,
    view_state,
)

STATE = view_state("metrics.`a`", True, "", {}, {"Charts": [line_chart("a"), scatter_chart("a", "b")]})
ENUMERATIONS = {"FIRST_20_RUNS", "LINE", "SCATTER", "METRIC", "TABLE"}
ADDRESS = {"viewStateShareKey", "compareRunsMode"}


@pytest.fixture(scope="module")
def scripts() -> str:
    """The code of the installed UI."""
    folder = Path(mlflow.__file__).parent / "server" / "js" / "build" / "static" / "js"
    return "\n".join(path.read_text("utf-8") for path in folder.glob("*.js"))


def keys_of(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(keys_of, value.values()))
    return set().union(*map(keys_of, value)) if isinstance(value, list) else set()


def test_the_installed_ui_still_knows_every_word_of_a_saved_view(scripts: str) -> None:
    words = keys_of(STATE) | ENUMERATIONS | ADDRESS | {TAG, PACKED}
    unknown = sorted(word for word in words if word not in scripts)
    assert not unknown, f"MLflow {mlflow.__version__} changed its saved views, read from {READ_FROM}: no {unknown}"


def test_a_view_is_unpacked_as_it_was_packed() -> None:
    assert unpack_view(pack_view("mine", STATE)) == STATE
