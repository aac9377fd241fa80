"""Writes what a PyTorch VAR computes, scale by scale, into one safetensors file: the input of `var-run parity`.

    python3 tools/dump_reference.py --var VAR.pth --vae VAE.pth --classes 3,7 --seed 5 --output REFERENCE.safetensors
    python3 tools/dump_reference.py --official ~/VAR …      # runs the official code in that checkout
    python3 tools/dump_reference.py --device cuda --autocast none,bf16,fp16 --seed 5,6 …    # six runs in one file

Without --official it runs tools/vartorch, which gives the same tokens. The official code is imported and observed
through hooks and wrapped functions in memory; no file of the checkout is changed or written. Without autocast a GPU
computes in float32 proper: TF32 is off.

Tensors of run r, each with `run{r}.` before its name, float32 unless said otherwise. B images, B' = 2B rows (the second half is the unconditional one), K scales of
n = p_k² tokens, C width, V vocabulary, Z latent channels, P = p_{K-1}, levels of the decoder counted as upstream does:

    cond                 [B', C]         class embedding
    scale{k}.input       [B', n, C]      what block 0 reads
    scale{k}.block{i}    [B', n, C]      what block i writes, for the blocks in `blocks`
    scale{k}.logits_raw  [B', n, V]      the head's output
    scale{k}.logits      [B, n, V]       guided, before top-k and top-p
    scale{k}.tokens      [B, n] I64      as drawn
    scale{k}.fhat        [B, Z, P, P]    accumulated after this scale
    decoder.conv_in      [B, c, h, w]    NCHW, like all that follow
    decoder.mid                          after mid.block_2
    decoder.up{l}                        after level l, its attention and upsampling included
    decoder.norm_out                     after the GroupNorm, before SiLU
    image                [B, 3, S, S]    in [0, 1]

Metadata, all strings: `kind` = var-reference-v2; `implementation` = official | vartorch; `torch`, `numpy`, `python`;
`runs` = JSON list of {labels, seed, cfg, top_k, top_p, more_smooth, device, autocast}, where `device` is cpu or
cuda:SMSxTHREADS, multiprocessors and threads of each, and `autocast` none, bf16 or fp16; `gpu` its name; `patch_nums`,
`blocks` = JSON lists of integers; `first_draws` = JSON list, one a run: the first 8 exponential draws of a generator with
its seed on its device, as float32; a runtime whose draws differ cannot repeat the tokens. `checkpoints` = JSON {file name:
SHA-256}; `officialCommit` where it is known. (In version 1 there was one run, without a prefix, its `arguments` by
themselves and its `first_draws` one list.)
"""
import argparse
import contextlib
import hashlib
import json
import os
import platform
import subprocess
import sys

import numpy
import torch
from safetensors.torch import save_file

from vartorch import sampling
from vartorch.checkpoint import build_vae, build_var, load_state_dict
from vartorch.cuda_random import CUDAGenerator


AUTOCAST = {'none': None, 'bf16': torch.bfloat16, 'fp16': torch.float16}


class Recorder:
    """Collects copies of tensors by name for one run after another; `scale` counts up as the sampler goes on."""

    def __init__(self, blocks):
        self.tensors, self.blocks, self.scale, self.run = {}, blocks, 0, -1

    def begin(self):
        self.run, self.scale = self.run + 1, 0

    def __call__(self, name, tensor):
        block = name.split('block')[1] if '.block' in name else None
        if block is None or int(block) in self.blocks:
            kept = tensor.detach().float() if tensor.is_floating_point() else tensor.detach()
            self.tensors[f'run{self.run}.{name}'] = kept.to('cpu', copy=True).contiguous()

    def on(self, module, name):
        """Records a module's output whenever it runs."""
        module.register_forward_hook(lambda _module, _inputs, output: self(name, output))


def hook_decoder(decoder, recorder):
    recorder.on(decoder.conv_in, 'decoder.conv_in')
    recorder.on(decoder.mid.block_2, 'decoder.mid')
    recorder.on(decoder.norm_out, 'decoder.norm_out')
    for i, level in enumerate(decoder.up):
        last = level.upsample if hasattr(level, 'upsample') else level.attn[-1] if len(level.attn) else level.block[-1]
        recorder.on(last, f'decoder.up{i}')


def prepare_vartorch(states, args, labels, recorder):
    """A function that runs with a seed, and facts for the metadata."""
    var = build_var(states['var'], args.heads).to(args.device)
    vae = build_vae(states['vae'], var.patch_nums, args.quant_resi).to(args.device)
    hook_decoder(vae.decoder, recorder)

    def run(seed):
        sampling.generate(var, vae, labels, generator=new_generator(seed, args), cfg=args.cfg, top_k=args.top_k,
                          top_p=args.top_p, smooth=args.more_smooth, record=recorder)
    return run, {'implementation': 'vartorch'}


