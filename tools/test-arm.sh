#!/usr/bin/env bash
# Compiles the kernels for AArch64 and compares every Arm level with the scalar twin under an emulator, with and
# without the dot product instructions. `tools/test-arm.sh --native` does the same on this machine's own levels; where it
# has AVX-512 VNNI, the level avxvnni is tried by AVX-512's instructions.
# Needs clang, and for Arm: binutils-aarch64-linux-gnu gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user.
set -eu
cd "$(dirname "$0")/.."

out=.build/arm
mkdir -p "$out"
sources=(Sources/CVARKernels/*/*.c Tests/arm/*.c)
flags=(-O2 -std=c11 -Wall -Wextra -Werror -ISources/CVARKernels/include -ISources/CVARKernels)

if [ "${1:-}" = --native ]; then
  clang "${flags[@]}" -DCVAR_AVXVNNI_BY_AVX512 "${sources[@]}" -lm -lpthread -o "$out/kernels-native"
  exec "$out/kernels-native"
fi

clang --target=aarch64-linux-gnu -isystem /usr/aarch64-linux-gnu/include --ld-path="$(command -v aarch64-linux-gnu-ld)" \
  -static "${flags[@]}" "${sources[@]}" -lm -lpthread -o "$out/kernels-arm"
qemu-aarch64 -cpu cortex-a72 "$out/kernels-arm"  # NEON alone
qemu-aarch64 -cpu max "$out/kernels-arm"         # with dot product
