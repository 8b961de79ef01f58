"""`Experiment`: from a description to a file and its Record."""

import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lightexp.artifact import parse
from lightexp.data import DataSet, Splits
from lightexp.errors import ConfigError
from lightexp.experiment.observer import Observer, Plan
from lightexp.experiment.observers import Observers
from lightexp.experiment.record import Record
from lightexp.experiment.stage_row import from_file, sizes, to_file
from lightexp.experiment.store import Store
from lightexp.experiment.walk import Walked, Walker
from lightexp.experiment.write import write_whole
from lightexp.measure import layer_rows, score
from lightexp.models import build
from lightexp.spec import describe
from lightexp.stages import Chain, Stage


@dataclass
class Experiment:
    """A data set, a net and the stages that it goes through; `run` gives the compressed file and its Record.

    data: such as `lightexp.data.Digits()`. model: a class, function or partial that makes the net from input_shape and classes.
    stages: by name; order: names of them, all in their order by default. seed: of everything random.
    control: also train the dense control, the same net for as many epochs, for the comparison.
    store: where stages are kept; None keeps them for this run alone. observers: see `lightexp.experiment.Observer`.
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
                chain = Chain(model=self.model, stages=self.stages, order=self.order, seed=self.seed)
                store = self.store or Store(stack.enter_context(tempfile.TemporaryDirectory(prefix="lightexp-")))
                return self._run(chain, Walker(data, store, observer), observer)
            except BaseException as error:
                observer.fail(error)
                raise

    def _device(self) -> torch.device:
        if self.device == "auto":
            return torch.device("cuda" if torch.cuda.is_available() else "cpu")
        try:
            return torch.zeros(0, device=self.device).device
        except (RuntimeError, AssertionError) as error:
            raise ConfigError(f"the device {self.device!r} cannot be used here; choose auto, cpu or cuda") from error

    def _run(self, chain: Chain, walker: Walker, observer: Observer) -> Record:
        control = chain.control() if self.control else None
        walker.store.probe(_try(chain, walker.data))
        key = walker.keys(chain)[-1]
        directory = (self.directory or Path("outputs") / key[:12]).absolute()
        directory.mkdir(parents=True, exist_ok=True)
        # The same run, started twice at a time, runs once: the second finds everything done.
        with walker.store.lock(f"run-{key}", lambda: observer.progress("student", "waiting for the same run elsewhere", 0)):
            observer.start(self._plan(chain, control, walker, key, directory))
            student = walker.walk(chain, "student")
            dense = walker.walk(control, "control") if control else None
            record, content = self._measure(chain, control, walker, student, dense)
            walker.store.use(walker.used, directory)
            write_whole(directory / "model.lxp", content)
            write_whole(directory / "record.json", record.json().encode())
            observer.finish(record, directory)
        return record

    def _plan(self, chain: Chain, control: Chain | None, walker: Walker, key: str, directory: Path) -> Plan:
        chains = {"student": chain} | ({"control": control} if control else {})
        for _, stage in chain.steps():
            if stage.teacher is not None:
                chains = {"teacher": stage.teacher} | chains
        planned = {label: ([name for name, _ in c.steps()], walker.stored(c)) for label, c in chains.items()}
        described = {"data": describe(self.data)} | describe(chain)
        net = type(build(self.model, walker.data.input_shape, walker.data.classes)).__name__
        return Plan(key, self.seed, walker.data.name, net, directory, planned, described)

    def _measure(
        self, chain: Chain, control: Chain | None, walker: Walker, student: Walked, dense: Walked | None
    ) -> tuple[Record, bytes]:
        """Encode the last net, decode it, and read the test split: once for the file and once for its dense control."""
        data = walker.data
        content = to_file(chain, walker.net(chain, student.keys[-1]), data)
        decoded = from_file(chain, content, data)
        parsed = parse(content)
        rows = layer_rows(decoded, parsed, data.input_shape)
        test, validation = score(decoded, data, data.test), score(decoded, data, data.val)
        figures: dict[str, Any] = sizes(decoded, content)
        asked = [row["sparsity_asked"] for row in student.rows if row["sparsity_asked"] is not None]
        record = Record(
            key=student.keys[-1],
            seed=self.seed,
            data=data.name,
            net=type(decoded).__name__,
            epochs=sum(row["epochs"] for row in student.rows),
            test_accuracy=test.accuracy,
            test_error=test.error,
            test_loss=test.loss,
            test_top5_error=test.top5_error,
            val_accuracy=validation.accuracy,
            val_loss=validation.loss,
            dense_test_accuracy=_test_accuracy(control, walker, dense) if control and dense else None,
            sparsity_asked=asked[-1] if asked else None,
            **{f"{section}_bytes": size for section, size in parsed.bytes_of.items()},
            macs=sum(row["macs"] for row in rows),
            effective_macs=sum(row["effective_macs"] for row in rows),
            bops=sum(row["effective_macs"] * row["bits"] * 32 for row in rows),
            seconds=sum(row["seconds"] for row in student.rows),
            stages=student.rows,
            layers=rows,
            **figures,
        )
        return record, content


def _test_accuracy(chain: Chain, walker: Walker, walked: Walked) -> float:
    net = walker.net(chain, walked.keys[-1])
    decoded = from_file(chain, to_file(chain, net, walker.data), walker.data)
    return score(decoded, walker.data, walker.data.test).accuracy


def _try(chain: Chain, data: Splits) -> int:
    """Build the net, its teachers' too, and let two samples through, to find now what does not fit; the bytes of its state."""
    model = build(chain.model, data.input_shape, data.classes).to(data.train.x.device).eval()
    inputs, _ = data.batch(data.train, torch.arange(2))
    try:
        with torch.no_grad():
            shape = tuple(model(inputs).shape)
    except (RuntimeError, ValueError, TypeError) as error:
        raise ConfigError(
            f"the net {type(model).__name__} cannot take {data.name}'s inputs of shape {list(data.input_shape)}: {error}"
        ) from error
    if shape != (2, data.classes):
        raise ConfigError(f"the net {type(model).__name__} gives {list(shape)} for 2 inputs, not [2, {data.classes}]")
    for name, stage in chain.steps():
        try:
            stage.check(model)
        except ConfigError as error:
            raise ConfigError(f"stage {name}: {error}") from error
        if stage.teacher is not None:
            _try(stage.teacher, data)
    return sum(tensor.numel() * tensor.element_size() for tensor in model.state_dict().values())
