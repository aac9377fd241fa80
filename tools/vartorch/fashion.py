"""Fashion-MNIST in six colours: 60 classes of 32x32 RGB images.

The grey photographs (Zalando Research, MIT licence) come from Debian's package dataset-fashion-mnist. They are padded
from 28 to 32 pixels and their grey value is mapped to a colour by one of six gradients on a near-white ground.

    class id = 10 · colour + garment          name = "<colour> <garment>"

A test image's colour is fixed: colour(i) = (7·i + i // 10) mod 6 for the i-th of the 10,000 test images. Training
images get every colour, drawn anew each time.
"""
import gzip
import os
import subprocess
import tempfile

import numpy as np
import torch

GARMENTS = ('t-shirt', 'trousers', 'pullover', 'dress', 'coat', 'sandal', 'shirt', 'sneaker', 'bag', 'ankle boot')
COLOURS = ('red', 'orange', 'green', 'blue', 'purple', 'grey')
CLASS_NAMES = [f'{colour} {garment}' for colour in COLOURS for garment in GARMENTS]
SIDE = 32

GROUND = (250, 249, 246)
#          grey 128         grey 255
GRADIENTS = {
    'red': ((228, 92, 84), (128, 12, 26)),
    'orange': ((252, 166, 72), (196, 92, 4)),
    'green': ((98, 184, 106), (12, 86, 42)),
    'blue': ((92, 152, 222), (16, 46, 132)),
    'purple': ((172, 118, 212), (78, 22, 124)),
    'grey': ((152, 152, 154), (34, 34, 38)),
}


def palettes():
    """[6, 256, 3] uint8: the colour of every grey value, linear from ground over the middle to the dark end."""
    grey = np.arange(256)
    table = np.empty((len(COLOURS), 256, 3), np.uint8)
    for i, name in enumerate(COLOURS):
        middle, dark = GRADIENTS[name]
        for c in range(3):
            table[i, :, c] = np.rint(np.interp(grey, (0, 128, 255), (GROUND[c], middle[c], dark[c])))
    return torch.from_numpy(table)


def test_colours(count=10000):
    i = torch.arange(count)
    return (7 * i + i // 10) % len(COLOURS)


def fetch(folder):
    """Downloads and unpacks Debian's package below `folder` unless its files are there; returns their folder."""
    data = os.path.join(folder, 'usr/share/datasets/fashion-mnist')
    if not os.path.exists(os.path.join(data, 'train-images-idx3-ubyte.gz')):
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch:
            subprocess.run(['apt-get', 'download', 'dataset-fashion-mnist'], cwd=scratch, check=True)
            subprocess.run(['dpkg-deb', '-x', os.path.join(scratch, os.listdir(scratch)[0]), folder], check=True)
    return data


def _read_idx(path, header):
    with gzip.open(path) as f:
        return np.frombuffer(f.read(), np.uint8, offset=header).copy()


def load(folder, split):
    """Grey images [N, 32, 32] uint8 (28 px, padded by 2 on every side) and garments [N] of 'train' or 't10k'."""
    data = fetch(folder)
    images = _read_idx(f'{data}/{split}-images-idx3-ubyte.gz', 16).reshape(-1, 28, 28)
    labels = _read_idx(f'{data}/{split}-labels-idx1-ubyte.gz', 8).astype(np.int64)
    return torch.from_numpy(np.pad(images, ((0, 0), (2, 2), (2, 2)))), torch.from_numpy(labels)


def colourise(grey, colour, table=None):
    """uint8 [B, 3, 32, 32] from grey [B, 32, 32] and colour index [B]."""
    table = palettes() if table is None else table
    return table[colour[:, None, None], grey.long()].permute(0, 3, 1, 2).contiguous()


def to_unit(images):
    """uint8 to the [-1, 1] range that the VQ-VAE reads."""
    return images.float().div(255).mul(2).sub(1)
