"""Writes the picture fixtures of this folder and what a decoder must make of them (expected.json).

usage: python make.py        (Pillow 13 and NumPy; the same versions give the same bytes)

PNG files of every colour type and depth are written by hand, because Pillow does not write them all. The expected
pixels come from Pillow where it reads the file as we do, else from the arithmetic of the PNG specification.
"""
import base64, io, json, os, struct, zlib
import numpy as np
from PIL import Image

here = os.path.dirname(os.path.abspath(__file__))
W, H = 13, 11
rng = np.random.default_rng(7)
expected = {}


def note(name, rgb, **more):
    rgb = np.asarray(rgb, np.uint8)
    entry = {"width": rgb.shape[1], "height": rgb.shape[0],
             "rgb": base64.b64encode(np.ascontiguousarray(rgb).tobytes()).decode()}
    expected[name] = entry | more


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pack(samples, depth):
    """Rows of samples [h, w, c] with filter byte 0."""
    rows = []
    for row in samples:
        flat = row.reshape(-1)
        if depth == 16:
            data = flat.astype(">u2").tobytes()
        else:
            bits = ((flat[:, None] >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8).reshape(-1)
            data = np.packbits(bits).tobytes()
        rows.append(b"\0" + data)
    return b"".join(rows)


def png(name, samples, kind, depth, interlaced=False, extra=b""):
    h, w = samples.shape[:2]
    if interlaced:
        raw = b""
        for x0, y0, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
            part = samples[y0::dy, x0::dx]
            if part.size:
                raw += pack(part, depth)
    else:
        raw = pack(samples, depth)
    body = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, kind, 0, 0, int(interlaced)))
    body += extra + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")
    open(os.path.join(here, name), "wb").write(body)


def to8(samples, depth):
    samples = samples.astype(np.uint32)
    return (samples * 255 + 32895) >> 16 if depth == 16 else samples * 255 // (2 ** depth - 1)


for depth in (1, 2, 4, 8, 16):
    grey = rng.integers(0, 2 ** depth, (H, W, 1), dtype=np.uint32)
    for interlaced in (False, True):
        name = f"grey{depth}{'i' if interlaced else ''}.png"
        png(name, grey, 0, depth, interlaced)
        note(name, to8(grey, depth).repeat(3, 2))
for depth in (1, 2, 4, 8):
    palette = rng.integers(0, 256, (2 ** depth, 3), dtype=np.uint8)
    index = rng.integers(0, 2 ** depth, (H, W, 1), dtype=np.uint32)
    name = f"palette{depth}.png"
    png(name, index, 3, depth, extra=chunk(b"PLTE", palette.tobytes()))
    note(name, palette[index[..., 0]])
    if depth == 4:
        png("palette4t.png", index, 3, depth, extra=chunk(b"PLTE", palette.tobytes()) + chunk(b"tRNS", bytes([0, 128])))
        alpha = np.where(index == 0, 0, np.where(index == 1, 128, 255)).astype(np.uint8)
        note("palette4t.png", palette[index[..., 0]], alpha=base64.b64encode(alpha.tobytes()).decode())
for depth in (8, 16):
    for name, kind, channels in ((f"rgb{depth}", 2, 3), (f"greya{depth}", 4, 2), (f"rgba{depth}", 6, 4)):
        samples = rng.integers(0, 2 ** depth, (H, W, channels), dtype=np.uint32)
        for interlaced in (False, True):
            file = f"{name}{'i' if interlaced else ''}.png"
            png(file, samples, kind, depth, interlaced)
            eight = to8(samples, depth).astype(np.uint8)
            colours = eight[..., :3] if channels >= 3 else eight[..., :1].repeat(3, 2)
            more = {} if channels == 3 else {"alpha": base64.b64encode(np.ascontiguousarray(eight[..., -1]).tobytes()).decode()}
            note(file, colours, **more)

y, x = np.mgrid[0:30, 0:40]
smooth = np.stack([x * 6, y * 8, 128 + 100 * np.sin(x / 3) * np.cos(y / 4)], -1).clip(0, 255).astype(np.uint8)
photo = Image.fromarray(smooth)


def save(name, image, **options):
    image.save(os.path.join(here, name), **options)
    return Image.open(os.path.join(here, name))


note("photo.jpg", save("photo.jpg", photo, quality=92).convert("RGB"))
note("progressive.jpg", save("progressive.jpg", photo, quality=92, progressive=True).convert("RGB"))
note("grey.jpg", save("grey.jpg", photo.convert("L"), quality=92).convert("RGB"))
note("cmyk.jpg", save("cmyk.jpg", photo.convert("CMYK"), quality=95).convert("RGB"))
from PIL import ImageOps
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    name = f"exif{orientation}.jpg"
    note(name, ImageOps.exif_transpose(save(name, photo, quality=92, exif=exif)).convert("RGB"))

noise = Image.fromarray(rng.integers(0, 256, (37, 53, 3), dtype=np.uint8))
save("noise.png", noise)
note("noise.png", noise)
for w, h in ((20, 37), (53, 90), (31, 17), (100, 80), (1, 1)):
    note(f"noise.png@{w}x{h}", noise.resize((w, h), Image.LANCZOS))


def evaluation(image, side):
    short = round(1.125 * side)
    w, h = image.size
    w, h = (short, int(short * h / w)) if w <= h else (int(short * w / h), short)
    image = image.resize((w, h), Image.LANCZOS)
    top, left = int(round((h - side) / 2.0)), int(round((w - side) / 2.0))
    return image.crop((left, top, left + side, top + side))


for side in (16, 20, 64):
    note(f"noise.png@crop{side}", evaluation(noise, side))
json.dump(expected, open(os.path.join(here, "expected.json"), "w"), indent=0)
