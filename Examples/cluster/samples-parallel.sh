#!/bin/sh
# A sample set by GNU parallel, on this machine or on several that share a folder:
#
#   MODEL=d16.varq SET=set samples-parallel.sh                  as many shards at once as there are cores for
#   MODEL=… SET=… samples-parallel.sh --sshlogin 8/box1,8/box2  with --env MODEL,SET on machines that have var-run and both paths
#
# Run it again after anything: what is whole is skipped.
set -eu
threads=${THREADS:-4} shards=${SHARDS:-100}
jobs=$(($(nproc) / threads))
exec parallel --jobs "$([ "$jobs" -gt 0 ] && echo "$jobs" || echo 1)" --joblog "$SET.joblog" --retries 3 "$@" \
  var-run samples --model "$MODEL" --output "$SET" --per-class "${PER_CLASS:-50}" --shards "$shards" \
  --shard {} --threads "$threads" ::: $(seq 0 $((shards - 1)))
