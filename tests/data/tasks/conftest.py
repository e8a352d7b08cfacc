"""What every test of a benchmark needs."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path, such as that of the cache, is one in the test's own folder."""
    monkeypatch.chdir(tmp_path)
