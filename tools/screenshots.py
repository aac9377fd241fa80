"""Makes the four reports of the demo model, looks at them in Chromium, and keeps pictures of them for docs/.

    python3 tools/screenshots.py --binaries .build/release --demo models/fashion-var --work .build/screenshots --docs docs

A page fails where it asks for anything that is not in the file, says anything on the console, is blank, hides what it
holds, or is wider than the window (1280 and 390 pixels, light and dark). Chromium is driven through a pipe by its
DevTools protocol, so that nothing but Chromium is needed; Pillow makes the pictures small.
"""
import argparse
import base64
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from PIL import Image

WIDTHS = (1280, 390)
SCHEMES = ('light', 'dark')
SHOWN_HEIGHT = 2000  # of a page, in docs/
LARGEST_FILE = 200_000
PICTURES = 60  # one of each class


def make_reports(binaries, demo, work):
    """The pages, by name: parity, compare, evaluate, verify."""
    def run(*command, allowed=(0,)):
        result = subprocess.run([str(c) for c in command], cwd=work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if result.returncode not in allowed:
            sys.exit(f'{" ".join(map(str, command))}\n{result.stdout}')

    convert, var_run = binaries / 'var-convert', binaries / 'var-run'
    pair = demo / 'var.pth', demo / 'vae.pth'
    for kind in ('f32', 'q8', 'mix4.25'):
        run(convert, 'convert', *pair, '--class-names', demo / 'class_names.txt', '--type', kind, '--force', '--output', f'fashion-{kind}.varq')
    if not (work / 'reference.safetensors').exists():
        run(sys.executable, pathlib.Path(__file__).parent / 'dump_reference.py', '--var', pair[0], '--vae', pair[1], '--classes', '7,31',
            '--seed', '5', '--output', 'reference.safetensors')
    run(var_run, 'generate', '--model', 'fashion-f32.varq', '--classes', f'0-{PICTURES - 1}', '--seed', '1', '--cfg', '3', '--compute', 'f32',
        '--force', '--output', 'drawn/')
    for index, picture in enumerate(sorted((work / 'drawn').glob('*.png'))):
        folder = work / 'images' / str(index)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / 'drawn.png').write_bytes(picture.read_bytes())
    pages = {name: work / f'{name}.html' for name in ('parity', 'compare', 'evaluate', 'verify')}
    run(var_run, 'parity', 'reference.safetensors', '--model', 'fashion-q8.varq', '--compute', 'f32', '--force', '--report', pages['parity'])
    run(var_run, 'compare', '--model', 'fashion-mix4.25.varq', '--against', 'fashion-f32.varq', 'images', '--compute', 'f32', '--force',
        '--report', pages['compare'])
    run(var_run, 'evaluate', 'images', '--model', 'fashion-q8.varq', '--compute', 'f32', '--force', '--report', pages['evaluate'])
    run(convert, 'verify', 'fashion-mix4.25.varq', '--against', *pair, '--recalibrate', '--force', '--report', pages['verify'])
    return pages


