"""Files are whole or absent."""

import os
from pathlib import Path

import pytest

from albert_lab.errors import UserError
from albert_lab.storage.files import read_object, write_text


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch) -> None:
    target = tmp_path / "a.txt"
    write_text(target, "old")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("no")))
    with pytest.raises(OSError, match="no"):
        write_text(target, "new")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_pipe_in_place_of_a_file_of_json_is_refused_and_never_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(UserError, match=r"config\.json is not a regular file"):
        read_object(tmp_path / "config.json")
