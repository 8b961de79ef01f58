#!/usr/bin/env bash
# Ends the cluster that up.sh brought up in FOLDER.
set -uo pipefail
for pid in "$1"/*.pid; do
    kill "$(cat "$pid")"
done
