"""Trains the demo model's transformer on the tokens of coloured Fashion-MNIST.

usage: python3 -m vartorch.train_var --data DIR --vae RUN/state.pt --run DIR [--steps N]   (from tools/; rerun to resume)
"""
import argparse
import os

import torch
from torch import distributed
from torch.nn import functional as F

from . import fashion
from .train_vqvae import SHAPE
from .muon import Muon, Optimizers
from .training import Ema, Run, average_gradients, launch, schedule, seed_worker
from .transformer import VAR
from .vqvae import VQVAE


@torch.no_grad()
def tokenize(vae, grey, garment, colour, batch=200):
    """Tokens [N, L] int16 and class ids [N] of grey images in the given colours."""
    table, rows = fashion.palettes(), []
    for chunk, tint in zip(grey.split(batch), colour.split(batch)):
        tokens = vae.encode(fashion.to_unit(fashion.colourise(chunk, tint, table)))
        rows.append(torch.cat(tokens, dim=1).to(torch.int16))
    return torch.cat(rows), colour * 10 + garment


def token_data(args, vae, rank):
    """Training and test tokens [N, L] and labels [N], computed once by all workers together and kept in the run's folder.

    The training images are taken in a fixed shuffled order, image i of it in colour i mod 6 (then i + 1 mod 6, … for
    more --passes).
    """
    path = f'{args.run}/tokens{{}}.pt'
    if not os.path.exists(path.format(rank)):
        grey, garment = fashion.load(args.data, 'train')
        order = torch.randperm(len(grey), generator=torch.Generator().manual_seed(args.seed))
        order = order[:args.images][rank::args.workers]
        tint = torch.arange(len(order))
        parts = [tokenize(vae, grey[order], garment[order], (tint + n) % 6) for n in range(args.passes)]
        grey, garment = fashion.load(args.data, 't10k')
        mine = slice(rank, args.test_images, args.workers)
        test = tokenize(vae, grey[mine], garment[mine], fashion.test_colours()[mine])
        torch.save({'train': tuple(torch.cat(p) for p in zip(*parts)), 'test': test}, path.format(rank))
    distributed.barrier()
    data = [torch.load(path.format(r)) for r in range(args.workers)]
    return {split: tuple(torch.cat(p) for p in zip(*(d[split] for d in data))) for split in ('train', 'test')}


def by_scale(tokens, patch_nums):
    return list(tokens.long().split([p * p for p in patch_nums], dim=1))


@torch.no_grad()
def evaluate(var, vae, tokens, labels, batch=100):
    """Mean cross-entropy (nats) and top-1 token accuracy over all tokens and per scale, labels given."""
    sizes = [p * p for p in var.patch_nums]
    loss, right = torch.zeros(sum(sizes)), torch.zeros(sum(sizes))
    for t, label in zip(tokens.split(batch), labels.split(batch)):
        logits = var(label, vae.quantize.teacher_inputs(by_scale(t, var.patch_nums)))
        loss += F.cross_entropy(logits.transpose(1, 2), t.long(), reduction='none').sum(dim=0)
        right += (logits.argmax(dim=-1) == t).float().sum(dim=0)
    loss, right = loss / len(tokens), right / len(tokens)
    return {'test_loss': loss.mean().item(), 'test_accuracy': right.mean().item(),
            'scale_loss': [round(s.mean().item(), 4) for s in loss.split(sizes)],
            'scale_accuracy': [round(s.mean().item(), 4) for s in right.split(sizes)]}


def make_optimizer(model, args):
    """Muon for the blocks' matrices, AdamW for embeddings, adaLN, head and vectors."""
    hidden = {n for n, p in model.named_parameters() if p.ndim == 2 and ('.attn.' in n or '.ffn.' in n)
              and n.endswith('weight')}
    return Optimizers(
        muon=Muon([p for n, p in model.named_parameters() if n in hidden], lr=args.muon_lr, weight_decay=0.1),
        adam=torch.optim.AdamW([p for n, p in model.named_parameters() if n not in hidden], lr=args.lr,
                               betas=(0.9, 0.95), weight_decay=0.0))


