"""A job of a sweep, known before it runs."""

import json
import re
from dataclasses import dataclass, fields
from pathlib import Path

from lightexp.experiment import Record, Store
from lightexp.experiment.forecast import Forecast
from lightexp.spec import digest

LONGEST_FOLDER = 120


@dataclass(frozen=True)
class Job:
    """overrides: that Hydra composes its config from. name: those that tell it from the sweep's other jobs.

    directory: where it runs. forecast: what it would do, and in which store; None if it cannot run, which `error` explains.
    """

    overrides: list[str]
    name: str
    directory: Path
    forecast: Forecast | None = None
    store: Store | None = None
    error: str | None = None

    def record(self) -> Record | None:
        """What the job found, if it ran to its end as it is described now, and under a version that wrote the same figures."""
        path = self.directory / "record.json"
        if self.forecast is None or not path.exists():
            return None
        try:
            found = json.loads(path.read_text())
        except ValueError:  # it was not written by a run
            return None
        same = found["key"] == self.forecast.key and set(found) == {field.name for field in fields(Record)}
        whole = same and not (self.forecast.control and found["dense_test_accuracy"] is None)
        return Record(**found) if whole else None


def folder_of(name: str) -> str:
    """The name of a job as that of a folder: what a shell or a file system may not like is replaced, and made up for."""
    plain = re.sub(r"[^\w.,=+@\[\]-]", "_", name.replace(" ", ","))[:LONGEST_FOLDER].lstrip(".")
    return plain if plain == name.replace(" ", ",") else f"{plain}-{digest(name)[:6]}"
