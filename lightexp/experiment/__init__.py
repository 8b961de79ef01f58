"""The engine: a chain of stages, kept by content address, ends in one file, and every number is measured on that."""

from lightexp.experiment.observer import Observer, Plan
from lightexp.experiment.record import Record
from lightexp.experiment.store import Store

__all__ = ["Experiment", "Observer", "Plan", "Record", "Store"]


def __getattr__(name: str):
    # Looking at records and stores needs no torch, which the engine takes seconds to import.
    if name == "Experiment":
        from lightexp.experiment.engine import Experiment

        return Experiment
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
