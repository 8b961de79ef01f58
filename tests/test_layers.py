"""The structure that the README states."""

import subprocess
import sys
from pathlib import Path

import grimp

from lightexp.experiment.code import DECIDING


def test_each_layer_imports_only_what_stands_below_it():
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()"]
    checked = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
    assert "2 kept, 0 broken" in checked.stdout


def test_the_digest_of_the_code_covers_all_that_a_stage_uses():
    used = grimp.build_graph("lightexp").find_upstream_modules("lightexp.stages", as_package=True)
    parts = {module.split(".")[1] for module in used if "." in module} | {"stages"}
    assert parts - {part.removesuffix(".py") for part in DECIDING} == {"errors"}
