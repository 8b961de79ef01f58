"""A part of MNIST for nets that this machine trains slowly: python few_digits.py MNIST.npz OUT.npz [--train 2000] [--test 1000]."""

import argparse

import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mnist")
    parser.add_argument("out")
    parser.add_argument("--train", type=int, default=2000)
    parser.add_argument("--test", type=int, default=1000)
    options = parser.parse_args()
    whole = np.load(options.mnist)
    counts = {"train": options.train, "test": options.test}
    np.savez(options.out, **{f"{of}_{part}": whole[f"{of}_{part}"][:count] for part, count in counts.items() for of in "xy"})


if __name__ == "__main__":
    main()
