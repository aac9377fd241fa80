"""Turns finished training runs into the files of models/fashion-var: two .pth files in float16 and the class names.

usage: python3 -m vartorch.export --vae RUN/state.pt --var RUN/state.pt --output DIR     (from tools/)
"""
import argparse
import os

import torch

from . import fashion
from .checkpoint import build_vae, build_var


def half(state):
    return {k: v.half() if v.is_floating_point() else v for k, v in state.items()}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--vae', required=True)
    ap.add_argument('--var', required=True)
    ap.add_argument('--output', required=True)
    args = ap.parse_args()
    os.makedirs(args.output, exist_ok=True)
    vae, var = half(torch.load(args.vae, weights_only=True)['model']), half(torch.load(args.var, weights_only=True)['ema'])
    build_vae(vae, build_var(var).patch_nums)  # both load strictly
    torch.save(vae, f'{args.output}/vae.pth')
    torch.save(var, f'{args.output}/var.pth')
    with open(f'{args.output}/class_names.txt', 'w') as f:
        f.writelines(name + '\n' for name in fashion.CLASS_NAMES)
    for name in ('vae', 'var'):
        print(name, sum(v.numel() for v in (vae, var)[name == 'var'].values()) / 1e6, 'M values',
              os.path.getsize(f'{args.output}/{name}.pth') / 1e6, 'MB')


if __name__ == '__main__':
    main()
