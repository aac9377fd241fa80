#!/bin/sh
# Makes a Debian package and an archive of what `make install` installs, with their checksums.
#
#   tools/dist.sh STAGE OUTPUT        (STAGE: a DESTDIR with everything below /usr)
#
# What the programs need of the system is read off them by dpkg-shlibdeps; OpenBLAS is opened only to calibrate and to score.
set -eu
stage=$(realpath "$1") output=$2
version=$(sed -n 's/.*current = "\(.*\)"/\1/p' Sources/TensorBytes/Version.swift)
architecture=$(dpkg --print-architecture)
package=var-swift_${version}_$architecture
mkdir -p "$output"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# dpkg-shlibdeps wants a source package around it.
mkdir "$work/debian"
printf 'Source: var-swift\n\nPackage: var-swift\nArchitecture: any\n' > "$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O "$stage/usr/bin/var-run" "$stage/usr/bin/var-convert" "$stage/usr/bin/var-eval" 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
[ -n "$depends" ] || { echo "dist: dpkg-shlibdeps found no libraries" >&2; exit 1; }

root=$work/root
cp -a "$stage" "$root"
mkdir -p "$root/DEBIAN" "$root/usr/share/doc/var-swift"
cp LICENSE "$root/usr/share/doc/var-swift/copyright"
cat models/fashion-var/LICENSE-fashion-mnist.txt THIRD_PARTY.md >> "$root/usr/share/doc/var-swift/copyright"
printf '\nThe programs contain the run-time libraries of Swift (Apache License 2.0 with Runtime Library Exception) and, with Foundation, ICU\n(Unicode License, https://www.unicode.org/license.txt).\n' >> "$root/usr/share/doc/var-swift/copyright"
gzip -9n < CHANGELOG.md > "$root/usr/share/doc/var-swift/changelog.gz"
find "$root/usr/share/man" -name '*.1' -exec gzip -9n {} +
cat > "$root/DEBIAN/control" <<END
Package: var-swift
Version: $version
Architecture: $architecture
Maintainer: The var-swift authors <var-swift@localhost>
Section: graphics
Priority: optional
Installed-Size: $(du -sk "$root/usr" | cut -f1)
Depends: $depends
Recommends: libopenblas0
Description: visual autoregressive image models on a CPU
 var-convert turns PyTorch checkpoints of VAR into one compact, checksummed
 file, quantized to 3 to 8 bits where wanted; var-run draws and edits pictures
 with it; var-eval scores sets of them. A small model of garments is included.
 libopenblas0 is needed to calibrate a conversion and to score.
END
find "$root" -type d -exec chmod 755 {} +
dpkg-deb --root-owner-group -Zxz --build "$root" "$output/$package.deb" >/dev/null

# The archive is to be unpacked anywhere: bin/ and share/ beside each other.
archive=var-swift-$version-linux-$(uname -m)
mv "$root/usr" "$work/$archive"
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner -czf "$output/$archive.tar.gz" "$archive"
(cd "$output" && sha256sum "$package.deb" "$archive.tar.gz" > SHA256SUMS && ls -l "$package.deb" "$archive.tar.gz" && cat SHA256SUMS)
