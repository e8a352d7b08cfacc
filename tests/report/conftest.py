"""One MLflow store of made-up runs for the whole session: creating its schema takes seconds."""

import pytest

from tests.synthetic_runs import log_study, record, study_records


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The eight cells of a made-up Table 4 at two seeds, and a second study that has one run."""
    folder = tmp_path_factory.mktemp("mlflow")
    uri = f"sqlite:///{folder}/mlflow.db"
    artifacts = (folder / "artifacts").as_uri()
    log_study(uri, artifacts, [item for cell in study_records().values() for item in cell])
    log_study(uri, artifacts, [record("all", 48, 7)], name="embedding_search")
    return uri
