"""Folders are whole or absent."""

from pathlib import Path

import pytest

from albert_lab.storage.folders import build_folder


def test_a_failed_folder_leaves_nothing(tmp_path: Path) -> None:
    def build() -> None:
        with build_folder(tmp_path / "store") as scratch:
            (scratch / "part").write_text("x")
            raise ValueError("half-way")

    with pytest.raises(ValueError, match="half-way"):
        build()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_builder_left_is_deleted(tmp_path: Path) -> None:
    (tmp_path / ".store.partial").mkdir()
    (tmp_path / ".store.partial" / "rest").write_text("x")
    with build_folder(tmp_path / "store") as scratch:
        (scratch / "whole").write_text("y")
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["whole"]
