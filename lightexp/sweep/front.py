"""The result of a search: the trials that no other is better than in every objective, and all others."""

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from optuna import Study
from optuna.trial import FrozenTrial
from rich.console import Console
from rich.table import Table

from lightexp.sweep.summary import More

ARROWS = {"minimize": "↓", "maximize": "↑"}


def front(study: Study, objectives: Mapping[str, str]) -> pd.DataFrame:
    """The Pareto set, a row a point, ordered by the first objective: trial, the settings, the objectives."""
    found = _frame(study.best_trials, objectives).drop(columns="state")
    return found.drop_duplicates(list(found.columns[1:])).sort_values(list(objectives), ignore_index=True)


def more(study: Study, objectives: Mapping[str, str]) -> More:
    """Writes pareto.csv, the Pareto set, trials.csv, all trials in their order with how they ended, and objectives.json."""

    def write(folder: Path) -> list[Path]:
        tables = {"pareto.csv": front(study, objectives), "trials.csv": _frame(study.trials, objectives)}
        for name, table in tables.items():
            table.to_csv(folder / name, index=False)
        (folder / "objectives.json").write_text(json.dumps(dict(objectives)))
        return [folder / name for name in (*tables, "objectives.json")]

    return write


def show(console: Console, study: Study, objectives: Mapping[str, str]) -> None:
    found = front(study, objectives)
    heads = [f"{name} {ARROWS[objectives[name]]}" if name in objectives else name for name in found.columns]
    table = Table(*heads, box=None, pad_edge=False, title="Pareto set", title_justify="left")
    for row in found.itertuples(index=False):
        table.add_row(*(f"{value:,.4g}" if isinstance(value, float) else str(value) for value in row))
    console.print(table)
    ended = pd.Series([trial.state.name.lower() for trial in study.trials]).value_counts()
    console.print(f"{len(found)} of {len(study.trials)} trials ({', '.join(f'{n} {state}' for state, n in ended.items())})")


def _frame(trials: list[FrozenTrial], objectives: Mapping[str, str]) -> pd.DataFrame:
    rows = [
        {"trial": t.number, "state": t.state.name.lower(), **t.params, **dict(zip(objectives, t.values or (), strict=False))}
        for t in trials
    ]
    settings = [
        name for name in dict.fromkeys(key for row in rows for key in row) if name not in ("trial", "state", *objectives)
    ]
    return pd.DataFrame(rows, columns=["trial", "state", *settings, *objectives])
