"""What a run found."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Record:
    """One flat result: what was asked, what was achieved, what it cost. None where a figure does not apply.

    key: content address of the net in the file and, but for the default, of its coder. seed. data, net: names of the data set
        and the net's class. epochs: of training, all stages of the student together, as the control takes too; the teacher's
        are not among them.
    test_accuracy, test_error, val_accuracy, dense_test_accuracy, test_top5_error: percent, of the net decoded from the file; the
        dense one is the control's, trained as long and never compressed; top-5 only where there are over 10 classes.
    test_loss: mean cross-entropy, nats. test_errors: wrong test samples; class_errors: those of each class.
    params, nonzero: of all parameters. sparsity: share of zeros among them, 0 … 1; sparsity_prunable: among the weights of
        linear layers and convolutions, which is what sparsity_asked asked for.
    slimmed: share of the net as it was built that the one in the file does without, 0 … 1, measured in slimmed_of, such as MACs;
        slimmed_asked: what the last slimming stage was told. None where there was none.
    weight_bits: nominal bits a prunable weight, mean; weight_bits_asked: what the last quantizing stage was told, the layers that
        it skips at 32; None if it was told no bits. input_bits: of the numbers that layers take, mean over their MACs, 32 where
        nothing quantizes them. bits_per_param: 8 · file_bytes / params.
    file_bytes: size of the file = header_bytes + positions_bytes + values_bytes + tables_bytes + dense_bytes, where dense is
        all that is no coded weight. original_bytes: of the net as it was built, as dense float32. ratio: original_bytes / file_bytes.
    macs: multiply-accumulates for one input; effective_macs: those whose weight is not 0; bops: Σ effective MACs × weight
        bits × bits of the layer's input.
    seconds: of computing the student's stages, also those that were found in the store and not computed again; without the
        teacher and the control.
    activation_bytes, step_seconds: the most that autograd held for the backward pass in a training step, and the seconds a step,
        each of the student's costliest fit. They were measured when its stages were computed, by the trainer of that time: a
        stage that is found in the store keeps its figures whatever the trainer is now.
    latency_1_p50_ms, latency_1_p95_ms: of a batch of 1 in ONNX Runtime; latency_1_dense_ms: p50 of the net as it was built, in
        turn with it; latency_1_of_dense: median of the net's time over that. latency_64_…: of a batch of 64. They are of the
        machine and the minute, and None unless the run asked for them, see `lightexp.edge.OnnxLatency`.
    stages, layers: a row each, see `lightexp.experiment.stage_row` and `lightexp.measure.layer_rows`; a stage's key is the one
        under which the store holds its net.
    """

    key: str
    seed: int
    data: str
    net: str
    epochs: int
    test_accuracy: float
    test_error: float
    test_loss: float
    test_errors: int
    class_errors: list[int]
    test_top5_error: float | None
    val_accuracy: float
    val_loss: float
    dense_test_accuracy: float | None
    params: int
    nonzero: int
    sparsity: float
    sparsity_prunable: float
    sparsity_asked: float | None
    weight_bits: float
    input_bits: float
    bits_per_param: float
    file_bytes: int
    header_bytes: int
    positions_bytes: int
    values_bytes: int
    tables_bytes: int
    dense_bytes: int
    original_bytes: int
    ratio: float
    macs: int
    effective_macs: int
    bops: int
    seconds: float
    activation_bytes: int | None
    step_seconds: float | None
    stages: list[dict[str, Any]]
    layers: list[dict[str, Any]]
    weight_bits_asked: float | None = None
    slimmed_of: str | None = None
    slimmed_asked: float | None = None
    slimmed: float | None = None
    latency_1_p50_ms: float | None = None
    latency_1_p95_ms: float | None = None
    latency_1_dense_ms: float | None = None
    latency_1_of_dense: float | None = None
    latency_64_p50_ms: float | None = None
    latency_64_p95_ms: float | None = None
    latency_64_dense_ms: float | None = None
    latency_64_of_dense: float | None = None

    def json(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def read(cls, path: Path) -> "Record":
        return cls(**json.loads(path.read_text()))
