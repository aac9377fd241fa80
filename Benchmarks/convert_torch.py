"""The conversion that a PyTorch user would write: int8 in blocks of 32 by the largest weight, f16 or f32; no search, no checks.

    python3 Benchmarks/convert_torch.py VAR.pth VAE.pth OUTPUT.pth q8|f16|f32 THREADS
"""
import sys
import torch

*sources, output, kind, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
model = {}
for name, w in (item for path in sources for item in torch.load(path, map_location='cpu', weights_only=True).items()):
    if kind == 'q8' and w.dim() > 1 and w.is_floating_point() and w.numel() % 32 == 0:
        blocks = w.float().reshape(-1, 32)
        scale = (blocks.abs().amax(1, keepdim=True) / 127).half()
        model[name] = (blocks / scale.float()).nan_to_num().round().clamp(-127, 127).to(torch.int8).reshape(w.shape), scale
    else:
        model[name] = w.half() if kind == 'f16' and w.dim() > 1 else w
torch.save(model, output)
