"""What the figures of a run are called in a table, in which unit, and which way is better."""

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from lightexp.errors import ConfigError
from lightexp.spec import spec

Better = Literal["lower", "higher"]

ARROWS = {"lower": "↓", "higher": "↑"}


@spec
class Metric:
    """A column of figures.

    name: as it was logged. title, unit: of the heading. better: which way, shown as an arrow.
    decimals: digits after the point; None is four significant ones. scale: what a logged figure is multiplied with to be in
    the unit. spread: whether ± stands behind the mean. asked: the metric that holds what was asked for, shown before what was
    achieved. nothing: the figure of a net to which this does not apply. sign: whether a + is shown.
    """

    name: str
    better: Better
    title: str = ""
    unit: str = ""
    decimals: Annotated[int, Field(ge=0, le=9)] | None = None
    scale: float = 1.0
    spread: bool = True
    asked: str | None = None
    nothing: float | None = None
    sign: bool = False

    def __post_init__(self) -> None:
        if not self.name:
            raise ConfigError("a metric needs the name under which it was logged, as test/error")

    @property
    def heading(self) -> str:
        return self.title or self.name

    def form(self, value: float, signed: bool | None = None) -> str:
        """A figure, rounded for people, in the metric's unit."""
        digits = ",.4g" if self.decimals is None else f",.{self.decimals}f"
        plus = "+" if (self.sign if signed is None else signed) else ""
        return format(self.scale * value, plus + digits).replace("-", "−")

    def difference(self) -> "Metric":
        """The column of what this figure is more or less than that of the row compared with; percents differ by points."""
        unit = "pp" if self.unit == "%" else self.unit
        return replace(self, name=difference_name(self.name), title=f"Δ {self.heading}", unit=unit, asked=None, sign=True)


def difference_name(metric: str) -> str:
    return f"{metric}_difference"


_TABLE = [
    Metric("test/error", "lower", "test error", "%", 2),
    Metric("sparsity/prunable", "higher", "sparsity", "%", scale=100, asked="sparsity/asked", spread=False),
    Metric("bits/weight", "lower", "weight bits", asked="bits/asked", spread=False),
    Metric("bits/input", "lower", "input bits", spread=False, nothing=32.0),
    Metric("size/file_bytes", "lower", "file", "bytes", 0, spread=False),
    Metric("size/ratio", "higher", "ratio", "×", 1, spread=False),
    Metric("cost/seconds", "lower", "time", "s", 1, spread=False),
]

_OTHERS = [
    Metric("test/accuracy", "higher", "test accuracy", "%", 2),
    Metric("test/top5_error", "lower", "test top-5 error", "%", 2),
    Metric("test/loss", "lower", "test loss", "nats", 4),
    Metric("val/error", "lower", "val. error", "%", 2),
    Metric("val/accuracy", "higher", "val. accuracy", "%", 2),
    Metric("val/loss", "lower", "val. loss", "nats", 4),
    Metric("sparsity/all", "higher", "sparsity of all", "%", scale=100, spread=False),
    Metric("size/coded_bytes", "lower", "coded weights", "bytes", 0, spread=False),
    Metric("test/dense_error", "lower", "dense test error", "%", 2),
    Metric("size/params", "lower", "parameters", decimals=0, spread=False),
    Metric("size/slimmed", "higher", "slimmed", "%", 1, scale=100, asked="size/slimmed_asked", spread=False),
    Metric("size/nonzero", "lower", "non-zeros", decimals=0, spread=False),
    Metric("size/bits_per_param", "lower", "bits a parameter", decimals=3, spread=False),
    Metric("cost/macs", "lower", "MACs", decimals=0, spread=False),
    Metric("cost/effective_macs", "lower", "effective MACs", decimals=0, spread=False),
    Metric("cost/bops", "lower", "BOPs", decimals=0, spread=False),
    Metric("latency/batch_1_p50_ms", "lower", "latency, batch 1", "ms", 3),
    Metric("latency/batch_1_p95_ms", "lower", "95 % latency, batch 1", "ms", 3),
    Metric("latency/batch_1_of_dense", "lower", "of dense, batch 1", "×", 2),
    Metric("latency/batch_64_p50_ms", "lower", "latency, batch 64", "ms", 2),
    Metric("latency/batch_64_p95_ms", "lower", "95 % latency, batch 64", "ms", 2),
    Metric("latency/batch_64_of_dense", "lower", "of dense, batch 64", "×", 2),
]

DEFAULT = [metric.name for metric in _TABLE]
"""The columns of a table that is not told which."""

KNOWN = {metric.name: metric for metric in _TABLE + _OTHERS}
"""Metrics that a table can name without saying more."""
