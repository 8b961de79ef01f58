"""`lightexp evaluate`: decode a file and measure it again."""

import sys
from pathlib import Path

from omegaconf import OmegaConf

from lightexp.artifact import load, parse, read
from lightexp.artifact.made_for import check_made_for
from lightexp.compose.data import load_data
from lightexp.measure import score


def show(file: Path, trust: bool, overrides: list[str]) -> None:
    sys.path.insert(0, str(Path.cwd()))
    model = load(file, trust=trust)
    header = parse(read(file)).header
    beside = file.parent / "config.yaml"
    known = OmegaConf.load(beside).data if beside.exists() and not overrides else None
    data = load_data(known, overrides or [f"data={header['data']}"])
    check_made_for(header, data, file)
    for name, split in (("validation", data.val), ("test", data.test)):
        found = score(model, data, split)
        print(f"{name:>10}: accuracy {found.accuracy} %, error {found.error} %, loss {found.loss} ({len(split):,} samples)")
