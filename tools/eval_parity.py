"""var-eval against PyTorch's network and the formulas in NumPy and SciPy, on seeded Inception weights and pictures.

    tools/eval_parity.py --binaries .build/release [--pictures 600] [--table docs/evaluate.md]

The network is torch-fidelity's; FID is taken by SciPy's sqrtm, precision and recall as the usual evaluator takes them.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
from scipy import linalg
from safetensors.numpy import load_file

import make_inception
import page


def pictures(count, side, seed):
    """Smooth random pictures: noise at several scales, each enlarged."""
    generator = torch.Generator().manual_seed(seed)
    sum_ = torch.zeros(count, 3, side, side)
    for cells in (2, 4, 8, 16):
        noise = torch.randn(count, 3, cells, cells, generator=generator)
        sum_ += torch.nn.functional.interpolate(noise, size=(side, side), mode='bicubic', align_corners=False)
    return (sum_ * 40 + 128).clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous().numpy()


def network_features(weights, images):
    """Features [N, 2048], spatial features [N, 2023] and logits without bias [N, 1008] by torch-fidelity's network."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    network = FeatureExtractorInceptionV3('inception', ['2048', 'logits_unbiased'], feature_extractor_weights_path=weights).eval()
    spatial = []
    network.Mixed_6d.branch1x1.register_forward_hook(lambda _, __, out: spatial.append(out[:, :7].permute(0, 2, 3, 1).flatten(1)))
    features, logits = [], []
    with torch.no_grad():
        for part in torch.from_numpy(images).permute(0, 3, 1, 2).split(8):
            f, l = network(part)
            features.append(f)
            logits.append(l)
    return [torch.cat(x).numpy() for x in (features, spatial, logits)]


def frechet(a, b):
    (m1, c1), (m2, c2) = ((x.mean(0), np.cov(x, rowvar=False)) for x in (a.astype(np.float64), b.astype(np.float64)))
    root = linalg.sqrtm(c1 @ c2)
    return float(((m1 - m2) ** 2).sum() + np.trace(c1) + np.trace(c2) - 2 * np.trace(root.real))


def inception_score(logits, split):
    p = torch.softmax(torch.from_numpy(logits).double(), 1).numpy()
    scores = []
    for i in range(0, len(p), split):
        part = p[i:i + split]
        scores.append(np.exp((part * (np.log(part) - np.log(part.mean(0, keepdims=True)))).sum(1).mean()))
    return float(np.mean(scores))


def distances(a, b, half):
    """Squared distances; in fp16 as the evaluator's graph takes them, sums over features in f32 as its GPU does."""
    if not half:
        return np.maximum((a * a).sum(1)[:, None] - 2 * (a @ b.T) + (b * b).sum(1)[None], 0)

    def round_(x):
        return x.astype(np.float16).astype(np.float32)

    a, b = round_(a), round_(b)
    norms = [round_(round_(x * x).sum(1)) for x in (a, b)]
    return np.maximum(round_(round_(norms[0][:, None] - round_(2 * round_(a @ b.T))) + norms[1][None]), 0)


def precision_recall(samples, reference, half=False):
    radii = [np.partition(distances(x, x, half), 3, axis=1)[:, 3] for x in (reference, samples)]
    cross = distances(samples, reference, half)
    return float((cross <= radii[0][None]).any(1).mean()), float((cross.T <= radii[1][None]).any(1).mean())


def kept(folder):
    blocks = sorted(os.listdir(folder), key=lambda name: int(name.rsplit('-', 1)[1].split('.')[0]))
    parts = [load_file(os.path.join(folder, name)) for name in blocks]
    return [np.concatenate([p[key] for p in parts]) for key in ('features', 'spatial', 'logits')]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--binaries', default='.build/release')
    parser.add_argument('--pictures', type=int, default=600)
    parser.add_argument('--side', type=int, default=256)
    parser.add_argument('--table')
    args = parser.parse_args()
    program = os.path.join(args.binaries, 'var-eval')
    torch.set_num_threads(2)
    work = tempfile.mkdtemp(prefix='eval-')
    try:
        weights = work + '/inception.pth'
        torch.save(make_inception.state_dict(1), weights)
        subprocess.run([program, 'convert-inception', weights, '--output', work + '/inception.varq'], check=True,
                       stdout=subprocess.DEVNULL)
        sets, ours, theirs = {}, {}, {}
        for name, seed in (('set', 2), ('reference', 3)):
            sets[name] = pictures(args.pictures, args.side, seed)
            if name == 'reference':  # another contrast and colour, so that the sets differ
                sets[name] = (sets[name].astype(np.float32) * [0.9, 1, 0.8] + [10, 0, 20]).clip(0, 255).astype(np.uint8)
            np.savez(f'{work}/{name}.npz', sets[name])
        command = [program, 'score', work + '/set.npz', '--reference', work + '/reference.npz', '--inception', work + '/inception.varq',
                   '--bootstrap', '0', '--json']
        seconds = []
        for _ in range(2):  # the second time the features are known
            start = time.monotonic()
            run = subprocess.run(command, check=True, capture_output=True, text=True)
            seconds.append(time.monotonic() - start)
        pace = 2 * args.pictures / (seconds[0] - seconds[1])
        report = json.loads(run.stdout)
        rows, good = [], True

        def row(name, value, expected, limit, relative=True):
            nonlocal good
            error = abs(value - expected) / (abs(expected) if relative else 1)
            good &= error <= limit
            rows.append(f'| {name} | {value:.6g} | {expected:.6g} | {error:.1e} | {limit:.0e} |')

        for name in sets:
            ours[name] = kept(f'{work}/{name}.npz.features')
            theirs[name] = network_features(weights, sets[name])
        for index, what in enumerate(('features', 'spatial features', 'logits')):
            a, b = ours['set'][index], theirs['set'][index]
            error = float(np.sqrt(((a - b) ** 2).mean()) / np.sqrt((b ** 2).mean()))
            good &= error <= 1e-4
            rows.append(f'| {what}, root mean square | {np.sqrt((a ** 2).mean()):.6g} | {np.sqrt((b ** 2).mean()):.6g} | {error:.1e} '
                        '| 1e-04 |')
        f, s, l = zip(theirs['set'], theirs['reference'])
        row('FID', report['frechet_distance']['value'], frechet(*f), 1e-3)
        row('sFID', report['spatial_frechet_distance']['value'], frechet(*s), 1e-3)
        row('Inception Score, one split', report['inception_score_whole']['value'], inception_score(l[0], len(l[0])), 1e-4)
        pair = ours['set'][0], ours['reference'][0]
        for half, suffix, name in ((False, '', ''), (True, '_fp16', ', distances in fp16')):
            precision, recall = precision_recall(*pair, half)
            # In fp16 many distances are equal but for the last bits of a product's sum.
            limit = 5 / args.pictures if half else 0
            row('precision' + name, report['precision' + suffix]['value'], precision, limit, relative=False)
            row('recall' + name, report['recall' + suffix]['value'], recall, limit, relative=False)
        table = '\n'.join(['| | var-eval | PyTorch, NumPy, SciPy | difference | limit |', '|---|---|---|---|---|'] + rows)
        # Inception v3 takes 5.71 G multiplications and additions for a picture of 299 pixels.
        table += (f'\n\n{args.pictures} pictures of {args.side} pixels against as many, at {pace:.1f} a second: '
                  f'{pace * 11.42:.0f} GFLOP/s.\n')
        print(table)
        if args.table:
            page.put(pathlib.Path(args.table), 'eval_parity', table)
        sys.exit(0 if good else 1)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == '__main__':
    main()
