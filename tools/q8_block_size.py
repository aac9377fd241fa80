"""Measures how the block size and the choice of scales decide the error of 8-bit weights (numpy only).

It prints the table in the rationale of formats/varq-v1.md: SQNR in dB of symmetric int8 weights with f16 scales, for
one scale a row and for blocks of 128 to 16, each with the scale taken from the largest weight and with the
best of 16 scales. With an f32 .varq file, the same for all large weights of a real model.

usage: q8_block_size.py [MODEL-F32.varq]
"""
import sys

import numpy as np

import varq

ROWS, COLUMNS, CANDIDATES = 2048, 1024, 16


def round_up(scale):
    """The smallest f16 that is not below `scale`."""
    half = scale.astype(np.float16)
    return np.where(half.astype(np.float32) < scale, np.nextafter(half, np.float16(np.inf)), half)


def energies(weights, block, candidates):
    """Signal and noise: the sums of squares of the weights and of their errors."""
    blocks = weights.reshape(-1, block)
    smallest = np.abs(blocks).max(-1, keepdims=True) / np.float32(127)
    best, least = None, None
    for i in range(candidates):
        scale = round_up(smallest * np.float32(1 + i / 254)).astype(np.float32)
        rounded = np.rint(blocks / np.where(scale == 0, 1, scale)) * scale
        error = ((blocks - rounded) ** 2).sum(-1, keepdims=True)
        if best is None:
            best, least = rounded, error
        else:
            better = error < least
            best, least = np.where(better, rounded, best), np.where(better, error, least)
    noise = ((blocks - best).astype(np.float64) ** 2).sum()
    return np.array([(blocks.astype(np.float64) ** 2).sum(), noise])


def synthetic():
    random = np.random.Generator(np.random.Philox(7))
    gaussian = random.standard_normal((ROWS, COLUMNS), dtype=np.float32) / 32
    outliers = gaussian.copy()
    outliers[:, random.choice(COLUMNS, COLUMNS // 64, replace=False)] *= 4
    tailed = (random.standard_t(4, (ROWS, COLUMNS)) / 32).astype(np.float32)
    return {'Gaussian': [gaussian], '1/64 columns x4': [outliers], 'Student t, 4': [tailed]}


def model(path):
    """The large weights of a model as matrices, whose columns suit all blocks."""
    file = varq.VarqFile(path)
    large = [t for t in file.tensors.values() if len(t.shape) in (2, 4) and t.count >= 4096 and t.columns % 128 == 0]
    return {path: [file.read(t.name).reshape(t.shape[0], -1) for t in large if 'emb' not in t.name]}


def main():
    sets = model(sys.argv[1]) if len(sys.argv) > 1 else synthetic()
    print('| block | bits a weight | ' + ' | '.join(sets) + ' |')
    print('|---|---|' + '---|' * len(sets))
    for block in (None, 128, 64, 32, 16):
        cells = []
        for matrices in sets.values():
            pair = [sum(energies(w, block or w.shape[1], n) for w in matrices) for n in (1, CANDIDATES)]
            cells.append(' / '.join(f'{10 * np.log10(signal / noise):.1f}' for signal, noise in pair))
        bits = f'{8 + 16 / (block or COLUMNS):.3f}'
        print(f'| {block or "row"} | {bits} | ' + ' | '.join(cells) + ' |')


if __name__ == '__main__':
    main()
