"""Which jobs a sweep has."""

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


class Grid(Launching):
    """Every combination of the values."""

    def sweep(self, arguments: list[str]) -> Any:
        from lightexp.sweep.grid import run
        from lightexp.sweep.sweep import Sweep

        run(Sweep(self.context, self.config, self.launcher), arguments)


class Optuna(Launching):
    """A search for the settings that are best in one objective or several at once; see conf/hydra/sweeper/optuna.yaml."""

    def __init__(self, **options: Any) -> None:
        self.options = options

    def sweep(self, arguments: list[str]) -> Any:
        from lightexp.sweep.search import Search
        from lightexp.sweep.sweep import Sweep

        Search(**self.options).run(Sweep(self.context, self.config, self.launcher), arguments)
