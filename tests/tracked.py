"""A small sweep in a real tracking store, with all files that runs leave."""

import os
from pathlib import Path

from lightexp.report.observer import Pictures
from lightexp.track import MLflow
from lightexp.track.summary import keep
from tests import tiny

COMMAND = "lightexp run -m sweep=small sparsity=0.6,0.8 note=<&>"
CONFIG = "seed: 0\nnote: <&>\n"


def sweep(folder: Path) -> str:
    """Two sparsities of a net that is pruned and shares weights; the store's address, beside which its artifacts lie."""
    uri, before = f"sqlite:///{folder / 'mlflow.db'}", os.getcwd()
    os.chdir(folder)
    try:
        for sparsity in (0.6, 0.8):
            params = {"seed": 0, "sparsity": sparsity, "cache.root": folder / "store"}
            tags = {"sweep": "small", "data": "digits", "model": "mlp"}
            tracker = MLflow(uri, name=f"sparsity={sparsity}", params=params, tags=tags)
            directory = folder / str(sparsity)
            directory.mkdir()
            (directory / "config.yaml").write_text(CONFIG)
            options = {"directory": directory, "observers": [Pictures(), tracker], "control": True}
            tiny.experiment(folder, sparsity=sparsity, **options).run()
        keep(uri, "small", [], ["params.sparsity"], COMMAND)
    finally:
        os.chdir(before)
    return uri
