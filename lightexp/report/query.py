"""Tracked runs as a pandas DataFrame, one row a run."""

import re
from typing import Any

import pandas as pd

from lightexp.report.errors import ReportError
from lightexp.report.nearest import nearest
from lightexp.report.sources import Source, source

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf|nan")


def runs(uri: str, *names: str | None) -> pd.DataFrame:
    """The runs of a sweep, or of several, the oldest first, so that any figure of them is a column away.

    names: of the sweeps; none, or None, is the latest sweep, or all single runs where there is no sweep.
    Columns: run_id, name, status, started (UTC); `tag.X`, text; `param.X`, numbers and bools where they are such; metrics under
    their own names, their latest values. NaN where a run lacks it.

    Raises:
        ReportError: no runs, no sweep of this name, or the store cannot be read.
    """
    found, heads = _heads(uri)
    known = _sweeps(heads)["sweep"].tolist()
    wanted = [name for name in names if name is not None] or known[:1]
    for name in wanted:
        if name not in known:
            raise ReportError(_unknown(name, known))
    return _frame(found, heads[heads["sweep"].isin(wanted)] if wanted else heads)


def single_runs(uri: str) -> pd.DataFrame:
    """The runs of no sweep, as `runs` gives them.

    Raises:
        ReportError: there are none, or the store cannot be read.
    """
    found, heads = _heads(uri)
    single = heads[heads["sweep"].isna()]
    if single.empty:
        raise ReportError("all runs here belong to sweeps: name one, or start a single run with `lightexp run`")
    return _frame(found, single)


def _heads(uri: str) -> tuple[Source, pd.DataFrame]:
    found = source(uri)
    heads = found.heads()
    if heads.empty:
        raise ReportError(f"no runs are tracked in {uri} yet: start one with `lightexp run`, or name another store with --uri")
    return found, heads


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
    return f"there is no sweep {sweep!r}{nearest(sweep, known)}"


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
