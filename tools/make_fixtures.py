"""Writes Tests/Fixtures: tiny checkpoints, goldens by vartorch, numbers by torch, and files for the readers.

    python3 tools/make_fixtures.py [--output Tests/Fixtures]

An opt-in step: the results are committed, with the torch version and SHA-256 sums beside them (README.md, SHA256SUMS).
Goldens that a rounding error could flip are not used: each seed is taken only if the tokens survive noise (see `robust`).
"""
import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

import compare_goldens
import make_checkpoint
from fixtures import numeric, readers
from vartorch.checkpoint import load_pair, load_state_dict
from vartorch.cuda_random import CUDAGenerator
from vartorch.sampling import draw_labels, generate

# name: arguments of make_checkpoint.py. per-block and shared cover the two released forms of adaLN, with four phi
# convolutions and with one a scale; plain has dot-product attention, one phi for all scales, no downsampling.
MODELS = {
    'per-block': '--depth 2 --width 64 --heads 2 --ch 32 --ch-mult 2,1 --vocab 64 --cvae 16 --classes 8 --patch-nums 1,2,3,5,8 --seed 11',
    'shared': '--depth 2 --width 64 --heads 1 --ch 32 --ch-mult 1,1 --vocab 128 --cvae 32 --classes 5 --patch-nums 1,2,3,4 --seed 12 --shared-aln --phis 0',
    'plain': '--depth 1 --width 64 --heads 1 --ch 32 --ch-mult 1 --vocab 64 --cvae 32 --classes 6 --patch-nums 1,2,4 --seed 13 --phis 1 --plain-attention',
}
FULL_DUMP = ('sampled_single',)  # goldens that hold every recorded tensor; the others hold logits of 4 positions

GENERATE = {
    'greedy': dict(labels=[1, 4], cfg=1.5, top_k=1, top_p=0.0),
    'greedy_single': dict(labels=[4], cfg=4.0, top_k=1, top_p=0.0),
    'sampled': dict(labels=[3, 0], cfg=1.5, top_k=50, top_p=0.96),
    'sampled_single': dict(labels=[2], cfg=1.5, top_k=50, top_p=0.96),
    'sampled_cfg4': dict(labels=[1], cfg=4.0, top_k=20, top_p=0.8),
    'plain': dict(labels=[2], cfg=0.0, top_k=0, top_p=0.0),
    'unconditional': dict(labels=['none'], cfg=1.5, top_k=0, top_p=0.9),
    'smooth': dict(labels=[2], cfg=3.0, top_k=30, top_p=0.95, more_smooth=True),
}
# Drawn with a GPU's numbers; the last two cards are so small that threads fill several elements and go round.
CUDA = {
    'cuda_single': dict(labels=[2], seed_device='cuda:h100', cfg=1.5, top_k=50, top_p=0.96),
    'cuda_batch': dict(labels=[3, 0, 1], seed_device='cuda:1x256', cfg=1.5, top_k=50, top_p=0.96),
    'cuda_smooth': dict(labels=[2], seed_device='cuda:2x512', cfg=3.0, top_k=30, top_p=0.95, more_smooth=True),
}
EDIT = {
    'inpaint': dict(labels=['none'], box_y0x0y1x1=[0.25, 0.25, 0.75, 0.75]),
    'outpaint': dict(labels=['none'], box_y0x0y1x1=[0.2, 0.3, 0.9, 0.7]),
    'edit': dict(labels=[3], box_y0x0y1x1=[0.1, 0.1, 0.8, 0.6]),
}


def photograph(side):
    """A picture of soft shapes: enough structure that no two codes are equally near."""
    rng = np.random.default_rng(side)
    y, x = np.mgrid[0:side, 0:side] / side
    planes = [0.5 + 0.35 * np.sin(2 * np.pi * (a * x + b * y + c)) + 0.08 * rng.standard_normal((side, side))
              for a, b, c in ((1.0, 0.5, 0.1), (0.4, 1.3, 0.4), (1.5, -0.7, 0.8))]
    return Image.fromarray(np.uint8(np.clip(np.stack(planes, axis=-1), 0, 1) * 255))


class Noise:
    """Within the context every raw logit and encoder feature carries noise of some 1e-5 of the largest one."""

    def __init__(self, var, vae, seed):
        self.var, self.vae, self.generator = var, vae, torch.Generator().manual_seed(seed)

    def jitter(self, t):
        return t + torch.randn(t.shape, generator=self.generator) * (t.abs().max() * 1e-5)

    def __enter__(self):
        logits, features = self.var.logits, self.vae.features
        self.var.logits = lambda *a: self.jitter(logits(*a))
        self.vae.features = lambda image: self.jitter(features(image))

    def __exit__(self, *_):
        del self.var.logits, self.vae.features


