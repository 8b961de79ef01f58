"""The tracking store: reached, opened and made ready, without noise and without phoning home."""

import logging
import os
import re
import socket
import warnings
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse

from filelock import FileLock

from lightexp.errors import TrackingError

if TYPE_CHECKING:
    from mlflow import MlflowClient

ANSWER_SECONDS = 5.0


def import_quietly() -> None:
    """Import mlflow with telemetry off and no progress talk, unless the user said otherwise; to be called before any other import
    of it, which decides on telemetry once."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    with warnings.catch_warnings():
        # In a notebook tqdm, which mlflow imports, asks for the widgets that would draw its bars.
        warnings.filterwarnings("ignore", "IProgress not found")
        import mlflow  # noqa: F401


def open_store(uri: str, experiment: str) -> "tuple[MlflowClient, str]":
    """A client of the store and the id of the experiment, which is made if it is not there.

    Raises:
        TrackingError: the server does not answer, or the store cannot be opened.
    """
    import_quietly()
    _reach(uri)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        with _alone(uri):
            client = MlflowClient(uri)
            found = client.get_experiment_by_name(experiment)
            return client, found.experiment_id if found else client.create_experiment(experiment)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        reason = _schema(str(error), uri) or str(error).splitlines()[0]
        raise TrackingError(
            f"the tracking store {uri} cannot be opened: {reason}; see MLFLOW_TRACKING_URI, or use tracker=none"
        ) from error


def _schema(message: str, uri: str) -> str | None:
    """What is the matter if the store's tables are of another MLflow. MLflow itself calls a newer one out of date, too."""
    import mlflow

    found = re.search(r"schema \(found version (\w+)", message)
    if found is None:
        return None
    known = Path(mlflow.__file__).parent.glob(f"store/db_migrations/versions/{found[1]}*.py")
    if any(known):
        return f"it was made by an older MLflow; copy it, then run: mlflow db upgrade {uri}"
    return f"it was made by a newer MLflow than {mlflow.__version__}, which is installed here; upgrade mlflow, or take another store"


def _alone(uri: str) -> FileLock:
    """A lock beside an SQLite file: processes that create one database at the same time break it."""
    folder = _sqlite_file(uri).parent if uri.startswith("sqlite:///") else Path(os.path.expanduser("~/.cache/lightexp"))
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / ".mlflow.lock")


def _sqlite_file(uri: str) -> Path:
    return Path(uri.removeprefix("sqlite:///").partition("?")[0]).absolute()


def _reach(uri: str) -> None:
    """MLflow itself tries a silent server again for minutes."""
    address = urlparse(uri)
    if address.scheme not in ("http", "https"):
        return
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        socket.create_connection((address.hostname or "", port), ANSWER_SECONDS).close()
    except OSError as error:
        raise TrackingError(
            f"the tracking server {uri} does not answer ({error.strerror or error}): start it, correct MLFLOW_TRACKING_URI, "
            "or use tracker=none"
        ) from error
