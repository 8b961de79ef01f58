"""Where the jobs of a sweep run."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class Elsewhere(Launcher):
    """Runs jobs in other processes. A job that dies is a failed job, and no other suffers from it."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.context, self.task, self.config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
        from lightexp.sweep.execution import returned

        errors = self.errors(job_overrides, initial_job_idx)
        return [returned(overrides, error) for overrides, error in zip(job_overrides, errors, strict=True)]

    def execution(self) -> Any:
        """A job as a call of its overrides and its number."""
        from lightexp.sweep.execution import Execution

        return Execution(self.context, self.config, self.task, Singleton.get_state())

    @abstractmethod
    def errors(self, jobs: Sequence[Sequence[str]], first: int) -> list[Exception | None]:
        """Run jobs of these overrides, numbered from `first`; what went wrong with each, or None."""


class Local(Elsewhere):
    """Processes on this machine. n_jobs: so many at once; the cores are shared out between them."""

    def __init__(self, n_jobs: int) -> None:
        self.n_jobs = n_jobs
        self.pool: Any = None

    def errors(self, jobs: Sequence[Sequence[str]], first: int) -> list[Exception | None]:
        from lightexp.sweep.pool import Pool

        self.pool = self.pool or Pool(self.execution(), self.n_jobs)
        return self.pool.run(jobs, first)

    def close(self) -> None:
        """End the processes."""
        if self.pool:
            self.pool.close()


class Slurm(Elsewhere):
    """A job array on a cluster, by submitit, whose parameters the options are."""

    def __init__(self, folder: str, max_num_timeout: int, **options: Any) -> None:
        self.folder, self.max_num_timeout, self.options = folder, max_num_timeout, options

    def errors(self, jobs: Sequence[Sequence[str]], first: int) -> list[Exception | None]:
        from lightexp.sweep.slurm import run_all

        return run_all(self.execution(), jobs, first, self.folder, self.max_num_timeout, self.options)
