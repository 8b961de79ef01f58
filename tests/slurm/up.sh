#!/usr/bin/env bash
# A Slurm cluster of two nodes on this one machine, in FOLDER, for tests: munge, slurmctld, slurmd n1 and n2.
#   tests/slurm/up.sh FOLDER; export SLURM_CONF=FOLDER/slurm.conf; sinfo; …; tests/slurm/down.sh FOLDER
# Needs root and Debian's slurm-wlm and munge, of the system or unpacked elsewhere and on PATH and LD_LIBRARY_PATH.
set -euo pipefail
folder=$(mkdir -p "$1" && chmod 755 "$1" && cd "$1" && pwd)
plugins=$(echo "$(dirname "$(command -v slurmctld)")"/../lib/*/slurm-wlm)
mkdir -p "$folder"/{state,spool,log}
chmod 700 "$folder/log"

head -c 1024 /dev/urandom > "$folder/log/munge.key"
chmod 600 "$folder/log/munge.key"
munged --force --key-file="$folder/log/munge.key" --socket="$folder/munge.socket" --pid-file="$folder/munged.pid" \
    --log-file="$folder/log/munged.log" --seed-file="$folder/log/munge.seed"

cat > "$folder/slurm.conf" <<CONF
ClusterName=lightexp
SlurmctldHost=$(hostname)(127.0.0.1)
SlurmctldPort=16820
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CredType=cred/munge
PluginDir=$plugins
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SlurmctldTimeout=10
SlurmdTimeout=10
KillWait=5
UnkillableStepTimeout=10
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd-%n.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd-%n.log
NodeName=n[1-2] NodeHostname=$(hostname) NodeAddr=127.0.0.1 Port=[16821-16822] CPUs=1 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF

export SLURM_CONF="$folder/slurm.conf"
slurmctld
for node in n1 n2; do
    mkdir -p "$folder/spool/$node"
    slurmd -N "$node" -d "$(command -v slurmstepd)"
done
for _ in $(seq 60); do
    [ "$(sinfo -h -t idle -o %D)" = 2 ] && exit 0
    sleep 0.5
done
echo "the nodes did not come up: see $folder/log" >&2
exit 1
