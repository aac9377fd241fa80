"""What quantization costs, on the demo model: one table over formats and compute modes.

    python3 tools/quality.py --binaries .build/release --demo models/fashion-var --work .build/quality [--images 1000]

Converts the demo model to every type, those of fewer than 8 bits with and without calibration, then for each row: file
size; teacher-forced loss on test images (`var-run evaluate`); KL divergence and same-top-1 of the logits against f32
(`var-run compare`); 600 generated images judged by the classifier, and the Fréchet distance of its features to the test
split. Every row has the same seeds and images. Error bars are standard errors. The tables go to WORK/quality.md and
between the marks in MODEL_CARD.md, a short one between those in --guide, a chart of loss against bytes to --chart, the
figures to WORK/quality.json. A mode that this CPU or build lacks is left out, and said so.
"""
import argparse
import glob
import json
import os
import shutil
import subprocess
import tempfile

import numpy as np
import torch
from PIL import Image

import chart
import export_test_images
from vartorch import classifier, fashion
from vartorch.score import judge


FORMATS = ('f32', 'f16', 'bf16', 'q8')
TYPES = ('q6', 'mix5', 'q5', 'mix4.5', 'mix4.25', 'q4', 'mix4', 'mix3.8', 'q3')
# Name, type, calibration (None where there is nothing to calibrate), arithmetic.
ROWS = [(f'{f} file, f32 arithmetic', f, None, 'f32') for f in FORMATS]
ROWS += [(f'q8 file, {mode} arithmetic', 'q8', None, mode) for mode in ('bf16', 'int8')]
ROWS += [(f'{t}, not calibrated', t, 'none', 'f32') for t in TYPES]
ROWS += [(f'{t}, calibrated', t, 'self', 'f32') for t in TYPES]
BEGIN, END = '<!-- quality: begin, by make quality -->', '<!-- quality: end -->'


class Refused(Exception):
    """A command of ours ended with an error; the message is what it printed."""


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Refused(f'{" ".join(command)}\n{done.stderr}')
    return done.stdout


def path_of(args, kind, calibration):
    return f'{args.work}/fashion-{kind}{"-" + calibration if calibration else ""}.varq'


def convert(args, kind, calibration):
    """The file of a row, made anew."""
    path = path_of(args, kind, calibration)
    run(f'{args.binaries}/var-convert', 'convert', '--var', f'{args.demo}/var.pth', '--vae', f'{args.demo}/vae.pth',
        '--class-names', f'{args.demo}/class_names.txt', '--type', kind, '--output', path, '--force',
        *(['--calibrate', calibration] if calibration else []))


def evaluate(args, path, mode, scratch):
    output = f'{scratch}/evaluation.json'
    run(f'{args.binaries}/var-run', 'evaluate', '--model', path, f'{args.work}/test', '--output', output, '--force',
        '--compute', mode)
    with open(output) as f:
        return json.load(f)


def compare(args, path, mode):
    return json.loads(run(f'{args.binaries}/var-run', 'compare', '--model', path, '--against', f'{args.work}/fashion-f32.varq',
                          f'{args.work}/test', '--json', '--compute', mode))


def generate(args, path, mode, folder):
    """600 images, class by class, uint8 [N, 3, S, S], and their labels."""
    run(f'{args.binaries}/var-run', 'generate', '--model', path, '--classes', '0-59', '--count', str(args.count), '--seed', str(args.seed),
        '--cfg', str(args.cfg), '--output', folder + '/', '--force', '--compute', mode)
    images = [np.asarray(Image.open(p).convert('RGB')) for p in sorted(glob.glob(f'{folder}/*.png'))]
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2), torch.arange(60).repeat_interleave(args.count)


def measure(args, row, model, reference_features):
    name, kind, calibration, mode = row
    path = path_of(args, kind, calibration)
    with tempfile.TemporaryDirectory() as scratch:
        record = {'name': name, 'type': kind, 'calibration': calibration, 'mode': mode, 'bytes': os.path.getsize(path), 'evaluate': evaluate(args, path, mode, scratch),
                  'compare': compare(args, path, mode)}
        images, labels = generate(args, path, mode, f'{scratch}/images')
        record['generated'] = judge(model, images, labels, reference_features)
    print(f'{name}: loss {record["evaluate"]["L_mean"]:.4f}, garment {record["generated"]["garment"]:.3f}', flush=True)
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