def robust(name, golden, var, vae, images, tokens):
    """Whether the tokens stay the same under three kinds of small noise."""
    for trial in range(3):
        with Noise(var, vae, trial):
            _, again = compare_goldens.rerun(name, golden, var, vae, images)
        if any((a != b).any() for a, b in zip(tokens, again)):
            return False
    return True


def write_golden(folder, name, golden, var, vae, images):
    """Finds the first seed with robust tokens and writes NAME.json, NAME.N.png and NAME.safetensors."""
    golden['labels'] = [var.classes if label == 'none' else label for label in golden['labels']]
    for seed in range(5, 400):
        golden['seed'] = seed
        seen = {}
        image, tokens = compare_goldens.rerun(name, golden, var, vae, images, record=seen.__setitem__)
        if robust(name, golden, var, vae, images, tokens):
            break
    else:
        raise SystemExit(f'{folder}/{name}: no robust seed')
    finish_golden(folder, name, golden, image, tokens)
    if 'seed_device' in golden:
        return  # the logits are like the others'
    if name not in FULL_DUMP:
        seen = {k: v[:, :4] for k, v in seen.items() if k.endswith('.logits')}
    save_file({k: v.contiguous() for k, v in seen.items()}, f'{folder}/{name}.safetensors', metadata={'torch': torch.__version__})


def finish_golden(folder, name, golden, image, tokens):
    with open(f'{folder}/{name}.json', 'w') as f:
        json.dump(golden | {'tokens': [t.tolist() for t in tokens]}, f)
        f.write('\n')
    for i, picture in enumerate(image):
        Image.fromarray(picture.mul(255).round().byte().permute(1, 2, 0).numpy()).save(f'{folder}/{name}.{i}.png')


def write_encoding(folder, images, vae, picture):
    """recon_picture: tokens by the encoder and what they decode to, with f̂ and features; returns whether robust."""
    golden = {'image': picture}
    image, tokens = compare_goldens.rerun('recon', golden, None, vae, images)
    finish_golden(folder, 'recon_picture', golden, image, tokens)
    with torch.no_grad():
        source = compare_goldens.load_image(f'{images}/{picture}')
        features, f_hats = vae.features(source), vae.quantize.f_hats(tokens)
        again = [vae.quantize.encode(features + torch.randn_like(features) * features.abs().max() * 1e-5) for _ in range(3)]
        assert all((a == b).all() for one in again for a, b in zip(one, tokens)), f'{folder}: a near tie in the encoder'
        dump = {'features': features, 'image': image} | {f'scale{k}.fhat': f for k, f in enumerate(f_hats)}
    save_file({k: v.contiguous() for k, v in dump.items()}, f'{folder}/recon_picture.safetensors',
              metadata={'torch': torch.__version__})


def write_evaluation(folder, images, var, vae, picture):
    golden = {'image': picture, 'label': 2}
    _, losses = compare_goldens.rerun('eval', golden, var, vae, images)
    with open(f'{folder}/eval_picture.json', 'w') as f:
        json.dump(golden | losses, f)
        f.write('\n')


def write_label_draws(folder, var, vae, count, device=None):
    """Labels left out: drawn first from the same generator; the rest of the draws follow."""
    g = CUDAGenerator(17, device) if device else torch.Generator().manual_seed(17)
    labels = draw_labels(var.classes, count, g)
    _, tokens = generate(var, vae, labels, generator=g, cfg=1.5, top_k=50, top_p=0.96)
    golden = {'drawn_labels': labels.tolist(), 'count': count, 'seed': 17, 'cfg': 1.5, 'top_k': 50, 'top_p': 0.96}
    golden |= {'seed_device': device} if device else {}
    with open(f'{folder}/labels_{"cuda_" if device else ""}{count}.json', 'w') as f:
        json.dump(golden | {'tokens': [t.tolist() for t in tokens]}, f)
        f.write('\n')


def make_model(folder, name, images):
    arguments = MODELS[name].split()
    make_checkpoint.main([f'{folder}/models/{name}', *arguments, '--format', 'f16'])
    var, vae = load_pair(f'{folder}/models/{name}/var.pth', f'{folder}/models/{name}/vae.pth')
    goldens = f'{folder}/goldens/{name}'
    os.makedirs(goldens)
    side = vae.patch_nums[-1] * 2 ** (len(vae.encoder.down) - 1)
    picture = f'picture_{side}.png'
    photograph(side).save(f'{images}/{picture}')
    write_encoding(goldens, images, vae, picture)
    write_evaluation(goldens, images, var, vae, picture)
    for kind, golden in GENERATE.items():
        write_golden(goldens, kind, dict(golden), var, vae, images)
    for kind, golden in EDIT.items():
        golden = {'image': picture, 'cfg': 3.0, 'top_k': 30, 'top_p': 0.95, 'mode': kind, **golden}
        write_golden(goldens, f'{kind}_picture', golden, var, vae, images)
    for count in (1, 3):
        write_label_draws(goldens, var, vae, count)
    write_cuda(goldens, var, vae, images, picture)


