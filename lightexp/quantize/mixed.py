import math
from dataclasses import replace
from typing import Annotated

import numpy as np
from pydantic import Field, ValidationError
from torch import Tensor, nn

from lightexp.errors import ConfigError
from lightexp.ops.programme import cheapest_choice
from lightexp.quantize.hessian_trace import HessianTrace
from lightexp.quantize.quantizer import LayerWeight, Probe, Quantizer
from lightexp.quantize.sensitivity import Sensitivity
from lightexp.quantize.uniform import Uniform
from lightexp.reparam import WeightCode
from lightexp.spec import spec


@spec
class MixedPrecision(Quantizer):
    """Bits for each layer, so that the summed cost is least within a budget: min Σ_l Ω_l(b_l), Σ_l n_l·b_l ≤ budget.

    An integer programme, solved exactly (HAWQ-V2 and V3, Dong et al. 2020, Yao et al. 2021). Layers of equal bits are then
    fitted together.

    mean_bits, bytes: the budget, one of the two: Σ n_l·b_l / Σ n_l or Σ n_l·b_l / 8, over the n_l weights of each layer, pruned
    ones and all; biases and tables do not count, and the file, being entropy-coded, is smaller.
    choices: the bits that a layer can have. sensitivity: Ω. quantizer: what quantizes; its own bits are of no account.
    """

    mean_bits: Annotated[float, Field(gt=0)] | None = None
    bytes: Annotated[int, Field(ge=1)] | None = None
    choices: tuple[int, ...] = (2, 3, 4, 6, 8)
    sensitivity: Sensitivity = HessianTrace()
    quantizer: Quantizer = Uniform()

    def __post_init__(self) -> None:
        if (self.mean_bits is None) == (self.bytes is None):
            raise ConfigError("mixed precision needs a budget: either mean_bits or bytes, and the other null")
        if not self.choices:
            raise ConfigError("mixed precision needs choices of bits, as choices=[2,4,8]")
        if not hasattr(self.quantizer, "bits"):
            raise ConfigError(f"mixed precision needs a quantizer that takes bits, as Uniform: {self.quantizer} does not")
        for bits in self.choices:
            self._at(bits)

    def bits_asked(self) -> float | None:
        return self.mean_bits

    def _at(self, bits: int) -> Quantizer:
        try:
            return replace(self.quantizer, bits=bits)
        except ValidationError as error:
            reason = error.errors()[0]["msg"].lower()
            raise ConfigError(f"choices of mixed precision: {bits} bits cannot be: {reason}") from error

    def _budget(self, size: int) -> int:
        """Bits for `size` weights. A mean that is not a binary fraction must not cost the last bit."""
        return 8 * self.bytes if self.mean_bits is None else math.floor(self.mean_bits * size + 1e-6)

    def check(self, weights: dict[str, Tensor]) -> None:
        size, fewest = sum(weight.numel() for weight in weights.values()), min(self.choices)
        if fewest * size > self._budget(size):
            asked = f"bytes={self.bytes}" if self.mean_bits is None else f"mean_bits={self.mean_bits:g}"
            needed = f"bytes={math.ceil(fewest * size / 8)}" if self.mean_bits is None else f"mean_bits={fewest}"
            raise ConfigError(
                f"{asked} is too little for {size} weights of {fewest} bits or more: it takes {needed}, or fewer bits in choices"
            )

    def fit(self, weights: dict[str, LayerWeight], seed: int, probe: Probe) -> dict[str, nn.Module]:
        chosen = self.bits(weights, seed, probe)
        fitted: dict[str, nn.Module] = {}
        for bits in sorted(set(chosen.values())):
            alike = {name: layer for name, layer in weights.items() if chosen[name] == bits}
            fitted |= self._at(bits).fit(alike, seed, probe)
        return {name: fitted[name] for name in weights}

    def bits(self, weights: dict[str, LayerWeight], seed: int, probe: Probe) -> dict[str, int]:
        """The bits of each layer."""
        self.check({name: layer.weight for name, layer in weights.items()})
        codes = {
            name: {bits: self._code(name, layer, bits, seed, probe) for bits in sorted(set(self.choices))}
            for name, layer in weights.items()
        }
        costs = self.sensitivity(weights, codes, probe)
        sizes = np.array([layer.weight.numel() for layer in weights.values()])
        choices = np.array(sorted(set(self.choices)))
        rows = np.array([[costs[name][int(bits)] for bits in choices] for name in weights])
        found = cheapest_choice(rows, sizes[:, None] * choices, self._budget(int(sizes.sum())))
        return {name: int(choices[at]) for name, at in zip(weights, found, strict=True)}

    def _code(self, name: str, layer: LayerWeight, bits: int, seed: int, probe: Probe) -> WeightCode:
        return self._at(bits).fit({name: layer}, seed, probe)[name].code(layer.weight).masked(layer.mask)
