"""Inception weights for tests: the shapes and names of the FID network, seeded random numbers that keep signals alive.

    tools/make_inception.py OUTPUT.pth [--seed 1]
"""
import argparse

import numpy as np
import torch


def units():
    """Name, inputs, outputs, kernel height and width of every convolution, in the order of the network."""
    yield from (('Conv2d_1a_3x3', 3, 32, 3, 3), ('Conv2d_2a_3x3', 32, 32, 3, 3), ('Conv2d_2b_3x3', 32, 64, 3, 3),
                ('Conv2d_3b_1x1', 64, 80, 1, 1), ('Conv2d_4a_3x3', 80, 192, 3, 3))
    for name, c, pool in (('Mixed_5b', 192, 32), ('Mixed_5c', 256, 64), ('Mixed_5d', 288, 64)):
        yield from ((f'{name}.branch1x1', c, 64, 1, 1), (f'{name}.branch5x5_1', c, 48, 1, 1), (f'{name}.branch5x5_2', 48, 64, 5, 5),
                    (f'{name}.branch3x3dbl_1', c, 64, 1, 1), (f'{name}.branch3x3dbl_2', 64, 96, 3, 3),
                    (f'{name}.branch3x3dbl_3', 96, 96, 3, 3), (f'{name}.branch_pool', c, pool, 1, 1))
    yield from (('Mixed_6a.branch3x3', 288, 384, 3, 3), ('Mixed_6a.branch3x3dbl_1', 288, 64, 1, 1),
                ('Mixed_6a.branch3x3dbl_2', 64, 96, 3, 3), ('Mixed_6a.branch3x3dbl_3', 96, 96, 3, 3))
    for name, w in (('Mixed_6b', 128), ('Mixed_6c', 160), ('Mixed_6d', 160), ('Mixed_6e', 192)):
        yield from ((f'{name}.branch1x1', 768, 192, 1, 1), (f'{name}.branch7x7_1', 768, w, 1, 1), (f'{name}.branch7x7_2', w, w, 1, 7),
                    (f'{name}.branch7x7_3', w, 192, 7, 1), (f'{name}.branch7x7dbl_1', 768, w, 1, 1),
                    (f'{name}.branch7x7dbl_2', w, w, 7, 1), (f'{name}.branch7x7dbl_3', w, w, 1, 7),
                    (f'{name}.branch7x7dbl_4', w, w, 7, 1), (f'{name}.branch7x7dbl_5', w, 192, 1, 7),
                    (f'{name}.branch_pool', 768, 192, 1, 1))
    yield from (('Mixed_7a.branch3x3_1', 768, 192, 1, 1), ('Mixed_7a.branch3x3_2', 192, 320, 3, 3),
                ('Mixed_7a.branch7x7x3_1', 768, 192, 1, 1), ('Mixed_7a.branch7x7x3_2', 192, 192, 1, 7),
                ('Mixed_7a.branch7x7x3_3', 192, 192, 7, 1), ('Mixed_7a.branch7x7x3_4', 192, 192, 3, 3))
    for name, c in (('Mixed_7b', 1280), ('Mixed_7c', 2048)):
        yield from ((f'{name}.branch1x1', c, 320, 1, 1), (f'{name}.branch3x3_1', c, 384, 1, 1), (f'{name}.branch3x3_2a', 384, 384, 1, 3),
                    (f'{name}.branch3x3_2b', 384, 384, 3, 1), (f'{name}.branch3x3dbl_1', c, 448, 1, 1),
                    (f'{name}.branch3x3dbl_2', 448, 384, 3, 3), (f'{name}.branch3x3dbl_3a', 384, 384, 1, 3),
                    (f'{name}.branch3x3dbl_3b', 384, 384, 3, 1), (f'{name}.branch_pool', c, 192, 1, 1))


class Numbers:
    """Uniform numbers of [-1, 1) by SplitMix64, the same in every language."""

    def __init__(self, seed):
        self.state = np.uint64(seed)

    def __call__(self, *shape):
        count = int(np.prod(shape))
        with np.errstate(over='ignore'):
            z = self.state + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
            self.state = z[-1]
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z ^= z >> np.uint64(31)
        return ((z >> np.uint64(40)).astype(np.float32) * np.float32(2 ** -23) - np.float32(1)).reshape(shape)


def state_dict(seed):
    numbers, state = Numbers(seed), {}
    for name, c_in, c_out, height, width in units():
        # A variance of 2 / fan-in: signals keep their size through ReLU.
        scale = np.float32((6 / (c_in * height * width)) ** 0.5)
        state[f'{name}.conv.weight'] = numbers(c_out, c_in, height, width) * scale
        state[f'{name}.bn.weight'] = np.float32(1) + np.float32(0.125) * numbers(c_out)
        state[f'{name}.bn.bias'] = np.float32(0.125) * numbers(c_out)
        state[f'{name}.bn.running_mean'] = np.float32(0.125) * numbers(c_out)
        state[f'{name}.bn.running_var'] = np.float32(1) + np.float32(0.5) * numbers(c_out)
    state['fc.weight'] = np.float32(0.03125) * numbers(1008, 2048)
    state['fc.bias'] = np.float32(0.03125) * numbers(1008)
    state = {name: torch.from_numpy(value) for name, value in state.items()}
    for name in [name for name in state if name.endswith('running_var')]:
        state[name.replace('running_var', 'num_batches_tracked')] = torch.zeros((), dtype=torch.long)
    return state


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('output')
    parser.add_argument('--seed', type=int, default=1)
    args = parser.parse_args()
    torch.save(state_dict(args.seed), args.output)


if __name__ == '__main__':
    main()
