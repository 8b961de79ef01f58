"""The compressed file: bytes out of a net, and a net out of the bytes."""

from lightexp.artifact.container import Layer, Parsed, parse, read

__all__ = ["Layer", "Parsed", "decode", "encode", "load", "parse", "read"]


def __getattr__(name: str):
    # What needs torch is imported on first use: looking into a file needs none and should not wait for it.
    if name in ("encode", "decode", "load"):
        from lightexp.artifact import net

        return getattr(net, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
