#!/usr/bin/env bash
# A sample set by a real Slurm on this one machine, and by GNU parallel, with deaths half-way: is it the set of one process?
#
#   tools/test-cluster.sh BINARIES MODEL [PER_CLASS]        as root; the Makefile installs what it needs
#
# Everything runs in a folder of its own, on ports of its own; what was started is ended.
set -eu
binaries=$(realpath "$1") model=$(realpath "$2") per_class=${3:-20}
examples=$(realpath "$(dirname "$0")/../Examples/cluster")
shards=16
work=$(mktemp -d /tmp/test-cluster-XXXXXX)
export PATH="$binaries:$PATH" SLURM_CONF=$work/slurm.conf
pids=()

finish() {
  status=$?
  [ "$status" = 0 ] || tail -n 20 "$work"/*.log "$work"/slurm-*.out 2>/dev/null || true
  scancel --user root 2>/dev/null || true
  [ ! -f "$work/slurmd.pid" ] || kill "$(cat "$work/slurmd.pid")" 2>/dev/null || true
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT
say() { printf '%s  %s\n' "$(date +%T)" "$*"; }

# $1 seconds at most until the rest succeeds.
await() {
  local limit=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$limit" ] || { say "waited in vain for: $*"; return 1; }
    sleep 0.5
  done
}

# ------------------------------------------------------------------------------------------- one process
export PER_CLASS=$per_class SHARDS=$shards MODEL=$model
threads=1
var-run samples --model "$model" --per-class "$per_class" --shards "$shards" --threads $threads --output "$work/one" >/dev/null
var-run samples merge "$work/one" --output "$work/one.npz" >/dev/null
total=$((per_class * 60))

# ------------------------------------------------------------------------------------------------- Slurm
host=$(hostname -s)
mkdir -p "$work"/{munge,state,spool} && chmod 700 "$work/munge"
chmod 755 "$work"
head -c 1024 /dev/urandom > "$work/munge.key" && chmod 400 "$work/munge.key"
munged --foreground --force --key-file "$work/munge.key" --socket "$work/munge/socket" --log-file "$work/munge/log" \
  --pid-file "$work/munge/pid" --seed-file "$work/munge/seed" >"$work/munged.log" 2>&1 &
pids+=($!)
cat > "$work/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket
CryptoType=crypto/munge
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/affinity
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SlurmdTimeout=15
KillWait=5
MpiDefault=none
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
await 20 test -S "$work/munge/socket"
slurmctld -D >"$work/slurmctld.out" 2>&1 &
pids+=($!)
start_node() { slurmd -D >>"$work/slurmd.out" 2>&1 & node=$!; pids+=("$node"); }
start_node
await 60 sh -c 'sinfo -h -o %t | grep -q idle'
say "Slurm $(sinfo --version | cut -d" " -f2): one node, $(sinfo -h -o %C) CPUs (used/idle/other/all)"

export SET=$work/slurm
mkdir "$SET"
job=$(cd "$work" && sbatch --parsable --array=0-$((shards - 1)) --cpus-per-task=1 --mem=0 "$examples/samples.sbatch")
count() { find "$SET" -name 'shard-*.safetensors' | wc -l; }
running_task() { pgrep -f "^var-run samples --model $model --output $SET .*--shard" | grep -m 1 .; }

# A task dies half-way, and is not begun anew by Slurm: a program that was killed has failed.
await 60 sh -c "[ \$(find '$SET' -name 'shard-*.safetensors' | wc -l) -ge 2 ]"
await 60 running_task
victim=$(running_task)
kill -9 "$victim"
say "killed a task (process $victim) after $(count) of $shards shards"

# Then the node goes: its daemon and all that runs on it.
await 60 sh -c "[ \$(find '$SET' -name 'shard-*.safetensors' | wc -l) -ge 5 ]"
kill -9 "$node"
pkill -9 -f "slurmstepd.*$job" || true
pkill -9 -f "output $SET " || true
say "killed the node's daemon and its tasks after $(count) shards"
sleep 2
start_node
await 90 sh -c 'sinfo -h -o %t | grep -Eq "idle|mix|alloc"'
say "the node is back; Slurm requeues what ran there"
await 300 sh -c "[ -z \"\$(squeue -h -j $job 2>/dev/null)\" ]"
say "the array has ended with $(count) of $shards shards; the same sbatch again for the rest"
[ "$(count)" -ge 5 ] && [ "$(count)" -lt "$shards" ] || { say "nothing was lost: the deaths came too late to prove anything"; exit 1; }
again=$(cd "$work" && sbatch --parsable --array=0-$((shards - 1)) --cpus-per-task=1 --mem=0 "$examples/samples.sbatch")
await 300 sh -c "[ -z \"\$(squeue -h -j $again 2>/dev/null)\" ]"
var-run samples status "$SET"
var-run samples merge "$SET" --output "$work/slurm.npz"
cmp "$work/one.npz" "$work/slurm.npz"
say "Slurm: $total pictures, byte for byte those of one process"

# ------------------------------------------------------------------------------------------ GNU parallel
export SET=$work/parallel THREADS=1
"$examples/samples-parallel.sh" >"$work/parallel.out" 2>&1 &
first=$!
await 60 sh -c "[ \$(find '$SET' -name 'shard-*.safetensors' 2>/dev/null | wc -l) -ge 3 ]"
kill -9 "$first"
pkill -9 -f "output $SET " || true
say "killed parallel and its jobs after $(count) of $shards shards"
"$examples/samples-parallel.sh" >"$work/parallel.out" 2>&1
var-run samples merge "$SET" --output "$work/parallel.npz"
cmp "$work/one.npz" "$work/parallel.npz"
say "GNU parallel: $total pictures, byte for byte those of one process"
[ -z "$(find "$work/slurm" "$work/parallel" -type f ! -name 'shard-*.safetensors' ! -name plan.json)" ]
say "no lock or temporary is left"
