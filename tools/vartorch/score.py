"""Samples of a checkpoint pair, judged by the classifier: garment and colour accuracy, Fréchet distance, a grid.

usage: python3 -m vartorch.score --data DIR --classifier classifier.pth --var VAR.pth --vae VAE.pth [--cfg 1.5,2,3] …
"""
import argparse
import json

import torch
from PIL import Image

from . import classifier, fashion
from .checkpoint import load_pair
from .sampling import generate


def standard_error(p, n):
    return (p * (1 - p) / n) ** 0.5


def judge(model, images, labels, reference):
    """Scores of uint8 images [N, 3, 32, 32] with their class ids, against the features of the test split."""
    garment, colour, features = classifier.predict(model, images)
    g, c = (garment == labels % 10).float().mean().item(), (colour == labels // 10).float().mean().item()
    half = torch.randperm(len(features), generator=torch.Generator().manual_seed(0)).split(len(features) // 10)
    kept = [torch.cat([h for j, h in enumerate(half) if j != i]) for i in range(10)]
    jackknife = torch.tensor([classifier.frechet_distance(features[k], reference) for k in kept])
    return {'garment': g, 'garment_se': standard_error(g, len(labels)), 'colour': c, 'colour_se': standard_error(c, len(labels)),
            'frechet': classifier.frechet_distance(features, reference),
            'frechet_se': (jackknife.var(unbiased=False) * 9).sqrt().item(),
            'garment_by_class': [round((garment == labels % 10)[labels % 10 == i].float().mean().item(), 3) for i in range(10)]}


def sample(var, vae, labels, seed, batch=60, **arguments):
    """uint8 [N, 3, S, S]; batch i of the labels is drawn from one generator seeded seed + i."""
    images = [generate(var, vae, part, seed=seed + i, **arguments)[0] for i, part in enumerate(labels.split(batch))]
    return torch.cat(images).mul(255).round().byte()


def save_grid(images, columns, path, zoom=2):
    rows = [torch.cat(list(row), dim=2) for row in images.split(columns)]
    picture = Image.fromarray(torch.cat(rows, dim=1).permute(1, 2, 0).numpy())
    picture.resize((picture.width * zoom, picture.height * zoom), Image.NEAREST).save(path)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--data', required=True)
    ap.add_argument('--classifier', required=True)
    ap.add_argument('--var', required=True)
    ap.add_argument('--vae', required=True)
    ap.add_argument('--cfg', default='1.5', help='comma-separated: one row of scores each')
    ap.add_argument('--top-k', type=int, default=0)
    ap.add_argument('--top-p', type=float, default=0.96)
    ap.add_argument('--count', type=int, default=10, help='images a class')
    ap.add_argument('--seed', type=int, default=0)
    ap.add_argument('--grid', help='PNG of the first image of every class, a row a colour, at the last cfg')
    args = ap.parse_args()
    model = classifier.load(args.classifier)
    var, vae = load_pair(args.var, args.vae)
    grey, garment = fashion.load(args.data, 't10k')
    colour = fashion.test_colours()
    test = fashion.colourise(grey, colour)
    reference = classifier.predict(model, test)[2]
    print('600 test images:', json.dumps(judge(model, test[:600], (colour * 10 + garment)[:600], reference)))
    labels = torch.arange(60).repeat(args.count)  # the first 60 images: one of each class
    for cfg in map(float, args.cfg.split(',')):
        images = sample(var, vae, labels, args.seed, cfg=cfg, top_k=args.top_k, top_p=args.top_p)
        print(f'cfg {cfg}:', json.dumps(judge(model, images, labels, reference)), flush=True)
        if args.grid:
            save_grid(images[:60], 10, args.grid)


if __name__ == '__main__':
    main()
