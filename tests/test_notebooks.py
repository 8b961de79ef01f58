"""The notebooks run from top to bottom, and what is committed of them is fit to be read."""

import re
from typing import Any

import nbformat
import pytest

from notebooks.execute import NOTEBOOKS, execute

MOST_BYTES = 300_000
PLACE = re.compile(r"(?<![\w./:-])(/tmp|/root|/home|/Users|/var|/opt|/work|[A-Z]:\\)")
"""How a path begins that is of one machine."""

every = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def said(book: Any) -> str:
    """All text in the outputs."""
    outputs = [output for cell in book.cells for output in cell.get("outputs", ())]
    bundles = [text for output in outputs for kind, text in output.get("data", {}).items() if not kind.startswith("image/")]
    return "\n".join([output.text for output in outputs if output.output_type == "stream"] + bundles)


def complaints(book: Any) -> list[str]:
    """What was written to stderr, warnings among it."""
    outputs = [output for cell in book.cells for output in cell.get("outputs", ())]
    return [output.text for output in outputs if output.get("name") == "stderr"]


def test_there_are_notebooks():
    assert len(NOTEBOOKS) == 3


@every
def test_it_runs_quietly_and_leaves_nothing(path, tmp_path, tmp_path_factory, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
    book = nbformat.read(path, as_version=4)
    execute(book, tmp_path)
    assert complaints(book) == []
    assert not PLACE.search(said(book)) and "\x1b" not in said(book)
    assert list(tmp_path.iterdir()) == []


@every
def test_what_is_committed_was_run_and_says_nothing_of_a_machine(path):
    book = nbformat.read(path, as_version=4)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert path.stat().st_size < MOST_BYTES
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert complaints(book) == []
    assert not PLACE.search(said(book)) and "\x1b" not in said(book)
    assert not any("execution" in cell.metadata for cell in code), "times of day"


@every
def test_no_command_can_fail_unnoticed(path):
    """A notebook goes on behind a failing `!command`, and a cell behind a failing line of plain `%%sh`."""
    cells = [cell.source.splitlines() for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    magics = [lines[0] for lines in cells if lines[0].startswith("%%")]
    assert [magic for magic in magics if magic != "%%sh -e" and not magic.startswith("%%writefile ")] == []
    assert [line for lines in cells for line in lines if line.startswith("!")] == []
