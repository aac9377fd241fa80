"""The multi-scale VQ-VAE of VAR (arXiv 2404.02905, section 3.2 and algorithms 1 and 2).

Module and parameter names are those of the official checkpoints, so a state dict loads with strict=True.
Shapes: B batch, C channels, Z latent channels, P side of the last token map, V codebook entries, K scales.
"""
import torch
from torch import nn
from torch.nn import functional as F


def group_norm(channels):
    return nn.GroupNorm(32, channels, eps=1e-6)


class ResnetBlock(nn.Module):
    def __init__(self, c_in, c_out):
        super().__init__()
        self.norm1, self.conv1 = group_norm(c_in), nn.Conv2d(c_in, c_out, 3, padding=1)
        self.norm2, self.conv2 = group_norm(c_out), nn.Conv2d(c_out, c_out, 3, padding=1)
        self.nin_shortcut = nn.Conv2d(c_in, c_out, 1) if c_in != c_out else nn.Identity()

    def forward(self, x):
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h)))
        return self.nin_shortcut(x) + h


class AttnBlock(nn.Module):
    """Single-head self-attention over all positions of the map."""

    def __init__(self, c):
        super().__init__()
        self.norm, self.qkv, self.proj_out = group_norm(c), nn.Conv2d(c, 3 * c, 1), nn.Conv2d(c, c, 1)

    def forward(self, x):
        B, C, H, W = x.shape
        q, k, v = self.qkv(self.norm(x)).reshape(B, 3, C, H * W).unbind(1)  # [B, C, HW] each
        weights = torch.bmm(q.transpose(1, 2), k).mul(C ** -0.5).softmax(dim=2)  # [B, HW of q, HW of k]
        h = torch.bmm(v, weights.transpose(1, 2)).reshape(B, C, H, W)
        return x + self.proj_out(h)


class Downsample(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv = nn.Conv2d(c, c, 3, stride=2)

    def forward(self, x):
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Upsample(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv = nn.Conv2d(c, c, 3, padding=1)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2, mode='nearest'))


