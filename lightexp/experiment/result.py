"""The Record, measured on the file."""

from typing import Any

from lightexp.artifact import parse
from lightexp.edge import OnnxLatency
from lightexp.experiment.record import Record
from lightexp.experiment.stage_row import from_file, sizes, slimmed
from lightexp.experiment.walk import Walked, Walker
from lightexp.measure import layer_rows, score
from lightexp.models import build
from lightexp.stages import Chain, Quantize


def measure(
    key: str,
    chain: Chain,
    student: Walked,
    control: Chain | None,
    dense: Walked | None,
    walker: Walker,
    latency: OnnxLatency | None = None,
) -> tuple[Record, bytes]:
    """Encode the last net, decode it, and read the test split: once for the file and once for its dense control."""
    data = walker.data
    content = walker.file(chain, student.keys[-1])
    decoded = from_file(chain, content, data)
    parsed = parse(content)
    rows = layer_rows(decoded, parsed, data.input_shape)
    test, validation = score(decoded, data, data.test), score(decoded, data, data.val)
    figures: dict[str, Any] = sizes(chain, decoded, content, data)
    if latency:
        figures |= latency.figures(build(chain.model, data.input_shape, data.classes), decoded, parsed)
    asked = [row["sparsity_asked"] for row in student.rows if row["sparsity_asked"] is not None]
    slimming = [stage for _, stage in chain.steps() if stage.amount is not None]
    record = Record(
        key=key,
        seed=chain.seed,
        data=data.name,
        net=type(decoded).__name__,
        epochs=sum(row["epochs"] for row in student.rows),
        test_accuracy=test.accuracy,
        test_error=test.error,
        test_loss=test.loss,
        test_errors=sum(test.class_errors),
        class_errors=test.class_errors,
        test_top5_error=test.top5_error,
        val_accuracy=validation.accuracy,
        val_loss=validation.loss,
        dense_test_accuracy=_test_accuracy(control, walker, dense) if control and dense else None,
        sparsity_asked=asked[-1] if asked else None,
        weight_bits_asked=_bits_asked(chain, {row["name"]: row["params"] for row in rows}),
        **{f"{section}_bytes": size for section, size in parsed.bytes_of.items()},
        input_bits=sum(row["macs"] * row["input_bits"] for row in rows) / max(1, sum(row["macs"] for row in rows)),
        macs=sum(row["macs"] for row in rows),
        effective_macs=sum(row["effective_macs"] for row in rows),
        bops=sum(row["effective_macs"] * row["bits"] * row["input_bits"] for row in rows),
        seconds=sum(row["seconds"] for row in student.rows),
        activation_bytes=_most("activation_bytes", student),
        step_seconds=_most("step_seconds", student),
        stages=student.rows,
        layers=rows,
        **slimmed(chain, slimming[-1] if slimming else None, decoded, data),
        **figures,
    )
    return record, content


def _most(figure: str, walked: Walked) -> Any:
    """The largest of a figure that not all stages have."""
    return max((row[figure] for row in walked.rows if row[figure] is not None), default=None)


def _bits_asked(chain: Chain, sizes: dict[str, int]) -> float | None:
    """What the last quantizing stage was told, as a mean over the layers' sizes; layers that it skips stay at 32 bits."""
    stages = [stage for _, stage in chain.steps() if isinstance(stage, Quantize)]
    bits = stages[-1].quantizer.bits_asked() if stages else None
    if bits is None:
        return None
    return sum(size * (32 if name in stages[-1].skip else bits) for name, size in sizes.items()) / sum(sizes.values())


def _test_accuracy(chain: Chain, walker: Walker, walked: Walked) -> float:
    decoded = from_file(chain, walker.file(chain, walked.keys[-1]), walker.data)
    return score(decoded, walker.data, walker.data.test).accuracy
