"""Generation and zero-shot editing (the official recipes), on the device of the labels, with torch's own generator.

The same seed gives the tokens of the official code run on that device: draws happen in the same order. A `CUDAGenerator`
in place of torch's draws a GPU's numbers on a CPU.
"""
import torch
from torch.nn import functional as F

from .cuda_random import CUDAGenerator


def filter_logits(logits, top_k=0, top_p=0.0):
    """Logits [..., V] with what top-k (ties kept) and then top-p drop set to -inf. 0 turns either off."""
    if top_k > 0:
        kth = logits.topk(top_k, dim=-1)[0].amin(dim=-1, keepdim=True)
        logits = logits.masked_fill(logits < kth, -torch.inf)
    if top_p > 0:
        ascending, order = logits.sort(dim=-1, descending=False)
        drop = ascending.softmax(dim=-1).cumsum(dim=-1) <= (1 - top_p)
        drop[..., -1:] = False
        logits = logits.masked_fill(drop.scatter(-1, order, drop), -torch.inf)
    return logits


def exponential(like, generator):
    """Exponential draws of a tensor's shape."""
    if isinstance(generator, CUDAGenerator):
        return torch.from_numpy(generator.exponential(like.numel())).view(like.shape)
    return torch.empty_like(like).exponential_(generator=generator)


def draw(logits, generator):
    """One token per position of logits [B, n, V]: int64 [B, n]."""
    B, n, V = logits.shape
    p = logits.softmax(dim=-1).view(-1, V)
    if isinstance(generator, CUDAGenerator):  # what multinomial does for one sample, with replacement or not
        return p.div(exponential(p, generator)).argmax(dim=-1).view(B, n)
    return torch.multinomial(p, num_samples=1, replacement=True, generator=generator).view(B, n)


def draw_labels(classes, count, generator):
    if isinstance(generator, CUDAGenerator):
        if count == 1:
            return draw(torch.zeros(1, 1, classes), generator)[0]
        return torch.from_numpy(generator.labels(classes, count))
    return torch.multinomial(torch.full((classes,), 1 / classes), count, replacement=True, generator=generator)


def gumbel_softmax(logits, tau, generator):
    noise = exponential(logits, generator).log().neg()
    return ((logits + noise) / tau).softmax(dim=-1)


def keep_masks(mask, patch_nums):
    """[1, 1, p_k, p_k] bool per scale of a mask [P, P] that is 1 where the image's tokens stay."""
    mask = mask.float()[None, None]
    masks = [F.interpolate(mask, size=(p, p), mode='bilinear', align_corners=False) > 0.5 for p in patch_nums]
    return [torch.ones_like(m) if p == 1 else m for m, p in zip(masks, patch_nums)]


def box_mask(box, side, inside):
    """Mask [side, side] of a box (y0, x0, y1, x1) in fractions; inside: what the box itself gets, 0 or 1."""
    y0, x0, y1, x1 = (round(v * side) for v in box)
    mask = torch.full((side, side), float(1 - inside))
    mask[y0:y1, x0:x1] = float(inside)
    return mask


@torch.no_grad()
def generate(var, vae, labels, *, seed=None, generator=None, cfg=1.5, top_k=0, top_p=0.0, smooth=False,
             image_tokens=None, mask=None, record=None):
    """Images [B, 3, S, S] in [0, 1] and the drawn tokens, [B, p_k²] a scale.

    labels   int64 [B]; `var.classes` is the unconditional class
    mask     [P, P], 1 where `image_tokens` (a list like the drawn ones) are kept: in-painting, out-painting, editing
    record   called as record(name, tensor) with everything a reference dump holds
    """
    record = record or (lambda name, tensor: None)
    if generator is None and seed is not None:
        generator = torch.Generator(labels.device).manual_seed(seed)
    B, K, P = len(labels), len(var.patch_nums), var.patch_nums[-1]
    keep = keep_masks(mask, var.patch_nums) if mask is not None else None
    cond, block_cond = var.conditions(torch.cat((labels, torch.full_like(labels, var.classes))))
    record('cond', cond)
    positions = var.positions()
    x = cond.unsqueeze(1) + var.pos_start + positions[:, :var.patch_nums[0] ** 2]
    f_hat, drawn, start = torch.zeros(B, vae.quantize.z, P, P, device=labels.device), [], 0
    caches = [{} for _ in var.blocks]
    for k, p in enumerate(var.patch_nums):
        r = k / (K - 1)
        record(f'scale{k}.input', x)
        for i, block in enumerate(var.blocks):
            x = block(x, block_cond, cache=caches[i])
            record(f'scale{k}.block{i}', x)
        raw = var.logits(x, cond)  # [2B, p², V]
        record(f'scale{k}.logits_raw', raw)
        t = cfg * r
        logits = (1 + t) * raw[:B] - t * raw[B:]
        record(f'scale{k}.logits', logits)
        logits = filter_logits(logits, top_k, top_p)
        drawn.append(draw(logits, generator))
        record(f'scale{k}.tokens', drawn[-1])
        if smooth:
            tau = max(0.27 * (1 - r * 0.95), 0.005)
            h = gumbel_softmax(logits.mul(1 + r), tau, generator) @ vae.quantize.embedding.weight
            h = h.transpose(1, 2).reshape(B, -1, p, p)
        else:
            h = vae.quantize.look_up(drawn[-1], p)
        if keep is not None:
            h = torch.where(keep[k], vae.quantize.look_up(image_tokens[k], p), h)
        f_hat = vae.quantize.add_scale(k, f_hat, h)
        record(f'scale{k}.fhat', f_hat)
        start += p * p
        if k < K - 1:
            end = start + var.patch_nums[k + 1] ** 2
            x = var.word_embed(vae.quantize.next_input(k, f_hat)) + positions[:, start:end]
            x = x.repeat(2, 1, 1)
    image = vae.decode(f_hat).add(1).mul(0.5)
    record('image', image)
    return image, drawn


@torch.no_grad()
def teacher_forced_logits(var, vae, labels, tokens):
    """Logits [B, L, V] with the images' own tokens as input."""
    return var(labels, vae.quantize.teacher_inputs(tokens))
