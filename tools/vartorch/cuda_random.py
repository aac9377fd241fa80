"""The random numbers that PyTorch draws on a GPU, in NumPy: an independent twin of Sources/VARCore/Sampling/CUDARandom.swift.

Philox4x32-10 keyed by the seed. A tensor of n numbers is filled by T threads, as many as the card runs at once or n needs;
in its loop l thread t makes the four words of the counter (offset/4 + l, t), for the elements t + T·(4l + c), c = 0…3.
What is not imitated: CUDA's fast logarithm, which is correct to 2^-21.4 near 1; ours is correct to the last bit but one.
"""
import numpy as np

CARDS = {'a100': (108, 2048), 'h100': (132, 2048), 'h200': (132, 2048), 'l40s': (142, 1536), 'rtx4090': (128, 1536), 't4': (40, 1024)}
BLOCK = 256


def philox(counter, key):
    """uint32 [4, ...] of a counter, uint32 [4, ...], and a key, two integers."""
    c0, c1, c2, c3 = (np.asarray(c, np.uint64) for c in counter)
    k0, k1 = key
    for _ in range(10):
        first, second = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        high, low = np.uint64(32), np.uint64(0xFFFFFFFF)
        c0, c1, c2, c3 = (second >> high) ^ c1 ^ np.uint64(k0), second & low, (first >> high) ^ c3 ^ np.uint64(k1), first & low
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3]).astype(np.uint32)


class CUDAGenerator:
    """`torch.Generator('cuda').manual_seed(seed)` on a card: 'cuda:h100', or 'cuda:SMSxTHREADS'."""

    def __init__(self, seed, device):
        card = device.removeprefix('cuda:')
        self.processors, self.resident = CARDS[card] if card in CARDS else map(int, card.replace('×', 'x').split('x'))
        self.key, self.offset = (seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF), 0

    def _words(self, loops, threads):
        """uint32 [4, loops, threads] from the present offset on."""
        counter = self.offset // 4 + np.arange(loops, dtype=np.uint64)[:, None]
        shape, thread = (loops, threads), np.arange(threads, dtype=np.uint64)[None]
        return philox([np.broadcast_to(v, shape) for v in (counter & np.uint64(0xFFFFFFFF), counter >> np.uint64(32), thread,
                                                           np.zeros((), np.uint64))], self.key)

    def uniform(self, n):
        """float32 [n] in (0, 1], as curand_uniform4 fills a tensor."""
        threads = BLOCK * min(-(-n // BLOCK), self.processors * (self.resident // BLOCK))
        loops = -(-n // (4 * threads))
        words = self._words(loops, threads).transpose(1, 0, 2).reshape(-1)[:n]  # element t + T·(4l + c)
        self.offset += 4 * loops
        return words.astype(np.float32) * np.float32(2.0 ** -32) + np.float32(2.0 ** -33)

    def exponential(self, n):
        """float32 [n]: `torch.empty(n, device='cuda').exponential_()`."""
        u, least = self.uniform(n), np.finfo(np.float32).eps / 2
        return np.where(u >= np.float32(1 - least), np.float32(least), -np.log(u)).astype(np.float32)

    def labels(self, classes, count):
        """`torch.multinomial(uniform, count, replacement=True)` for two or more labels: thread i inverts for label i."""
        words = self._words(1, count)[0, 0]
        self.offset += 4
        u = words.astype(np.float32) * np.float32(2.0 ** -32) + np.float32(2.0 ** -33)
        cumulative = np.cumsum(np.full(classes, 1 / classes, np.float32), dtype=np.float32)
        return np.minimum(np.searchsorted(cumulative, u, side='left'), classes - 1)
