import torch

from lightexp.quantize.quantizer import LayerWeight, Probe
from lightexp.quantize.sensitivity import Sensitivity
from lightexp.reparam import WeightCode
from lightexp.spec import spec


@spec
class Entropy(Sensitivity):
    """Information lost, in bits: n·(H_finest − H_b), H = −Σ p log2 p over the codes of a layer of n weights (Shannon 1948).

    Needs no data; a layer whose weights crowd around few levels loses little by having no more of them.
    """

    def __call__(
        self, weights: dict[str, LayerWeight], codes: dict[str, dict[int, WeightCode]], probe: Probe
    ) -> dict[str, dict[int, float]]:
        held = {name: {bits: _information(code) for bits, code in found.items()} for name, found in codes.items()}
        return {name: {bits: found[max(found)] - held for bits, held in found.items()} for name, found in held.items()}


def _information(code: WeightCode) -> float:
    counts = torch.unique(code.codes, return_counts=True)[1].double()
    return float(-(counts * (counts / counts.sum()).log2()).sum())
