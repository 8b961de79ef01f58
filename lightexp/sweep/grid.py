"""Every combination of the values."""

import itertools

from lightexp.compose.sweep import grid, parse, values
from lightexp.sweep.sweep import Sweep


def run(sweep: Sweep, arguments: list[str]) -> None:
    """Say what will be done, do what is missing, and show the table."""
    overrides = parse(sweep.context, arguments)
    varied = [len(values(override)) > 1 for override in overrides]
    named = {" ".join(itertools.compress(found, varied)): found for found in grid(overrides)}
    jobs = sweep.plan([(found, name) for name, found in named.items()])
    done = sweep.done(jobs)
    sweep.announce(jobs, done)
    with sweep.watch(len(jobs)) as watch:
        sweep.run([job for job in jobs if job not in done and not job.error], watch)
    sweep.conclude()
