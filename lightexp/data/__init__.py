"""Data sets held whole in memory: each spec's `load()` gives train, validation and test parts and their content address."""

from lightexp.data.augment import Crop, FiniteAugmentation, Flip, Shift
from lightexp.data.folder import ImageFolder
from lightexp.data.sets import CIFAR10, CIFAR100, MNIST, Arrays, DataSet, Digits, FashionMNIST
from lightexp.data.splits import Split, Splits, split
from lightexp.data.training_set import Augmented, TrainingSet, Whole, Without

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "MNIST",
    "Arrays",
    "Augmented",
    "Crop",
    "DataSet",
    "Digits",
    "FashionMNIST",
    "FiniteAugmentation",
    "Flip",
    "ImageFolder",
    "Shift",
    "Split",
    "Splits",
    "TrainingSet",
    "Whole",
    "Without",
    "split",
]
