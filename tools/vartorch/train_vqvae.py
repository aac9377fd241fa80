"""Trains the demo model's multi-scale VQ-VAE on coloured Fashion-MNIST.

usage: python3 -m vartorch.train_vqvae --data DIR --run DIR [--steps N]      (from tools/; rerun to resume)
"""
import argparse

import torch
from torch import distributed
from torch.nn import functional as F

from . import fashion
from .muon import Muon, Optimizers
from .training import Run, average_gradients, launch, schedule, seed_worker
from .vqvae import VQVAE

SHAPE = dict(ch=32, mult=(1, 1, 2), vocab=512, z=16, patch_nums=(1, 2, 3, 4, 6, 8))


class CodeReseeder:
    """Replaces codebook rows that no residual chose lately by residuals of the current batch.

    Without it most rows die in the first minutes: they lie far from the data, are never nearest, get no gradient.
    """

    def __init__(self, vocab, every=50, threshold=0.02):
        self.hits, self.every, self.threshold = torch.ones(vocab), every, threshold

    def observe(self, index):
        self.hits.lerp_(torch.bincount(index, minlength=len(self.hits)).float(), 0.05)

    @torch.no_grad()
    def reseed(self, quantize, residuals):
        dead = (self.hits < self.threshold * self.hits.mean()).nonzero().flatten()
        if len(dead):
            rows = residuals[torch.randint(len(residuals), (len(dead),))]
            quantize.embedding.weight[dead] = rows + 0.01 * torch.randn_like(rows)
            self.hits[dead] = self.hits.mean()
        return len(dead)


@torch.no_grad()
def seed_codebook(quantize, f):
    """Codebook rows from the features themselves, reduced to every scale; coarse ones at their own size, fine ones halved."""
    rows = []
    for k, p in enumerate(quantize.patch_nums):
        z = F.interpolate(f, size=(p, p), mode='area').permute(0, 2, 3, 1).reshape(-1, quantize.z)
        rows.append(z * (1.0 if k < 2 else 0.5))
    rows = torch.cat(rows)
    quantize.embedding.weight.copy_(rows[torch.randperm(len(rows))[:quantize.vocab]])


def quantize_with_gradient(quantize, f, beta=0.25):
    """Straight-through f_hat, the loss that pulls codes and features together at every scale, indices, residuals."""
    K, target = len(quantize.patch_nums), f.detach()
    f_hat, loss, indices, residuals = torch.zeros_like(f), 0.0, [], []
    for k, p in enumerate(quantize.patch_nums):
        rest = target - f_hat.detach()
        z = F.interpolate(rest, size=(p, p), mode='area') if k != K - 1 else rest
        z = z.permute(0, 2, 3, 1).reshape(-1, quantize.z)
        with torch.no_grad():
            index = quantize.nearest(z)
        f_hat = quantize.add_scale(k, f_hat, quantize.look_up(index.view(len(f), p * p), p))
        loss = loss + (F.mse_loss(f_hat, target) + beta * F.mse_loss(f, f_hat.detach())) / K
        indices.append(index)
        residuals.append(z)
    return f + (f_hat - f).detach(), loss, torch.cat(indices), residuals


def psnr(a, b):
    """dB per image of two batches in [-1, 1]."""
    mse = ((a - b) / 2).square().flatten(1).mean(dim=1)
    return -10 * mse.clamp_min(1e-12).log10()


@torch.no_grad()
def evaluate(model, images, batch=250):
    """Mean PSNR per image, PSNR of the mean squared error, and the number of codes in use."""
    values, used = [], torch.zeros(model.quantize.vocab, dtype=torch.bool)
    for chunk in images.split(batch):
        x = fashion.to_unit(chunk)
        tokens = model.encode(x)
        used[torch.cat([t.flatten() for t in tokens])] = True
        values.append(psnr(model.reconstruct(tokens), x))
    values = torch.cat(values)
    pooled = -10 * (10 ** (-values / 10)).mean().log10()
    return {'psnr': values.mean().item(), 'psnr_pooled': pooled.item(), 'codes_used': int(used.sum())}


