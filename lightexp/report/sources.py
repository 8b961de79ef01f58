"""Where tracked runs are read from: an SQLite file by plain SQL, which is 20 times as fast, or any store by MLflow's client."""

import json
import os
import sqlite3
from contextlib import closing
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import pandas as pd

from lightexp.report.errors import ReportError

EXPERIMENT = "lightexp"

HEAD = ["run_id", "name", "status", "started", "sweep"]
LONG = ["run_id", "key", "value"]


class Source(Protocol):
    """Runs of kind "run" that were not deleted."""

    def heads(self) -> pd.DataFrame:
        """A row a run: run_id, name, status, started (ms since 1970), sweep (None for a single run)."""

    def details(self, run_ids: list[str]) -> dict[str, pd.DataFrame]:
        """Of these runs, "tags", "params" and "metrics" (the latest values) as rows of run_id, key, value."""


def is_file(uri: str) -> bool:
    """Whether the store is an SQLite file, which plain SQL reads; a server has its API alone."""
    return uri.startswith("sqlite:")


def source(uri: str) -> Source:
    return Database(uri) if is_file(uri) else Server(uri)


class Database:
    """An SQLite file in MLflow's schema, opened for reading only."""

    def __init__(self, uri: str) -> None:
        self.path = Path(uri.removeprefix("sqlite:///").partition("?")[0])
        self._check_schema()

    def _check_schema(self) -> None:
        """MLflow changes its tables from version to version: what a newer one wrote could be read wrongly."""
        tables = self._select("select name from sqlite_master where name in ('runs', 'alembic_version')", [], ["name"])
        if self.path.is_file() and len(tables) < 2:
            raise ReportError(f"{self.path} is no store of MLflow's: it has no table of runs")
        revisions = set(self._select("select version_num from alembic_version", [], ["revision"])["revision"])
        newer = revisions - _known_revisions()
        if newer:
            raise ReportError(
                f"{self.path} has a schema ({newer.pop()}) that the installed MLflow {version('mlflow')} does not know: a newer one "
                "wrote it; update with `pip install -U mlflow`"
            )

    def heads(self) -> pd.DataFrame:
        return self._select(
            """select runs.run_uuid as run_id, runs.name, status, start_time as started, sweep.value as sweep
            from runs
            join experiments using (experiment_id)
            join tags as kind on kind.run_uuid = runs.run_uuid
            left join tags as sweep on sweep.run_uuid = runs.run_uuid and sweep.key = 'sweep'
            where kind.key = 'kind' and kind.value = 'run' and experiments.name = ?
            and runs.lifecycle_stage = 'active' and experiments.lifecycle_stage = 'active'""",
            [EXPERIMENT],
            HEAD,
        )

    def details(self, run_ids: list[str]) -> dict[str, pd.DataFrame]:
        chosen = "where run_uuid in (select value from json_each(?))"
        queries = {
            "tags": f"select run_uuid, key, value from tags {chosen} and key not like 'mlflow.%'",
            "params": f"select run_uuid, key, value from params {chosen}",
            "metrics": f"select run_uuid, key, case when is_nan then null else value end from latest_metrics {chosen}",
        }
        return {name: self._select(query, [json.dumps(run_ids)], LONG) for name, query in queries.items()}

    def _select(self, query: str, values: list[Any], columns: list[str]) -> pd.DataFrame:
        if not self.path.is_file():
            return pd.DataFrame(columns=columns)
        try:
            with closing(sqlite3.connect(f"file:{quote(str(self.path))}?mode=ro", uri=True, timeout=30)) as connection:
                return pd.DataFrame(connection.execute(query, values).fetchall(), columns=columns)
        except sqlite3.Error as error:
            raise ReportError(f"{self.path.name} cannot be read as MLflow's store: {error}") from error


def _known_revisions() -> set[str]:
    """Names of the schemas up to the installed MLflow's, from its files of migrations: importing it would take two seconds."""
    folder = Path(find_spec("mlflow").origin).parent / "store" / "db_migrations" / "versions"
    return {path.name.partition("_")[0] for path in folder.glob("*.py")}


class Server:
    """Any store that MLflow's client reaches; all runs are fetched at once, and once."""

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def heads(self) -> pd.DataFrame:
        rows = [
            (run.info.run_id, run.info.run_name, run.info.status, run.info.start_time, run.data.tags.get("sweep"))
            for run in self._runs
        ]
        return pd.DataFrame(rows, columns=HEAD)

    def details(self, run_ids: list[str]) -> dict[str, pd.DataFrame]:
        chosen = set(run_ids)
        runs = [run for run in self._runs if run.info.run_id in chosen]

        def long(name: str) -> pd.DataFrame:
            rows = [(run.info.run_id, key, value) for run in runs for key, value in getattr(run.data, name).items()]
            return pd.DataFrame([row for row in rows if not row[1].startswith("mlflow.")], columns=LONG)

        return {name: long(name) for name in ("tags", "params", "metrics")}

    @cached_property
    def _runs(self) -> list[Any]:
        # Its package takes seconds to import, which reading a file need not wait for.
        from lightexp.track.server import import_quietly

        # MLflow by itself asks a silent server again for minutes.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        import_quietly()
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        try:
            client = MlflowClient(self.uri)
            experiment = client.get_experiment_by_name(EXPERIMENT)
            if experiment is None or experiment.lifecycle_stage != "active":
                return []
            found, token = [], None
            while True:
                page = client.search_runs([experiment.experiment_id], "tags.kind = 'run'", max_results=1000, page_token=token)
                found.extend(page)
                token = page.token
                if not token:
                    return found
        except MlflowException as error:
            raise ReportError(f"the tracking store cannot be read: {str(error).splitlines()[0]}") from error