class Browser:
    """Chromium without a window."""

    def __init__(self, program, profile):
        to_browser, self.output = os.pipe()
        self.input, from_browser = os.pipe()

        def wire():  # it reads from 3 and writes to 4
            os.dup2(to_browser, 30)
            os.dup2(from_browser, 31)
            os.dup2(30, 3)
            os.dup2(31, 4)

        self.process = subprocess.Popen(
            [program, '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars', '--no-first-run',
             '--remote-debugging-pipe', f'--user-data-dir={profile}', 'about:blank'],
            preexec_fn=wire, pass_fds=(3, 4), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.buffer, self.number, self.events = b'', 0, []
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        self.session = None
        self.session = self.call('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        for domain in ('Page', 'Network', 'Log', 'Runtime'):
            self.call(domain + '.enable')

    session = None

    def message(self):
        while b'\0' not in self.buffer:
            piece = os.read(self.input, 1 << 16)
            if not piece:
                sys.exit('Chromium has ended')
            self.buffer += piece
        text, self.buffer = self.buffer.split(b'\0', 1)
        return json.loads(text)

    def call(self, method, **parameters):
        self.number += 1
        message = {'id': self.number, 'method': method, 'params': parameters}
        if self.session:
            message['sessionId'] = self.session
        os.write(self.output, json.dumps(message).encode() + b'\0')
        while True:
            answer = self.message()
            if answer.get('id') == self.number:
                if 'error' in answer:
                    sys.exit(f'{method}: {answer["error"]}')
                return answer['result']
            self.events.append(answer)

    def wait_for(self, name):
        """Until an event comes, or has come."""
        while not any(event.get('method') == name for event in self.events):
            self.events.append(self.message())

    def value(self, expression):
        return self.call('Runtime.evaluate', expression=expression, returnByValue=True)['result']['value']

    def show(self, page, width, scheme):
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
        self.call('Emulation.setEmulatedMedia', features=[{'name': 'prefers-color-scheme', 'value': scheme}])
        self.events = []
        self.call('Page.navigate', url=page.as_uri())
        self.wait_for('Page.loadEventFired')

    def picture(self, height=None):
        size = self.call('Page.getLayoutMetrics')['cssContentSize']
        clip = {'x': 0, 'y': 0, 'width': size['width'], 'height': min(size['height'], height or size['height']), 'scale': 1}
        data = self.call('Page.captureScreenshot', format='png', captureBeyondViewport=True, clip=clip)['data']
        return Image.open(io.BytesIO(base64.b64decode(data))).convert('RGB')

    def close(self):
        self.call('Browser.close')
        self.process.wait(timeout=30)


# Texts of a chart that lie over each other; contrast to the paper below WCAG's 4.5 for text and 3 for what charts draw.
INSPECTION = '''(() => {
  const problems = [];
  for (const svg of document.querySelectorAll('svg')) {
    const boxes = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
    const frame = svg.getBoundingClientRect();
    boxes.forEach(([a, p], i) => {
      if (p.left < frame.left - 1 || p.right > frame.right + 1 || p.bottom > frame.bottom + 1)
        problems.push(`"${a}" leaves its chart`);
      boxes.slice(i + 1).forEach(([b, q]) => {
        const across = Math.min(p.right, q.right) - Math.max(p.left, q.left);
        const down = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
        if (across > 1 && down > 3) problems.push(`"${a}" lies over "${b}"`);
      });
    });
  }
  const luminance = text => {
    const c = text.match(/[0-9.]+/g).slice(0, 3).map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2];
  };
  const paper = luminance(getComputedStyle(document.body).backgroundColor);
  for (const element of document.querySelectorAll('h1, h2, h3, p, caption, th, td, figcaption, svg text')) {
    const style = getComputedStyle(element);
    const ink = luminance(element.closest('svg') ? style.fill : style.color);
    const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (contrast < 4.5) problems.push(`contrast ${contrast.toFixed(1)} of "${element.textContent.slice(0, 40)}"`);
  }
  for (const mark of document.querySelectorAll('svg rect, svg circle, svg polyline')) {
    const style = getComputedStyle(mark);
    const ink = luminance(style.fill == 'none' ? style.stroke : style.fill);
    const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (contrast < 3) problems.push(`contrast ${contrast.toFixed(1)} of a ${mark.tagName}`);
  }
  for (const image of document.images) {
    if (!image.alt) problems.push('a picture without alt text');
    if (!image.naturalWidth) problems.push(`"${image.alt}" is not shown`);
  }
  for (const table of document.querySelectorAll('table'))
    if (!table.caption) problems.push('a table without a caption');
  if (document.querySelectorAll('h1').length != 1) problems.push('not one main heading');
  if (document.scripts.length) problems.push('scripts');
  return problems;
})()'''


def check(browser, name, page, width, scheme):
    """What is wrong with a page, and what it looks like."""
    browser.show(page, width, scheme)
    problems = list(browser.value(INSPECTION))
    wide = browser.value('document.documentElement.scrollWidth')
    if wide > width:
        problems.append(f'{wide} pixels wide')
    picture = browser.picture()
    colours = picture.getcolors(1 << 24)
    common = max(colours)[0] / (picture.width * picture.height)
    if len(colours) < 50 or common > 0.99:
        problems.append(f'blank: {len(colours)} colours, one of them on {100 * common:.1f} % of the page')
    paper = sum(max(colours)[1]) / 3
    if (paper > 128) != (scheme == 'light'):
        problems.append(f'paper of brightness {paper:.0f}')
    for event in browser.events:
        parameters = event.get('params', {})
        if event.get('method') == 'Network.requestWillBeSent':
            url = parameters['request']['url']
            if url != page.as_uri() and not url.startswith('data:'):
                problems.append('asks for ' + url)
        if event.get('method') in ('Log.entryAdded', 'Runtime.consoleAPICalled', 'Runtime.exceptionThrown'):
            problems.append('console: ' + json.dumps(parameters)[:200])
    print(f'{name} at {width} px, {scheme}: {picture.width} × {picture.height}, {"; ".join(problems) or "good"}')
    return problems, picture


BAD_PAGE = '''<!DOCTYPE html><html><body style="color: #ccc; background: #fff"><h1>Bad</h1><img src="missing.png">
<div style="width: 3000px">wide</div><svg width="300" height="50"><text x="9" y="20">one text</text><text x="19" y="22">another</text>
<rect width="9" height="9" fill="#eee"/></svg>
<table><tr><td>1</td></tr></table><script>console.log("said")</script></body></html>'''
EXPECTED = ('lies over', 'of "Bad"', 'of a rect', 'alt text', 'is not shown', 'without a caption', 'scripts', 'pixels wide', 'blank', 'asks for', 'console:')


def check_the_check(browser, work):
    """Ends where a page that does everything wrong would pass."""
    page = work / 'bad.html'
    page.write_text(BAD_PAGE)
    problems = '; '.join(check(browser, 'a bad page', page, 1280, 'light')[0])
    missed = [what for what in EXPECTED if what not in problems]
    if missed:
        sys.exit(f'not noticed: {missed}')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ('binaries', 'demo', 'work', 'docs'):
        parser.add_argument('--' + name, type=pathlib.Path, required=True)
    parser.add_argument('--browser', default='chromium')
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    pages = make_reports(arguments.binaries.resolve(), arguments.demo.resolve(), work)
    failed = False
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(arguments.browser, profile)
        check_the_check(browser, work)
        for name, page in pages.items():
            for width in WIDTHS:
                for scheme in SCHEMES:
                    problems, picture = check(browser, name, page, width, scheme)
                    failed = failed or bool(problems)
                    picture.save(work / f'{name}-{width}-{scheme}.png')
                    if (width, scheme) == (1280, 'light'):
                        target = arguments.docs / f'report-{name}.png'
                        shown = picture.crop((120, 0, 1160, min(picture.height, SHOWN_HEIGHT)))
                        shown.quantize(256, dither=Image.Dither.NONE, method=Image.Quantize.FASTOCTREE).save(target, optimize=True)
                        if target.stat().st_size > LARGEST_FILE:
                            print(f'{target} has {target.stat().st_size} bytes')
                            failed = True
        browser.close()
    sys.exit(failed)


if __name__ == '__main__':
    main()