def build_official(path, states, args):
    """The official modules with these weights; VQVAE takes only the released channel multipliers (1,1,2,2,4)."""
    sys.path.insert(0, path)
    from models.var import VAR
    from models.vqvae import VQVAE
    var_state, vae_state = states['var'], states['vae']
    shape = build_var(var_state, args.heads)  # read off the tensors once, by our own code
    vocab, z = vae_state['quantize.embedding.weight'].shape
    phis = sum('quant_resi' in k and k.endswith('weight') for k in vae_state)
    shared = 1 if 'quantize.quant_resi.qresi.weight' in vae_state else phis if any('qresi_ls' in k for k in vae_state) else 0
    vae = VQVAE(vocab_size=vocab, z_channels=z, ch=vae_state['encoder.conv_in.weight'].shape[0], test_mode=True,
                quant_resi=args.quant_resi, share_quant_resi=shared, v_patch_nums=shape.patch_nums)
    var = VAR(vae_local=vae, num_classes=shape.classes, depth=len(shape.blocks), embed_dim=shape.width,
              num_heads=shape.blocks[0].attn.heads, drop_rate=0.0, attn_drop_rate=0.0, drop_path_rate=0.0, norm_eps=1e-6,
              shared_aln='shared_ada_lin.1.weight' in var_state, cond_drop_rate=0.1,
              attn_l2_norm=shape.blocks[0].attn.l2_norm, patch_nums=shape.patch_nums,
              flash_if_available=False, fused_if_available=False)
    vae.load_state_dict(vae_state, strict=True)
    var.load_state_dict(var_state, strict=True)
    return var.float().eval(), vae.float().eval()


def hook_official(var, vae, recorder, B):
    """Hooks on the modules, wrappers around the two functions of a scale: draw tokens, add to f̂."""
    import models.var as module
    draw, advance = module.sample_with_top_k_top_p_, vae.quantize.get_next_autoregressive_input

    def drawing(logits_BlV, *args, **kwargs):
        recorder(f'scale{recorder.scale}.logits', logits_BlV)  # before the filters, which work in place
        tokens = draw(logits_BlV, *args, **kwargs)
        recorder(f'scale{recorder.scale}.tokens', tokens.view(B, -1))
        return tokens

    def advancing(*args, **kwargs):
        f_hat, following = advance(*args, **kwargs)
        recorder(f'scale{recorder.scale}.fhat', f_hat)
        recorder.scale += 1
        return f_hat, following

    module.sample_with_top_k_top_p_, vae.quantize.get_next_autoregressive_input = drawing, advancing
    var.blocks[0].register_forward_pre_hook(
        lambda _module, inputs, named: recorder(f'scale{recorder.scale}.input', named.get('x', inputs[0] if inputs else None)),
        with_kwargs=True)
    for i, block in enumerate(var.blocks):
        block.register_forward_hook(lambda _m, _i, output, i=i: recorder(f'scale{recorder.scale}.block{i}', output))
    var.head.register_forward_hook(lambda _m, _i, output: recorder(f'scale{recorder.scale}.logits_raw', output))
    recorder.on(var.class_emb, 'cond')
    hook_decoder(vae.decoder, recorder)


def prepare_official(states, args, labels, recorder):
    """The same by the official code."""
    path = os.path.expanduser(args.official)
    var, vae = (half.to(args.device) for half in build_official(path, states, args))
    var.rng = torch.Generator(args.device)
    hook_official(var, vae, recorder, len(labels))

    def run(seed):
        with torch.inference_mode():
            image = var.autoregressive_infer_cfg(B=len(labels), label_B=labels, g_seed=seed, cfg=args.cfg, top_k=args.top_k,
                                                 top_p=args.top_p, more_smooth=args.more_smooth)
        recorder('image', image)
    commit = subprocess.run(['git', '-C', path, 'rev-parse', 'HEAD'], capture_output=True, text=True).stdout.strip()
    return run, {'implementation': 'official', 'officialCommit': commit or 'unknown'}


def sha256(path):
    with open(path, 'rb') as f:
        return hashlib.file_digest(f, 'sha256').hexdigest()


def parse_labels(text, classes):
    return [classes if part == 'none' else int(part) for part in text.split(',')]


def device_facts(args):
    """The device whose numbers are drawn, as `var-run --seed-device` has it, and the card's name."""
    if args.device == 'cpu':
        return args.draws or 'cpu', {}
    card = torch.cuda.get_device_properties(args.device)
    return f'cuda:{card.multi_processor_count}x{card.max_threads_per_multi_processor}', {'gpu': card.name}


def new_generator(seed, args):
    return CUDAGenerator(seed, args.draws) if args.draws else torch.Generator(args.device).manual_seed(seed)


def first_draws(seed, args):
    return sampling.exponential(torch.empty(8, device=args.device), new_generator(seed, args)).tolist()


