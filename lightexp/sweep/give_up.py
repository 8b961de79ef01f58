"""Giving up runs of a search that will not be among its best."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightexp.errors import Hopeless
from lightexp.experiment import Observer, Plan

SHARE = 0.25
"""Of the runs that have ended."""


class GiveUp(Observer):
    """Ends a run when, behind a stage, a quarter of the runs that have ended were better there in every objective.

    With one objective this is the percentile rule, of which Golovin et al. 2017 (Google Vizier) take the median; with several, who
    is better in one may still reach the Pareto front. A figure that stages do not have, such as `macs`, is not asked.

    objectives: name → "minimize" or "maximize". folder: of the sweep. after: ended runs that it takes to judge.
    """

    def __init__(self, objectives: Mapping[str, str], folder: Path, after: int) -> None:
        self.objectives, self.folder, self.after = objectives, folder, after
        self.stages = self.ended = 0

    def start(self, plan: Plan) -> None:
        self.stages = plan.chains["student"][0]

    def stage(self, chain: str, row: dict[str, Any], curve: list[dict[str, Any]]) -> None:
        if chain != "student":
            return
        self.ended += 1
        others = [] if self.ended == self.stages else self._rows(row["stage"])
        asked = {name: direction for name, direction in self.objectives.items() if name in row}
        if len(others) < max(1, self.after) or not asked:
            return
        better = sum(all(_better(other[name], row[name], asked[name]) for name in asked) for other in others)
        if better >= SHARE * len(others):
            found = ", ".join(f"{name} {row[name]:,.6g}" for name in asked)
            raise Hopeless(f"behind {row['stage']} {better} of {len(others)} runs were better in every objective: {found}")

    def _rows(self, stage: str) -> list[dict[str, Any]]:
        """What the runs that ended had behind the same stage."""
        walked = [json.loads(path.read_text())["stages"] for path in self.folder.glob("*/record.json")]
        return [row for rows in walked for row in rows[self.ended - 1 : self.ended] if row["stage"] == stage]


def _better(found: float, other: float, direction: str) -> bool:
    return found < other if direction == "minimize" else found > other
