#!/usr/bin/env bash
# Loses a node of the cluster in FOLDER as if its plug were pulled: its slurmd, and the jobs on it with their keepers, are killed.
#   tests/slurm/lose.sh FOLDER n2
set -euo pipefail
folder=$(cd "$1" && pwd)
victims=$(cat "$folder/slurmd-$2.pid")
for process in /proc/[0-9]*; do
    pid=${process#/proc/}
    environment=$(tr '\0' '\n' 2> /dev/null < "$process/environ" || true)
    if grep -qx "SLURMD_NODENAME=$2" <<< "$environment" && grep -qx "SLURM_CONF=$folder/slurm.conf" <<< "$environment"; then
        keeper=$(ps -o ppid= -p "$pid" | tr -d ' ')
        case $(cat "/proc/$keeper/comm") in slurmstepd*) victims+=" $keeper" ;; esac
        victims+=" $pid"
    fi
done
# The keepers first: they must not live to say how their jobs ended.
kill -9 $victims
