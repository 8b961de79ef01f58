#!/usr/bin/env bash
# Loses a node of the cluster in FOLDER as if its plug were pulled: its slurmd and all that runs below it are killed.
#   tests/slurm/lose.sh FOLDER n2
set -euo pipefail
below() {
    echo "$1"
    for child in $(ps -o pid= --ppid "$1"); do below "$child"; done
}
kill -9 $(below "$(cat "$1/slurmd-$2.pid")")
