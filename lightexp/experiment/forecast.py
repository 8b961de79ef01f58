"""What a run would do, known without running it."""

from collections.abc import Mapping
from dataclasses import dataclass

from lightexp.experiment.code import code_digest
from lightexp.stages import Chain


@dataclass(frozen=True)
class Forecast:
    """key: of the run. epochs: of training, by the key of each stage that the run rests on. control: whether a dense control runs."""

    key: str
    epochs: dict[str, int]
    control: bool


def epochs_by_key(chains: Mapping[str, Chain], fingerprint: str) -> dict[str, int]:
    """The epochs of each stage of the chains, under its content address over data of that fingerprint."""
    found: dict[str, int] = {}
    for chain in chains.values():
        keys = chain.keys(code_digest(), fingerprint)[1:]
        found |= {key: stage.budget() for key, (_, stage) in zip(keys, chain.steps(), strict=True)}
    return found
