"""A study: a folder of `experiments/` that says what is run, and which tables show it."""

from collections.abc import Iterable
from dataclasses import field
from pathlib import Path

import yaml
from pydantic import TypeAdapter, ValidationError

from lightexp.compose.errors import explain
from lightexp.errors import ConfigError
from lightexp.report.nearest import nearest
from lightexp.report.scalars import Names
from lightexp.spec import spec

ROOT, FILE, QUICK = Path("experiments"), "sweep.yaml", "_quick"


@spec
class Study:
    """What `sweep.yaml` says.

    sweeps: name → overrides, as typed behind `lightexp run -m`; configs of the study's folder can be chosen.
    quick: name → overrides that make a small form of that sweep, on data that is there without a download. They stand in place
    of those of the same key. A sweep that is not named has no such form.
    tables: files that say what tables show, see `lightexp.report.table_spec`; one that names no sweeps shows all. table.yaml by
    default; where that is not there, what varies makes the rows.
    pictures: names of `lightexp plot`'s that are drawn of each sweep; where there are parts, of what stands in each table. curves:
    a csv of published ones to draw beside.
    scripts: Python files of the folder; each is given the names of the sweeps, and prints Markdown.
    parts: name → sweeps that are run and shown in one go, each part in a place of its own in the README. None: all is one part.
    """

    sweeps: dict[str, tuple[str, ...]]
    quick: dict[str, tuple[str, ...]] = field(default_factory=dict)
    tables: Names = ()
    pictures: Names = ()
    curves: Path | None = None
    scripts: Names = ()
    parts: dict[str, Names] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.sweeps:
            raise ConfigError("sweeps is empty: name at least one, with its overrides")
        for name in self.quick:
            if name not in self.sweeps:
                raise ConfigError(f"quick names the sweep {name!r}{nearest(name, self.sweeps)}")
        for part, names in self.parts.items():
            for name in names:
                if name not in self.sweeps:
                    raise ConfigError(f"part {part} names the sweep {name!r}{nearest(name, self.sweeps)}")

    def chosen(self, part: str | None) -> dict[str | None, Names]:
        """Parts and their sweeps, in the order in which they are run: all, or one.

        Raises:
            ConfigError: there is no such part.
        """
        if part is None:
            return dict(self.parts) or {None: tuple(self.sweeps)}
        if part not in self.parts:
            raise ConfigError(f"the study has no part {part!r}{nearest(part, self.parts)}")
        return {part: self.parts[part]}

    def named(self, names: Iterable[str], quick: bool) -> dict[str, str]:
        """Which of these sweeps are run, and under which name: the small forms have their own."""
        return {name: name + QUICK * quick for name in names if name in self.quick or not quick}

    def overrides(self, name: str, quick: bool, further: Iterable[str]) -> list[str]:
        """Of a sweep; the last with a key counts, `further` ones above all."""
        given = [*self.sweeps[name], *(self.quick[name] if quick else ()), *further]
        return list({override.partition("=")[0]: override for override in given}.values())


def find(name: str) -> Path:
    """The folder of a study: one below ./experiments, or any by its path.

    Raises:
        ConfigError: there is none; says which there are.
    """
    for folder in (Path(name), ROOT / name):
        if (folder / FILE).is_file():
            return folder
    known = sorted(path.parent.name for path in ROOT.glob(f"*/{FILE}"))
    raise ConfigError(f"there is no study {name!r} in ./{ROOT}{nearest(name, known)}; a path of its folder is a name too")


def read(folder: Path) -> Study:
    """The study in a folder.

    Raises:
        ConfigError: in one line what is wrong with its sweep.yaml.
    """
    path = folder / FILE
    try:
        return TypeAdapter(Study).validate_python(yaml.safe_load(path.read_text()))
    except (OSError, yaml.YAMLError, ValidationError, ConfigError) as error:
        raise ConfigError(f"{path}: {(explain(error) or '').removeprefix('config: ')}") from error