def write_cuda(goldens, var, vae, images, picture):
    """The tokens that a GPU's numbers draw, and labels that they draw first."""
    for kind, golden in CUDA.items():
        write_golden(goldens, kind, dict(golden), var, vae, images)
    golden = {'image': picture, 'cfg': 3.0, 'top_k': 30, 'top_p': 0.95, 'mode': 'edit', **EDIT['edit'], 'seed_device': 'cuda:t4'}
    write_golden(goldens, 'edit_cuda', golden, var, vae, images)
    for count in (1, 3):
        write_label_draws(goldens, var, vae, count, 'cuda:a100')


def write_containers(folder):
    """The weights of `plain` in other containers, f16 like its .pth files: legacy and safetensors make one pair."""
    source = f'{folder}/models/plain'
    var, vae = (load_state_dict(f'{source}/{n}.pth', n) for n in ('var', 'vae'))
    torch.save(var, f'{source}/var-legacy.pth', _use_new_zipfile_serialization=False)
    save_file(vae, f'{source}/vae.safetensors')
    optimizer = {'state': {0: {'step': torch.tensor(17.0), 'exp_avg': torch.zeros(8), 'exp_avg_sq': torch.zeros(8)}},
                 'param_groups': [{'lr': 1e-4, 'betas': (0.9, 0.95), 'params': [0]}]}
    trainer = {'config': {'patch_nums': (1, 2, 4), 'label_smooth': 0.0, 'prog_it': 0}, 'vae_local': vae, 'var_opt': optimizer,
               'var_wo_ddp': {'_orig_mod.' + k: v for k, v in var.items()}}
    torch.save({'epoch': 3, 'iter': 17, 'trainer': trainer, 'args': {'depth': 1, 'fp16': 1}}, f'{source}/ar-ckpt-last.pth')


def write_reference(folder, name, file, *options):
    """A dump for `var-run parity`, by the program that users make theirs with."""
    models = f'{folder}/models/{name}'
    subprocess.run([sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'dump_reference.py'),
                    '--var', f'{models}/var.pth', '--vae', f'{models}/vae.pth', '--classes', '2', '--seed', '5', '--cfg', '1.5',
                    '--top-k', '50', '--top-p', '0.96', *options, '--output', f'{folder}/goldens/{name}/{file}'], check=True)


def as_version_1(path):
    """Rewrites a dump of one run as the first version of dump_reference.py wrote it: parity still reads those."""
    with safe_open(path, 'pt') as f:
        facts, tensors = f.metadata(), {name.removeprefix('run0.'): f.get_tensor(name) for name in f.keys()}
    run, draws = json.loads(facts.pop('runs'))[0], json.loads(facts['first_draws'])[0]
    arguments = {key: value for key, value in run.items() if key not in ('device', 'autocast')}
    save_file(tensors, path, metadata=facts | {'kind': 'var-reference-v1', 'arguments': json.dumps(arguments),
                                               'first_draws': json.dumps(draws)})


def write_sums(folder):
    lines = []
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.relpath(os.path.join(root, name), folder)
            if path not in ('SHA256SUMS', 'README.md'):
                with open(os.path.join(root, name), 'rb') as f:
                    lines.append(f'{hashlib.sha256(f.read()).hexdigest()}  {path}\n')
    with open(f'{folder}/SHA256SUMS', 'w') as f:
        f.writelines(sorted(lines, key=lambda line: line[66:]))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--output', default=os.path.join(os.path.dirname(__file__), '..', 'Tests', 'Fixtures'))
    folder = ap.parse_args().output
    torch.manual_seed(0)
    for part in ('models', 'goldens', 'images', 'numeric', 'readers'):
        shutil.rmtree(f'{folder}/{part}', ignore_errors=True)
    for part in ('goldens', 'images', 'numeric', 'readers'):
        os.makedirs(f'{folder}/{part}')
    numeric.write(f'{folder}/numeric')
    readers.write(f'{folder}/readers')
    for name in MODELS:
        make_model(folder, name, f'{folder}/images')
    write_containers(folder)
    write_reference(folder, 'per-block', 'reference.safetensors')
    as_version_1(f'{folder}/goldens/per-block/reference.safetensors')
    write_reference(folder, 'per-block', 'reference-bf16.safetensors', '--autocast', 'bf16')
    write_reference(folder, 'plain', 'reference-runs.safetensors', '--autocast', 'none,bf16,fp16', '--draws', 'cuda:1x256')
    write_sums(folder)


if __name__ == '__main__':
    main()
