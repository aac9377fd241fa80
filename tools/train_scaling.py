"""Trains the demo model's family, one transformer a size, and evaluates each on the full test split; rerun to resume.

    tools/train_scaling.py --binaries .build/release --data DIR --runs DIR --output models/scaling [--steps 400]

All sizes have the same tokenizer (the demo's), data, steps and batch. OUTPUT gets SIZE.json for `var-run scaling`: what
`var-run evaluate` measured, with the size's parameters, training compute and the test losses on the way; and the small ones' weights.
"""
import argparse
import json
import os
import subprocess
import sys

import torch

import export_test_images
from vartorch.checkpoint import load_state_dict

# Depth and width: 18 · depth · width² parameters in the blocks, 18 thousand to 4.7 million.
SMALL = 200_000  # below that the weights are kept, too
SIZES = ((1, 32), (1, 64), (2, 64), (2, 128), (3, 192), (4, 256))


def block_parameters(state):
    """The transformer's parameters without embeddings and head, as the paper counts them."""
    return sum(v.numel() for name, v in state.items() if name.startswith('blocks.') and not name.endswith('zero_k_bias'))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--binaries', default='.build/release')
    parser.add_argument('--demo', default='models/fashion-var')
    parser.add_argument('--data', default='.build/data')
    parser.add_argument('--runs', default='.build/scaling')
    parser.add_argument('--output', default='models/scaling')
    parser.add_argument('--steps', type=int, default=400)
    parser.add_argument('--batch', type=int, default=32)
    parser.add_argument('--images', type=int, default=8000)
    args = parser.parse_args()
    here = os.path.dirname(os.path.abspath(__file__))
    runs, data, output = (os.path.abspath(p) for p in (args.runs, args.data, args.output))
    os.makedirs(runs, exist_ok=True)
    os.makedirs(output, exist_ok=True)
    vae = load_state_dict(args.demo + '/vae.pth', 'vae')
    torch.save({'model': {k: v.float() if v.is_floating_point() else v for k, v in vae.items()}}, runs + '/vae.pt')
    if not os.path.isdir(runs + '/test'):
        export_test_images.export(runs + '/test.new', data, 10000)
        os.replace(runs + '/test.new', runs + '/test')
    tokens = None
    for depth, width in SIZES:
        name = f'depth{depth}-width{width}'
        run = f'{runs}/{name}'
        os.makedirs(run, exist_ok=True)
        for rank in (0, 1):
            if tokens and not os.path.exists(f'{run}/tokens{rank}.pt'):
                os.link(f'{tokens}/tokens{rank}.pt', f'{run}/tokens{rank}.pt')
        subprocess.run([sys.executable, '-m', 'vartorch.train_var', '--data', data, '--vae', runs + '/vae.pt', '--run', run,
                        '--depth', str(depth), '--width', str(width), '--steps', str(args.steps), '--batch', str(args.batch),
                        '--images', str(args.images), '--eval-every', '100'], check=True, cwd=here)
        tokens = run
        state = torch.load(run + '/state.pt', weights_only=True)['ema']
        torch.save(state, run + '/var.pth')
        program = os.path.join(args.binaries, 'var-convert')
        subprocess.run([program, 'convert', '--var', run + '/var.pth', '--vae', args.demo + '/vae.pth', '--type', 'f32', '--force',
                        '--output', run + '/model.varq'], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([os.path.join(args.binaries, 'var-run'), 'evaluate', '--model', run + '/model.varq', runs + '/test',
                        '--compute', 'f32', '--force', '--output', run + '/evaluation.json'], check=True, stdout=subprocess.DEVNULL)
        with open(run + '/evaluation.json') as file:
            report = json.load(file)
        parameters = block_parameters(state)
        picture = sum(p * p for p in (1, 2, 3, 4, 6, 8))
        flop = 6 * parameters * args.batch * picture  # of a step: forward and backward, as the paper counts
        with open(run + '/log.jsonl') as file:
            way = {r['step']: r['test_loss'] for r in map(json.loads, file) if 'test_loss' in r}
        report['scaling'] = {'name': name, 'parameters': parameters, 'training_flop': flop * args.steps,
                             'way': [{'training_flop': flop * step, 'loss': loss} for step, loss in sorted(way.items())]}
        with open(f'{output}/{name}.json', 'w') as file:
            json.dump(report, file, indent=1, sort_keys=True)
            file.write('\n')
        if parameters < SMALL:
            torch.save({k: v.half() if v.is_floating_point() else v for k, v in state.items()}, f'{output}/{name}.pth')
        print(name, parameters, report['L_mean'], report['L_tail'], flush=True)


if __name__ == '__main__':
    main()
