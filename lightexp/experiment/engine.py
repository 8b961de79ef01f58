"""`Experiment`: from a description to a file and its Record."""

import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import nn

from lightexp.artifact import Coder
from lightexp.data import DataSet
from lightexp.edge import OnnxLatency
from lightexp.errors import ConfigError
from lightexp.experiment.code import code_digest
from lightexp.experiment.forecast import Forecast, epochs_by_key
from lightexp.experiment.observer import Observer, Plan
from lightexp.experiment.observers import Observers
from lightexp.experiment.preflight import chains_of, check, logits_bytes
from lightexp.experiment.record import Record
from lightexp.experiment.result import measure
from lightexp.experiment.stage_row import DEFAULT
from lightexp.experiment.store import Store
from lightexp.experiment.walk import Walker
from lightexp.experiment.write import write_whole
from lightexp.models import build
from lightexp.spec import describe, digest
from lightexp.stages import Chain, Stage
from lightexp.train import Trainer

STORED_SHARE = 2
"""Bytes that a stored stage takes, over those of the net's state: masks, codes and the last epoch's checkpoint come on top."""


@dataclass
class Experiment:
    """A data set, a net and the stages that it goes through; `run` gives the compressed file and its Record.

    data: such as `lightexp.data.Digits()`. model: a class, function or partial that makes the net from input_shape and classes.
    stages: by name; order: names of them, all in their order by default. seed: of everything random.
    control: also train the dense control, the same net for as many epochs, for the comparison.
    store: where stages are kept; None keeps them for this run alone. observers: see `lightexp.experiment.Observer`.
    coder: of the file, see `lightexp.artifact`; the stages do not depend on it.
    latency: how the net of the file is measured where it will run, such as `lightexp.edge.OnnxLatency()`; None leaves it.
    trainer: how trainings are computed, such as `Trainer(checkpointing="sqrt")`; what is in the store is not computed again.
    directory: where the run writes; by default `outputs/<first digits of the key>`. device: "auto" takes a GPU if there is one.

    Example:
        >>> run = Experiment(Digits(), partial(MLP, widths=[100]), {"train": Fit(), "prune": Prune(0.9), "tune": Fit()}).run()
        >>> run.test_accuracy, run.ratio
    """

    data: DataSet
    model: Callable[..., nn.Module]
    stages: dict[str, Stage]
    order: list[str] | None = None
    seed: int = 0
    control: bool = True
    coder: Coder = DEFAULT
    latency: OnnxLatency | None = None
    trainer: Trainer = field(default_factory=Trainer)
    store: Store | None = field(default_factory=lambda: Store(os.environ.get("LIGHTEXP_CACHE", ".lightexp")))
    observers: Sequence[Observer] = ()
    directory: Path | None = None
    device: str = "auto"

    def run(self) -> Record:
        """Run all stages that the store does not hold, write the file, decode it, measure it.

        Raises:
            LightexpError: what was wrong and what to do; whatever can be known before training is found before it.
        """
        observer = Observers(self.observers)
        with ExitStack() as stack:
            try:
                data = self.data.load().to(self._device())
                chains = self._chains()
                store = self.store or Store(stack.enter_context(tempfile.TemporaryDirectory(prefix="lightexp-")))
                return self._run(chains, Walker(data, store, observer, self.coder, self.trainer), observer)
            except BaseException as error:
                observer.fail(error)
                raise

    def forecast(self, fingerprint: str) -> Forecast:
        """What `run` would do over data of that fingerprint, without loading or training anything."""
        chains = self._chains()
        key = self._key(chains["student"].keys(code_digest(), fingerprint)[-1])
        return Forecast(key, epochs_by_key(chains, fingerprint), control="control" in chains)

    def _chains(self) -> dict[str, Chain]:
        chain = Chain(model=self.model, stages=self.stages, order=self.order, seed=self.seed)
        if not chain.steps():
            raise ConfigError("there is no stage to run: name at least one in order")
        return chains_of(chain, chain.control() if self.control else None)

    def _device(self) -> torch.device:
        if self.device == "auto":
            return torch.device("cuda" if torch.cuda.is_available() else "cpu")
        try:
            return torch.zeros(0, device=self.device).device
        except (RuntimeError, AssertionError) as error:
            reason = str(error).partition(chr(10))[0].rstrip(".")
            raise ConfigError(f"the device {self.device!r} cannot be used here ({reason}); choose auto, or one that there is") from error

    def _run(self, chains: dict[str, Chain], walker: Walker, observer: Observer) -> Record:
        chain, control = chains["student"], chains.get("control")
        if self.latency:
            self.latency.check()
        missing = [(count, label) for label, c in chains.items() if (count := walker.missing(c))]
        if missing:
            self.trainer.check(walker.data.train.x.device)
        nets = sum(count * STORED_SHARE * check(chains[label], label, walker.data, self.trainer) for count, label in missing)
        walker.store.probe(nets + logits_bytes([chains[label] for _, label in missing], walker.data))
        key = self._key(walker.keys(chain)[-1])
        directory = (self.directory or Path("outputs") / key[:12]).absolute()
        directory.mkdir(parents=True, exist_ok=True)
        # The same run, started twice at a time, runs once: the second finds everything done.
        with walker.store.lock(f"run-{key}", lambda: observer.progress("student", "(waiting for the same run elsewhere)", 0)):
            observer.start(self._plan(key, chains, walker, directory))
            walker = replace(walker, directory=directory)
            student = walker.walk(chain, "student")
            dense = walker.walk(control, "control") if control else None
            record, content = measure(key, chain, student, control, dense, walker, self.latency)
            walker.store.use(walker.used, directory)
            write_whole(directory / "model.lxp", content)
            write_whole(directory / "record.json", record.json().encode())
            observer.finish(record, directory)
        return record

    def _key(self, net_key: str) -> str:
        """What names the run: its net, how that is coded, and whether it is also measured where it will run."""
        asked = [describe(self.coder)] * (self.coder != DEFAULT) + [describe(self.latency)] * (self.latency is not None)
        return digest(net_key, *asked) if asked else net_key

    def _plan(self, key: str, chains: dict[str, Chain], walker: Walker, directory: Path) -> Plan:
        planned = {label: (len(chain.steps()), walker.missing(chain)) for label, chain in chains.items()}
        net = type(build(self.model, walker.data.input_shape, walker.data.classes)).__name__
        return Plan(key, self.seed, walker.data, net, directory, planned)
