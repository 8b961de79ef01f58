"""Which files of the user's own a module of his rests on."""

import ast
import importlib.util
import sys
import sysconfig
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

KNOWN = {"lightexp", "torch", "torchvision", "numpy", "builtins"}
"""Packages whose versions are told in other ways."""

_INSTALLED = tuple({Path(sysconfig.get_path(kind)) for kind in ("stdlib", "platstdlib", "purelib", "platlib")})


def own_files(module: str) -> list[Path]:
    """The files that it imports, and they in turn, wherever in them the import stands; not what is installed, nor its own."""
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found and (file := _own_file(name)):
            found[name] = file
            waiting += _imports(name, file, file.stat().st_mtime_ns)
    return sorted({file for name, file in found.items() if name != module})


def _own_file(name: str) -> Path | None:
    top = name.partition(".")[0]
    # Asking where a module within a package is imports the package, which may be large.
    if top in KNOWN or top in sys.stdlib_module_names or (top != name and not _is_own(_places(top))):
        return None
    places = [place for place in _places(name) if place.suffix == ".py"]
    return places[0] if _is_own(places) else None


def _places(name: str) -> list[Path]:
    """The file of a module; the folders of a package that has none."""
    loaded = sys.modules.get(name)
    try:
        spec = getattr(loaded, "__spec__", None) or importlib.util.find_spec(name)
    except (ImportError, AttributeError, ValueError):
        spec = None
    file = getattr(loaded, "__file__", None) or getattr(spec, "origin", None)
    return [Path(place) for place in ([file] if file else getattr(spec, "submodule_search_locations", None) or [])]


def _is_own(places: list[Path]) -> bool:
    return bool(places) and all(place.exists() and not any(map(place.is_relative_to, _INSTALLED)) for place in places)


@lru_cache
def _imports(name: str, file: Path, _: int) -> list[str]:
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    named = [imported for node in ast.walk(ast.parse(file.read_bytes())) for imported in _named(node, package)]
    return [".".join(one.split(".")[:end]) for one in named for end in range(1, one.count(".") + 2)]


def _named(node: ast.AST, package: str) -> Iterator[str]:
    """Modules that a statement imports, and what may be one."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        given = "." * node.level + (node.module or "")
        base = importlib.util.resolve_name(given, package) if node.level else given
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)
