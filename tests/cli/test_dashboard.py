"""The dashboard says where it is when it is there, and names another port where it can't be."""

import logging
import re
import signal
import socket
import sys
from pathlib import Path

import pytest

from albert_lab.cli import dashboard
from albert_lab.cli.dashboard import HOST, check_port, run_server
from albert_lab.errors import RunFailedError, UserError
from tests.cli.test_command_line import lab, one_line

ONE_ANSWER = """
import http.server, sys, time
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.BaseHTTPRequestHandler)
server.handle_request()
time.sleep(60)
"""


def free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


def test_a_busy_port_is_refused_with_a_free_one(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "mlflow.db").touch()
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
        message = one_line(lab("dashboard", f"tracking.port={port}", cwd=tmp_path))
    suggested = re.fullmatch(rf"albert-lab: tracking.port={port} is in use .*; tracking.port=(\d+) is free", message)
    assert suggested
    assert int(suggested[1]) != port


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_what_is_not_a_port_is_refused(port: int) -> None:
    with pytest.raises(UserError, match=f"tracking.port={port} must be between 1 and 65535; nearest: "):
        check_port(port)


def test_the_address_is_logged_once_the_server_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    port, logged = free_port(), []

    def log_and_stop(message: str, *values: object) -> None:
        logged.append(message % values)
        signal.raise_signal(signal.SIGTERM)  # passed on to the server

    monkeypatch.setattr(dashboard.log, "info", log_and_stop)
    run_server([sys.executable, "-c", ONE_ANSWER, str(port)], port, "page")
    assert logged == [f"http://{HOST}:{port}/page (Ctrl-C ends it)"]


def test_a_server_that_fails_logs_no_address(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), pytest.raises(RunFailedError, match="ended with exit code 3"):
        run_server([sys.executable, "-c", "raise SystemExit(3)"], free_port(), "page")
    assert "http://" not in caplog.text
