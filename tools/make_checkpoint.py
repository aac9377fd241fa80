"""Writes a VAR + VQVAE checkpoint pair with the released key names and shapes and seeded, trained-like weights.

The weights are noise with the spread of a trained model (every block matters, a few outlier channels), so that
parity is sensitive to each formula. The same arguments give the same tensors on any machine (numpy Philox).

usage: make_checkpoint.py OUT_DIR [--depth 16] [--ch 160] [--vocab 4096] [--cvae 32] [--classes 1000]
       [--patch-nums 1,2,3,4,5,6,8,10,13,16] [--shared-aln] [--seed 0] [--heads H --width C]
       [--ch-mult 1,1,2,2,4] [--phis 4 (0: one a scale, 1: shared)] [--plain-attention]
       [--format pth|legacy|trainer|safetensors|f16]
"""
import argparse, math, os, zlib
import numpy as np

def rng_for(seed, name):
    return np.random.Generator(np.random.Philox(key=[seed, zlib.crc32(name.encode())]))

class Maker:
    def __init__(self, seed): self.seed, self.sd = seed, {}
    def normal(self, name, shape, std, mean=0.0, outliers=False):
        g = rng_for(self.seed, name)
        a = g.standard_normal(shape, dtype=np.float32) * np.float32(std) + np.float32(mean)
        if outliers and len(shape) == 2 and shape[1] >= 32:
            cols = g.choice(shape[1], size=max(1, shape[1] // 64), replace=False)
            a[:, cols] *= np.float32(4.0)
        self.sd[name] = a
    def linear(self, name, out, inp, gain=1.0, bias=0.05, outliers=True):
        self.normal(name + '.weight', (out, inp), gain / math.sqrt(inp), outliers=outliers)
        if bias is not None: self.normal(name + '.bias', (out,), bias)
    def conv(self, name, out, inp, k, gain=1.0):
        self.normal(name + '.weight', (out, inp, k, k), gain / math.sqrt(inp * k * k))
        self.normal(name + '.bias', (out,), 0.05)
    def norm(self, name, c):
        self.normal(name + '.weight', (c,), 0.1, 1.0); self.normal(name + '.bias', (c,), 0.05)

def vae(m, ch, vocab, cvae, patch_nums, mult=(1, 1, 2, 2, 4), phis=4, res=2):
    def resnet(p, i, o):
        m.norm(p + '.norm1', i); m.conv(p + '.conv1', o, i, 3); m.norm(p + '.norm2', o); m.conv(p + '.conv2', o, o, 3, 0.5)
        if i != o: m.conv(p + '.nin_shortcut', o, i, 1)
    def attn(p, c):
        m.norm(p + '.norm', c); m.conv(p + '.qkv', 3 * c, c, 1); m.conv(p + '.proj_out', c, c, 1, 0.5)
    n = len(mult)
    m.conv('encoder.conv_in', ch, 3, 3)
    cin = ch
    for i in range(n):
        for b in range(res):
            resnet(f'encoder.down.{i}.block.{b}', cin, ch * mult[i]); cin = ch * mult[i]
            if i == n - 1: attn(f'encoder.down.{i}.attn.{b}', cin)
        if i != n - 1: m.conv(f'encoder.down.{i}.downsample.conv', cin, cin, 3)
    for part in ('encoder', 'decoder'):
        if part == 'decoder': m.conv('decoder.conv_in', cin, cvae, 3)
        resnet(f'{part}.mid.block_1', cin, cin); attn(f'{part}.mid.attn_1', cin); resnet(f'{part}.mid.block_2', cin, cin)
        if part == 'encoder': m.norm('encoder.norm_out', cin); m.conv('encoder.conv_out', cvae, cin, 3)
    for i in reversed(range(n)):
        for b in range(res + 1):
            resnet(f'decoder.up.{i}.block.{b}', cin, ch * mult[i]); cin = ch * mult[i]
            if i == n - 1: attn(f'decoder.up.{i}.attn.{b}', cin)
        if i != 0: m.conv(f'decoder.up.{i}.upsample.conv', cin, cin, 3)
    m.norm('decoder.norm_out', cin); m.conv('decoder.conv_out', 3, cin, 3, 0.45)
    m.normal('quantize.embedding.weight', (vocab, cvae), 0.7)
    m.sd['quantize.ema_vocab_hit_SV'] = np.zeros((len(patch_nums), vocab), np.float32)
    if phis == 1: m.conv('quantize.quant_resi.qresi', cvae, cvae, 3)
    elif phis == 0:
        for i in range(len(patch_nums)): m.conv(f'quantize.quant_resi.{i}', cvae, cvae, 3)
    else:
        for i in range(phis): m.conv(f'quantize.quant_resi.qresi_ls.{i}', cvae, cvae, 3)
    m.conv('quant_conv', cvae, cvae, 3); m.conv('post_quant_conv', cvae, cvae, 3)

def var(m, depth, width, heads, vocab, cvae, classes, patch_nums, shared, plain=False):
    C, L = width, sum(p * p for p in patch_nums)
    m.linear('word_embed', C, cvae, outliers=False)
    m.normal('class_emb.weight', (classes + 1, C), 0.5)
    m.normal('pos_start', (1, patch_nums[0] ** 2, C), 0.1)
    m.normal('pos_1LC', (1, L, C), 0.3)
    m.normal('lvl_embed.weight', (len(patch_nums), C), 0.3)
    lvl = np.concatenate([np.full(p * p, i, np.int64) for i, p in enumerate(patch_nums)])[None]
    m.sd['lvl_1L'] = lvl
    bias = np.where(lvl[0][:, None] >= lvl[0][None, :], np.float32(0), np.float32(-np.inf))
    m.sd['attn_bias_for_masking'] = bias[None, None].astype(np.float32)
    if shared: m.linear('shared_ada_lin.1', 6 * C, C, gain=0.2)
    for b in range(depth):
        p = f'blocks.{b}.'
        if shared:
            m.normal(p + 'ada_gss', (1, 1, 6, C), 0.2); m.sd[p + 'ada_gss'][:, :, :2] += np.float32(0.4)
        else:
            m.linear(p + 'ada_lin.1', 6 * C, C, gain=0.2, bias=0.1)
            m.sd[p + 'ada_lin.1.bias'][:2 * C] += np.float32(0.4)
        if not plain: m.normal(p + 'attn.scale_mul_1H11', (1, heads, 1, 1), 0.3, math.log(4.0))
        m.normal(p + 'attn.q_bias', (C,), 0.05); m.normal(p + 'attn.v_bias', (C,), 0.05)
        m.sd[p + 'attn.zero_k_bias'] = np.zeros(C, np.float32)
        m.linear(p + 'attn.mat_qkv', 3 * C, C, bias=None)
        m.linear(p + 'attn.proj', C, C); m.linear(p + 'ffn.fc1', 4 * C, C); m.linear(p + 'ffn.fc2', C, 4 * C)
    m.linear('head_nm.ada_lin.1', 2 * C, C, gain=0.2)
    m.linear('head', vocab, C, gain=3.0, outliers=False)

def main(argv=None):
    ap = argparse.ArgumentParser()
    ap.add_argument('out'); ap.add_argument('--depth', type=int, default=16); ap.add_argument('--ch', type=int, default=160)
    ap.add_argument('--vocab', type=int, default=4096); ap.add_argument('--cvae', type=int, default=32)
    ap.add_argument('--classes', type=int, default=1000); ap.add_argument('--patch-nums', default='1,2,3,4,5,6,8,10,13,16')
    ap.add_argument('--shared-aln', action='store_true'); ap.add_argument('--seed', type=int, default=0)
    ap.add_argument('--width', type=int); ap.add_argument('--heads', type=int)
    ap.add_argument('--ch-mult', default='1,1,2,2,4'); ap.add_argument('--phis', type=int, default=4)
    ap.add_argument('--plain-attention', action='store_true')
    ap.add_argument('--format', default='pth', choices=['pth', 'legacy', 'trainer', 'safetensors', 'f16'])
    a = ap.parse_args(argv); pn = tuple(map(int, a.patch_nums.split(',')))
    width, heads = a.width or 64 * a.depth, a.heads or a.depth
    v, t = Maker(a.seed), Maker(a.seed)
    vae(v, a.ch, a.vocab, a.cvae, pn, tuple(map(int, a.ch_mult.split(','))), a.phis)
    var(t, a.depth, width, heads, a.vocab, a.cvae, a.classes, pn, a.shared_aln, a.plain_attention)
    os.makedirs(a.out, exist_ok=True)
    import torch
    V, T = ({k: torch.from_numpy(x) for k, x in m.sd.items()} for m in (v, t))
    if a.format == 'f16': V, T = ({k: x.half() if x.is_floating_point() else x for k, x in d.items()} for d in (V, T))
    if a.format in ('pth', 'f16'): torch.save(V, f'{a.out}/vae.pth'); torch.save(T, f'{a.out}/var.pth')
    elif a.format == 'legacy':
        for d, n in ((V, 'vae'), (T, 'var')): torch.save(d, f'{a.out}/{n}.pth', _use_new_zipfile_serialization=False)
    elif a.format == 'trainer':
        opt = {'state': {i: {'step': torch.tensor(17.0), 'exp_avg': torch.zeros_like(x), 'exp_avg_sq': torch.zeros_like(x)} for i, x in enumerate(T.values()) if x.is_floating_point()}, 'param_groups': [{'lr': 1e-4, 'betas': (0.9, 0.95), 'params': list(range(len(T)))}]}
        T = {'_orig_mod.' + k: x for k, x in T.items()}
        torch.save({'epoch': 3, 'iter': 17, 'trainer': {'config': {'patch_nums': pn, 'label_smooth': 0.0, 'prog_it': 0}, 'var_wo_ddp': T, 'vae_local': V, 'var_opt': opt}, 'args': {'depth': a.depth, 'data_path': 'imagenet', 'fp16': 1}}, f'{a.out}/ar-ckpt-last.pth')
    else:
        from safetensors.torch import save_file
        save_file({k: x.contiguous() for k, x in V.items()}, f'{a.out}/vae.safetensors'); save_file({k: x.contiguous() for k, x in T.items()}, f'{a.out}/var.safetensors')

if __name__ == '__main__': main()
