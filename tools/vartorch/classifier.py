"""A small classifier of garment and colour: the judge of generated images, and the features of the Fréchet distance.

usage: python3 -m vartorch.classifier --data DIR --output classifier.pth     (from tools/)
"""
import argparse
import math

import torch
from torch import nn
from torch.nn import functional as F

from . import fashion
from .training import schedule

FEATURES = 64


class Classifier(nn.Module):
    """Images [B, 3, 32, 32] in [-1, 1] to garment logits [B, 10], colour logits [B, 6] and features [B, 64]."""

    def __init__(self):
        super().__init__()
        layers, widths = [], ((3, 32, 4, 2), (32, 64, 3, 2), (64, 64, 3, 1), (64, 128, 3, 2), (128, 128, 3, 1))
        for c_in, c_out, kernel, stride in widths:
            layers += [nn.Conv2d(c_in, c_out, kernel, stride, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.embed, self.garment, self.colour = nn.Linear(128, FEATURES), nn.Linear(FEATURES, 10), nn.Linear(FEATURES, 6)

    def forward(self, x):
        features = self.embed(self.body(x).mean(dim=(2, 3)))
        hidden = F.relu(features)
        return self.garment(hidden), self.colour(hidden), features


def augment(grey):
    """Shifted by up to one pixel either way; every picture its own amount would cost more than it gives."""
    return torch.roll(grey, (torch.randint(-1, 2, ()).item(), torch.randint(-1, 2, ()).item()), dims=(1, 2))


@torch.no_grad()
def predict(model, images, batch=500):
    """Garment [N], colour [N] and features [N, 64] of uint8 images [N, 3, 32, 32]."""
    model.eval()
    parts = [model(fashion.to_unit(chunk)) for chunk in images.split(batch)]
    garment, colour, features = (torch.cat(p) for p in zip(*parts))
    return garment.argmax(dim=1), colour.argmax(dim=1), features


def frechet_distance(a, b):
    """|mean difference|² + tr(Ca + Cb - 2·(Ca·Cb)^½) of two sets of features [N, D], in float64."""
    a, b = a.double(), b.double()
    ca, cb = torch.cov(a.T), torch.cov(b.T)
    root = torch.linalg.eigvals(ca @ cb).real.clamp_min(0).sqrt().sum()
    return ((a.mean(0) - b.mean(0)).square().sum() + ca.trace() + cb.trace() - 2 * root).item()


def train(args):
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    grey, garment = fashion.load(args.data, 'train')
    test_grey, test_garment = fashion.load(args.data, 't10k')
    test, test_colour = fashion.colourise(test_grey, fashion.test_colours()), fashion.test_colours()
    model, table = Classifier(), fashion.palettes()
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.05)
    steps = args.epochs * math.ceil(len(grey) / args.batch)
    step = 0
    for epoch in range(args.epochs):
        model.train()
        for pick in torch.randperm(len(grey)).split(args.batch):
            for group in optimizer.param_groups:
                group['lr'] = args.lr * schedule(step, steps, decay=0.8)
            colour = torch.randint(6, (len(pick),))
            x = fashion.to_unit(fashion.colourise(augment(grey[pick]), colour, table))
            garment_logits, colour_logits, _ = model(x)
            loss = F.cross_entropy(garment_logits, garment[pick]) + 0.3 * F.cross_entropy(colour_logits, colour)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
        g, c, _ = predict(model, test)
        print(f'epoch {epoch + 1}: test garment {(g == test_garment).float().mean():.4f}, '
              f'colour {(c == test_colour).float().mean():.4f}', flush=True)
        torch.save({k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}, args.output)


def load(path):
    model = Classifier()
    model.load_state_dict(torch.load(path, weights_only=True))
    return model.eval()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--data', required=True)
    ap.add_argument('--output', required=True)
    ap.add_argument('--epochs', type=int, default=4)
    ap.add_argument('--batch', type=int, default=128)
    ap.add_argument('--lr', type=float, default=3e-3)
    ap.add_argument('--seed', type=int, default=3)
    ap.add_argument('--threads', type=int, default=1)
    train(ap.parse_args())


if __name__ == '__main__':
    main()
