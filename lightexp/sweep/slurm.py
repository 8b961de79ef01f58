"""Jobs on a cluster: one array of them, which Slurm schedules and submitit hands over."""

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightexp.errors import ConfigError, JobError
from lightexp.sweep.execution import Execution

LOOK_SECONDS = 2.0
LOST_SECONDS = 60.0
"""A job that the queue has not known for so long, and that left no result, is lost. Shared folders show files late."""


def run_all(
    execution: Execution, jobs: Sequence[Sequence[str]], first: int, folder: str, timeouts: int, options: dict[str, Any]
) -> list[Exception | None]:
    """Submit the jobs as one array and wait for all of them; for each what went wrong, or None.

    folder: of submitit's own files and the jobs' output. timeouts: times that a job is queued again when it has used up its
    time. options: of `submitit.AutoExecutor.update_parameters`. An interrupt cancels what has not ended.
    """
    handles = _submit(execution, jobs, first, folder, timeouts, options)
    try:
        return _await(handles)
    except KeyboardInterrupt:
        _ask("scancel", handles[0].job_id.partition("_")[0])
        raise


def _submit(
    execution: Execution, jobs: Sequence[Sequence[str]], first: int, folder: str, timeouts: int, options: dict[str, Any]
) -> list[Any]:
    try:
        import submitit
    except ImportError as error:
        raise ConfigError("hydra/launcher=slurm needs submitit: pip install 'lightexp[slurm]'") from error
    try:
        executor = submitit.AutoExecutor(folder=Path(folder).absolute(), cluster="slurm", slurm_max_num_timeout=timeouts)
        executor.update_parameters(**options)
        return executor.map_array(execution, jobs, range(first, first + len(jobs)))
    except (RuntimeError, NameError, submitit.core.utils.FailedJobError) as error:
        said = str(error).removeprefix("sbatch: error: ")
        raise ConfigError(f"Slurm did not take the jobs: {said} (what is asked for stands in hydra.launcher)") from error


def _await(handles: list[Any]) -> list[Exception | None]:
    seen = dict.fromkeys(range(len(handles)), time.monotonic())
    errors: list[Exception | None] = [None] * len(handles)
    while seen:
        time.sleep(LOOK_SECONDS)
        queued = _queued(handles[0].job_id.partition("_")[0])
        for at in list(seen):
            if handles[at].paths.result_pickle.exists():
                errors[at] = _error_of(handles[at])
                del seen[at]
            elif handles[at].job_id in queued:
                seen[at] = time.monotonic()
            elif time.monotonic() - seen[at] > LOST_SECONDS:
                errors[at] = JobError(f"Slurm no longer knows job {handles[at].job_id}, which left no result")
                del seen[at]
    return errors


def _queued(array: str) -> set[str]:
    """Jobs of the array that wait or run. submitit asks the cluster's accounts instead, which not every cluster keeps."""
    return set(_ask("squeue", "--noheader", "--array", "--format=%i", f"--jobs={array}").split())


def _ask(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _error_of(handle: Any) -> Exception | None:
    error = handle.exception()
    return None if error is None else JobError(f"job {handle.job_id}: {str(error).strip().splitlines()[-1]}")
