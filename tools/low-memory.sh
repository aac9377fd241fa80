#!/bin/sh
# Draws one picture inside a memory cgroup of LIMIT MiB, from a cold page cache, and one outside; both must be equal, byte for byte.
#
#   tools/low-memory.sh BINARIES MODEL [LIMIT]        (LIMIT: 512)
#
# The system charges a mapped page to the cgroup that reads it first. So the file's pages are dropped from the cache before,
# and what the run reads of the file counts against the limit like its own memory. No swap inside. Prints what the cgroup saw.
# Needs root and a memory controller (cgroup v1, or v2 with `memory` in the root's subtree_control); else says so and ends with 0.
set -eu
binaries=$1 model=$2 limit=${3:-512}
scratch=$(mktemp -d)
group=
finish() { rm -rf "$scratch"; if [ -n "$group" ]; then rmdir "$group" || true; fi; }
trap finish EXIT
skip() { echo "low-memory: skipped: $1"; exit 0; }

# Makes the cgroup: below our own in v1, below the root in v2 (where a group with processes of its own can't have limited children).
own=$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)
if [ -n "$own" ]; then
  parent=/sys/fs/cgroup/memory$own limit_file=memory.limit_in_bytes swap_file=memory.swappiness
  facts='memory.max_usage_in_bytes memory.failcnt memory.oom_control'
else
  parent=/sys/fs/cgroup limit_file=memory.max swap_file=memory.swap.max facts='memory.peak memory.events'
  grep -qw memory $parent/cgroup.subtree_control 2>/dev/null || skip 'no memory controller among the cgroups'
fi
mkdir "$parent/low-memory.$$" 2>/dev/null || skip "no cgroup can be made in $parent (are you root?)"
group=$parent/low-memory.$$
echo $((limit * 1048576)) > "$group/$limit_file" || skip 'the cgroup takes no limit'
[ ! -e "$group/$swap_file" ] || echo 0 > "$group/$swap_file"

# draw FILE [COMMAND…]: the picture, by var-run behind COMMAND
draw() {
  file=$1; shift
  "$@" "$binaries/var-run" generate --model "$model" --classes 3 --seed 1 --cfg 1.5 --compute bf16 --no-metadata --output "$file"
}

draw "$scratch/outside.png"
dd of="$model" oflag=nocache conv=notrunc,fdatasync count=0 status=none
if command -v fincore >/dev/null; then
  echo "$model: $(fincore --bytes --noheadings --output RES "$model" | tr -d ' ') bytes in the page cache"
fi
status=0
draw "$scratch/inside.png" sh -c 'echo $$ > "$0/cgroup.procs" && exec "$@"' "$group" || status=$?
for fact in $facts; do [ ! -e "$group/$fact" ] || sed "s/^/$fact /" "$group/$fact"; done
[ $status = 0 ] || { echo "low-memory: var-run ended with status $status"; exit 1; }
cmp "$scratch/outside.png" "$scratch/inside.png"
echo "low-memory: the picture drawn within $limit MiB equals the one drawn outside"