class Middle(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.block_1, self.attn_1, self.block_2 = ResnetBlock(c, c), AttnBlock(c), ResnetBlock(c, c)

    def forward(self, x):
        return self.block_2(self.attn_1(self.block_1(x)))


class Level(nn.Module):
    """The residual blocks of one resolution, each followed by attention at the lowest one, then a resampling."""

    def __init__(self, c_in, c_out, blocks, attention, **resampling):
        super().__init__()
        self.block = nn.ModuleList(ResnetBlock(c_in if i == 0 else c_out, c_out) for i in range(blocks))
        self.attn = nn.ModuleList(AttnBlock(c_out) for _ in range(blocks if attention else 0))
        for name, module in resampling.items():  # `downsample` or `upsample`
            setattr(self, name, module)

    def forward(self, x):
        for i, block in enumerate(self.block):
            x = block(x)
            if len(self.attn):
                x = self.attn[i](x)
        for name in ('downsample', 'upsample'):
            if hasattr(self, name):
                x = getattr(self, name)(x)
        return x


class Encoder(nn.Module):
    """Image [B, 3, S, S] in [-1, 1] to features [B, Z, P, P]; S = P·2^(levels-1)."""

    def __init__(self, ch, mult, z, blocks=2):
        super().__init__()
        self.conv_in = nn.Conv2d(3, ch, 3, padding=1)
        self.down, c, last = nn.ModuleList(), ch, len(mult) - 1
        for i, m in enumerate(mult):
            resampling = {} if i == last else {'downsample': Downsample(ch * m)}
            self.down.append(Level(c, ch * m, blocks, attention=i == last, **resampling))
            c = ch * m
        self.mid, self.norm_out, self.conv_out = Middle(c), group_norm(c), nn.Conv2d(c, z, 3, padding=1)

    def forward(self, x):
        x = self.conv_in(x)
        for level in self.down:
            x = level(x)
        return self.conv_out(F.silu(self.norm_out(self.mid(x))))


class Decoder(nn.Module):
    """Latent [B, Z, P, P] to image [B, 3, S, S], unclamped."""

    def __init__(self, ch, mult, z, blocks=3):
        super().__init__()
        last = len(mult) - 1
        c = ch * mult[last]
        self.conv_in, self.mid = nn.Conv2d(z, c, 3, padding=1), Middle(c)
        levels = []
        for i in reversed(range(len(mult))):
            resampling = {} if i == 0 else {'upsample': Upsample(ch * mult[i])}
            levels.insert(0, Level(c, ch * mult[i], blocks, attention=i == last, **resampling))
            c = ch * mult[i]
        self.up, self.norm_out, self.conv_out = nn.ModuleList(levels), group_norm(c), nn.Conv2d(c, 3, 3, padding=1)

    def forward(self, x):
        x = self.mid(self.conv_in(x))
        for level in reversed(self.up):
            x = level(x)
        return self.conv_out(F.silu(self.norm_out(x)))


class Phi(nn.Conv2d):
    """phi(h) = (1-r)·h + r·conv3x3(h): undoes what the resize to the full map blurs."""

    def __init__(self, z, ratio):
        super().__init__(z, z, 3, padding=1)
        self.ratio = ratio

    def forward(self, h):
        return h.mul(1 - self.ratio) + super().forward(h).mul(self.ratio)


def phi_index(k, scales, phis):
    """Which of the shared phi convolutions serves scale k: the nearest tick, in float64 (rounding decides ties)."""
    a = (1 / 3) / phis if phis == 4 else (1 / 2) / phis
    b = 1 - a
    step = (b - a) / (phis - 1) if phis > 1 else 0.0
    ticks = [i * step + a for i in range(phis)]
    if phis > 1:
        ticks[-1] = b
    position = k / (scales - 1)
    return min(range(phis), key=lambda i: abs(ticks[i] - position))


class SharedPhi(nn.Module):
    """One convolution for all scales, `quant_resi.qresi`."""

    def __init__(self, z, ratio):
        super().__init__()
        self.qresi = Phi(z, ratio)

    def for_scale(self, k, scales):
        return self.qresi


class PartiallySharedPhi(nn.Module):
    """A few convolutions, `quant_resi.qresi_ls.N`; the official models have four."""

    def __init__(self, z, count, ratio):
        super().__init__()
        self.qresi_ls = nn.ModuleList(Phi(z, ratio) for _ in range(count))

    def for_scale(self, k, scales):
        return self.qresi_ls[phi_index(k, scales, len(self.qresi_ls))]


class UnsharedPhi(nn.ModuleList):
    """One convolution a scale, `quant_resi.N`."""

    def __init__(self, z, count, ratio):
        super().__init__(Phi(z, ratio) for _ in range(count))

    def for_scale(self, k, scales):
        return self[phi_index(k, scales, len(self))]


def make_phis(z, phis, scales, ratio):
    """`phis`: 1 shared by all scales, 0 one a scale, else so many shared by the nearest scales."""
    if phis == 1:
        return SharedPhi(z, ratio)
    return PartiallySharedPhi(z, phis, ratio) if phis else UnsharedPhi(z, scales, ratio)


class Quantizer(nn.Module):
    """Residual quantization over token maps of sides `patch_nums`, one codebook for all."""

    def __init__(self, vocab, z, patch_nums, phis=4, phi_ratio=0.5, znorm=False):
        super().__init__()
        self.patch_nums, self.vocab, self.z, self.znorm = tuple(patch_nums), vocab, z, znorm
        self.embedding = nn.Embedding(vocab, z)
        self.quant_resi = make_phis(z, phis, len(patch_nums), phi_ratio)
        self.register_buffer('ema_vocab_hit_SV', torch.zeros(len(patch_nums), vocab))

    def nearest(self, z_nc):
        """Index of the codebook row with the least squared distance (or largest cosine) to each row of z_nc [N, Z]."""
        e = self.embedding.weight
        if self.znorm:
            return torch.argmax(F.normalize(z_nc, dim=-1) @ F.normalize(e.T, dim=0), dim=1)
        d = z_nc.square().sum(dim=1, keepdim=True) + e.square().sum(dim=1)
        return torch.argmin(torch.addmm(d, z_nc, e.T, alpha=-2), dim=1)

    def add_scale(self, k, f_hat, h):
        """f_hat + phi(h resized to the full map); h [B, Z, p_k, p_k]."""
        return f_hat + self.contribution(k, h)

    def contribution(self, k, h):
        P, K = self.patch_nums[-1], len(self.patch_nums)
        if k != K - 1:
            h = F.interpolate(h, size=(P, P), mode='bicubic').contiguous()
        return self.quant_resi.for_scale(k, K)(h)

    def look_up(self, tokens, side):
        """Codebook vectors of tokens [B, side²] as a map [B, Z, side, side]."""
        B = tokens.shape[0]
        return self.embedding(tokens).transpose(1, 2).reshape(B, self.z, side, side).contiguous()

    def encode(self, f):
        """Tokens of every scale, [B, p_k²] each, of features f [B, Z, P, P]."""
        rest, tokens = f.clone(), []
        for k, p in enumerate(self.patch_nums):
            z = F.interpolate(rest, size=(p, p), mode='area') if k != len(self.patch_nums) - 1 else rest
            index = self.nearest(z.permute(0, 2, 3, 1).reshape(-1, self.z))
            tokens.append(index.view(len(f), p * p))
            rest = rest - self.contribution(k, self.look_up(tokens[-1], p))
        return tokens

    def next_input(self, k, f_hat):
        """What the transformer reads at scale k+1: f_hat reduced to that map, [B, p², Z]."""
        p = self.patch_nums[k + 1]
        return F.interpolate(f_hat, size=(p, p), mode='area').flatten(2).transpose(1, 2)

    def f_hats(self, tokens):
        """Accumulated f_hat after each scale."""
        P = self.patch_nums[-1]
        f_hat, all_f_hats = tokens[0].new_zeros(len(tokens[0]), self.z, P, P, dtype=torch.float32), []
        for k, p in enumerate(self.patch_nums):
            f_hat = self.add_scale(k, f_hat, self.look_up(tokens[k], p))
            all_f_hats.append(f_hat)
        return all_f_hats

    def teacher_inputs(self, tokens):
        """The transformer's inputs for scales 1…K-1 from an image's own tokens: [B, L - p_0², Z]."""
        f_hats = self.f_hats(tokens)
        return torch.cat([self.next_input(k, f_hats[k]) for k in range(len(self.patch_nums) - 1)], dim=1)


class VQVAE(nn.Module):
    def __init__(self, ch=160, mult=(1, 1, 2, 2, 4), vocab=4096, z=32, patch_nums=(1, 2, 3, 4, 5, 6, 8, 10, 13, 16),
                 phis=4, phi_ratio=0.5, znorm=False):
        super().__init__()
        self.encoder, self.decoder = Encoder(ch, mult, z), Decoder(ch, mult, z)
        self.quantize = Quantizer(vocab, z, patch_nums, phis, phi_ratio, znorm)
        self.quant_conv = nn.Conv2d(z, z, 3, padding=1)
        self.post_quant_conv = nn.Conv2d(z, z, 3, padding=1)

    @property
    def patch_nums(self):
        return self.quantize.patch_nums

    def features(self, image):
        return self.quant_conv(self.encoder(image))

    def encode(self, image):
        """Tokens of every scale of an image [B, 3, S, S] in [-1, 1]."""
        return self.quantize.encode(self.features(image))

    def decode(self, f_hat):
        """Image [B, 3, S, S], clamped to [-1, 1]."""
        return self.decoder(self.post_quant_conv(f_hat)).clamp(-1, 1)

    def reconstruct(self, tokens):
        return self.decode(self.quantize.f_hats(tokens)[-1])
