"""Seconds until the commands that need no net answer: `lightexp --help`, `run --cfg job`, `inspect`.

python experiments/speed/start_up.py FILE.lxp [--runs 7]
"""

import argparse
import statistics
import subprocess
import time


def seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="any .lxp")
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    for arguments in (["--help"], ["run", "--cfg", "job"], ["inspect", options.file]):
        times = [seconds(["lightexp", *arguments]) for _ in range(options.runs)]
        print(f"lightexp {' '.join(arguments)}: {statistics.median(times):.2f} s ({min(times):.2f} to {max(times):.2f})")


if __name__ == "__main__":
    main()
