"""The identity of the code that results depend on."""

import functools
import hashlib
from importlib.resources import files

import torch

DECIDING = (
    "artifact",
    "data",
    "distill",
    "edge",
    "experiment/stage_row.py",
    "factorize",
    "measure",
    "models",
    "ops",
    "prune",
    "quantize",
    "reparam",
    "slim",
    "sources.py",
    "spec.py",
    "stages",
    "statistics",
    "surgery",
    "train",
)
"""What decides an entry of the store: an edit to any of it makes new ones."""


@functools.cache
def code_digest() -> str:
    """SHA-256 over the source of all that a stage's output depends on, and the version of torch."""
    root = files("lightexp")
    sources = [path for part in DECIDING for path in ([root / part] if part.endswith(".py") else (root / part).rglob("*.py"))]
    total = hashlib.sha256(torch.__version__.encode())
    for path in sorted(sources):
        total.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()
