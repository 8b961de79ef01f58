"""lightexp: a research framework for making neural networks light."""

__all__ = ["Experiment", "Record", "Store", "load"]
__version__ = "0.1.0"


def __getattr__(name: str):
    # Imported on first use: the command line must answer in less time than torch takes to import.
    if name in ("Experiment", "Record", "Store"):
        from lightexp import experiment

        return getattr(experiment, name)
    if name == "load":
        from lightexp.artifact import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
