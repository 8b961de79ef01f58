"""The engine: a chain of stages, kept by content address, ends in one file, and every number is measured on that."""

from lightexp.experiment.engine import Experiment
from lightexp.experiment.observer import Observer, Plan
from lightexp.experiment.record import Record
from lightexp.experiment.store import Store

__all__ = ["Experiment", "Observer", "Plan", "Record", "Store"]
