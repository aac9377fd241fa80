"""Measures how the block size and the choice of scales decide the error of 8-bit weights (numpy only).

It prints the table in the rationale of formats/varq-v1.md: SQNR in dB of symmetric int8 weights with f16 scales, for
one scale a row and for blocks of 128 to 16, each with the scale taken from the largest weight and with the
best of 16 scales. usage: q8_block_size.py
"""
import numpy as np

ROWS, COLUMNS, CANDIDATES = 2048, 1024, 16


def round_up(scale):
    """The smallest f16 that is not below `scale`."""
    half = scale.astype(np.float16)
    return np.where(half.astype(np.float32) < scale, np.nextafter(half, np.float16(np.inf)), half)


def sqnr(weights, block, candidates):
    blocks = weights.reshape(ROWS, COLUMNS // block, block)
    smallest = np.abs(blocks).max(-1, keepdims=True) / np.float32(127)
    best, least = None, None
    for i in range(candidates):
        scale = round_up(smallest * np.float32(1 + i / 254)).astype(np.float32)
        rounded = np.rint(blocks / scale) * scale
        error = ((blocks - rounded) ** 2).sum(-1, keepdims=True)
        if best is None:
            best, least = rounded, error
        else:
            better = error < least
            best, least = np.where(better, rounded, best), np.where(better, error, least)
    noise = ((blocks - best).astype(np.float64) ** 2).sum()
    return 10 * np.log10((blocks.astype(np.float64) ** 2).sum() / noise)


def main():
    random = np.random.Generator(np.random.Philox(7))
    gaussian = random.standard_normal((ROWS, COLUMNS), dtype=np.float32) / 32
    outliers = gaussian.copy()
    outliers[:, random.choice(COLUMNS, COLUMNS // 64, replace=False)] *= 4
    tailed = (random.standard_t(4, (ROWS, COLUMNS)) / 32).astype(np.float32)
    print('| block | bits a weight | Gaussian | 1/64 columns x4 | Student t, 4 |')
    print('|---|---|---|---|---|')
    for block in (COLUMNS, 128, 64, 32, 16):
        cells = [f'{sqnr(w, block, 1):.1f} / {sqnr(w, block, CANDIDATES):.1f}' for w in (gaussian, outliers, tailed)]
        name = 'row' if block == COLUMNS else block
        print(f'| {name} | {8 + 16 / block:.3f} | ' + ' | '.join(cells) + ' |')


if __name__ == '__main__':
    main()
