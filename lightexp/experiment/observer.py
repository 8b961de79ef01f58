"""Who is told what a run does: the terminal, the tracker, the pictures."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightexp.experiment.record import Record

if TYPE_CHECKING:
    from lightexp.data import Splits


@dataclass(frozen=True)
class Plan:
    """What a run is about to do.

    key: content address of its last stage. chains: for "teacher", "student", "control", how many stages they have, and how
    many of these are missing in the store.
    """

    key: str
    seed: int
    data: "Splits"
    net: str
    directory: Path
    chains: dict[str, tuple[int, int]]


class Observer:
    """Told in turn; every method may be left as it is."""

    def start(self, plan: Plan) -> None:
        """Before anything is trained. An error here stops the run."""

    def progress(self, chain: str, stage: str, share: float) -> None:
        """A stage that is being computed has come this far, 0 … 1."""

    def epoch(self, chain: str, stage: str, epoch: dict[str, Any]) -> None:
        """An epoch of a stage that is being computed has ended: what will be one of its curve."""

    def stage(self, chain: str, row: dict[str, Any], curve: list[dict[str, Any]]) -> None:
        """A stage has ended, or was found in the store (`row["reused"]`). curve: a mapping for each of its epochs."""

    def finish(self, record: Record, directory: Path) -> None:
        """The file and the Record are in the directory."""

    def fail(self, error: BaseException) -> None:
        """The run ended early."""
