"""What PyTorch's autocast costs a reference: the worst values of `var-run parity --compute f32`, as a Markdown table.

    python3 tools/autocast_limits.py --binaries .build/release --work .build/autocast [--device cpu] [CHECKPOINT…]

CHECKPOINT is a folder with var.pth and vae.pth; left out, the demo model and the tests' three. The limits of
Sources/VAREvaluation/Parity/ReferencePrecision.swift are about 2.5 times these.
"""
import argparse
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
DEFAULT = [f'{HERE}/../models/fashion-var'] + [f'{HERE}/../Tests/Fixtures/models/{n}' for n in ('per-block', 'shared', 'plain')]
COLUMNS = {'blocks, logits': ('inputs', 'blocks', 'logits'), 'gain': ('gains',), 'decoder': ('decoder', 'image'),
           'f̂': ('features',), 'KL': ('predictions',), 'least agreement': ('free_run',)}


def reports(args, folder):
    """One report a run of two seeds in three precisions, by our f32 on f32 weights."""
    pair = ['--var', f'{folder}/var.pth', '--vae', f'{folder}/vae.pth']
    model, reference = f'{args.work}/model.varq', f'{args.work}/reference.safetensors'
    subprocess.run([f'{args.binaries}/var-convert', 'convert', *pair, '--type', 'f32', '--force', '--output', model],
                   check=True, stdout=subprocess.DEVNULL)
    subprocess.run([sys.executable, f'{HERE}/dump_reference.py', *pair, '--classes', '2,3', '--seed', '5,6', '--autocast',
                    'none,bf16,fp16', '--device', args.device, '--output', reference], check=True)
    done = subprocess.run([f'{args.binaries}/var-run', 'parity', reference, '--model', model, '--compute', 'f32', '--json'],
                          capture_output=True, text=True)
    return json.loads(done.stdout)['runs']


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('checkpoints', nargs='*', default=DEFAULT)
    ap.add_argument('--binaries', default='.build/release')
    ap.add_argument('--work', default='.build/autocast')
    ap.add_argument('--device', default='cpu')
    args = ap.parse_args()
    os.makedirs(args.work, exist_ok=True)
    runs = [run for folder in args.checkpoints for run in reports(args, folder)]
    print('| | ' + ' | '.join(COLUMNS) + ' |\n|' + '---|' * (len(COLUMNS) + 1))
    for precision in ('none', 'bf16', 'fp16'):
        cells = []
        for column, sections in COLUMNS.items():
            worst = [v['worst'] for r in runs if r['reference'] == precision for v in r['verdicts'] if v['section'] in sections]
            cells.append(f'{min(worst):.2f}' if column == 'least agreement' else f'{max(worst):.1e}')
        print(f'| {precision} | ' + ' | '.join(cells) + ' |')


if __name__ == '__main__':
    main()
