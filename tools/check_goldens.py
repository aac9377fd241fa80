"""Runs var-run with the arguments of golden files and compares: tokens exactly, pictures and losses within limits.

    python3 tools/check_goldens.py GOLDENS/ --model M.varq --binaries .build/release [--images DIR] [--compute f32]

GOLDENS/ holds NAME.json with arguments and tokens [scale][image][position] and NAME.N.png; NAME says the kind: recon*,
eval*, inpaint*, outpaint*, edit*; all others are generate. Prints one line a golden; exit status 1 when one differs.
With another --compute than f32 the agreement is printed and nothing is judged.
"""
import argparse
import glob
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

MIN_PSNR = {'generate': 50.0, 'recon': 45.0, 'edit': 45.0}
MAX_LOSS_ERROR = 1e-4


def kind_of(name):
    for kind in ('recon', 'eval'):
        if name.startswith(kind):
            return kind
    return 'edit' if name.startswith(('inpaint', 'outpaint', 'edit')) else 'generate'


def psnr(path, golden_path):
    a, b = (np.asarray(Image.open(p).convert('RGB'), np.float64) / 255 for p in (path, golden_path))
    return 10 * np.log10(1 / max(((a - b) ** 2).mean(), 1e-12))


class Checker:
    def __init__(self, args, scratch):
        self.args, self.scratch, self.failed = args, scratch, 0
        info = self.run('info', '--json')
        self.classes = json.loads(info)['transformer']['classes']

    def run(self, command, *arguments):
        line = [f'{self.args.binaries}/var-run', command, '--model', self.args.model, *map(str, arguments)]
        done = subprocess.run(line, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f'{" ".join(line)}\n{done.stderr}')
        return done.stdout

    def sampling(self, golden):
        labels = ['none' if label == self.classes else str(label) for label in golden['labels']]
        options = ['--classes', ','.join(labels), '--seed', golden['seed'], '--seed-mode', 'batch']
        options += ['--cfg', golden['cfg'], '--top-k', golden['top_k'], '--top-p', golden['top_p']]
        return options + (['--smooth'] if golden.get('more_smooth') else []) + ['--compute', self.args.compute]

    def image(self, golden):
        return os.path.join(self.args.images, golden['image'])

    def check(self, name):
        with open(f'{self.args.goldens}/{name}.json') as f:
            golden = json.load(f)
        kind, tokens = kind_of(name), f'{self.scratch}/{name}.json'
        pictures = f'{self.scratch}/{name}/'
        if kind == 'eval':
            return self.check_losses(name, golden)
        if kind == 'recon':
            self.run('tokenize', self.image(golden), '--output', tokens, '--compute', self.args.compute)
            os.makedirs(pictures)
            self.run('reconstruct', self.image(golden), '--output', pictures + '0000.png', '--compute', self.args.compute)
        elif kind == 'edit':
            os.makedirs(pictures)
            self.run(golden['mode'], self.image(golden), '--keep', 'official', '--box', ','.join(map(str, golden['box_y0x0y1x1'])),
                     *self.sampling(golden), '--tokens-output', tokens, '--output', pictures + '0000.png')
        else:
            self.run('generate', *self.sampling(golden), '--tokens-output', tokens, '--output', pictures)
        self.report(name, kind, golden, tokens, pictures)

    def report(self, name, kind, golden, tokens, pictures):
        with open(tokens) as f:
            images = json.load(f)['images']
        equal = total = 0
        for k, scale in enumerate(golden['tokens']):
            for b, wanted in enumerate(scale):
                got = images[b]['drawn' if kind == 'edit' else 'tokens'][k]
                equal += sum(x == y for x, y in zip(got, wanted))
                total += len(wanted)
        values = [psnr(f'{pictures}/{b:04}.png', path)
                  for b in range(len(images)) if os.path.exists(path := f'{self.args.goldens}/{name}.{b}.png')]
        worst = min(values, default=float('inf'))
        shown = f', worst picture {worst:.1f} dB of {len(values)}' if values else ''
        self.judge(name, equal == total and worst >= MIN_PSNR[kind],
                   f'tokens {equal}/{total}{shown}')

    def check_losses(self, name, golden):
        listing, output = f'{self.scratch}/{name}.csv', f'{self.scratch}/{name}.json'
        image = next(f for f in sorted(os.listdir(self.args.images)) if f == golden.get('image', self.args.eval_image))
        with open(listing, 'w') as f:
            f.write(f'{os.path.abspath(os.path.join(self.args.images, image))},{golden["label"]}\n')
        self.run('evaluate', self.args.images, '--labels', listing, '--output', output, '--compute', self.args.compute)
        with open(output) as f:
            ours = json.load(f)
        # Accuracies: the official code prints per cent, our own goldens hold fractions.
        error = min(max(abs(ours[key] - value) for key, value in wanted.items()) for wanted in (
            {'L_mean': golden['L_mean'], 'L_tail': golden['L_tail'],
             'Err_mean': 1 - golden['acc_mean'] / unit, 'Err_tail': 1 - golden['acc_tail'] / unit} for unit in (1, 100)))
        self.judge(name, error <= MAX_LOSS_ERROR, f'largest error of losses and error rates {error:.1e}')

    def judge(self, name, fine, facts):
        judged = self.args.compute == 'f32'
        self.failed += judged and not fine
        print(f'{"ok    " if fine else "DIFFER" if judged else "      "} {name}: {facts}', flush=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('goldens')
    ap.add_argument('--model', required=True)
    ap.add_argument('--binaries', default='.build/release')
    ap.add_argument('--images', help='folder of the goldens\' input images (default: GOLDENS/..)')
    ap.add_argument('--eval-image', help='input of an eval golden that names none')
    ap.add_argument('--compute', default='f32')
    ap.add_argument('--only', help='names, comma separated')
    args = ap.parse_args()
    args.images = args.images or os.path.join(args.goldens, '..')
    names = sorted(os.path.basename(p)[:-5] for p in glob.glob(f'{args.goldens}/*.json'))
    with tempfile.TemporaryDirectory() as scratch:
        checker = Checker(args, scratch)
        for name in names:
            if not args.only or name in args.only.split(','):
                checker.check(name)
    print(f'{len(names)} goldens, {checker.failed} differ')
    sys.exit(checker.failed > 0)


if __name__ == '__main__':
    main()
