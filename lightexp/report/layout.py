"""Which runs stand where in a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from lightexp.report.groups import Group, Groups
from lightexp.report.published import Citation
from lightexp.report.scalars import plain, same
from lightexp.report.settings import order
from lightexp.report.table_spec import TableSpec

SCHEDULE = "schedule"
"""The setting that says what became of a net; the first column, unless experiments are compared."""

Key = tuple[Any, ...]


def labelling(spec: TableSpec) -> str:
    """The setting by whose values the first column calls the rows."""
    return "experiment" if "experiment" in spec.rows else SCHEDULE


@dataclass(frozen=True)
class Entry:
    """A row: what it is called, its settings in the order of `Layout.rows`, and what stands in each column."""

    label: str
    settings: Key
    found: dict[Key, Group | Citation]


@dataclass(frozen=True)
class Section:
    """A block of the table: its settings, and its rows by kind."""

    key: Key
    controls: list[Entry]
    compressed: list[Entry]
    published: list[Entry]


@dataclass(frozen=True)
class Layout:
    """first: title of the column of labels. rows, columns, groups: names of settings; keys: what columns there are, in order."""

    first: str
    rows: list[str]
    columns: list[str]
    groups: list[str]
    keys: list[Key]
    sections: list[Section]


def layout(groups: Groups, spec: TableSpec, cited: list[Citation]) -> Layout:
    """Place all groups. What varies and is not named by the spec makes rows."""
    columns = list(spec.columns)
    blocks = [name for name in ("data",) if name in groups.settings] if spec.groups is None else list(spec.groups)
    blocks = [name for name in blocks if name not in (*columns, *spec.rows)]
    name_of = labelling(spec)
    labelled = name_of in groups.settings and name_of not in (*columns, *blocks)
    rest = [name for name in groups.settings if name not in (*spec.rows, *columns, *blocks)]
    rows = [name for name in (*spec.rows, *rest) if not (labelled and name == name_of)]
    keys, first = _keys(groups.compressed, columns), name_of if labelled else "net"

    def label(one: Group | Citation) -> str:
        if isinstance(one, Citation):
            return one.label
        name = one.settings[name_of] if labelled else None
        if one.dense:
            return "dense control" if name is None else f"dense control of {name}"
        return "compressed" if name is None else name

    def entries(found: Sequence[Group | Citation]) -> list[Entry]:
        made: dict[tuple[str, Key, int], dict[Key, Group | Citation]] = {}
        for one in found:
            places = {key: one for key in keys if _stands(one, columns, key)}
            named = label(one), _values(one, rows)
            # A paper may have several rows of one name, each of which stands.
            nth = next(nth for nth in count() if not made.get((*named, nth), {}).keys() & places.keys())
            if places:
                made.setdefault((*named, nth), {}).update(places)
        return [Entry(name, settings, places) for (name, settings, _), places in made.items()]

    def section(key: Key) -> Section:
        chosen = [one for one in groups.compressed if _stands(one, blocks, key)]
        own = [one for one in cited if _stands(one, blocks, key) and _concerns(one, [*rows, *([name_of] * labelled)], chosen)]
        controls = [one for one in groups.controls if _stands(one, blocks, key) and any(_is_of(one, net) for net in chosen)]
        ours = [entries(found) for found in (controls, chosen)]
        sorted_ours = [sorted(found, key=lambda entry: (entry.label, order(entry.settings))) for found in ours]
        return Section(key, *sorted_ours, entries(own))

    return Layout(first, rows, columns, blocks, keys, [section(key) for key in _keys(groups.compressed, blocks)])


def heading(names: Sequence[str], key: Key) -> str:
    """Values of settings, the numbers among them with what they are of."""
    return ", ".join(plain(v) if isinstance(v, str) else f"{name} {plain(v)}" for name, v in zip(names, key, strict=True))


def _keys(groups: list[Group], names: list[str]) -> list[Key]:
    return sorted({_values(one, names) for one in groups}, key=order)


def _values(one: Group | Citation, names: list[str]) -> Key:
    return tuple(one.settings.get(name) for name in names)


def _stands(one: Group | Citation, names: list[str], key: Key) -> bool:
    """Whether it has these settings. A control that does not depend on one of them stands everywhere, and a citation that does
    not name it too."""
    if isinstance(one, Group) and not one.dense:
        return _values(one, names) == key
    return all(value is None or same(value, other) for value, other in zip(_values(one, names), key, strict=True))


def _is_of(control: Group, net: Group) -> bool:
    """Whether it may be that net's control: it has the net's settings, as far as it depends on them."""
    return all(value is None or same(value, net.settings[name]) for name, value in control.settings.items())


def _concerns(citation: Citation, rows: list[str], chosen: list[Group]) -> bool:
    """Whether one of our rows has the settings that the published one is matched by."""
    named = [name for name in rows if name in citation.settings]
    return not named or any(_stands(citation, named, _values(one, named)) for one in chosen)
