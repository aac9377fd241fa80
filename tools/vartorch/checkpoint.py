"""State dicts to modules: the architecture is read off names and shapes, loading is strict."""
import re

import torch

from .transformer import VAR
from .vqvae import VQVAE

OFFICIAL_PATCH_NUMS = (1, 2, 3, 4, 5, 6, 8, 10, 13, 16)


def load_state_dict(path, part):
    """The state dict of `part` ('var' or 'vae') in a .pth, .safetensors or a training checkpoint, prefixes stripped."""
    if path.endswith('.safetensors'):
        from safetensors.torch import load_file
        state = load_file(path)
    else:
        state = torch.load(path, map_location='cpu', weights_only=True)
    if 'trainer' in state:
        state = state['trainer'][{'var': 'var_wo_ddp', 'vae': 'vae_local'}[part]]
    return {re.sub(r'^((module|_orig_mod)\.)+', '', k): v for k, v in state.items()}


def _count(state, pattern):
    return len({m.group(1) for k in state if (m := re.match(pattern, k))})


def build_var(state, heads=None):
    """The transformer of a state dict, in float32."""
    levels = state['lvl_1L'].flatten()
    patch_nums = tuple(round(n ** 0.5) for n in levels.bincount().tolist())
    l2_norm = 'blocks.0.attn.scale_mul_1H11' in state
    width = state['word_embed.weight'].shape[0]
    if l2_norm:
        heads = state['blocks.0.attn.scale_mul_1H11'].shape[1]
    model = VAR(depth=_count(state, r'blocks\.(\d+)\.'), width=width, heads=heads or width // 64,
                vocab=state['head.weight'].shape[0], z=state['word_embed.weight'].shape[1],
                classes=state['class_emb.weight'].shape[0] - 1, patch_nums=patch_nums,
                shared_aln='shared_ada_lin.1.weight' in state, l2_norm=l2_norm)
    model.load_state_dict(state, strict=True)
    return model.float().eval()


def build_vae(state, patch_nums=OFFICIAL_PATCH_NUMS, phi_ratio=0.5, znorm=False):
    """The VQ-VAE of a state dict, in float32."""
    ch, levels = state['encoder.conv_in.weight'].shape[0], _count(state, r'encoder\.down\.(\d+)\.')
    mult = tuple(state[f'encoder.down.{i}.block.0.conv1.weight'].shape[0] // ch for i in range(levels))
    vocab, z = state['quantize.embedding.weight'].shape
    if 'quantize.quant_resi.qresi.weight' in state:
        phis = 1
    else:
        phis = _count(state, r'quantize\.quant_resi\.qresi_ls\.(\d+)\.') or 0
    model = VQVAE(ch=ch, mult=mult, vocab=vocab, z=z, patch_nums=patch_nums, phis=phis, phi_ratio=phi_ratio, znorm=znorm)
    model.load_state_dict(state, strict=True)
    return model.float().eval()


def load_pair(var_path, vae_path, heads=None, phi_ratio=0.5, znorm=False):
    var = build_var(load_state_dict(var_path, 'var'), heads)
    return var, build_vae(load_state_dict(vae_path, 'vae'), var.patch_nums, phi_ratio, znorm)
