"""Tests/Goldens/scores: what PyTorch's networks and SciPy's formulas say of small pictures and of seeded features.

    tools/make_score_goldens.py [--output Tests/Goldens/scores]        (needs torch-fidelity and scipy, see requirements.txt)
"""
import argparse
import json
import os
import sys
import tempfile

import numpy as np
import torch
from safetensors.numpy import save_file

import eval_parity
import make_inception

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def formulas():
    """Two sets of features [500, 24] and [400, 24], logits [500, 10]: no need to keep them, SplitMix64 makes them again."""
    numbers = make_inception.Numbers(9)
    mix = numbers(24, 24).astype(np.float64)
    a, b = (numbers(n, 24).astype(np.float64) @ mix for n in (500, 400))
    a, b = a.astype(np.float32), (b * 1.25 + 0.5).astype(np.float32)
    logits = (numbers(500, 10) * np.float32(4)).astype(np.float32)
    precision, recall = eval_parity.precision_recall(a, b)
    half = eval_parity.precision_recall(a, b, half=True)
    return {
        'frechet': eval_parity.frechet(a, b), 'inception_one': eval_parity.inception_score(logits, 500),
        'inception_splits_200': eval_parity.inception_score(logits, 200), 'precision': precision, 'recall': recall,
        'precision_half': half[0], 'recall_half': half[1],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--output', default=ROOT + '/Tests/Goldens/scores')
    args = parser.parse_args()
    os.makedirs(args.output, exist_ok=True)
    torch.set_num_threads(1)
    pictures = eval_parity.pictures(6, 48, 5)
    np.savez_compressed(args.output + '/pictures.npz', pictures)
    with tempfile.TemporaryDirectory() as work:
        weights = work + '/inception.pth'
        torch.save(make_inception.state_dict(1), weights)
        names = ('features', 'spatial', 'logits')
        save_file(dict(zip(names, eval_parity.network_features(weights, pictures))), args.output + '/inception.safetensors')
    sys.path.insert(0, ROOT + '/tools')
    from vartorch import classifier
    model = classifier.load(ROOT + '/models/fashion-var/classifier.pth')
    small = eval_parity.pictures(6, 32, 6)
    np.savez(args.output + '/small.npz', small)
    with torch.no_grad():
        garment, colour, features = model(torch.from_numpy(small).permute(0, 3, 1, 2).float() / 127.5 - 1)
    save_file({'features': features.numpy(), 'garment': garment.numpy(), 'colour': colour.numpy()},
              args.output + '/classifier.safetensors')
    with open(args.output + '/formulas.json', 'w') as file:
        json.dump(formulas(), file, indent=2)
        file.write('\n')


if __name__ == '__main__':
    main()
