"""The SQLite file that MLflow runs go to by default: whole, or set aside and made again."""

import logging
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import mlflow
from mlflow import MlflowClient

from albert_lab.storage.files import fsync

log = logging.getLogger(__name__)

COMPANIONS = ("-journal", "-wal", "-shm")  # what SQLite keeps beside a database


def prepare_database(file: Path) -> bool:
    """Makes sure that `file` is a whole MLflow database. Returns True where a broken one was set aside."""
    broken = file.exists() and _is_broken(file)
    if broken:
        aside = f"{file.name}.broken-{time.strftime('%Y%m%d-%H%M%S')}"
        for ending in ("", *COMPANIONS):
            part = file.with_name(file.name + ending)
            if part.exists():
                part.rename(file.with_name(aside + ending))
        log.warning("%s was damaged, or its creation was interrupted; it is kept as %s and made again", file, aside)
    if not file.exists():
        _create(file)
    return broken


def _create(file: Path) -> None:
    """Creates the tables in another file, then renames it: MLflow refuses a database that has only some of them."""
    partial = file.with_name(f".{file.name}.partial")
    for ending in ("", *COMPANIONS):
        partial.with_name(partial.name + ending).unlink(missing_ok=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    MlflowClient(f"sqlite:///{partial}").search_experiments()
    fsync(partial)
    os.replace(partial, file)


def _is_broken(file: Path) -> bool:
    """Whether SQLite can't read it, or it has no runs and a part of MLflow's tables."""
    try:
        with closing(sqlite3.connect(file)) as database:
            if database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                return True
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not {"alembic_version", "runs"} <= tables:
                return True
            if database.execute("SELECT 1 FROM runs LIMIT 1").fetchone():
                return False  # at most of another version, which MLflow explains
            return bool(database.execute("SELECT version_num FROM alembic_version").fetchall() != [(_version(),)])
    except sqlite3.OperationalError:  # locked or unreadable for now
        return False
    except sqlite3.DatabaseError:
        return True


def _version() -> str | None:
    """The version of MLflow's tables once all are there."""
    from alembic.script import ScriptDirectory  # rarely needed

    return ScriptDirectory(str(Path(mlflow.__file__).parent / "store" / "db_migrations")).get_current_head()
