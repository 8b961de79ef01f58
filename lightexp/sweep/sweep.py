"""Running the jobs of a sweep."""

import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from lightexp.compose.errors import explain
from lightexp.compose.typed import flags
from lightexp.errors import JobsFailed, LightexpError
from lightexp.sweep.job import Job
from lightexp.sweep.plan import Planner, announce
from lightexp.sweep.status import FILE, Status
from lightexp.sweep.summary import More, conclude, finished_keys, refresh
from lightexp.sweep.watch import Watch


class Sweep:
    """A name, a launcher, and the jobs that were planned so far."""

    def __init__(self, context: HydraContext, config: DictConfig, launcher: Launcher) -> None:
        self.name = str(config.sweep)
        self.config, self.context, self.launcher = config, context, launcher
        self.uri: str | None = config.tracker.get("uri") if config.tracker else None
        self.console = Console(highlight=False)
        self.command = "lightexp run " + shlex.join(sys.argv[1:])
        self.folder = Path(config.hydra.sweep.dir).absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(config, self.folder / "multirun.yaml")
        self.planner = Planner(context, config)
        self.jobs: dict[str, Job] = {}
        self.errors: dict[str, str] = {}

    def plan(self, planned: Sequence[tuple[list[str], str]]) -> list[Job]:
        """Jobs of overrides and names, in their order; of a name that was planned before, the same job."""
        with self.console.status("composing the jobs") as shown:
            for number, (overrides, name) in enumerate(planned):
                shown.update(f"composing the jobs: {number} of {len(planned)}")
                if name not in self.jobs:
                    self.jobs[name] = job = self.planner.job(overrides, name)
                    if job.error:
                        self.errors[name] = job.error
        return [self.jobs[name] for _, name in planned]

    def done(self, jobs: Sequence[Job]) -> list[Job]:
        """Those that ran to their end, and are tracked as such."""
        tracked = finished_keys(self.uri, self.name)
        found = [job for job in jobs if job.record()]
        return [job for job in found if tracked is None or (job.forecast and job.forecast.key in tracked)]

    def announce(self, jobs: Sequence[Job], done: Sequence[Job]) -> None:
        options = self.config.hydra.launcher
        at_once = options.get("n_jobs") or options.get("slurm_array_parallelism")
        self.console.print(announce(self.name, jobs, done, at_once), soft_wrap=True)

    def watch(self, total: int, more: More = lambda folder: []) -> Watch:
        return Watch(self.console, total, lambda: self._refresh(more))

    def run(self, jobs: Sequence[Job], watch: Watch) -> None:
        """Run jobs that can run and are not done; what fails is kept in `errors`."""
        if not jobs:
            return
        places = list(self.jobs)
        numbers = [places.index(job.name) + 1 for job in jobs]
        watch.expect(zip(numbers, jobs, strict=True))
        returned = self.launcher.launch([job.overrides for job in jobs], initial_job_idx=numbers[0])
        for job, result in zip(jobs, returned, strict=True):
            status = Status.read(job.directory)
            if result.status.name == "FAILED":
                error = result._return_value
                status = Status("failed", explain(error) or str(error), ended=time.time()).write(job.directory)
            if status is None or status.state not in ("finished", "hopeless"):
                self.errors[job.name] = (status and status.error) or "it did not come to its end"

    def conclude(self, more: More = lambda folder: []) -> None:
        """The table, the summary run, and what failed.

        Raises:
            JobsFailed: some did.
        """
        conclude(self.console, self.uri, self.name, self.command, more)
        if self.errors:
            raise JobsFailed(complaint(list(self.jobs.values()), self.errors, flags(sys.argv[1:])))

    def _refresh(self, more: More) -> None:
        if self.uri is None:
            return
        try:
            refresh(self.uri, self.name, self.command, more)
        except LightexpError as error:
            self.console.print(f"the summary run could not be refreshed: {error}", soft_wrap=True)


def complaint(jobs: Sequence[Job], errors: dict[str, str], typed: Sequence[str]) -> str:
    """What failed, why, and the commands that run just that.

    typed: flags that all jobs were given.
    """
    lines = [f"{len(errors)} of {len(jobs)} jobs failed; what is done is kept, and the same command runs the rest"]
    for number, job in enumerate(jobs, start=1):
        if job.name in errors:
            command = ["lightexp", "run", *typed, *(o for o in job.overrides if not o.startswith(("hydra.", "sweep=")))]
            lines += [f"  [{number}] {_in_short(errors[job.name], job.directory)}", f"      {shlex.join(command)}"]
    return "\n".join(lines)


def _in_short(error: str, directory: Path) -> str:
    """Of an error that nobody foresaw the last line, and where the rest is."""
    lines = error.strip().splitlines()
    return f"{lines[-1]} (traceback: {directory / FILE})" if lines[0].startswith("Traceback") else error.strip()
