"""The VAR transformer (arXiv 2404.02905, section 3.3): next-scale prediction with adaptive LayerNorm.

Module and parameter names are those of the official checkpoints, so a state dict loads with strict=True.
Shapes: B batch, C width, H heads, c = C/H, L tokens of all scales, V vocabulary, Z latent channels, K scales.
"""
import math

import torch
from torch import nn
from torch.nn import functional as F


def layer_norm(x):
    return F.layer_norm(x, x.shape[-1:], eps=1e-6)


class SelfAttention(nn.Module):
    def __init__(self, width, heads, l2_norm):
        super().__init__()
        self.heads, self.l2_norm = heads, l2_norm
        if l2_norm:
            self.scale_mul_1H11 = nn.Parameter(torch.full((1, heads, 1, 1), math.log(4.0)))
        self.mat_qkv, self.proj = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width)
        self.q_bias, self.v_bias = nn.Parameter(torch.zeros(width)), nn.Parameter(torch.zeros(width))
        self.register_buffer('zero_k_bias', torch.zeros(width))

    def forward(self, x, mask, cache):
        """x [B, l, C]; mask [l, l] additive or None; cache None or a dict that holds k and v of earlier scales."""
        B, l, C = x.shape
        bias = torch.cat((self.q_bias, self.zero_k_bias, self.v_bias))
        qkv = F.linear(x, self.mat_qkv.weight, bias).view(B, l, 3, self.heads, C // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # [B, H, l, c] each
        if self.l2_norm:
            q = F.normalize(q, dim=-1) * self.scale_mul_1H11.clamp_max(math.log(100)).exp()
            k, scale = F.normalize(k, dim=-1), 1.0
        else:
            scale = 0.25 / math.sqrt(C // self.heads)
        if cache is not None:
            if cache:
                k, v = torch.cat((cache['k'], k), dim=2), torch.cat((cache['v'], v), dim=2)
            cache['k'], cache['v'] = k, v
        out = F.scaled_dot_product_attention(q, k, v.to(q.dtype), attn_mask=mask, scale=scale)
        return self.proj(out.transpose(1, 2).reshape(B, l, C))


class FeedForward(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x), approximate='tanh'))


class Block(nn.Module):
    def __init__(self, width, heads, l2_norm, shared_aln):
        super().__init__()
        self.attn, self.ffn = SelfAttention(width, heads, l2_norm), FeedForward(width)
        if shared_aln:
            self.ada_gss = nn.Parameter(torch.randn(1, 1, 6, width) / width ** 0.5)
        else:
            self.ada_lin = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))

    def forward(self, x, cond, mask=None, cache=None):
        """cond: class embedding [B, C], or what shared_ada_lin made of it [B, 1, 6, C]."""
        if hasattr(self, 'ada_gss'):
            ada = self.ada_gss + cond
        else:
            ada = self.ada_lin(cond).view(len(cond), 1, 6, -1)
        gamma1, gamma2, scale1, scale2, shift1, shift2 = ada.unbind(2)  # [B, 1, C] each
        x = x + self.attn(layer_norm(x).mul(scale1.add(1)).add(shift1), mask, cache).mul(gamma1)
        return x + self.ffn(layer_norm(x).mul(scale2.add(1)).add(shift2)).mul(gamma2)


class HeadNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.ada_lin = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))

    def forward(self, x, cond):
        scale, shift = self.ada_lin(cond).view(len(cond), 1, 2, -1).unbind(2)
        return layer_norm(x).mul(scale.add(1)).add(shift)


class SharedAdaLin(nn.Linear):
    def forward(self, cond):
        return super().forward(cond).view(len(cond), 1, 6, -1)


class VAR(nn.Module):
    def __init__(self, depth=16, width=None, heads=None, vocab=4096, z=32, classes=1000,
                 patch_nums=(1, 2, 3, 4, 5, 6, 8, 10, 13, 16), shared_aln=False, l2_norm=True):
        super().__init__()
        width, heads = width or 64 * depth, heads or depth
        self.patch_nums, self.classes, self.width = tuple(patch_nums), classes, width
        L = sum(p * p for p in patch_nums)
        self.word_embed = nn.Linear(z, width)
        self.class_emb = nn.Embedding(classes + 1, width)
        self.pos_start = nn.Parameter(torch.empty(1, patch_nums[0] ** 2, width))
        self.pos_1LC = nn.Parameter(torch.empty(1, L, width))
        self.lvl_embed = nn.Embedding(len(patch_nums), width)
        if shared_aln:
            self.shared_ada_lin = nn.Sequential(nn.SiLU(), SharedAdaLin(width, 6 * width))
        self.blocks = nn.ModuleList(Block(width, heads, l2_norm, shared_aln) for _ in range(depth))
        levels = torch.cat([torch.full((p * p,), k) for k, p in enumerate(patch_nums)])
        allowed = levels[:, None] >= levels[None, :]
        self.register_buffer('lvl_1L', levels[None])
        self.register_buffer('attn_bias_for_masking', torch.where(allowed, 0.0, -torch.inf)[None, None])
        self.head_nm, self.head = HeadNorm(width), nn.Linear(width, vocab)
        self.initialise()

    def initialise(self):
        """The official initialization: truncated normals, small gamma and head, residual outputs scaled by depth."""
        std = math.sqrt(1 / self.width / 3)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.trunc_normal_(module.weight, std=std)
                if getattr(module, 'bias', None) is not None:
                    nn.init.zeros_(module.bias)
        for position in (self.pos_start, self.pos_1LC):
            nn.init.trunc_normal_(position, std=std)
        for linear in (self.head, self.head_nm.ada_lin[-1]):
            linear.weight.data.mul_(0.02)
        for block in self.blocks:
            block.attn.proj.weight.data.div_(math.sqrt(2 * len(self.blocks)))
            block.ffn.fc2.weight.data.div_(math.sqrt(2 * len(self.blocks)))
            if hasattr(block, 'ada_lin'):
                block.ada_lin[-1].weight.data[2 * self.width:].mul_(0.5)
                block.ada_lin[-1].weight.data[:2 * self.width].mul_(1e-5)
            else:
                block.ada_gss.data[:, :, 2:].mul_(0.5)
                block.ada_gss.data[:, :, :2].mul_(1e-5)

    def conditions(self, labels):
        """(cond for the head [B, C], cond for the blocks) of labels [B]; label `classes` is the unconditional one."""
        cond = self.class_emb(labels)
        return cond, self.shared_ada_lin(cond) if hasattr(self, 'shared_ada_lin') else cond

    def positions(self):
        return self.lvl_embed(self.lvl_1L) + self.pos_1LC  # [1, L, C]

    def logits(self, x, cond):
        return self.head(self.head_nm(x.float(), cond).float()).float()

    def forward(self, labels, inputs):
        """Teacher-forced logits [B, L, V]; inputs [B, L - p_0², Z] from the image's own tokens."""
        cond, block_cond = self.conditions(labels)
        start = cond.unsqueeze(1) + self.pos_start  # [B, p_0², C]
        x = torch.cat((start, self.word_embed(inputs.float())), dim=1) + self.positions()
        for block in self.blocks:
            x = block(x, block_cond, mask=self.attn_bias_for_masking)
        return self.logits(x, cond)
