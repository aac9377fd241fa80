"""The numbers of the model card on all 10,000 test images: PSNR, codes in use, loss and token accuracy by scale.

usage: python3 -m vartorch.evaluate --data DIR --var VAR.pth --vae VAE.pth [--count N]     (from tools/)
"""
import argparse
import json

import torch

from . import fashion
from .checkpoint import load_pair
from .train_var import evaluate as evaluate_tokens
from .train_vqvae import psnr


@torch.no_grad()
def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--data', required=True)
    ap.add_argument('--var', required=True)
    ap.add_argument('--vae', required=True)
    ap.add_argument('--count', type=int, default=10000)
    args = ap.parse_args()
    var, vae = load_pair(args.var, args.vae)
    grey, garment = fashion.load(args.data, 't10k')
    colour = fashion.test_colours()
    images, labels = fashion.colourise(grey, colour)[:args.count], (colour * 10 + garment)[:args.count]
    values, rows = [], []
    for chunk in images.split(250):
        x = fashion.to_unit(chunk)
        tokens = vae.encode(x)
        rows.append(torch.cat(tokens, dim=1))
        values.append(psnr(vae.reconstruct(tokens), x))
    values, rows = torch.cat(values), torch.cat(rows)
    result = {'images': len(rows), 'psnr': values.mean().item(), 'psnr_sd': values.std().item(),
              'psnr_of_mean_error': -10 * (10 ** (-values / 10)).mean().log10().item(),
              'psnr_by_garment': [round(values[garment[:args.count] == g].mean().item(), 2) for g in range(10)],
              'codes_used': len(rows.unique())}
    print(json.dumps(result | evaluate_tokens(var, vae, rows, labels), indent=1))


if __name__ == '__main__':
    main()
