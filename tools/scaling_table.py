"""Puts the laws that `var-run scaling` fits into a page.

    tools/scaling_table.py --binaries .build/release --scaling models/scaling --table docs/evaluate.md
"""
import argparse
import glob
import json
import os
import pathlib
import subprocess

import page


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--binaries', default='.build/release')
    parser.add_argument('--scaling', default='models/scaling')
    parser.add_argument('--table', required=True)
    args = parser.parse_args()
    files = sorted(glob.glob(args.scaling + '/*.json'))
    members = sorted((json.load(open(f)) for f in files), key=lambda m: m['scaling']['parameters'])
    lines = ['| model | parameters | L last | L all | Err last | Err all |', '|---|---|---|---|---|---|']
    lines += [f"| {m['scaling']['name']} | {m['scaling']['parameters']:,} | {m['L_tail']:.4f} | {m['L_mean']:.4f} | {m['Err_tail']:.4f} | "
              f"{m['Err_mean']:.4f} |" for m in members]
    run = subprocess.run([os.path.join(args.binaries, 'var-run'), 'scaling', *files, '--json'], check=True, capture_output=True, text=True)
    lines += ['', "| law | against | exponent, 95 % | Pearson's r | largest: predicted by the others, 95 % | measured |", '|---|---|---|---|---|---|']
    for law in json.loads(run.stdout):
        lines.append(f"| {law['name']} | {law['against']} | {law['exponent']:.3f} ± {law['exponent_margin']:.3f} | {law['correlation']:.4f} | "
                     f"{law['predicted']:.3f} ({law['predicted_low']:.3f} to {law['predicted_high']:.3f}) | {law['measured']:.3f} |")
    page.put(pathlib.Path(args.table), 'scaling_table', '\n'.join(lines) + '\n')


if __name__ == '__main__':
    main()
