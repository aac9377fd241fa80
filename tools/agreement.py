"""Does bf16 agree with f32, drawing freely, at least as well as PyTorch's own bf16 autocast does? Measured, as Markdown tables.

    python3 tools/agreement.py --checkpoint models/fashion-var --binaries .build/release --work .build/agreement \\
        [--images 512] [--levels avx512bf16] [--output Benchmarks/RESULTS.md]

DIR of --checkpoint holds var.pth and vae.pth. The same images (class, seed, guidance, top-k, top-p) are drawn by PyTorch in f32
and under bf16 autocast, and by var-run from an f32 and a q8 file in each arithmetic. Every row is compared with the f32 run of
its own side. The seeds are the same on both sides and so are the random numbers, so the two f32 runs are compared as well.

After the first token that differs, an image goes its own way, and the tokens of the larger scales are drawn from other
predictions. What tells of the arithmetic alone is the rate at which draws differ while everything before is equal: the scales
up to and including the first that differs ("from the same prefix"). Errors are standard errors over images.
Exit status 1 when the f32 runs differ, or bf16 falls behind autocast by more than two standard errors.
"""
import argparse
import contextlib
import glob
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch
from PIL import Image

from bench import machine
from vartorch.checkpoint import load_pair
from vartorch.sampling import generate

TORCH = {'f32': contextlib.nullcontext, 'bf16': lambda: torch.autocast('cpu', torch.bfloat16)}
PAIRS = [('f32', 'bf16'), ('q8', 'f32'), ('q8', 'bf16'), ('q8', 'int8')]  # file, arithmetic


def plan(args, classes):
    """The class of each image, spread evenly over all of them. Image i has the seed `args.seed` + i."""
    return [i * classes // args.images for i in range(args.images)]


def draw_torch(args, var, vae, labels, mode):
    """Tokens [N, L] and pictures [N, S, S, 3] uint8, one image at a time."""
    tokens, pictures = [], []
    for i, label in enumerate(labels):
        with TORCH[mode]():
            image, drawn = generate(var, vae, torch.tensor([label]), seed=args.seed + i, cfg=args.cfg, top_k=args.top_k,
                                    top_p=args.top_p)
        tokens.append(torch.cat(drawn, dim=1)[0].numpy())
        pictures.append(image[0].float().clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).numpy())
    return np.stack(tokens), np.stack(pictures)


def convert(args, kind):
    path = f'{args.work}/agreement-{kind}.varq'
    subprocess.run([f'{args.binaries}/var-convert', 'convert', '--var', f'{args.checkpoint}/var.pth', '--vae',
                    f'{args.checkpoint}/vae.pth', '--type', kind, '--force', '--output', path],
                   check=True, stdout=subprocess.DEVNULL)
    return path


def draw_ours(args, labels, path, mode, level=None):
    """The same by var-run; None where this CPU or build lacks the mode or level."""
    with tempfile.TemporaryDirectory() as scratch:
        line = [f'{args.binaries}/var-run', 'generate', '--model', path, '--classes', ','.join(map(str, labels)),
                '--seed', str(args.seed), '--cfg', str(args.cfg), '--top-k', str(args.top_k), '--top-p', str(args.top_p),
                '--compute', mode, '--threads', str(args.threads), '--output', f'{scratch}/images/',
                '--tokens-output', f'{scratch}/tokens.json']
        done = subprocess.run(line + (['--cpu-level', level] if level else []), capture_output=True, text=True)
        if done.returncode:
            print(f'left out: {mode} {level or ""}: {done.stderr.strip()}', file=sys.stderr)
            return None
        with open(f'{scratch}/tokens.json') as f:
            images = json.load(f)['images']
        assert [(i['class'], i['seed']) for i in images] == [(c, args.seed + k) for k, c in enumerate(labels)]
        tokens = np.array([sum(i['tokens'], []) for i in images])
        paths = sorted(glob.glob(f'{scratch}/images/*.png'))
        return tokens, np.stack([np.asarray(Image.open(p).convert('RGB')) for p in paths])


def mean(values):
    """(mean, standard error) of one value an image."""
    values = np.asarray(values, np.float64)
    return values.mean(), values.std(ddof=1) / len(values) ** 0.5


def ratio(parts, wholes):
    """(sum of parts / sum of wholes, its standard error by linearization)."""
    value = parts.sum() / wholes.sum()
    return value, len(parts) ** 0.5 * (parts - value * wholes).std(ddof=1) / wholes.sum()


def compare(run, reference, sides):
    """What is measured of one row: each image's share of equal tokens, its first scale that differs (K: none), and so on."""
    equal = run[0] == reference[0]  # [N, L]
    ends = np.cumsum([p * p for p in sides])
    scales = np.stack([part.all(axis=1) for part in np.split(equal, ends[:-1], axis=1)], axis=1)  # [N, K]
    first = np.where(scales.all(axis=1), len(sides), scales.argmin(axis=1))
    exposed = ends[np.minimum(first, len(sides) - 1)]  # tokens drawn from the same prefix
    missed = np.array([(~row[:n]).sum() for row, n in zip(equal, exposed)])
    errors = ((run[1] / 255.0 - reference[1] / 255.0) ** 2).mean(axis=(1, 2, 3))
    return {'share': equal.mean(axis=1), 'first': first, 'missed': missed, 'exposed': exposed, 'mse': errors}


