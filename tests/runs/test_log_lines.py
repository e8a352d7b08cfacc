"""With many runs on one terminal, each line says whose it is, and what all would say is said once."""

import io
import logging
import threading
from pathlib import Path

import pytest

from albert_lab.runs.log_lines import LABEL, SAID, label_lines, terminal_handler


@pytest.fixture
def terminal() -> tuple[logging.Logger, io.StringIO]:
    stream = io.StringIO()
    log = logging.Logger("test", logging.INFO)
    log.addHandler(terminal_handler(stream))
    return log, stream


def test_every_line_of_a_labelled_run_carries_its_label(terminal: tuple[logging.Logger, io.StringIO]) -> None:
    log, stream = terminal
    with label_lines("3/16 ffn E96 s0"):
        log.info("one\ntwo")
        other = threading.Thread(target=log.info, args=("another thread",))
        other.start()
        other.join()
    log.info("all")
    lines = [line.split(" ", 1)[1] for line in stream.getvalue().splitlines()]
    assert lines == ["[3/16 ffn E96 s0] one", "[3/16 ffn E96 s0] two", "another thread", "all"]


def test_a_training_process_of_a_sweep_shows_warnings_and_progress(
    terminal: tuple[logging.Logger, io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    log, stream = terminal
    monkeypatch.setenv(LABEL, "1/2 all s0")
    log.info("134,434 parameters")
    log.info("step 10", extra={"progress": True})
    log.warning("slow")
    lines = [line.split(" ", 1)[1] for line in stream.getvalue().splitlines()]
    assert lines == ["[1/2 all s0] step 10", "[1/2 all s0] slow"]


def test_what_every_run_would_say_is_said_once_in_a_sweep_and_always_outside(
    terminal: tuple[logging.Logger, io.StringIO], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log, stream = terminal
    for _ in range(2):
        log.warning("at chance", extra={"once": "chance"})
    assert stream.getvalue().count("at chance") == 2
    monkeypatch.setenv(SAID, str(tmp_path))
    for _ in range(3):
        log.warning("waiting", extra={"once": "lock"})
    assert stream.getvalue().count("waiting") == 1
