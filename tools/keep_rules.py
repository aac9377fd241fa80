"""Which rule of kept tokens keeps colour and shape best, and still joins well? Out- and in-painting with the demo model.

    tools/keep_rules.py --binaries .build/release --demo models/fashion-var --data DIR [--count 60] [--table docs/edit.md]

For pictures of the test split, boxes and rules: PSNR of the kept part to the picture's reconstruction (what the VQ-VAE makes of it), and
the share of results that the judge takes for the picture's own class.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import torch
from PIL import Image

import page
from vartorch import classifier, fashion

BOXES = {'outpaint': ('0.25,0.25,0.75,0.75', '0,0,0.5,1', '0.125,0.125,0.875,0.875'),
         'inpaint': ('0.25,0.25,0.75,0.75', '0.5,0,1,1', '0,0.5,1,1')}
RULES = ('official', 'touched', 'strict')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--binaries', default='.build/release')
    parser.add_argument('--demo', default='models/fashion-var')
    parser.add_argument('--data', default='.build/data')
    parser.add_argument('--count', type=int, default=60)
    parser.add_argument('--table')
    args = parser.parse_args()
    model = args.demo + '/fashion-var.varq'
    judge = classifier.load(args.demo + '/classifier.pth')
    grey, garment = fashion.load(args.data, 't10k')
    colour = fashion.test_colours()
    pictures = fashion.colourise(grey[:args.count], colour[:args.count]).permute(0, 2, 3, 1).numpy()
    work = tempfile.mkdtemp(prefix='keep-')

    def run(*arguments):
        subprocess.run([os.path.join(args.binaries, 'var-run'), *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def read(name):
        return np.asarray(Image.open(f'{work}/{name}.png').convert('RGB'))

    try:
        rows = []
        for i in range(args.count):
            Image.fromarray(pictures[i]).save(f'{work}/{i}.png')
            run('reconstruct', f'{work}/{i}.png', '--model', model, '--output', f'{work}/r{i}.png')
        for command, boxes in BOXES.items():
            for rule in RULES:
                decibels, drawn, labels = [], [], []
                for i in range(args.count):
                    label = int(colour[i]) * 10 + int(garment[i])
                    for box in boxes:
                        subject = ['--classes', str(label)] if command == 'outpaint' else ['--classes', str(label)]
                        run(command, f'{work}/{i}.png', '--model', model, '--box', box, '--keep', rule, *subject, '--seed', str(i), '--cfg', '3',
                            '--compute', 'f32', '--force', '--output', f'{work}/o.png')
                        y0, x0, y1, x1 = (round(float(v) * 32) for v in box.split(','))
                        kept = np.zeros((32, 32), bool)
                        kept[y0:y1, x0:x1] = True
                        if command == 'inpaint':
                            kept = ~kept
                        result, target = read('o').astype(float), read(f'r{i}').astype(float)
                        error = ((result - target)[kept] ** 2).mean()
                        decibels.append(10 * np.log10(255 ** 2 / max(error, 1e-2)))
                        drawn.append(result.astype(np.uint8))
                        labels.append(label)
                g, c, _ = classifier.predict(judge, torch.from_numpy(np.stack(drawn)).permute(0, 3, 1, 2))
                labels = torch.tensor(labels)
                right_garment, right_colour = (g == labels % 10).float().mean().item(), (c == labels // 10).float().mean().item()
                rows.append(f'| {command} | {rule} | {np.median(decibels):.1f} | {np.percentile(decibels, 10):.1f} | {100 * right_garment:.1f} | '
                            f'{100 * right_colour:.1f} |')
                print(rows[-1], flush=True)
        table = '\n'.join(['| | `--keep` | kept part, dB: median | worst tenth | garment right, % | colour right, % |',
                           '|---|---|---|---|---|---|'] + rows) + '\n'
        if args.table:
            page.put(pathlib.Path(args.table), 'keep_rules', table)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main())