def load_vae(path):
    state = torch.load(path, weights_only=True)
    vae = VQVAE(**SHAPE)
    vae.load_state_dict(state['model'])
    return vae.eval().requires_grad_(False)


def train(args, rank):
    os.makedirs(args.run, exist_ok=True)
    vae = load_vae(args.vae)
    data = token_data(args, vae, rank)
    torch.manual_seed(args.seed)
    run, batch = Run(args.run, rank), args.batch // args.workers
    var = VAR(depth=args.depth, width=args.width or 64 * args.depth, heads=max(1, (args.width or 64 * args.depth) // 64),
              vocab=SHAPE['vocab'], z=SHAPE['z'], classes=len(fashion.CLASS_NAMES), patch_nums=SHAPE['patch_nums'])
    optimizer = make_optimizer(var, args)
    ema = Ema(var, 0.999)
    modules = {'model': var, 'optimizer': optimizer, 'ema': ema}
    first = run.resume(modules)
    seed_worker(args, rank, first)
    (tokens, labels), (test_tokens, test_labels) = data['train'], data['test']
    average = VAR(depth=args.depth, width=var.width, heads=max(1, var.width // 64), vocab=SHAPE['vocab'], z=SHAPE['z'],
                  classes=var.classes, patch_nums=var.patch_nums)
    total, count = 0.0, 0
    for step in range(first, args.steps):
        optimizer.set_rate(schedule(step, args.steps))
        pick = torch.randint(len(tokens), (batch,))
        target, label = tokens[pick].long(), labels[pick]
        label = torch.where(torch.rand(batch) < args.drop, var.classes, label)
        with torch.no_grad():
            inputs = vae.quantize.teacher_inputs(by_scale(target, var.patch_nums))
        loss = F.cross_entropy(var(label, inputs).flatten(0, 1), target.flatten())
        optimizer.zero_grad()
        loss.backward()
        average_gradients(var)
        torch.nn.utils.clip_grad_norm_(var.parameters(), 2.0)
        optimizer.step()
        ema.update(var, step)
        total, count = total + loss.item(), count + 1
        if (step + 1) % args.log_every == 0:
            run.log(step=step + 1, loss=total / count, rate=schedule(step, args.steps))
            total, count = 0.0, 0
        if (step + 1) % args.eval_every == 0 or step + 1 == args.steps:
            run.save(step + 1, modules)
            if rank == 0:
                average.load_state_dict(ema.average)
                run.log(step=step + 1, **evaluate(average, vae, test_tokens, test_labels))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--data', required=True)
    ap.add_argument('--vae', required=True, help='state.pt of the VQ-VAE run')
    ap.add_argument('--run', required=True)
    ap.add_argument('--depth', type=int, default=3)
    ap.add_argument('--width', type=int, help='default 64 · depth')
    ap.add_argument('--steps', type=int, default=3000)
    ap.add_argument('--batch', type=int, default=32)
    ap.add_argument('--lr', type=float, default=2e-3)
    ap.add_argument('--muon-lr', type=float, default=0.02)
    ap.add_argument('--drop', type=float, default=0.1, help='share of labels dropped, for guidance')
    ap.add_argument('--images', type=int, default=60000, help='training images in use')
    ap.add_argument('--test-images', type=int, default=1000, help='for the loss on the way; see vartorch.evaluate')
    ap.add_argument('--passes', type=int, default=1, help='colours per training image')
    ap.add_argument('--seed', type=int, default=2)
    ap.add_argument('--log-every', type=int, default=50)
    ap.add_argument('--eval-every', type=int, default=250)
    ap.add_argument('--workers', type=int, default=2)
    ap.add_argument('--port', type=int, default=29512, help='on which the workers meet')
    launch(train, ap.parse_args())


if __name__ == '__main__':
    main()
