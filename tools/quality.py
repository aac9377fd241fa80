"""What quantization costs, on the demo model: one table over formats and compute modes.

    python3 tools/quality.py --var-run .build/release/var-run --reference f32.varq --classifier classifier.pth \\
        --images TEST/ --data DIR --output quality.md  f32=f32.varq  q8=q8.varq  'q8, int8=q8.varq@int8' …

Each entry is NAME=FILE[@COMPUTE]. For each: file size; teacher-forced loss on the test images (`var-run evaluate`); KL
divergence and same-top-1 of the logits against the reference (`var-run compare`); 600 generated images judged by the
classifier, and the Fréchet distance of its features to the test split. Every entry has the same seeds and images.
Error bars are standard errors. TEST/ is made by export_test_images.py.
"""
import argparse
import glob
import json
import os
import subprocess
import tempfile

import numpy as np
import torch
from PIL import Image

from vartorch import classifier, fashion
from vartorch.score import judge


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f'{" ".join(command)}\n{done.stderr}')
    return done.stdout


def parse_entry(text):
    name, _, rest = text.partition('=')
    path, _, compute = rest.partition('@')
    return name, path, ['--compute', compute] if compute else []


def evaluate(args, path, compute, scratch):
    output = f'{scratch}/evaluation.json'
    if os.path.exists(output):
        os.remove(output)  # evaluate resumes from what it finds
    run(args.var_run, 'evaluate', '--model', path, args.images, '--output', output, *compute)
    with open(output) as f:
        return json.load(f)


def compare(args, path, compute):
    return json.loads(run(args.var_run, 'compare', '--model', path, '--against', args.reference, args.images, '--json', *compute))


def generate(args, path, compute, folder):
    """600 images, class by class, uint8 [N, 3, S, S], and their labels."""
    run(args.var_run, 'generate', '--model', path, '--classes', '0-59', '--count', str(args.count), '--seed', str(args.seed),
        '--cfg', str(args.cfg), '--output', folder + '/', *compute)
    images = [np.asarray(Image.open(p).convert('RGB')) for p in sorted(glob.glob(f'{folder}/*.png'))]
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2), torch.arange(60).repeat_interleave(args.count)


def measure(args, entry, model, reference_features):
    name, path, compute = entry
    with tempfile.TemporaryDirectory() as scratch:
        record = {'name': name, 'bytes': os.path.getsize(path), 'evaluate': evaluate(args, path, compute, scratch),
                  'compare': compare(args, path, compute)}
        images, labels = generate(args, path, compute, f'{scratch}/images')
        record['generated'] = judge(model, images, labels, reference_features)
    print(json.dumps(record['generated']), flush=True)
    return record


def percent(value, error):
    return f'{100 * value:.1f} ± {100 * error:.1f}'


def table(records, scales):
    head = ['', 'MB', 'loss, nats', 'loss against f32, %', 'KL, mean', 'same top-1, %', 'garment, %', 'colour, %', 'Fréchet']
    lines = ['| ' + ' | '.join(head) + ' |', '|' + '---|' * len(head)]
    for r in records:
        e, c, g = r['evaluate'], r['compare']['total'], r['generated']
        kl, same, ratio = c['kl_mean'], c['same_top_1'], c['loss_ratio']
        lines.append('| ' + ' | '.join([
            r['name'], f'{r["bytes"] / 1e6:.2f}', f'{e["L_mean"]:.4f} ± {e["L_mean_se"]:.4f}',
            f'{100 * (ratio["value"] - 1):+.3f} ± {100 * ratio["error"]:.3f}', f'{kl["value"]:.2e} ± {kl["error"]:.0e}',
            percent(same['value'], same['error']), percent(g['garment'], g['garment_se']),
            percent(g['colour'], g['colour_se']), f'{g["frechet"]:.2f} ± {g["frechet_se"]:.2f}']) + ' |')
    lines += ['', 'KL divergence of the logits, mean by scale (same top-1):', '',
              '| | ' + ' | '.join(f'{p}×{p}' for p in scales) + ' |', '|---|' + '---|' * len(scales)]
    for r in records:
        cells = [f'{s["kl_mean"]["value"]:.1e} ± {s["kl_mean"]["error"]:.0e} ({100 * s["same_top_1"]["value"]:.1f} %)' for s in r['compare']['per_scale']]
        lines.append(f'| {r["name"]} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines) + '\n'


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('entries', nargs='+', type=parse_entry, metavar='NAME=FILE[@COMPUTE]')
    ap.add_argument('--var-run', required=True)
    ap.add_argument('--reference', required=True, help='the f32 model that logits are compared with')
    ap.add_argument('--classifier', required=True)
    ap.add_argument('--images', required=True)
    ap.add_argument('--data', required=True)
    ap.add_argument('--output', required=True)
    ap.add_argument('--count', type=int, default=10, help='images a class')
    ap.add_argument('--seed', type=int, default=1000)
    ap.add_argument('--cfg', type=float, default=1.5)
    args = ap.parse_args()
    model = classifier.load(args.classifier)
    grey, _ = fashion.load(args.data, 't10k')
    features = classifier.predict(model, fashion.colourise(grey, fashion.test_colours()))[2]
    records = [measure(args, entry, model, features) for entry in args.entries]
    with open(args.output, 'w') as f:
        f.write(table(records, [s['side'] for s in records[0]['evaluate']['per_scale']]))
    with open(os.path.splitext(args.output)[0] + '.json', 'w') as f:
        json.dump(records, f, indent=1)


if __name__ == '__main__':
    main()
