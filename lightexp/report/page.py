"""A sweep as one page of HTML that needs nothing beside it: no other file, no script, no network."""

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

import pandas as pd
from matplotlib.figure import Figure

from lightexp.report.cells import Table
from lightexp.report.errors import ReportError
from lightexp.report.gallery import Picture
from lightexp.report.html import fragment
from lightexp.report.settings import TECHNICAL, label
from lightexp.report.style import png


@dataclass(frozen=True)
class Page:
    """What stands on it. frame: of `query.runs`. pictures: drawn, or what the runs lack for them. commands: that ran the sweep.
    example, config: a run, and its resolved config, if
    it keeps one."""

    table: Table
    frame: pd.DataFrame
    pictures: Sequence[tuple[Picture, Figure | ReportError]]
    commands: Sequence[str]
    example: pd.Series
    config: str | None

    def html(self) -> str:
        title = escape(self.table.title)
        style = (files("lightexp.report") / "page.css").read_text()
        parts = [
            f"<h1>{title}</h1>",
            f'<p class="facts">{escape(_facts(self.frame))}</p>',
            f'<div class="wide">{fragment(self.table)}</div>',
            "<h2>Pictures</h2>",
            *self._pictures(),
            "<h2>Run it again</h2>",
            *self._again(),
            "<h2>Configs</h2>",
            *self._configs(),
            "<h2>Environment</h2>",
            *_environment(self.frame),
        ]
        head = '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">'
        body = "\n".join(parts)
        return (
            f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n<title>{title}</title>\n<style>\n{style}</style>\n</head>\n'
            f"<body>\n{body}\n</body>\n</html>\n"
        )

    def _pictures(self) -> Iterator[str]:
        yield '<div class="pictures">'
        for picture, figure in self.pictures:
            if isinstance(figure, Figure):
                source = "data:image/png;base64," + base64.b64encode(png(figure)).decode()
                caption = escape(picture.caption)
                yield f'<figure><img src="{source}" alt="{escape(picture.title)}"><figcaption><b>{escape(picture.title)}.</b> {caption}</figcaption></figure>'
        yield "</div>"
        lacks = [f"{picture.title}: {lack}." for picture, lack in self.pictures if isinstance(lack, ReportError)]
        if lacks:
            yield f'<p class="lacks">Not drawn. {escape(" ".join(lacks))}</p>'

    def _again(self) -> Iterator[str]:
        if not self.commands:
            yield "<p>The runs do not say which command made them.</p>"
        for command in self.commands:
            yield f'<pre class="command">{escape(command)}</pre>'
        if commits := _distinct(self.frame, "tag.git_commit"):
            changed = "true" in _distinct(self.frame, "tag.git_dirty")
            state = ", with changes that were not committed" if changed else ""
            yield f"<p>In a checkout of {escape(', '.join(commits))}{state}. What is in the stage store is not computed again.</p>"

    def _configs(self) -> Iterator[str]:
        name = escape(str(self.example["name"]))
        if self.config:
            yield f"<details><summary>Resolved config of {name}</summary><pre>{escape(self.config)}</pre></details>"
        else:
            yield f"<p>{name} keeps no config.</p>"
        if len(self.frame) == 1:
            return
        yield f"<details><summary>In what the other runs differ from {name}</summary>"
        yield '<div class="wide"><table class="values"><thead><tr><th>run</th><th>settings</th></tr></thead><tbody>'
        for name, differences in _differences(self.frame, self.example):
            yield f"<tr><td>{escape(name)}</td><td>{escape(differences)}</td></tr>"
        yield "</tbody></table></div></details>"


def _facts(frame: pd.DataFrame) -> str:
    counts = frame["status"].str.lower().value_counts()
    states = ", ".join(f"{count} {state}" for state, count in counts.items())
    first, last = (frame["started"].agg(which).strftime("%Y-%m-%d %H:%M") for which in ("min", "max"))
    return f"{len(frame)} runs ({states}), started from {first} to {last} UTC"


def _differences(frame: pd.DataFrame, example: pd.Series) -> Iterator[tuple[str, str]]:
    """Of each other run its name, and the settings in which it is not like the example."""
    names = [name for name in frame if name.startswith(("tag.", "param.")) and not TECHNICAL.fullmatch(name)]
    texts = frame[[name for name in names if frame[name].nunique(dropna=False) > 1]].astype(object).fillna("–").astype(str)
    usual = texts.loc[example.name]
    for run, row in zip(frame["name"], texts.itertuples(name=None), strict=True):
        if row[0] != example.name:
            found = [f"{label(name)}={value}" for name, value, same in zip(texts, row[1:], usual, strict=True) if value != same]
            yield str(run), " ".join(found) or "nothing"


def _environment(frame: pd.DataFrame) -> Iterator[str]:
    versions: dict[str, set[str]] = {}
    known = {"lightexp": "tag.version", "digest of its code": "tag.code", "host": "tag.host"}
    for name, column in known.items():
        versions[name] = set(_distinct(frame, column))
    for text in _distinct(frame, "tag.environment"):
        for name, version in json.loads(text).items():
            versions.setdefault(name, set()).add(version)
    rows = [
        f"<tr><td>{escape(name)}</td><td>{escape(', '.join(sorted(found)))}</td></tr>"
        for name, found in versions.items()
        if found
    ]
    yield f'<table class="values"><tbody>{"".join(rows)}</tbody></table>' if rows else "<p>The runs do not say.</p>"


def _distinct(frame: pd.DataFrame, column: str) -> list[str]:
    return [str(value) for value in frame[column].dropna().unique()] if column in frame else []
