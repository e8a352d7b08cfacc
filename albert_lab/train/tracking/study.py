"""Completes a study's parent run in MLflow: `python -m albert_lab.train.tracking.study URI STUDY FOLDER RUN...`."""

import logging
import sys
from pathlib import Path

from albert_lab.config.compose import load
from albert_lab.processes import end_with_parent
from albert_lab.runs.folder import RunFolder
from albert_lab.storage.files import read_json, write_json
from albert_lab.train.tracking import mlflow_store
from albert_lab.train.tracking.journal import connect, send_finished

log = logging.getLogger(__name__)


def show(uri: str, study: str, folder: Path, runs: list[Path]) -> None:
    """Sends what is unsent, adopts cells that another study ran, and attaches the study's report."""
    finished = [RunFolder(path) for path in runs]
    for run in finished:
        if not (read_json(run.tracking) or {}).get("complete"):
            send_finished(run.path, uri)
    tracked = [run for run in finished if (read_json(run.tracking) or {}).get("complete")]
    if not tracked:
        return
    config = load(tracked[0].config)
    client = connect(uri, Path(config.paths.runs))
    for run in tracked:
        state = read_json(run.tracking)
        assert state is not None
        mlflow_store.adopt(client, state["run_id"], study)
    mlflow_store.attach_report(client, config.tracking.experiment, study, folder)
    write_json(folder / "mlflow.json", {"runs": [str(path) for path in runs]})


if __name__ == "__main__":
    end_with_parent()
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    try:
        show(sys.argv[1], sys.argv[2], Path(sys.argv[3]), [Path(path) for path in sys.argv[4:]])
    except Exception as error:  # the study's files are written; MLflow's trouble doesn't undo that
        log.warning("MLflow does not show the study yet (%s); the same command tries again", error)
