"""What a run rested on besides its config, as tags."""

import json
import platform
from importlib.metadata import PackageNotFoundError, version

from lightexp import __version__
from lightexp.experiment.code import code_digest

PACKAGES = ("torch", "torchvision", "pytorch-lightning", "hydra-core", "mlflow", "numpy", "scikit-learn", "scipy")


def environment() -> dict[str, str]:
    """version: of lightexp. code: digest of the source that results depend on. environment: JSON, name → version of Python, the
    platform and the packages that are there."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return {"version": __version__, "code": code_digest()[:12], "environment": json.dumps(found)}
