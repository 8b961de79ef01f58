"""A search with Optuna: it chooses points, the sweep runs them, the Pareto set is the result."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import optuna
from hydra.core.override_parser.types import Override
from optuna import Study, Trial
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from lightexp.compose.sweep import parse, values
from lightexp.errors import ConfigError
from lightexp.spec import digest
from lightexp.sweep.front import ARROWS, more, show
from lightexp.sweep.job import Job
from lightexp.sweep.objectives import check, value
from lightexp.sweep.space import SEED, space
from lightexp.sweep.status import Status
from lightexp.sweep.sweep import Sweep
from lightexp.sweep.watch import Watch


@dataclass
class Search:
    """See conf/hydra/sweeper/optuna.yaml.

    A trial is a point; its jobs are that point with each of the seeds, and its values the means of what they found. The study
    is kept in the sweep's folder. Each trial has a sampler of its own, seeded by its number: a study that goes on after a crash
    asks for what it would have asked for, and not for the first points again.
    """

    objectives: Mapping[str, str]
    trials: int
    at_once: int
    seed: int
    sampler: Callable[..., BaseSampler]
    give_up_after: int | None

    def run(self, sweep: Sweep, arguments: list[str]) -> None:
        """Go on with the sweep's study until it has so many trials, and show what is best.

        Raises:
            ConfigError: nothing to choose, impossible objectives, or a study of other ones, another config or other code under
                the same name.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        objectives = check(self.objectives)
        overrides = parse(sweep.context, arguments)
        choices, points = space(overrides), _Points(overrides)
        study = self._study(sweep, objectives)
        _check_ended(study, lambda trial: points.jobs(sweep, trial))
        begun, left = self._state(study, choices)
        size = f"{self.trials} trials" + (f" × {len(points.seeds)} seeds" if len(points.seeds) > 1 else "")
        aims = ", ".join(f"{name} {ARROWS[direction]}" for name, direction in objectives.items())
        ended = self.trials - left - len(begun)
        plan = f"{size} · {ended} ended · {left + len(begun)} to run, {self.at_once} at a time"
        sweep.console.print(f"sweep {sweep.name}: search over {', '.join(choices)} for {aims}\n{plan}", soft_wrap=True)
        files = more(study, objectives)
        with sweep.watch(self.trials * len(points.seeds), files) as watch:
            for batch in self._batches(study, choices, begun, left):
                _try(sweep, study, {trial.number: points.jobs(sweep, trial) for trial in batch}, list(objectives), watch)
        show(sweep.console, study, objectives)
        sweep.conclude(files)

    def _study(self, sweep: Sweep, objectives: dict[str, str]) -> Study:
        study = optuna.create_study(
            storage=f"sqlite:///{sweep.folder / 'study.db'}",
            study_name=sweep.name,
            directions=list(objectives.values()),
            load_if_exists=True,
        )
        before = study.user_attrs.get("objectives", objectives)
        if before != objectives:
            raise ConfigError(f"the study of sweep {sweep.name} is for {before}: give this one another name by sweep=NAME")
        study.set_user_attr("objectives", objectives)
        return study

    def _state(self, study: Study, choices: Mapping[str, BaseDistribution]) -> tuple[list[FrozenTrial], int]:
        """Trials that were begun, and how many are left to ask for. Those that failed are none: others take their place."""
        begun = []
        for trial in study.get_trials(states=[TrialState.RUNNING]):
            if set(trial.params) == set(choices):
                begun.append(trial)
            else:
                # Its process died while it was being asked for.
                study.tell(trial.number, state=TrialState.FAIL)
        ended = study.get_trials(states=[TrialState.COMPLETE, TrialState.PRUNED])
        return begun, max(0, self.trials - len(ended) - len(begun))

    def _batches(
        self, study: Study, choices: dict[str, BaseDistribution], begun: list[FrozenTrial], left: int
    ) -> Iterator[list[Trial | FrozenTrial]]:
        waiting: list[Trial | FrozenTrial] = [*begun]
        while waiting or left:
            fresh = min(left, max(0, self.at_once - len(waiting)))
            waiting += [self._ask(study, choices) for _ in range(fresh)]
            left -= fresh
            yield waiting[: self.at_once]
            waiting = waiting[self.at_once :]

    def _ask(self, study: Study, choices: dict[str, BaseDistribution]) -> Trial:
        study.sampler = self.sampler(seed=int(digest(self.seed, len(study.trials))[:8], 16))
        try:
            return study.ask(choices)
        except ValueError as error:
            raise ConfigError(f"the study was begun with other values to choose from ({error}): name another sweep") from error


def _check_ended(study: Study, jobs_of: Callable[[FrozenTrial], list[Job]]) -> None:
    """All trials are of one config, so the last that ended speaks for them."""
    ended = study.get_trials(states=[TrialState.COMPLETE])
    if ended and not all(job.record() for job in jobs_of(ended[-1])):
        raise ConfigError(
            f"the study of sweep {study.study_name} was begun with another config, other seeds or other code, or its runs are gone: "
            "give this one another name by sweep=NAME"
        )


class _Points:
    """Makes the jobs of a trial."""

    def __init__(self, overrides: Sequence[Override]) -> None:
        self.fixed = [values(override)[0] for override in overrides if not override.is_sweep_override()]
        swept = [override for override in overrides if override.is_sweep_override() and override.get_key_element() == SEED]
        self.seeds = [[seed] for seed in values(swept[0])] if swept else [[]]

    def jobs(self, sweep: Sweep, trial: Trial | FrozenTrial) -> list[Job]:
        chosen = [f"{name}={value}" for name, value in trial.params.items()]
        return sweep.plan([([*chosen, *seed, *self.fixed], " ".join([*chosen, *seed])) for seed in self.seeds])


def _try(sweep: Sweep, study: Study, jobs: dict[int, list[Job]], objectives: list[str], watch: Watch) -> None:
    """Run what is missing of the trials' jobs, by their numbers, and tell the study."""
    planned = list({job.name: job for trial in jobs.values() for job in trial}.values())
    done = sweep.done(planned)
    sweep.run([job for job in planned if job not in done and not job.error], watch)
    for number, own in jobs.items():
        records = [record for record in (job.record() for job in own) if record]
        states = [status.state for status in (Status.read(job.directory) for job in own) if status]
        if len(records) == len(own):
            means = [sum(value(record, name) for record in records) / len(records) for name in objectives]
            study.tell(number, means)
        else:
            study.tell(number, state=TrialState.PRUNED if "hopeless" in states else TrialState.FAIL)
