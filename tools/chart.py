"""The chart of tools/quality.py: what the demo model loses against the size of its file."""
import math

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 440, 80, 30, 40, 60
COLOURS = {'none': '#c2540a', 'self': '#2463b0', None: '#555'}
NAMES = {'none': 'not calibrated', 'self': 'calibrated', None: 'nothing to calibrate'}


def loss_against_size(records):
    """KL divergence, logarithmic, against megabytes, as the text of an SVG file."""
    points = [(r['bytes'] / 1e6, r['compare']['total']['kl_mean']['value'], r['type'], r['calibration'])
              for r in records if r['mode'] == 'f32' and r['compare']['total']['kl_mean']['value'] > 0]
    low_x, high_x = min(p[0] for p in points) * 0.95, max(p[0] for p in points if p[3] or p[2] == 'q8') * 1.05
    points = [p for p in points if p[0] <= high_x]
    low, high = (f(math.log10(p[1]) for p in points) for f in (min, max))
    low, high = low - 0.15, high + 0.15

    def x(mb):
        return LEFT + (mb - low_x) / (high_x - low_x) * (WIDTH - LEFT - RIGHT)

    def y(kl):
        return HEIGHT - BOTTOM - (math.log10(kl) - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13">',
           '<title>KL divergence against the size of the file</title>', f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
           f'<text x="{WIDTH / 2}" y="22" text-anchor="middle" font-weight="bold">What the demo model loses against its size</text>']
    for power in range(math.floor(low), math.ceil(high) + 1):
        for factor in (1, 2, 5):
            value = factor * 10 ** power
            if low <= math.log10(value) <= high:
                out += [f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#ddd"/>',
                        f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{factor}e{power}</text>']
    for step in range(math.ceil(low_x * 4), math.floor(high_x * 4) + 1):
        out += [f'<line x1="{x(step / 4):.1f}" x2="{x(step / 4):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#eee"/>',
                f'<text x="{x(step / 4):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{step / 4:g}</text>']
    out += [f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 16}" text-anchor="middle">file, MB</text>',
            f'<text transform="translate(20 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">mean KL divergence from f32, nats a token</text>']
    for mb, kl, kind, calibration in points:
        below = calibration == 'self'
        out += [f'<circle cx="{x(mb):.1f}" cy="{y(kl):.1f}" r="4" fill="{COLOURS[calibration]}"/>',
                f'<text x="{x(mb) + (-7 if below else 7):.1f}" y="{y(kl) + (14 if below else -6):.1f}" '
                f'text-anchor="{"end" if below else "start"}" fill="{COLOURS[calibration]}">{kind}</text>']
    for row, key in enumerate(('none', 'self')):
        out += [f'<circle cx="{WIDTH - 170}" cy="{TOP + 14 + 20 * row}" r="4" fill="{COLOURS[key]}"/>',
                f'<text x="{WIDTH - 158}" y="{TOP + 18 + 20 * row}">{NAMES[key]}</text>']
    return '\n'.join(out) + '\n</svg>\n'
