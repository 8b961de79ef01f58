"""The structure that the README states."""

import subprocess
import sys
from pathlib import Path


def test_each_layer_imports_only_what_stands_below_it():
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()"]
    checked = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
    assert "2 kept, 0 broken" in checked.stdout
