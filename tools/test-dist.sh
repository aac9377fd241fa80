#!/bin/sh
# Installs the Debian package into a minimal Debian that has no Swift, and draws there what the programs of BINARIES draw here.
#
#   tools/test-dist.sh PACKAGE.deb BINARIES MODEL        (needs root and debootstrap)
set -eu
package=$1 binaries=$2 model=$3
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
root=$(mktemp -d)
trap 'umount "$root/proc" 2>/dev/null || true; rm -rf --one-file-system "$root"' EXIT
debootstrap --variant=minbase "$suite" "$root" >"$root.log" 2>&1 || { tail -5 "$root.log"; exit 1; }
rm -f "$root.log"
mount -t proc proc "$root/proc"
cp "$package" "$root/var-swift.deb"
inside() { chroot "$root" env LANG=C.UTF-8 PATH=/usr/bin:/bin:/usr/sbin:/sbin DEBIAN_FRONTEND=noninteractive "$@"; }
inside apt-get install -y -qq --no-install-recommends /var-swift.deb >/dev/null 2>&1 || { inside apt-get install -y /var-swift.deb; exit 1; }
[ ! -e "$root/opt/swift" ] && ! inside sh -c 'command -v swift' || { echo "there is a Swift in it"; exit 1; }
inside var-run --version
inside var-convert --version
draw='--classes 3,17 --seed 5 --cfg 3 --no-metadata'
# The package finds its own model; arithmetic is the same on the same CPU.
inside var-run generate $draw --output /pictures/ >/dev/null
"$binaries/var-run" generate --model "$model" $draw --output "$root/outside/" >/dev/null
for file in "$root"/outside/*.png; do cmp "$file" "$root/pictures/$(basename "$file")"; done
inside var-convert convert "/usr/share/var-swift/$(basename "$model")" --type q4 --calibrate none --output /small.varq >/dev/null
inside var-convert verify /small.varq >/dev/null
inside sh -c 'ls /usr/share/man/man1/var-run*.1.gz /usr/share/bash-completion/completions/var-convert >/dev/null'
inside apt-get remove -y -qq var-swift >/dev/null 2>&1
! inside sh -c 'ls /usr/bin/var-* 2>/dev/null' || { echo "removing the package leaves programs behind"; exit 1; }
echo "test-dist: $(basename "$package") draws the same pictures in a minimal $suite without Swift"