def metadata(args, runs, labels, blocks, patch_nums):
    device, facts = device_facts(args)
    listed = [{'labels': labels, 'seed': seed, 'cfg': args.cfg, 'top_k': args.top_k, 'top_p': args.top_p,
               'more_smooth': args.more_smooth, 'device': device, 'autocast': autocast} for seed, autocast in runs]
    files = {os.path.basename(p): sha256(p) for p in (args.var, args.vae)}
    return facts | {'kind': 'var-reference-v2', 'torch': torch.__version__, 'numpy': numpy.__version__,
                    'python': platform.python_version(), 'runs': json.dumps(listed), 'patch_nums': json.dumps(patch_nums),
                    'blocks': json.dumps(blocks), 'checkpoints': json.dumps(files),
                    'first_draws': json.dumps([first_draws(seed, args) for seed, _ in runs])}


def comma_separated(parse):
    return lambda text: [parse(part) for part in text.split(',')]


def autocast_name(text):
    if text not in AUTOCAST:
        raise argparse.ArgumentTypeError(f'{text} is none of {", ".join(AUTOCAST)}')
    return text


def autocast(device, name):
    return torch.autocast(device, AUTOCAST[name]) if AUTOCAST[name] else contextlib.nullcontext()


def parse_arguments():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--var', required=True, help='transformer checkpoint, or a training checkpoint')
    ap.add_argument('--vae', required=True, help='VQ-VAE checkpoint, or the same training checkpoint')
    ap.add_argument('--output', required=True)
    ap.add_argument('--official', metavar='PATH', help='checkout of the official code to run instead of vartorch')
    ap.add_argument('--classes', default='0', help='comma-separated ids; none is the unconditional class')
    ap.add_argument('--seed', type=comma_separated(int), default=[0], help='one generator for the whole batch; several, '
                    'separated by commas, make several runs')
    ap.add_argument('--device', choices=('cpu', 'cuda'), default='cpu')
    ap.add_argument('--draws', metavar='cuda:CARD', help='on a CPU, without --official: draw the numbers of a GPU, by NumPy')
    ap.add_argument('--autocast', type=comma_separated(autocast_name), default=['none'], help='none, bf16, fp16; several make '
                    'several runs')
    ap.add_argument('--cfg', type=float, default=1.5)
    ap.add_argument('--top-k', type=int, default=900, help='0 is off; clamped to the vocabulary')
    ap.add_argument('--top-p', type=float, default=0.96, help='0 is off')
    ap.add_argument('--more-smooth', action='store_true')
    ap.add_argument('--blocks', help='blocks whose output is kept, e.g. 0,7,15 or all; default first, middle and last, '
                    'and all under autocast, where parity needs to see what each block adds')
    ap.add_argument('--heads', type=int, help='where scale_mul_1H11 is absent; default width/64')
    ap.add_argument('--quant-resi', type=float, default=0.5)
    ap.add_argument('--threads', type=int)
    return ap.parse_args()


def main():
    args = parse_arguments()
    if args.draws and (args.official or args.device != 'cpu'):
        sys.exit('--draws goes with vartorch on a CPU')
    if args.threads:
        torch.set_num_threads(args.threads)
    states = {'var': load_state_dict(args.var, 'var'), 'vae': load_state_dict(args.vae, 'vae')}
    states = {part: {k: v.float() if v.is_floating_point() else v for k, v in s.items()} for part, s in states.items()}
    classes, vocab = states['var']['class_emb.weight'].shape[0] - 1, states['var']['head.weight'].shape[0]
    args.top_k = min(args.top_k, vocab)
    depth = len({k.split('.')[1] for k in states['var'] if k.startswith('blocks.')})
    if args.blocks == 'all' or (args.blocks is None and args.autocast != ['none']):
        blocks = list(range(depth))
    else:
        blocks = [int(b) for b in args.blocks.split(',')] if args.blocks else sorted({0, depth // 2, depth - 1})
    labels, recorder = parse_labels(args.classes, classes), Recorder(blocks)
    if args.device == 'cuda':
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    prepare = prepare_official if args.official else prepare_vartorch
    run, facts = prepare(states, args, torch.tensor(labels, device=args.device), recorder)
    runs = [(seed, precision) for seed in args.seed for precision in args.autocast]
    for seed, precision in runs:
        recorder.begin()
        with autocast(args.device, precision):
            run(seed)
    patch_nums = [round(n ** 0.5) for n in states['var']['lvl_1L'].flatten().bincount().tolist()]
    save_file(recorder.tensors, args.output, metadata=metadata(args, runs, labels, blocks, patch_nums) | facts)
    print(f'{args.output}: {len(recorder.tensors)} tensors, {sum(t.nbytes for t in recorder.tensors.values()) / 1e6:.1f} MB')


if __name__ == '__main__':
    main()
