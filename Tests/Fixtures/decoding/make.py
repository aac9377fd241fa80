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
rng, more_rng = np.random.default_rng(7), np.random.default_rng(8)
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
    """Of 16 bits the upper 8, as Pillow takes them; but Pillow makes all of a 16-bit grey picture white that is above 255."""
    samples = samples.astype(np.uint32)
    return samples >> 8 if depth == 16 else samples * 255 // (2 ** depth - 1)


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
            assert (colours == np.array(Image.open(os.path.join(here, file)).convert("RGB"))).all(), file
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


# Orientation in the ways that Pillow reads it, and in some that it does not.
def block(tag_type, value, count=1, order="<", first=()):
    """An Exif block with the orientation and, before it, other entries (tag, type, count, field)."""
    size = {3: "H2x", 4: "L", 6: "b3x", 8: "h2x", 9: "l", 13: "L", 1: "B3x", 2: "4s", 11: "f"}[tag_type]
    entries = [*first, (0x0112, tag_type, count, struct.pack(order + size, value))]
    body = b"".join(struct.pack(order + "HHL", *entry[:3]) + entry[3] for entry in entries)
    return (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "LH", 8, len(entries)) + body + bytes(4)


def app1(content):
    return b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content


def turned(name):
    note(name, ImageOps.exif_transpose(Image.open(os.path.join(here, name))).convert("RGB"))


plain = io.BytesIO()
photo.save(plain, "JPEG", quality=92)
plain = plain.getvalue()
exif_name, xmp_name = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
packet = b'<x:xmpmeta><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>'
element = b"<x:xmpmeta><tiff:Orientation x=''>5</tiff:Orientation><tiff:Orientation>%d</tiff:Orientation></x:xmpmeta>"
absent = block(3, 1).replace(b"\x12\x01", b"\x13\x01")
markers = {
    "long": [exif_name + block(4, 6)],
    "longbig": [exif_name + block(4, 8, order=">")],
    "shortbig": [exif_name + block(3, 3, order=">")],
    "signed": [exif_name + block(8, 5), xmp_name + packet % 3],
    "signedbyte": [exif_name + block(6, 7, order=">")],
    "byte": [exif_name + block(1, 6), xmp_name + packet % 3],
    "text": [exif_name + block(2, b"6\0\0\0", count=2), xmp_name + packet % 3],
    "list": [exif_name + block(3, 6, count=2), xmp_name + packet % 3],
    "longlist": [exif_name + block(3, 26, count=3)[:-4] + bytes(4) + struct.pack("<3H", 6, 1, 1) + bytes(4)],
    "cutlist": [exif_name + block(3, 26, count=30), xmp_name + packet % 3],
    "nine": [exif_name + block(3, 9), xmp_name + packet % 3],
    "none": [exif_name + block(3, 6, count=0), xmp_name + packet % 8],
    "second": [exif_name + block(3, 6, first=[(0x0112, 99, 1, bytes(4))])],
    "twice": [exif_name + exif_name + block(3, 6)],
    "pieces": [exif_name + block(3, 6)[:15], exif_name + block(3, 6)[15:]],
    "xmp": [xmp_name + packet % 6],
    "xmpelement": [xmp_name + element % 8],
    "xmplast": [xmp_name + packet % 6, exif_name + absent, xmp_name + packet % 4],
    "both": [exif_name + block(3, 6), xmp_name + packet % 3],
}
for name, contents in markers.items():
    name = f"orientation-{name}.jpg"
    open(os.path.join(here, name), "wb").write(plain[:2] + b"".join(map(app1, contents)) + plain[2:])
    turned(name)
colours = more_rng.integers(0, 256, (H, W, 3), dtype=np.uint32)
profile = (exif_name + block(3, 6)).hex()
chunks = {
    "exif": chunk(b"eXIf", block(4, 8)),
    "exiflast": chunk(b"eXIf", block(3, 8)) + chunk(b"eXIf", block(3, 5)),
    "profile": chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n%8d\n%s\n" % (len(profile) // 2, profile.encode()))),
    "xmp": chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet % 7),
    "xmpzip": chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(packet % 2)),
}
for name, extra in chunks.items():
    name = f"orientation-{name}.png"
    png(name, colours, 2, 8, extra=extra)
    turned(name)

noise = Image.fromarray(rng.integers(0, 256, (37, 53, 3), dtype=np.uint8))
save("noise.png", noise)
note("noise.png", noise)
for w, h in ((20, 37), (53, 90), (31, 17), (100, 80), (1, 1)):
    note(f"noise.png@{w}x{h}", noise.resize((w, h), Image.LANCZOS))
# Pillow resizes vertically first what loses more than twice as many rows as columns.
tall = Image.fromarray(more_rng.integers(0, 256, (97, 41, 3), dtype=np.uint8))
save("tall.png", tall)
note("tall.png", tall)
for w, h in ((36, 85), (20, 55), (20, 54), (41, 96), (60, 96), (60, 97), (7, 20), (90, 200)):
    note(f"tall.png@{w}x{h}", tall.resize((w, h), Image.LANCZOS))


def evaluation(image, side):
    short = round(1.125 * side)
    w, h = image.size
    w, h = (short, int(short * h / w)) if w <= h else (int(short * w / h), short)
    image = image.resize((w, h), Image.LANCZOS)
    top, left = int(round((h - side) / 2.0)), int(round((w - side) / 2.0))
    return image.crop((left, top, left + side, top + side))


for side in (16, 20, 64):
    note(f"noise.png@crop{side}", evaluation(noise, side))
    note(f"tall.png@crop{side}", evaluation(tall, side))
json.dump(expected, open(os.path.join(here, "expected.json"), "w"), indent=0)
