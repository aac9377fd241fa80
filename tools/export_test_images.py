"""Writes the coloured test split as PNG files in folders named by class id: the input of `var-run evaluate`.

    python3 tools/export_test_images.py OUT [--data DIR] [--count N]

OUT/<class id>/<test index>.png; test image i has the colour (7·i + i // 10) mod 6 (see vartorch/fashion.py). --count N
takes the first N images.
"""
import argparse
import os

from PIL import Image

from vartorch import fashion


def export(output, data, count):
    grey, garment = fashion.load(data, 't10k')
    colour = fashion.test_colours()
    images = fashion.colourise(grey[:count], colour[:count]).permute(0, 2, 3, 1).numpy()
    for label in range(len(fashion.CLASS_NAMES)):
        os.makedirs(f'{output}/{label}', exist_ok=True)
    for i, pixels in enumerate(images):
        label = int(colour[i]) * 10 + int(garment[i])
        Image.fromarray(pixels).save(f'{output}/{label}/{i:05d}.png')
    return len(images)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('output')
    ap.add_argument('--data', default='data', help='where Debian\'s package is unpacked, or is to be')
    ap.add_argument('--count', type=int, default=10000)
    args = ap.parse_args()
    print(f'{export(args.output, args.data, args.count)} images in {args.output}')


if __name__ == '__main__':
    main()
