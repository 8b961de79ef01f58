"""What a sweep is about to do, from the keys of its jobs and before any of them runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hydra.types import HydraContext
from omegaconf import DictConfig

from lightexp.compose.errors import explain
from lightexp.compose.sweep import compose_job
from lightexp.data import DataSet
from lightexp.spec import describe, digest
from lightexp.sweep.job import Job, folder_of


@dataclass
class Planner:
    """Makes jobs of overrides. A data set is loaded once, for its fingerprint, however many jobs share it."""

    context: HydraContext
    config: DictConfig
    _fingerprints: dict[str, str] = field(default_factory=dict)

    def job(self, overrides: Sequence[str], name: str) -> Job:
        """The job of these overrides, in a folder of its name; one that cannot run says why."""
        whole = [*overrides, f"hydra.sweep.subdir='{folder_of(name or 'job')}'"]
        try:
            experiment, directory = compose_job(self.context, self.config, whole)
            forecast = experiment.forecast(self._fingerprint(experiment.data))
            return Job(whole, name, directory, forecast, experiment.store)
        except Exception as error:
            reason = explain(error)
            if reason is None:
                raise
            return Job(whole, name, Path(self.config.hydra.sweep.dir, folder_of(name or "job")).absolute(), error=reason)

    def _fingerprint(self, data: DataSet) -> str:
        key = digest(describe(data))
        if key not in self._fingerprints:
            self._fingerprints[key] = data.load().fingerprint
        return self._fingerprints[key]


@dataclass(frozen=True)
class Totals:
    """Stages that jobs rest on: all of them, counted for each job; those that differ; of these, those in no store; epochs of
    training in these, and what it would be if each job trained for itself."""

    stages: int
    different: int
    missing: int
    epochs: int
    epochs_alone: int


def totals(jobs: Iterable[Job]) -> Totals:
    listed = [(job, job.forecast.epochs) for job in jobs if job.forecast]
    different = {key: epochs for _, stages in listed for key, epochs in stages.items()}
    stored = {key for job, stages in listed if job.store for key in stages if job.store.has(key)}
    missing = {key: epochs for key, epochs in different.items() if key not in stored}
    alone = sum(epochs for _, stages in listed for key, epochs in stages.items() if key in missing)
    return Totals(sum(len(stages) for _, stages in listed), len(different), len(missing), sum(missing.values()), alone)


def announce(name: str, jobs: Sequence[Job], done: Sequence[Job], at_once: int | None) -> str:
    """The plan as two lines, and one more where what is swept changes nothing."""
    barred = [job for job in jobs if job.error]
    left = [job for job in jobs if job not in done and not job.error]
    parts = [f"{len(jobs)} jobs", f"{len(done)} done", f"{len(left)} to run" + (f", {at_once} at a time" if at_once else "")]
    if barred:
        parts.append(f"{len(barred)} cannot run")
    lines = [f"sweep {name}: {' · '.join(parts)}"]
    if left:
        found = totals(left)
        lines.append(
            f"{found.stages} stages, {found.different} of them different: {found.different - found.missing} in the store, "
            f"{found.missing} to compute ({found.epochs:,} epochs; {found.epochs_alone:,} if nothing were shared)"
        )
    keys = [job.forecast.key for job in jobs if job.forecast]
    if len(set(keys)) < len(keys):
        lines.append(f"only {len(set(keys))} of these {len(keys)} runs differ: some of what is swept is read by no stage of theirs")
    return "\n".join(lines)
