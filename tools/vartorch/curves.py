"""Loss curves of training runs as an SVG picture, from their log.jsonl files; no plotting library needed.

usage: python3 -m vartorch.curves --vae RUN/log.jsonl --var RUN/log.jsonl --output curves.svg
"""
import argparse
import json
import math

WIDTH, HEIGHT, MARGIN = 380, 240, 48


def read(path):
    """Records by line; where a run was resumed, the later record of a step counts."""
    with open(path) as f:
        return [json.loads(line) for line in f]


def series(records, key):
    points = {r['step']: r[key] for r in records if r.get(key) is not None}
    return sorted(points.items())


def ticks(low, high, count=5):
    step = 10 ** math.floor(math.log10((high - low) / count))
    step *= next(m for m in (1, 2, 5, 10) if (high - low) / (step * m) <= count)
    first = math.ceil(low / step)
    return [i * step for i in range(first, int(high / step) + 1)]


def panel(title, lines, left):
    """One set of axes; lines: (label, colour, points)."""
    xs = [x for _, _, points in lines for x, _ in points]
    ys = [y for _, _, points in lines for _, y in points]
    x1, y0, y1 = max(xs), min(ys), max(ys)
    px = lambda x: left + MARGIN + x / x1 * (WIDTH - MARGIN - 12)
    py = lambda y: 30 + (y1 - y) / (y1 - y0) * (HEIGHT - 70)
    out = [f'<text x="{left + WIDTH / 2}" y="16" text-anchor="middle" font-weight="bold">{title}</text>']
    for y in ticks(y0, y1):
        out.append(f'<path d="M{px(0):.1f} {py(y):.1f}H{px(x1):.1f}" stroke="#ddd"/>'
                   f'<text x="{px(0) - 6:.1f}" y="{py(y) + 4:.1f}" text-anchor="end">{y:g}</text>')
    for x in ticks(0, x1):
        out.append(f'<text x="{px(x):.1f}" y="{HEIGHT - 22}" text-anchor="middle">{x:g}</text>')
    out.append(f'<text x="{left + WIDTH / 2}" y="{HEIGHT - 6}" text-anchor="middle">step</text>')
    rising = lines[0][2][-1][1] > lines[0][2][0][1]
    label_y = HEIGHT - 80 if rising else 44  # the corner that the curves leave free
    for i, (label, colour, points) in enumerate(lines):
        path = 'L'.join(f'{px(x):.1f} {py(y):.1f}' for x, y in points)
        out.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
                   f'<text x="{px(x1):.1f}" y="{label_y + 15 * i}" text-anchor="end" fill="{colour}">{label}</text>')
    return '\n'.join(out)


def draw(vae, var):
    squared = [(step, 10 * math.log10(4 / mse)) for step, mse in series(vae, 'mse')]  # images span [-1, 1]
    panels = [panel('VQ-VAE: PSNR, dB', [('training', '#b33', squared), ('test', '#36c', series(vae, 'psnr_pooled'))], 0),
              panel('Transformer: loss, nats', [('training', '#b33', series(var, 'loss')),
                                                ('test', '#36c', series(var, 'test_loss'))], WIDTH)]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {HEIGHT}" font-family="sans-serif" font-size="11">\n'
            f'<rect width="100%" height="100%" fill="#fff"/>\n' + '\n'.join(panels) + '\n</svg>\n')


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--vae', required=True)
    ap.add_argument('--var', required=True)
    ap.add_argument('--output', required=True)
    args = ap.parse_args()
    with open(args.output, 'w') as f:
        f.write(draw(read(args.vae), read(args.var)))


if __name__ == '__main__':
    main()
