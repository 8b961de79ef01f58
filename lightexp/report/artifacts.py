"""Files that runs left in the tracking store."""

import json
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightexp.report.errors import ReportError
from lightexp.report.sources import EXPERIMENT
from lightexp.track.server import open_store
from lightexp.track.summary import summary_run

if TYPE_CHECKING:
    from mlflow.entities import Run


class Artifacts:
    """The files of the runs in the store at `uri`, wherever it keeps them."""

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def read(self, run_id: str, name: str) -> bytes:
        """The content of a run's file.

        Raises:
            ReportError: the run has no such file, or it cannot be reached.
        """
        client = self._client
        from mlflow.exceptions import MlflowException

        with tempfile.TemporaryDirectory() as folder:
            try:
                return Path(client.download_artifacts(run_id, name, folder)).read_bytes()
            except (OSError, MlflowException) as error:
                raise ReportError(f"the tracking store has no {name} of run {run_id}") from error

    def names(self, run_id: str) -> set[str]:
        """Of the run's files."""
        return {file.path for file in self._client.list_artifacts(run_id)}

    def record(self, run_id: str) -> dict[str, Any]:
        """What is in the run's record.json, see `lightexp.Record`."""
        return json.loads(self.read(run_id, "record.json"))

    def summary(self, sweep: str) -> "Run | None":
        """The sweep's summary run."""
        return summary_run(self.uri, sweep, EXPERIMENT)

    @cached_property
    def _client(self) -> Any:
        return open_store(self.uri, EXPERIMENT)[0]
