"""One-dimensional k-means of a layer's weights: seconds and inertia against scikit-learn and the optimum, and the peak memory.

python experiments/speed/kmeans.py [--size 1000000] [--clusters 256] [--runs 7] [--large 100000000]
"""

import argparse
import statistics
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
from sklearn.cluster import KMeans

from lightexp.ops.assign import assign
from lightexp.ops.kmeans import kmeans_1d


def timed(call: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    began = time.perf_counter()
    found = call()
    return time.perf_counter() - began, found


def inertia(values: np.ndarray, centroids: np.ndarray) -> float:
    return float(np.square(values - centroids[assign(values, centroids)]).sum())


def compare(name: str, values: np.ndarray, clusters: int, runs: int) -> None:
    """Ours before, between and after theirs, so that a busy machine slows both."""
    ours = [timed(lambda: kmeans_1d(values, clusters)) for _ in range(runs)]
    theirs = timed(lambda: np.sort(KMeans(clusters, n_init=1, random_state=0).fit(values[:, None]).cluster_centers_[:, 0]))
    ours += [timed(lambda: kmeans_1d(values, clusters)) for _ in range(runs)]
    exact = timed(lambda: kmeans_1d(values, clusters, "exact"))
    median = statistics.median(seconds for seconds, _ in ours)
    least = inertia(values, exact[1])
    labelled = statistics.median(timed(lambda: assign(values, kmeans_1d(values, clusters)))[0] for _ in range(runs))
    rows = {
        "scikit-learn": theirs,
        "lightexp": (median, ours[0][1]),
        "lightexp, with an index for each weight": (labelled, ours[0][1]),
        "lightexp, exact": exact,
    }
    for label, (seconds, centroids) in rows.items():
        cost = inertia(values, centroids.astype(np.float64))
        print(
            f"| {name} | {label} | {seconds:.3f} | {theirs[0] / seconds:.0f} | {cost:.4f} | {100 * (cost / least - 1):+.2f} % |"
        )


def peak(size: int, clusters: int) -> None:
    values = np.random.default_rng(0).standard_normal(size, np.float32)
    tracemalloc.start()
    seconds, _ = timed(lambda: kmeans_1d(values, clusters))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    share = (most + values.nbytes) / values.nbytes
    print(f"{size:,} weights: {seconds:.1f} s; at its peak {share:.2f} times the memory of the weights, themselves included")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--clusters", type=int, default=256)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--large", type=int, default=100_000_000, help="weights of the measurement of memory; 0 for none")
    options = parser.parse_args()
    random = np.random.default_rng(0)
    print("| weights | method | seconds | × | inertia | over the optimum |\n|---|---|---|---|---|---|")
    for name, values in (
        ("normal", random.normal(size=options.size)),
        ("Student t, 5 degrees", random.standard_t(5, options.size)),
    ):
        compare(name, values.astype(np.float32), options.clusters, options.runs)
    if options.large:
        peak(options.large, options.clusters)


if __name__ == "__main__":
    main()
