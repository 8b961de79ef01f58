"""The notebooks run from top to bottom, and what is committed of them is fit to be read.

Their outputs are written anew by `jupyter execute --inplace --NotebookClient.record_timing=False notebooks/*.ipynb`.
"""

import os
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
MOST_BYTES = 300_000
CELL_SECONDS = 1800
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


def run(book: Any, folder: Path) -> None:
    """Execute all cells in a folder, by the interpreter that runs the tests and whatever kernels a user has installed."""
    specs = KernelSpecManager(kernel_dirs=[])
    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=specs)
    NotebookClient(book, km=manager, timeout=CELL_SECONDS, resources={"metadata": {"path": str(folder)}}).execute()


def test_there_are_notebooks():
    assert len(NOTEBOOKS) == 3


@every
def test_it_runs_quietly_and_leaves_nothing(path, tmp_path, tmp_path_factory, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    book = nbformat.read(path, as_version=4)
    run(book, tmp_path)
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
    assert not any("execution" in cell.metadata for cell in code), "time stamps: see how the outputs are written, above"


@every
def test_no_command_can_fail_unnoticed(path):
    """A notebook goes on behind a failing `!command`, and a cell behind a failing line of plain `%%sh`."""
    cells = [cell.source.splitlines() for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    magics = [lines[0] for lines in cells if lines[0].startswith("%%")]
    assert [magic for magic in magics if magic != "%%sh -e" and not magic.startswith("%%writefile ")] == []
    assert [line for lines in cells for line in lines if line.startswith("!")] == []
