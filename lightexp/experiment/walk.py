"""Walking a chain: what is in the store is not computed again, what is not is computed once."""

import time
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lightexp.artifact import Coder
from lightexp.data import Splits
from lightexp.distill import Teacher
from lightexp.errors import LightexpError
from lightexp.experiment.code import code_digest
from lightexp.experiment.logits import keep_logits
from lightexp.experiment.observer import Observer
from lightexp.experiment.preflight import title
from lightexp.experiment.stage_row import DEFAULT, from_file, sizes, stage_row, step_cost, to_file
from lightexp.experiment.store import Store
from lightexp.models import build
from lightexp.reparam import rebuild, spec_of
from lightexp.spec import describe
from lightexp.stages import Chain, Context, Stage
from lightexp.surgery import operate, surgery_of
from lightexp.train import Surroundings, Trainer


@dataclass(frozen=True)
class Walked:
    """A chain that has been walked: its keys, the initial net's first, and a row for each stage."""

    keys: list[str]
    rows: list[dict[str, Any]]


@dataclass(frozen=True)
class Walker:
    """Takes chains through their stages over one data set and one store, and tells the observer.

    used: keys of all entries that this run rests on, so far; `directory`, where the run will stand, is noted at each.
    coder: of the files that are measured. It is no part of a key: the same nets are stored, with rows measured under the default
    coder, and measured again for any other.
    trainer: how trainings are computed; no part of a key either.
    """

    data: Splits
    store: Store
    observer: Observer
    coder: Coder = DEFAULT
    trainer: Trainer = field(default_factory=Trainer)
    directory: Path | None = None
    used: list[str] = field(default_factory=list)
    _teachers: dict[str, Teacher] = field(default_factory=dict)

    def keys(self, chain: Chain) -> list[str]:
        return chain.keys(code_digest(), self.data.fingerprint)

    def seeds(self, chain: Chain) -> list[int]:
        """Seeds of the initial net and of each step, drawn as the keys are but without the code: an edited comment in it makes
        new keys, and must not make new random numbers."""
        return [int(key[:12], 16) for key in chain.keys(self.data.fingerprint)]

    def missing(self, chain: Chain) -> int:
        """How many of its stages are not in the store."""
        return sum(not self.store.has(key) for key in self.keys(chain)[1:])

    def walk(self, chain: Chain, label: str) -> Walked:
        """Make sure that every stage of the chain is in the store."""
        keys, steps = self.keys(chain), chain.steps()
        rows = []
        for at, (name, stage) in enumerate(steps, start=1):
            reused = self.store.has(keys[at])
            if not reused:
                teacher = self._teacher(stage)
                with self.store.lock(keys[at], partial(self.observer.progress, label, f"{name} (waiting for another run)", 0)):
                    reused = self.store.has(keys[at])
                    if not reused:
                        self._compute(chain, at, label, teacher)
            self._rest_on([keys[at], *self._of_teachers(stage)])
            summary = self.store.summary(keys[at])
            rows.append(summary["row"] | self._sizes(chain, keys[at]) | {"stage": name, "key": keys[at], "reused": reused})
            self.observer.stage(label, rows[-1], summary["curve"])
        return Walked(keys, rows)

    def _rest_on(self, keys: list[str]) -> None:
        """Note it now, so that nobody frees what a run under way needs."""
        self.used.extend(keys)
        if self.directory:
            self.store.use(keys, self.directory)

    def net(self, chain: Chain, key: str) -> nn.Module:
        """The net under a key of the chain, with its surgery, masks and quantizers."""
        torch.manual_seed(self.seeds(chain)[0])
        model = build(chain.model, self.data.input_shape, self.data.classes)
        if key != self.keys(chain)[0]:
            stored = self.store.load(key)
            rebuild(operate(model, stored["surgery"]), stored["constraints"], stored["state"])
        return model.to(self.data.train.x.device).eval()

    def _fresh(self, chain: Chain, seed: int) -> nn.Module:
        """The chain's net, untrained, with weights of another seed than its own."""
        torch.manual_seed(seed)
        return build(chain.model, self.data.input_shape, self.data.classes).to(self.data.train.x.device)

    def _earlier(self, chain: Chain, at: int) -> nn.Module | None:
        """The net that the step of that number rewinds to."""
        earlier = chain.earlier()[at - 1]
        return None if earlier is None else self.net(chain, self.keys(chain)[earlier])

    def file(self, chain: Chain, key: str) -> bytes:
        """The file of the net under a key of the chain."""
        return to_file(chain, self.net(chain, key), self.data, self.coder)

    def _sizes(self, chain: Chain, key: str) -> dict[str, Any]:
        """What another coder than the default changes in the row of a stage."""
        if self.coder == DEFAULT:
            return {}
        content = self.file(chain, key)
        return sizes(chain, from_file(chain, content, self.data), content, self.data)

    def _teacher(self, stage: Stage) -> Teacher | None:
        if stage.teacher is None:
            return None
        return stage.teacher.join([self._answering(label, chain) for label, chain in stage.teacher.chains().items()])

    def _answering(self, label: str, chain: Chain) -> Teacher:
        key = self.keys(chain)[-1]
        if key not in self._teachers:
            self.walk(chain, label)
            self._teachers[key] = Teacher(self.net(chain, key), key)
        return self._teachers[key]

    def _of_teachers(self, stage: Stage) -> list[str]:
        """Keys of the entries that the stage's teachers rest on."""
        chains = stage.teacher.chains().values() if stage.teacher else ()
        return [key for chain in chains for key in self.keys(chain)[1:]]

    def _compute(self, chain: Chain, at: int, label: str, teacher: Teacher | None) -> None:
        """Run the stage of that number and keep what it gives."""
        (name, stage), seed = chain.steps()[at - 1], self.seeds(chain)[at]
        before, key = self.keys(chain)[at - 1 : at + 1]
        resumed = self.store.checkpoint(key).exists()
        self.observer.progress(label, f"{name} (goes on where it was)" if resumed else name, 0)
        progress = partial(self.observer.progress, label)
        keep = partial(keep_logits, self.store, self.used, lambda what, share: progress(f"{name}: {what}", share))
        around = Surroundings(
            self.store.checkpoint(key),
            keep=keep,
            on_epoch=lambda epoch: self.observer.epoch(label, name, asdict(epoch)),
            on_progress=partial(progress, name),
            trainer=self.trainer,
        )
        model, earlier, fresh = self.net(chain, before), self._earlier(chain, at), partial(self._fresh, chain, seed)
        context = Context(self.data, seed, teacher, earlier, fresh, around)
        torch.manual_seed(seed)
        began = time.perf_counter()
        try:
            model = stage(model, context)
        except LightexpError as error:
            raise type(error)(f"{title(name, label)}: {error}") from error
        seconds = sum(epoch.seconds for epoch in context.curve) or time.perf_counter() - began
        row = stage_row(chain, name, stage, model, self.data, seconds) | step_cost(context.curve)
        state = {name: tensor.cpu() for name, tensor in model.state_dict().items()}
        net = {"surgery": surgery_of(model), "constraints": spec_of(model), "state": state}
        curve = [asdict(epoch) for epoch in context.curve]
        self.store.put(key, net, {"net": type(model).__name__, "row": row, "curve": curve, "stage": describe(stage)})
