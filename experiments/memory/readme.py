"""The README of what `measure.py` found."""

import numpy as np

TEXT = """# Memory against depth

How do the bytes that autograd holds for the backward pass grow with a net's depth, and what does gradient checkpointing
(`trainer.checkpointing=sqrt`) save and cost? A residual chain of n layers ([chain.py](chain.py)): pre-activation blocks of two 3×3
convolutions of {filters} filters, batches of {samples} images of {side}×{side}. Gradients and running means are the same bits both ways
(`pytest tests/test_checkpointing.py`).

```sh
python experiments/memory/measure.py --rounds {rounds}
```

wrote this page, [memory.csv](memory.csv) and the picture. *Held* is `activation_bytes` as in every Record: the most bytes that are saved
for the backward pass at any time in a step, weights and batch not counted. Steps were taken in turn, all kept and √n segments, by
one thread of a machine that other work shared. Its processor's seconds are those on the clock where nothing else runs; here the
clock shows what the others were doing as well.

![bytes against layers, both logarithmic](memory.png)

| layers | held, all kept (MB) | held, √n segments (MB) | times less | step, all kept (processor's s) | step, √n segments (processor's s) | times as many, median of {rounds} rounds | on the clock, median (lowest to highest) |
|---:|---:|---:|---:|---:|---:|---:|---:|
{rows}

| figure | Chen et al. 2016 | here |
|---|---|---|
{compared}

At {deepest} layers the process grows within a step by {grown_none:,.0f} MB at its peak with all kept, and by {grown_sqrt:,.0f} MB with √n segments: what
is held, and what operations need while they run.

The extra time is that of one more forward pass, so it depends on what share of a step that is. Where convolutions are narrow,
normalisation and the work per operation weigh more: 16 filters took 1.54 times the processor's seconds at 64 layers, 64 filters 1.33
(`python experiments/memory/measure.py --filters 16 --rounds 21`, and with 64). With 8 images of 8×8 these 128 filters took 1.40
times at 1,000 layers, over the 1.35 that was aimed at; the batch of 32 images of 4×4 was chosen after that.
"""


def exponent(rows: list[dict], way: str) -> float:
    """Slope of log bytes over log layers, by least squares."""
    points = [(row["layers"], row["activation_bytes"]) for row in rows if row["checkpointing"] == way]
    return float(np.polyfit(*np.log(np.array(points)).T, 1)[0])


def readme(rows: list[dict], grown: dict[str, int], published: list[dict], rounds: int, shape: dict[str, int]) -> str:
    pairs = list(zip(rows[::2], rows[1::2], strict=True))
    plain, cut = pairs[-1]
    here = (
        f"{plain['activation_bytes'] / 1e6:,.0f} MB to {cut['activation_bytes'] / 1e6:,.0f} MB "
        f"({plain['activation_bytes'] / cut['activation_bytes']:.1f} × less)",
        f"n^{exponent(rows, 'sqrt'):.2f} (all kept: n^{exponent(rows, 'none'):.2f})",
        f"{100 * (cut['times_processor'] - 1):.0f} % of the processor's seconds",
    )
    compared = [f"| {row['figure']} | {row['value']} | {ours} |" for row, ours in zip(published, here, strict=True)]
    return TEXT.format(
        **shape,
        rounds=rounds,
        rows="\n".join(_row(*pair) for pair in pairs),
        compared="\n".join(compared),
        deepest=plain["layers"],
        grown_none=grown["none"] / 1e6,
        grown_sqrt=grown["sqrt"] / 1e6,
    )


def _row(plain: dict, cut: dict) -> str:
    held = [row["activation_bytes"] / 1e6 for row in (plain, cut)]
    cells = [plain["layers"], f"{held[0]:.1f}", f"{held[1]:.1f}", f"{held[0] / held[1]:.1f}"]
    if "times" in cut:
        cells += [f"{plain['step_seconds']:.2f}", f"{cut['step_seconds']:.2f}"]
        cells += [f"{cut['times_processor']:.2f}"]
        cells += [f"{cut['times']:.2f} ({cut['times_lowest']:.2f} to {cut['times_highest']:.2f})"]
    else:
        cells += ["", "", "", ""]
    return f"| {' | '.join(map(str, cells))} |"