def short_table(records):
    """Types against what they cost, without and with calibration."""
    head = ['`--type`', 'demo file, MB', 'loss, %', 'KL', 'same top-1, %', 'calibrated: loss, %', 'KL', 'same top-1, %']
    lines = ['| ' + ' | '.join(head) + ' |', '|' + '---|' * len(head)]
    found = {(r['type'], r['calibration']): r for r in records if r['mode'] == 'f32'}

    def cells(record):
        if not record:
            return ['', '', '']
        c = record['compare']['total']
        return [f'{100 * (c["loss_ratio"]["value"] - 1):+.3f}', f'{c["kl_mean"]["value"]:.1e}', f'{100 * c["same_top_1"]["value"]:.1f}']
    for kind in FORMATS + TYPES:
        plain = found.get((kind, None)) or found[kind, 'none']
        row = [kind, f'{plain["bytes"] / 1e6:.2f}', *cells(plain), *cells(found.get((kind, 'self')))]
        lines.append('| ' + ' | '.join(row) + ' |')
    return '\n'.join(lines) + '\n'


def insert(path, text):
    """Replaces what stands between the marks of a Markdown file."""
    with open(path) as f:
        before, rest = f.read().split(BEGIN)
    with open(path, 'w') as f:
        f.write(f'{before}{BEGIN}\n{text}{END}{rest.split(END)[1]}')


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--binaries', required=True, help='folder of var-run and var-convert')
    ap.add_argument('--demo', required=True, help='folder of the demo model')
    ap.add_argument('--work', required=True, help='folder for data, converted models and results')
    ap.add_argument('--data', help='where Debian\'s package is unpacked, or is to be; default WORK/data')
    ap.add_argument('--guide', help='a Markdown file with marks for the short table')
    ap.add_argument('--chart', help='the SVG file to write')
    ap.add_argument('--images', type=int, default=1000, help='test images for losses and divergences')
    ap.add_argument('--count', type=int, default=10, help='generated images a class')
    ap.add_argument('--seed', type=int, default=1000)
    ap.add_argument('--cfg', type=float, default=1.5)
    args = ap.parse_args()
    data = args.data or f'{args.work}/data'
    shutil.rmtree(f'{args.work}/test', ignore_errors=True)
    export_test_images.export(f'{args.work}/test', data, args.images)
    for kind, calibration in dict.fromkeys(row[1:3] for row in ROWS):
        convert(args, kind, calibration)
    model = classifier.load(f'{args.demo}/classifier.pth')
    grey, _ = fashion.load(data, 't10k')
    features = classifier.predict(model, fashion.colourise(grey, fashion.test_colours()))[2]
    records, notes = [], []
    for row in ROWS:
        try:
            records.append(measure(args, row, model, features))
        except Refused as error:
            if row[3] == 'f32':
                raise SystemExit(str(error)) from error
            notes.append(f'Left out: {row[0]} ({str(error).strip().splitlines()[-1]})\n')
    sides = [s['side'] for s in records[0]['evaluate']['per_scale']]
    text = f'{args.images} test images, {60 * args.count} generated ones at guidance {args.cfg:g}, seeds from {args.seed}.\n\n'
    text += 'The losses are on the tokens that each model\'s own encoder finds; all other columns on the tokens of the f32 one.\n\n'
    text += table(records, sides) + ''.join('\n' + note for note in notes)
    with open(f'{args.work}/quality.md', 'w') as f:
        f.write(text)
    with open(f'{args.work}/quality.json', 'w') as f:
        json.dump(records, f, indent=1)
    insert(f'{args.demo}/MODEL_CARD.md', text)
    if args.guide:
        insert(args.guide, short_table(records))
    if args.chart:
        with open(args.chart, 'w') as f:
            f.write(chart.loss_against_size(records))
    print(text)


if __name__ == '__main__':
    main()
