"""Files that are whole or absent."""

import os
from pathlib import Path

from lightexp.errors import StoreError


def write_whole(path: Path, content: bytes) -> None:
    """Write under another name, then rename.

    Raises:
        StoreError: the disk is full or read-only.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)