def make_optimizer(model, args):
    """Muon for the hidden convolutions, AdamW for the first and last ones, codebook, norms and biases."""
    outer = ('conv_in', 'encoder.conv_out', 'decoder.conv_out', 'embedding', 'qresi', 'quant_conv')
    hidden = {n for n, p in model.named_parameters() if p.ndim == 4 and not any(o in n for o in outer)}
    return Optimizers(
        muon=Muon([p for n, p in model.named_parameters() if n in hidden], lr=args.muon_lr),
        adam=torch.optim.AdamW([p for n, p in model.named_parameters() if n not in hidden], lr=args.lr,
                               betas=(0.9, 0.98), weight_decay=0.0))


def train(args, rank):
    torch.manual_seed(args.seed)
    run, model = Run(args.run, rank), VQVAE(**SHAPE)
    torch.nn.init.normal_(model.quantize.embedding.weight, std=0.5)
    optimizer = make_optimizer(model, args)
    modules = {'model': model, 'optimizer': optimizer}
    first = run.resume(modules)
    seed_worker(args, rank, first)
    grey, _ = fashion.load(args.data, 'train')
    test_grey, _ = fashion.load(args.data, 't10k')
    test = fashion.colourise(test_grey, fashion.test_colours())
    batch = args.batch // args.workers
    table, reseeder = fashion.palettes(), CodeReseeder(SHAPE['vocab'])
    if first == 0:  # start from the mean image: a near-white ground would take hundreds of steps to learn
        sample = fashion.to_unit(fashion.colourise(grey[:600], torch.arange(600) % 6, table))
        model.decoder.conv_out.bias.data.copy_(sample.mean(dim=(0, 2, 3)))
    totals, count = torch.zeros(2), 0
    for step in range(first, args.steps):
        optimizer.set_rate(schedule(step, args.steps))
        pick = torch.randint(len(grey), (batch,))
        x = fashion.to_unit(fashion.colourise(grey[pick], torch.randint(6, (batch,)), table))
        f = model.features(x)
        if step < args.plain_steps:
            y, vq_loss, index = model.decoder(model.post_quant_conv(f)), 1e-3 * f.square().mean(), None
        else:
            if step == args.plain_steps:
                seed_codebook(model.quantize, f.detach())
                distributed.broadcast(model.quantize.embedding.weight.data, 0)
            f_hat, vq_loss, index, residuals = quantize_with_gradient(model.quantize, f)
            y = model.decoder(model.post_quant_conv(f_hat))
        mse = F.mse_loss(y, x)
        loss = mse + 0.05 * F.l1_loss(y, x) + args.vq_weight * vq_loss
        optimizer.zero_grad()
        loss.backward()
        average_gradients(model)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if index is not None:
            reseeder.observe(index)
        totals, count = totals + torch.stack([mse.detach(), vq_loss.detach()]), count + 1
        dead = None
        if index is not None and step % reseeder.every == reseeder.every - 1 and step < args.steps * 0.5:
            dead = reseeder.reseed(model.quantize, residuals[torch.randint(len(residuals), ()).item()])
            distributed.broadcast(model.quantize.embedding.weight.data, 0)
        if (step + 1) % args.log_every == 0:
            mse_mean, vq_mean = (totals / count).tolist()
            run.log(step=step + 1, mse=mse_mean, vq=vq_mean, dead=dead, rate=schedule(step, args.steps))
            totals, count = torch.zeros(2), 0
        if (step + 1) % args.eval_every == 0 or step + 1 == args.steps:
            run.save(step + 1, modules)
            if rank == 0:
                run.log(step=step + 1, **evaluate(model, test[:500] if step + 1 < args.steps else test))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--data', required=True)
    ap.add_argument('--run', required=True)
    ap.add_argument('--steps', type=int, default=3000)
    ap.add_argument('--plain-steps', type=int, default=100, help='steps without quantization at the start')
    ap.add_argument('--batch', type=int, default=32)
    ap.add_argument('--lr', type=float, default=3e-3)
    ap.add_argument('--muon-lr', type=float, default=0.02)
    ap.add_argument('--vq-weight', type=float, default=0.25)
    ap.add_argument('--seed', type=int, default=1)
    ap.add_argument('--log-every', type=int, default=50)
    ap.add_argument('--eval-every', type=int, default=250)
    ap.add_argument('--workers', type=int, default=2)
    ap.add_argument('--port', type=int, default=29511, help='on which the workers meet')
    launch(train, ap.parse_args())


if __name__ == '__main__':
    main()
