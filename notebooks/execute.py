"""Write the outputs of the notebooks anew: `python notebooks/execute.py`."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

NOTEBOOKS = sorted(Path(__file__).parent.glob("*.ipynb"))
CELL_SECONDS = 1800
"""A cell that takes longer is an error."""


def execute(book: Any, folder: Path) -> None:
    """Run all cells in a folder by this interpreter, whatever kernels the user has installed, and keep what they put out.

    Raises:
        nbclient.exceptions.CellExecutionError: the first cell that fails.
    """
    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=KernelSpecManager(kernel_dirs=[]))
    # The command beside this interpreter is found though its environment be not activated.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    # Without times of day, and what a stream brings in pieces put together.
    options = {"timeout": CELL_SECONDS, "record_timing": False, "coalesce_streams": True}
    client = NotebookClient(book, km=manager, resources={"metadata": {"path": str(folder)}}, **options)
    client.execute(env=os.environ | {"PATH": path}, cleanup_kc=True)
    book.metadata["language_info"] = {"name": "python"}


def main() -> None:
    for path in NOTEBOOKS:
        book = nbformat.read(path, as_version=4)
        with tempfile.TemporaryDirectory() as folder:
            execute(book, Path(folder))
        nbformat.write(book, path)
        print(path.name)


if __name__ == "__main__":
    main()
