"""`albert-lab dashboard [tracking.port=5000]`: the MLflow UI on the lab's runs."""

import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

from albert_lab.cli.hydra_app import run_app
from albert_lab.config.compose import from_hydra
from albert_lab.config.schema import DashboardConfig
from albert_lab.errors import UserError
from albert_lab.runs.folder import check_runs_exist, tracking_uri

log = logging.getLogger(__name__)


def run(arguments: Sequence[str]) -> int:
    run_app(serve, "dashboard", arguments)
    return 0


def serve(composed: Any) -> None:
    """Replaces this process by MLflow's server, on this machine only."""
    config = from_hydra(composed, DashboardConfig)
    if config.tracking.uri:
        raise UserError(f"tracking.uri={config.tracking.uri} is a server already: open it in a browser")
    check_runs_exist(config.tracking, config.paths)
    from albert_lab.report.mlflow_view import save_view

    uri = tracking_uri(config.tracking, config.paths)
    page = save_view(uri, config.tracking.experiment) or ""
    log.info("http://127.0.0.1:%d/%s (Ctrl-C ends it)", config.tracking.port, page)
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # eight processes and 1.4 GB that a viewer doesn't need
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    address = ["--host", "127.0.0.1", "--port", str(config.tracking.port), "--workers", "1"]
    os.execv(sys.executable, [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri, *address])
