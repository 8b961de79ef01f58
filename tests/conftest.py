"""What all tests share."""

import os

import numpy as np
import pytest
from hypothesis import settings

# Two workers share two cores, and tiny nets gain nothing from threads; read by torch when it is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("lightexp", deadline=None)
settings.load_profile("lightexp")


@pytest.fixture
def two_samples():
    """Train holds x = (4, 0) of class 0 and (0, 2) of class 1, each twice; the copies that validate leave one of each."""
    from lightexp.data import split

    x, y = np.array([[4.0, 0.0], [0.0, 2.0]] * 2), [0, 1, 0, 1]
    return split("two", x, y, x, y, validation=0.5)
