"""Seconds an epoch of `fit` takes, against a bare PyTorch loop and against a common Lightning template.

    python experiments/speed/fit_epoch.py [--data DIR] [--rounds 5] [--threads 1]

LeNet-300-100 on MNIST (54,000 training images after the validation part), batch 128, fused Adam everywhere. Each round times
all in turn, a run of `EPOCHS` epochs each, and validates after every epoch; the ratios are taken within a round. The template
is torchvision's data set with its transforms, a DataLoader, automatic optimisation and Trainer defaults, as tutorials have it.
"""

import argparse
import statistics
import time
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from lightexp.data import MNIST, Splits
from lightexp.distill import CrossEntropy
from lightexp.measure import score
from lightexp.models import MLP
from lightexp.train import Constant, Training, fit

EPOCHS = 3
BATCH = 128
ADAM = partial(torch.optim.Adam, lr=1e-3, fused=True)


def net() -> nn.Module:
    torch.manual_seed(0)
    return MLP(input_shape=(1, 28, 28), classes=10, widths=[300, 100])


def ours(data: Splits) -> float:
    model = net()
    training = Training(EPOCHS, BATCH, CrossEntropy(), ADAM, Constant())
    began = time.perf_counter()
    fit(model, data, training, seed=0)
    return (time.perf_counter() - began) / EPOCHS


def bare(data: Splits) -> float:
    model, inputs, labels = net(), data.normalise(data.train.x), data.train.y
    optimizer = ADAM(model.parameters())
    began = time.perf_counter()
    for _ in range(EPOCHS):
        model.train()
        for index in torch.randperm(len(labels)).split(BATCH):
            optimizer.zero_grad()
            F.cross_entropy(model(inputs.index_select(0, index)), labels.index_select(0, index)).backward()
            optimizer.step()
        score(model, data, data.val)
    return (time.perf_counter() - began) / EPOCHS


def template(data: Splits) -> float:
    import tempfile
    import warnings

    import pytorch_lightning as pl
    from torch.utils.data import DataLoader, Dataset
    from torchvision.transforms import v2

    class Images(Dataset):
        """What torchvision's MNIST does: an image at a time, from an array to PIL to a tensor."""

        def __init__(self, split) -> None:
            steps = [v2.ToPILImage(), v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(data.mean, data.std)]
            self.split, self.transform = split, v2.Compose(steps)

        def __len__(self) -> int:
            return len(self.split)

        def __getitem__(self, at: int):
            return self.transform(self.split.x[at]), int(self.split.y[at])

    class Classifier(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = net()

        def training_step(self, batch, at):
            loss = F.cross_entropy(self.net(batch[0]), batch[1])
            self.log("loss", loss)
            return loss

        def validation_step(self, batch, at):
            self.log("val_loss", F.cross_entropy(self.net(batch[0]), batch[1]))

        def configure_optimizers(self):
            return ADAM(self.parameters())

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = pl.Trainer(
            max_epochs=1, default_root_dir=folder, accelerator="cpu", enable_progress_bar=False, enable_model_summary=False
        )
        loaders = DataLoader(Images(data.train), BATCH, shuffle=True), DataLoader(Images(data.val), 1000)
        began = time.perf_counter()
        trainer.fit(Classifier(), *loaders)
        return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="data", help="folder of mnist.npz")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    data = MNIST(root=options.data).load()
    ours(data), bare(data)
    rounds = []
    for number in range(options.rounds):
        seconds = {"fit": ours(data), "bare": bare(data)} | ({"template": template(data)} if number < 2 else {})
        rounds.append(seconds)
        print("  ".join(f"{name} {value:.3f} s" for name, value in seconds.items()), flush=True)
    for name in ("bare", "template"):
        ratios = [seconds["fit"] / seconds[name] for seconds in rounds if name in seconds]
        print(f"fit / {name}: {statistics.median(ratios):.3f} (median; {min(ratios):.3f} to {max(ratios):.3f})")


if __name__ == "__main__":
    main()
