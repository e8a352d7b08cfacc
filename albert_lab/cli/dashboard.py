"""`albert-lab dashboard [tracking.port=5000]`: the MLflow UI on the lab's runs."""

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from typing import Any

from albert_lab.cli.hydra_app import run_app
from albert_lab.config.compose import from_hydra
from albert_lab.config.ranges import RANGES, check_numbers
from albert_lab.config.schema import DashboardConfig
from albert_lab.errors import RunFailedError, UserError
from albert_lab.runs.folder import check_runs_exist, tracking_uri

log = logging.getLogger(__name__)

HOST = "127.0.0.1"


def run(arguments: Sequence[str]) -> int:
    run_app(serve, "dashboard", arguments)
    return 0


def serve(composed: Any) -> None:
    """Runs MLflow's server, on this machine only, until it is stopped."""
    config = from_hydra(composed, DashboardConfig)
    if config.tracking.uri:
        raise UserError(f"tracking.uri={config.tracking.uri} is a server already: open it in a browser")
    check_runs_exist(config.tracking, config.paths)
    port = config.tracking.port
    check_port(port)
    from albert_lab.report.mlflow_view import save_view

    uri = tracking_uri(config.tracking, config.paths)
    page = save_view(uri, config.tracking.experiment) or ""
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # eight processes and 1.4 GB that a viewer doesn't need
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    address = ["--host", HOST, "--port", str(port), "--workers", "1"]
    run_server([sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri, *address], port, page)


def check_port(port: int) -> None:
    """Raises UserError where no server can listen on the port, naming one where it can."""
    check_numbers({"tracking.port": port})
    if not _is_free(port):
        last = int(RANGES["tracking.port"].most)
        free = next(other for other in (*range(port + 1, last + 1), *range(port, 0, -1)) if _is_free(other))
        raise UserError(f"tracking.port={port} is in use or not allowed; tracking.port={free} is free")


def _is_free(port: int) -> bool:
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True


def run_server(command: Sequence[str], port: int, page: str) -> None:
    """Runs a server until it is stopped and logs its address once it answers. Raises RunFailedError where it fails."""
    server = subprocess.Popen(command)
    previous = signal.signal(signal.SIGTERM, lambda number, _: server.send_signal(number))
    try:
        while server.poll() is None and not _answers(port):
            time.sleep(0.1)
        if server.poll() is None:
            log.info("http://%s:%d/%s (Ctrl-C ends it)", HOST, port, page)
        code = server.wait()
    except KeyboardInterrupt:  # the terminal sends Ctrl-C to the server as well
        server.wait()
        return
    finally:
        signal.signal(signal.SIGTERM, previous)
    if code > 0:
        raise RunFailedError(f"the MLflow server ended with exit code {code}")


def _answers(port: int) -> bool:
    connection = HTTPConnection(HOST, port, timeout=1)
    try:
        connection.request("GET", "/health")
        connection.getresponse()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return True
