"""A data set as an input of a run, in MLflow's form."""

import json
from typing import TYPE_CHECKING

from lightexp.data import Splits

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

DIGEST_LENGTH = 36
"""The longest that MLflow takes."""


def dataset_input(splits: Splits) -> "DatasetInput":
    """Name, layout and sizes of a data set, its digest the beginning of its fingerprint. No sample is copied or converted."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    shape, dtype = "×".join(map(str, splits.input_shape)), str(splits.train.x.dtype).removeprefix("torch.")
    columns = [{"name": "input", "type": f"{dtype} {shape}"}, {"name": "label", "type": f"one of {splits.classes} classes"}]
    parts = {"train": splits.train, "validation": splits.val, "test": splits.test}
    profile = {name: len(part) for name, part in parts.items()}
    dataset = Dataset(
        name=splits.name,
        digest=splits.fingerprint[:DIGEST_LENGTH],
        source_type="lightexp",
        source=json.dumps({"fingerprint": splits.fingerprint}),
        schema=json.dumps({"mlflow_colspec": columns}),
        profile=json.dumps({"num_rows": sum(profile.values()), **profile}),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", ", ".join(parts))])
