"""One job as a call that can be sent to another process or machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict


@dataclass(frozen=True)
class Execution:
    """Composes the config of a job as Hydra did in the process that started the sweep, and runs it."""

    context: HydraContext
    config: DictConfig
    task: TaskFunction
    singletons: dict[Any, Any]

    def __call__(self, overrides: Sequence[str], number: int) -> None:
        Singleton.set_state(self.singletons)
        setup_globals()
        config = self.context.config_loader.load_sweep_config(self.config, list(overrides))
        with open_dict(config.hydra.job) as job:
            job.id, job.num = f"{job.name}_{number}", number
        HydraConfig.instance().set_config(config)
        # The value of a job that raised raises again, here.
        _ = run_job(self.task, config, "hydra.sweep.dir", "hydra.sweep.subdir", self.context).return_value

    def checkpoint(self, overrides: Sequence[str], number: int) -> Any:
        """What submitit queues again when the cluster takes the job's machine away: the same, as its stages are kept."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, overrides, number)


def returned(overrides: Sequence[str], error: Exception | None) -> JobReturn:
    """The end of a job in Hydra's form."""
    status = JobStatus.COMPLETED if error is None else JobStatus.FAILED
    return JobReturn(overrides=overrides, status=status, _return_value=error)
