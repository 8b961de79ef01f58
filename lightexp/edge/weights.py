"""The weights of a file as integers of 8 bits."""

from dataclasses import dataclass

import numpy as np

from lightexp.artifact import Layer, Parsed


@dataclass(frozen=True)
class Int8Weight:
    """A weight that is codes × step exactly. codes: int8, of the weight's shape. step: float32 > 0, one for all (shape 1) or one
    a row."""

    codes: np.ndarray
    step: np.ndarray

    def times(self, factor: np.ndarray) -> "Int8Weight | None":
        """With each row multiplied by a factor (shape 1 or rows): other steps and, for a negative one, other signs; None where
        −128 would become 128."""
        step = self.step * factor
        codes = self.codes.astype(np.int16) * np.sign(step).astype(np.int16).reshape(-1, *[1] * (self.codes.ndim - 1))
        if codes.max(initial=0) > 127:
            return None
        return Int8Weight(codes.astype(np.int8), np.where(step == 0, 1, np.abs(step)).astype(np.float32))


def int8_weights(parsed: Parsed) -> tuple[dict[str, Int8Weight], dict[str, str]]:
    """Of each coded layer the file's own integers where they fit 8 bits; of each other coded layer why not.

    Integers times steps are taken as they stand. A codebook is taken if its values are multiples of a power of two up to 127
    times that, as those of `stage=round` with few bits are.
    """
    found, lacking = {}, {}
    for layer, numbers in zip(parsed.layers, parsed.numbers(), strict=True):
        if layer.kind == "sparse":
            lacking[layer.name] = "its weights are floats"
            continue
        codes, step = _on_grid(layer, numbers.reshape(layer.shape), parsed.tables[layer.table])
        whole = codes is not None and -128 <= codes.min() and codes.max() <= 127
        weight = Int8Weight(codes.astype(np.int8), np.ones(1, np.float32)).times(step) if whole else None
        if weight is not None:
            found[layer.name] = weight
        elif codes is None:
            lacking[layer.name] = f"its {len(parsed.tables[layer.table])} shared values are on no grid of 8 bits"
        else:
            lacking[layer.name] = "its integers take more than 8 bits"
    return found, lacking


def _on_grid(layer: Layer, codes: np.ndarray, table: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
    """Integers and steps whose products are the weights; no integers for a codebook that is on no grid."""
    if layer.kind == "steps":
        return codes, table
    unit = _unit(table)
    multiples = np.append(0, table.astype(np.float64) / unit)
    return (multiples.astype(np.int64)[codes] if np.abs(multiples).max() <= 127 else None), np.array([unit], np.float32)


def _unit(values: np.ndarray) -> float:
    """The largest power of two of which all values are multiples; 1 where all are 0."""
    mantissas, exponents = np.frexp(values[values != 0].astype(np.float64))
    whole = (mantissas * 2**24).astype(np.int64)
    lowest_bits = whole & -whole
    return float(np.min(lowest_bits * np.exp2(exponents - 24.0), initial=np.inf)) if len(whole) else 1.0
