"""What is asked for and makes no difference."""

import re
from collections.abc import Iterable

from omegaconf import DictConfig, OmegaConf

from lightexp.compose.build import READ, SHARED

REFERS = re.compile(r"\$\{(\w+)[.\[}]")


def unread(config: DictConfig, overrides: Iterable[str]) -> list[str]:
    """Those overrides that set what no stage of the order refers to, directly or by what it refers to."""
    names = {override: override.partition("=")[0].lstrip("+~").split(".") for override in overrides}
    none, order = idle(config), config.order
    skipped = set() if order is None else config.stages.keys() - set(order)
    return [
        override
        for override, (top, *rest) in names.items()
        if top in none or (top == "stages" and rest and rest[0] in skipped)
    ]


def idle(config: DictConfig) -> set[str]:
    """The shared nodes at the top that no stage of the order refers to."""
    return set(SHARED) - _reached(config)


def _reached(config: DictConfig) -> set[str]:
    """Names at the top that are referred to, from where a run begins."""
    stages = config.stages if config.order is None else {name: config.stages.get(name) for name in config.order}
    begins = {name: config.get(name) for name in READ if name not in ("stages", "order")}
    waiting = [OmegaConf.create(begins), OmegaConf.create(dict(stages))]
    reached: set[str] = set()
    while waiting:
        found = set(REFERS.findall(OmegaConf.to_yaml(waiting.pop(), resolve=False)))
        waiting += [OmegaConf.create({name: config.get(name)}) for name in found - reached]
        reached |= found
    return reached
