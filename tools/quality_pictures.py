"""What a type costs in pictures: sample sets of the demo model, scored by its judge against the test split.

    tools/quality_pictures.py --binaries .build/release --demo models/fashion-var --data DIR [--per-class 100] [--table docs/evaluate.md]

Every type draws the same plan: class and random numbers of picture i are the same. The reference is Fashion-MNIST's test split in
the colours of the model's data (downloaded by tools/vartorch/fashion.py where DIR lacks it).
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np

import page
from vartorch import fashion

TYPES = {'f32': ['--type', 'f32'], 'q8': ['--type', 'q8'], 'mix4.25': ['--type', 'mix4.25'], 'mix3.8': ['--type', 'mix3.8']}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--binaries', default='.build/release')
    parser.add_argument('--demo', default='models/fashion-var')
    parser.add_argument('--data', default='.build/data')
    parser.add_argument('--per-class', type=int, default=100)
    parser.add_argument('--cfg', default='3')
    parser.add_argument('--table')
    args = parser.parse_args()

    def program(name, *arguments):
        return subprocess.run([os.path.join(args.binaries, name), *arguments], check=True, capture_output=True, text=True).stdout

    work = tempfile.mkdtemp(prefix='quality-')
    try:
        fashion.fetch(args.data)
        grey, _ = fashion.load(args.data, 't10k')
        test = fashion.colourise(grey, fashion.test_colours()).permute(0, 2, 3, 1).contiguous().numpy()
        np.savez(work + '/test.npz', test)
        program('var-eval', 'convert-classifier', args.demo + '/classifier.pth', '--output', work + '/judge.varq')
        rows = []
        for name, options in TYPES.items():
            model = f'{work}/{name}.varq'
            program('var-convert', 'convert', '--var', args.demo + '/var.pth', '--vae', args.demo + '/vae.pth', *options, '--output', model)
            program('var-run', 'samples', '--model', model, '--per-class', str(args.per_class), '--cfg', args.cfg, '--compute', 'f32',
                    '--output', f'{work}/{name}')
            program('var-run', 'samples', 'merge', f'{work}/{name}', '--output', f'{work}/{name}.npz')
            report = json.loads(program('var-eval', 'score', f'{work}/{name}.npz', '--reference', work + '/test.npz', '--classifier',
                                        work + '/judge.varq', '--bootstrap', '50', '--json'))

            def text(key, digits):
                score = report[key]
                return f"{score['value']:.{digits}f} ± {score['error']:.{digits}f}"

            rows.append(f"| {name} | {os.path.getsize(model) / 1e6:.2f} | {text('frechet_distance', 3)} | "
                        f"{text('inception_score_whole', 2)} | {text('precision', 4)} | {text('recall', 4)} |")
            print(rows[-1], flush=True)
            shutil.rmtree(f'{work}/{name}')
        table = '\n'.join([
            f'{args.per_class * 60:,} pictures a type, cfg {args.cfg}, the same plan; against the 10,000 pictures of the test split.', '',
            '| type | MB | Fréchet distance | class score | precision | recall |', '|---|---|---|---|---|---|'] + rows) + '\n'
        if args.table:
            page.put(pathlib.Path(args.table), 'quality_pictures', table)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main())
