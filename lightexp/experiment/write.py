"""Files that are whole or absent."""

import os
from contextlib import suppress
from pathlib import Path

from lightexp.errors import StoreError


def write_whole(path: Path, content: bytes) -> Path:
    """Write under another name, then rename, also while other processes write the same file; the path.

    Raises:
        StoreError: the disk is full or read-only.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(content)
        os.replace(unfinished, path)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink()
        raise StoreError(f"{path} cannot be written: {error.strerror or error}") from error
    return path
