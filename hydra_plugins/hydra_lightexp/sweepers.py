"""Which jobs a sweep has."""

from abc import abstractmethod
from typing import Any

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class Launching(Sweeper):
    """A sweeper whose jobs the chosen launcher runs."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        from hydra.core.plugins import Plugins

        self.context, self.config = hydra_context, config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        from lightexp.sweep.sweep import Sweep

        try:
            self.run(Sweep(self.context, self.config, self.launcher), arguments)
        finally:
            # Hydra's own launchers keep nothing that would have to be closed.
            getattr(self.launcher, "close", lambda: None)()

    @abstractmethod
    def run(self, sweep: Any, arguments: list[str]) -> None:
        """Run the jobs that the arguments stand for."""


class Grid(Launching):
    """Every combination of the values."""

    def run(self, sweep: Any, arguments: list[str]) -> None:
        from lightexp.sweep.grid import run

        run(sweep, arguments)


class Optuna(Launching):
    """A search for the settings that are best in one objective or several at once; see conf/hydra/sweeper/optuna.yaml."""

    def __init__(self, **options: Any) -> None:
        self.options = options

    def run(self, sweep: Any, arguments: list[str]) -> None:
        from lightexp.sweep.search import Search

        Search(**self.options).run(sweep, arguments)
