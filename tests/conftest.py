"""What all tests share."""

import os

from hypothesis import settings

# Two workers share two cores, and tiny nets gain nothing from threads; read by torch when it is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("lightexp", deadline=None)
settings.load_profile("lightexp")
