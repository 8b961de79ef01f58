"""Tracked runs as a pandas DataFrame, one row a run."""

import difflib
import re
from typing import Any

import pandas as pd

from lightexp.report.errors import ReportError
from lightexp.report.sources import Source, source

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf|nan")


def runs(uri: str, sweep: str | None = None) -> pd.DataFrame:
    """The runs of one sweep, the oldest first, so that any figure of them is a column away.

    sweep: its name; None is the latest sweep, or all single runs where there is no sweep.
    Columns: run_id, name, status, started (UTC); `tag.X`, text; `param.X`, numbers and bools where they are such; metrics under
    their own names, their latest values. NaN where a run lacks it.

    Raises:
        ReportError: no runs, no sweep of this name, or the store cannot be read.
    """
    found = source(uri)
    heads = found.heads()
    if heads.empty:
        raise ReportError("no runs are tracked here yet: start one with `lightexp run`")
    known = _sweeps(heads)["sweep"].tolist()
    if sweep is not None and sweep not in known:
        raise ReportError(_unknown(sweep, known))
    name = sweep if sweep is not None else next(iter(known), None)
    return _frame(found, heads[heads["sweep"] == name] if name is not None else heads)


def latest_sweep(uri: str) -> str | None:
    """Name of the sweep whose latest run started last; None where there is no sweep."""
    return next(iter(sweeps(uri)["sweep"]), None)


def sweeps(uri: str) -> pd.DataFrame:
    """A row a sweep, the latest first: sweep, runs, finished (counts), first, last (start times of its runs, UTC)."""
    return _sweeps(source(uri).heads())


def _sweeps(heads: pd.DataFrame) -> pd.DataFrame:
    heads = heads.dropna(subset="sweep").assign(started=pd.to_datetime(heads["started"], unit="ms", utc=True))
    grouped = heads.assign(finished=heads["status"] == "FINISHED").groupby("sweep")
    found = grouped.agg(
        runs=("run_id", "size"), finished=("finished", "sum"), first=("started", "min"), last=("started", "max")
    )
    return found.reset_index().sort_values(["last", "sweep"], ascending=False, ignore_index=True)


def _unknown(sweep: str, known: list[str]) -> str:
    if not known:
        return f"there is no sweep {sweep!r}, nor any other yet: start one with `lightexp run -m`"
    near = difflib.get_close_matches(sweep, known, 1, 0.5)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return f"there is no sweep {sweep!r}{hint} The latest are: {', '.join(known[:5])}"


def _frame(found: Source, heads: pd.DataFrame) -> pd.DataFrame:
    heads = heads.drop(columns="sweep").sort_values(["started", "run_id"])
    heads["started"] = pd.to_datetime(heads["started"], unit="ms", utc=True)
    details = found.details(heads["run_id"].tolist())
    params = details["params"]
    params["value"] = _parsed(params["value"])
    parts = [_wide(details["tags"]).add_prefix("tag."), _wide(params).add_prefix("param."), _wide(details["metrics"])]
    return heads.set_index("run_id").join(parts).reset_index()


def _wide(long: pd.DataFrame) -> pd.DataFrame:
    return long.pivot(index="run_id", columns="key", values="value").rename_axis(columns=None).infer_objects()


def _parsed(texts: pd.Series) -> pd.Series:
    return texts.map({text: _value(text) for text in texts.unique()}).astype(object)


def _value(text: str) -> Any:
    """What `str` made this text of: a bool, an int, a float, or the text itself."""
    if text in ("True", "False"):
        return text == "True"
    if NUMBER.fullmatch(text):
        return int(text) if text.lstrip("+-").isdecimal() else float(text)
    return text
