"""Runs vartorch with the arguments of golden files and compares: tokens exactly, pictures and losses within limits.

    python3 tools/compare_goldens.py GOLDENS/ --var VAR.pth --vae VAE.pth [--images DIR]

GOLDENS/ holds NAME.json with arguments and tokens [scale][image][position], NAME.N.png, and NAME.logits.npz or
NAME.safetensors. NAME says the kind: recon*, eval*, inpaint*, outpaint*, edit*; all others are generate.
Exit status 1 when anything differs.
"""
import argparse
import glob
import json
import os
import sys

import numpy as np
import torch
from PIL import Image

from vartorch.checkpoint import load_pair
from vartorch.cuda_random import CUDAGenerator
from vartorch.sampling import box_mask, generate, teacher_forced_logits

MIN_PSNR = 50.0
MAX_LOGIT_ERROR = 1e-4  # of the largest absolute logit
MAX_LOSS_ERROR = 1e-4


def load_image(path):
    """[1, 3, H, W] in [-1, 1]."""
    pixels = np.asarray(Image.open(path).convert('RGB'), np.float32)
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].div(255).mul(2).sub(1)


def as_tensors(tokens):
    return [torch.tensor(scale) for scale in tokens]


def picture_psnr(image, path):
    golden = np.asarray(Image.open(path).convert('RGB'), np.float64) / 255
    ours = image.mul(255).round().permute(1, 2, 0).numpy().astype(np.float64) / 255
    mse = ((golden - ours) ** 2).mean()
    return 99.0 if mse == 0 else -10 * np.log10(mse)


def rerun(name, golden, var, vae, images, record=None):
    """(image [B, 3, S, S] in [0, 1], tokens) of one golden's arguments; (None, losses) for eval."""
    source = load_image(f'{images}/{golden["image"]}') if 'image' in golden else None
    kind = name.split('_')[0]
    if kind == 'recon':
        with torch.no_grad():
            tokens = vae.encode(source)
            return vae.reconstruct(tokens).add(1).mul(0.5), tokens
    if kind == 'eval':
        return None, evaluate(var, vae, source, golden['label'])
    arguments = {k: golden[k] for k in ('cfg', 'top_k', 'top_p')}
    if kind in ('inpaint', 'outpaint', 'edit'):
        with torch.no_grad():
            arguments['image_tokens'] = vae.encode(source)
        arguments['mask'] = box_mask(golden['box_y0x0y1x1'], var.patch_nums[-1], inside=int(kind == 'outpaint'))
    if 'seed_device' in golden:
        arguments['generator'] = CUDAGenerator(golden['seed'], golden['seed_device'])
    return generate(var, vae, torch.tensor(golden['labels']), seed=golden['seed'],
                    smooth=golden.get('more_smooth', False), record=record, **arguments)


@torch.no_grad()
def evaluate(var, vae, source, label):
    tokens = vae.encode(source)
    flat, tail = torch.cat(tokens, dim=1)[0], var.patch_nums[-1] ** 2
    logits = teacher_forced_logits(var, vae, torch.tensor([label]), tokens)[0]
    loss = torch.nn.functional.cross_entropy(logits, flat, reduction='none')
    right = (logits.argmax(dim=-1) == flat).float()
    return {'L_mean': loss.mean().item(), 'L_tail': loss[-tail:].mean().item(),
            'acc_mean': right.mean().item(), 'acc_tail': right[-tail:].mean().item()}


def compare(folder, name, var, vae, images):
    """Lines that say what differs; empty when all agrees."""
    with open(f'{folder}/{name}.json') as f:
        golden = json.load(f)
    seen = {}
    image, tokens = rerun(name, golden, var, vae, images, record=seen.__setitem__)
    if image is None:
        # the official code counts accuracies in percent
        return [f'{k}: {v} instead of {golden[k]}' for k, v in tokens.items()
                if min(abs(v - golden[k]), abs(100 * v - golden[k]) if k.startswith('acc') else 1) > MAX_LOSS_ERROR]
    problems = []
    for k, (ours, theirs) in enumerate(zip(tokens, as_tensors(golden['tokens']), strict=True)):
        if differing := int((ours != theirs).sum()):
            problems.append(f'scale {k}: {differing} of {theirs.numel()} tokens differ')
    for i in range(len(image)):
        if (psnr := picture_psnr(image[i], f'{folder}/{name}.{i}.png')) < MIN_PSNR:
            problems.append(f'image {i}: {psnr:.1f} dB')
    if os.path.exists(path := f'{folder}/{name}.logits.npz'):
        for key, theirs in np.load(path).items():
            ours = seen[f'scale{key.removeprefix("stage")}.logits'][:, :theirs.shape[1]].numpy()
            if (error := np.abs(ours - theirs).max() / np.abs(theirs).max()) > MAX_LOGIT_ERROR:
                problems.append(f'{key}: logits differ by {error:.1e}')
    return problems


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('goldens')
    ap.add_argument('--var', required=True)
    ap.add_argument('--vae', required=True)
    ap.add_argument('--images', help='where the pictures that the goldens name are (default: the goldens\' parent folder)')
    args = ap.parse_args()
    var, vae = load_pair(args.var, args.vae)
    failed = False
    for path in sorted(glob.glob(f'{args.goldens}/*.json')):
        name = os.path.basename(path)[:-5]
        problems = compare(args.goldens, name, var, vae, args.images or os.path.dirname(os.path.abspath(args.goldens)))
        print(f'{name}: ' + ('; '.join(problems) or 'equal'), flush=True)
        failed |= bool(problems)
    sys.exit(failed)


if __name__ == '__main__':
    main()
