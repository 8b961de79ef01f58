"""Several observers as one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightexp.experiment.observer import Observer, Plan
from lightexp.experiment.record import Record


@dataclass
class Observers(Observer):
    """Tells each in order, so that one may rest on what those before it wrote."""

    members: Sequence[Observer]

    def start(self, plan: Plan) -> None:
        for member in self.members:
            member.start(plan)

    def progress(self, chain: str, stage: str, share: float) -> None:
        for member in self.members:
            member.progress(chain, stage, share)

    def epoch(self, chain: str, stage: str, epoch: dict[str, Any]) -> None:
        for member in self.members:
            member.epoch(chain, stage, epoch)

    def stage(self, chain: str, row: dict[str, Any], curve: list[dict[str, Any]]) -> None:
        for member in self.members:
            member.stage(chain, row, curve)

    def finish(self, record: Record, directory: Path) -> None:
        for member in self.members:
            member.finish(record, directory)

    def fail(self, error: BaseException) -> None:
        """Each is told, whatever another one makes of it; what the run ended with is the error that counts."""
        for member in self.members:
            try:
                member.fail(error)
            except Exception as other:
                error.add_note(f"{type(member).__name__} could not note it: {other}")