def with_error(pair, factor=1, digits=1):
    return f'{factor * pair[0]:.{digits}f} ± {factor * pair[1]:.{digits}f}'


def psnr(errors):
    value, error = mean(errors)
    return '∞' if value == 0 else f'{-10 * np.log10(value):.1f} ± {10 / np.log(10) * error / value:.1f}'


def table(rows, sides):
    head = ['', 'equal tokens, %', 'wholly equal images, %', f'scales before the first difference (of {len(sides)})',
            'draws that differ from the same prefix, per 1000', 'PSNR of the pictures, dB']
    lines = ['| ' + ' | '.join(head) + ' |', '|' + '---|' * len(head)]
    for name, r in rows.items():
        cells = [with_error(mean(r['share']), 100), with_error(mean(r['first'] == len(sides)), 100),
                 with_error(mean(r['first']), 1, 2), with_error(ratio(r['missed'], r['exposed']), 1000, 2), psnr(r['mse'])]
        lines.append(f'| {name} | ' + ' | '.join(cells) + ' |')
    lines += ['', 'Images by the scale at which the first token differs:', '',
              '| | ' + ' | '.join(f'{p}×{p}' for p in sides) + ' | none |', '|---|' + '---|' * (len(sides) + 1)]
    for name, r in rows.items():
        lines.append(f'| {name} | ' + ' | '.join(map(str, np.bincount(r['first'], minlength=len(sides) + 1))) + ' |')
    return lines


def against_autocast(ours, theirs):
    """Differences image by image, so what both find hard falls out; and the verdict."""
    share = mean(ours['share'] - theirs['share'])
    first = mean(ours['first'] - theirs['first'])
    fine = share[0] >= -2 * share[1]
    text = (f'var-run\'s bf16 less PyTorch\'s autocast, image by image: {with_error(share, 100)} points of equal tokens, '
            f'{with_error(first, 1, 2)} scales before the first difference: ')
    return text + ('at least as good.' if fine else 'worse.'), fine


def measure(args, var, vae, labels):
    """The rows by name. All random numbers are the seeds', so the order of the runs doesn't matter."""
    sides = var.patch_nums
    full, autocast = (draw_torch(args, var, vae, labels, mode) for mode in ('f32', 'bf16'))
    files = {kind: convert(args, kind) for kind in ('f32', 'q8')}
    exact = draw_ours(args, labels, files['f32'], 'f32')
    rows = {'var-run f32 against PyTorch f32': compare(exact, full, sides), 'PyTorch bf16 autocast': compare(autocast, full, sides)}
    plans = [(kind, mode, None) for kind, mode in PAIRS]
    plans[1:1] = [('f32', 'bf16', level) for level in filter(None, args.levels.split(','))]
    for kind, mode, level in plans:
        if (run := draw_ours(args, labels, files[kind], mode, level)) is not None:
            name = f'var-run, {kind} file, {mode} arithmetic' + (f', --cpu-level {level}' if level else '')
            rows[name] = compare(run, exact, sides)
            print(f'{name}: {rows[name]["share"].mean():.3f}', file=sys.stderr, flush=True)
    return rows


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--checkpoint', required=True, help='folder of var.pth and vae.pth')
    ap.add_argument('--name', help='what the table calls the model; default: the folder\'s name')
    ap.add_argument('--binaries', default='.build/release')
    ap.add_argument('--work', required=True, help='folder for the converted models')
    ap.add_argument('--output', help='a file to which the tables are appended')
    ap.add_argument('--images', type=int, default=512)
    ap.add_argument('--seed', type=int, default=1000)
    ap.add_argument('--cfg', type=float, default=1.5)
    ap.add_argument('--top-k', type=int, default=900, help='clipped to the vocabulary')
    ap.add_argument('--top-p', type=float, default=0.96)
    ap.add_argument('--levels', default='', help='further instruction sets for a bf16 row each, as var-run --cpu-level names them')
    ap.add_argument('--threads', type=int, default=len(os.sched_getaffinity(0)))
    args = ap.parse_args()
    torch.set_num_threads(args.threads)
    os.makedirs(args.work, exist_ok=True)
    var, vae = load_pair(f'{args.checkpoint}/var.pth', f'{args.checkpoint}/vae.pth')
    args.top_k = min(args.top_k, vae.quantize.embedding.num_embeddings)
    rows = measure(args, var, vae, plan(args, var.classes))
    verdict, fine = against_autocast(rows['var-run, f32 file, bf16 arithmetic'], rows['PyTorch bf16 autocast'])
    name = args.name or os.path.basename(os.path.normpath(args.checkpoint))
    lines = [f'**{name}**, {args.images} images, guidance {args.cfg:g}, top-k {args.top_k}, top-p {args.top_p:g}, '
             f'seeds from {args.seed}; {machine()}, torch {torch.__version__}.', '',
             *table(rows, var.patch_nums), '', verdict, '']
    if args.output:
        with open(args.output, 'a') as f:
            f.write('\n'.join(['', *lines]))
    print('\n'.join(lines))
    sys.exit(not (fine and rows['var-run f32 against PyTorch f32']['share'].min() == 1))


if __name__ == '__main__':
    main()
