"""What a table is to show: `table.yaml`."""

from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, TypeAdapter, ValidationError

from lightexp.report.errors import ReportError
from lightexp.report.metrics import KNOWN, Metric
from lightexp.report.nearest import nearest
from lightexp.report.published import Match, Published
from lightexp.report.scalars import Names, Wanted
from lightexp.spec import spec


def _metric(given: Any) -> Any:
    """A metric that is known needs its name alone, and may be given otherwise in part."""
    if isinstance(given, str) and given not in KNOWN:
        raise ReportError(f"{given!r} is no metric known{nearest(given, KNOWN)}; one of your own is {{name: {given}, better: lower}}, or higher")
    given = {"name": given} if isinstance(given, str) else given
    known = KNOWN.get(given.get("name")) if isinstance(given, dict) else None
    return {name: getattr(known, name) for name in Metric.__dataclass_fields__} | given if known else given


@spec
class TableSpec:
    """What stands where. Settings have the names of the command line, as `criterion` or `stages.prune.sparsity`.

    title. sweeps: names, where the command names none. where: setting → the value, or values, wanted.
    rows, columns, groups: settings; what varies and is named nowhere makes rows too. A group has a heading and a best of its own
    (data sets, by default), a value of a column its own figures side by side. `seed` can be one; else means are over seeds.
    metrics: names of known ones, or what a `Metric` says. spread: ± the standard deviation, or half the 95 % interval.
    compare: metrics whose best is bold, with those marked that cannot be told from it; the first one by default.
    differences: metrics with a column of differences; the first one by default. against: to each run's own dense control, or to
    the row that has these settings and is else alike, as {criterion: magnitude}.
    """

    title: str = ""
    sweeps: Names = ()
    where: dict[str, Wanted] = field(default_factory=dict)
    rows: Names = ()
    columns: Names = ()
    groups: Names | None = None
    metrics: tuple[Annotated[Metric, BeforeValidator(_metric)], ...] | None = None
    spread: Literal["sd", "interval"] = "sd"
    compare: Names | None = None
    differences: Names | None = None
    against: dict[str, bool | int | float | str] = field(default_factory=dict)
    published: Published | None = None

    def __post_init__(self) -> None:
        placed = [*self.rows, *self.columns, *(self.groups or ())]
        for name in placed:
            if placed.count(name) > 1:
                raise ReportError(f"{name!r} stands in rows, columns and groups more than once")
        if self.metrics is not None and not self.metrics:
            raise ReportError("metrics is empty: name at least one, as test/error")
        shown = [metric.name for metric in self.metrics or KNOWN.values()]
        for key, names in {"compare": self.compare, "differences": self.differences}.items():
            for name in names or ():
                if name not in shown:
                    raise ReportError(f"{key} names {name!r}, which is not among the metrics{nearest(name, shown)}")

    def settings(self) -> list[str]:
        """The settings that it places, or compares by."""
        return list(dict.fromkeys([*self.rows, *self.columns, *(self.groups or ()), *self.against]))


def read(path: Path) -> TableSpec:
    """The spec in a YAML file.

    Raises:
        ReportError: in one line what is wrong with it, and where.
    """
    try:
        content = yaml.safe_load(path.read_text())
        return TypeAdapter(TableSpec).validate_python({} if content is None else content)
    except OSError as error:
        raise ReportError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ReportError(f"{path.name}: broken YAML, {' '.join(str(error).split())}") from error
    except ReportError as error:
        raise ReportError(f"{path.name}: {error}") from error
    except ValidationError as error:
        raise ReportError(f"{path.name}: {_first(error)}") from error


def _first(error: ValidationError) -> str:
    """The first thing that is wrong, in one line."""
    found = error.errors()[0]
    # Behind a name stand numbers of items, and pydantic's own words for the kinds it has tried.
    path = [part for part in found["loc"] if isinstance(part, int) or part.replace("_", "").isalnum()]
    place = ".".join(map(str, path))
    if found["type"] == "unexpected_keyword_argument":
        owner = Match if "match" in path[:-1] else {"metrics": Metric, "published": Published}.get(path[0], TableSpec)
        if len(path) == 1:
            owner = TableSpec
        return f"there is no {place!r}{nearest(str(path[-1]), owner.__dataclass_fields__)}"
    reason = f"{found['msg'][0].lower()}{found['msg'][1:]}"
    return f"{place + ': ' if place else ''}{reason}" + ("" if found["type"] == "missing" else f" (given: {found['input']!r})")
