"""Times VAR in PyTorch and by var-run, interleaved in one run, and writes the ratios as a Markdown table.

    python3 tools/bench.py --checkpoint DIR --binaries .build/release --output Benchmarks/RESULTS.md [--rounds 5]

DIR holds var.pth and vae.pth (made by make_checkpoint.py if missing: the exact d16 shapes). Every peer does the same work:
one 256 px image with guidance, top-k 900, top-p 0.96, and `--threads` threads. The PyTorch peers are processes that
stay loaded and wait, idle, for their turn; var-run is started anew each time and its own start is counted apart.
"""
import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = {'torch-f32': 'PyTorch f32', 'torch-bf16': 'PyTorch bf16 autocast',
         'torch-int8': 'torchao int8 dynamic activations, int8 weights, bf16 autocast, torch.compile'}
OURS = {'f32': ('f32', 'torch-f32', 0.40), 'bf16': ('q8', 'torch-bf16', 0.48), 'int8': ('q8', 'torch-int8', 0.40)}


def worker(args):
    """A PyTorch peer: reads a line, draws one batch, answers with its times. `transformer` is all but the decoder."""
    import contextlib
    import torch
    sys.path.insert(0, HERE)
    from vartorch.checkpoint import load_pair
    from vartorch.sampling import generate
    torch.set_num_threads(args.threads)
    var, vae = load_pair(f'{args.checkpoint}/var.pth', f'{args.checkpoint}/vae.pth')
    if args.worker == 'torch-int8':
        from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_
        quantize_(var.blocks, Int8DynamicActivationInt8WeightConfig())
        var.blocks = torch.nn.ModuleList(torch.compile(block, dynamic=True) for block in var.blocks)
    cast = contextlib.nullcontext() if args.worker == 'torch-f32' else torch.autocast('cpu', torch.bfloat16)
    decode, spent = vae.decode, [0.0]

    def timed_decode(f_hat):
        start = time.perf_counter()
        image = decode(f_hat)
        spent[0] = time.perf_counter() - start
        return image
    vae.decode = timed_decode

    def draw():
        with cast:
            generate(var, vae, torch.arange(args.batch) + 3, seed=0, cfg=1.5, top_k=900, top_p=0.96)
    draw()
    print('ready', flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        draw()
        total = time.perf_counter() - start
        with open('/proc/self/status') as f:
            peak = next(int(line.split()[1]) * 1024 for line in f if line.startswith('VmHWM'))
        print(json.dumps({'total': total, 'decoder': spent[0], 'transformer': total - spent[0], 'peak': peak}), flush=True)


class TorchPeer:
    def __init__(self, name, args):
        self.process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), '--worker', name, '--checkpoint', args.checkpoint,
             '--threads', str(args.threads), '--batch', str(args.batch)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | {'OMP_NUM_THREADS': str(args.threads)})
        if self.process.stdout.readline().strip() != 'ready':
            raise RuntimeError(f'{name} did not start')

    def run(self):
        print('go', file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


class OurPeer:
    def __init__(self, compute, model, args):
        self.line = [f'{args.binaries}/var-run', 'bench', '--model', model, '--compute', compute, '--json',
                     '--batch', str(args.batch), '--threads', str(args.threads),
                     '--rounds', '3' if args.batch == 1 else '1']

    def run(self):
        done = subprocess.run(self.line, capture_output=True, text=True, check=True)
        report = json.loads(done.stdout)
        return {'total': report['total_seconds'], 'decoder': report['decoder_seconds'],
                'transformer': report['transformer_seconds'], 'peak': report['peak_rss_bytes'],
                'start': report['start_seconds'], 'phases': report['phases'], 'operations': report['operations']}


def convert(args, type):
    target = f'{args.checkpoint}/bench-{type}.varq'
    if not os.path.exists(target):
        subprocess.run([f'{args.binaries}/var-convert', 'convert', '--var', f'{args.checkpoint}/var.pth', '--vae',
                        f'{args.checkpoint}/vae.pth', '--type', type, '--output', target], check=True)
    return target


def start_peers(args):
    peers = {name: TorchPeer(name, args) for name in ('torch-f32', 'torch-bf16')}
    if importlib.util.find_spec('torchao'):
        try:
            peers['torch-int8'] = TorchPeer('torch-int8', args)
        except RuntimeError as error:
            print(f'left out: {error}', file=sys.stderr)
    for compute, (type, _, _) in OURS.items():
        peers[compute] = OurPeer(compute, convert(args, type), args)
    return peers


def median(runs, name, key):
    return statistics.median(run[key] for run in runs[name])


def ratio(runs, name, peer):
    """Median of the ratios round by round: what drifts with the machine's speed falls out."""
    return statistics.median(a['total'] / b['total'] for a, b in zip(runs[name], runs[peer]))


def table(runs, args):
    rows = ['| | transformer s | decoder s | total s | peak MB | ratio to peer | target |', '|---|---|---|---|---|---|---|']
    for name in runs:
        cells = [f'{median(runs, name, key):.2f}' for key in ('transformer', 'decoder', 'total')]
        cells.append(f'{max(run["peak"] for run in runs[name]) / 1e6:.0f}')
        if name in OURS:
            type, peer, target = OURS[name]
            peer, target = (peer, target) if peer in runs else ('torch-bf16', 0.30)
            cells += [f'**{ratio(runs, name, peer):.2f}** of {PEERS[peer]}', f'≤ {target}']
            label = f'var-run --compute {name}, {type} file'
        else:
            cells += ['', '']
            label = PEERS[name]
        rows.append(f'| {label} | ' + ' | '.join(cells) + ' |')
    return rows


def profile(runs):
    """Where our time goes: medians in milliseconds, by operation of the transformer, then by phase."""
    ours = [name for name in OURS if name in runs]
    rows = ['| ms (share) | ' + ' | '.join(f'{name}, {OURS[name][0]} file' for name in ours) + ' |', '|---' * (len(ours) + 1) + '|']
    for index, operation in enumerate(runs[ours[0]][0]['operations']):
        times = {name: statistics.median(run['operations'][index]['seconds'] for run in runs[name]) for name in ours}
        rows.append(f'| {operation["name"]} | ' + ' | '.join(
            f'{1000 * times[name]:.0f} ({100 * times[name] / median(runs, name, "total"):.0f} %)' for name in ours) + ' |')
    rows.append('| decoder | ' + ' | '.join(
        f'{1000 * median(runs, name, "decoder"):.0f} '
        f'({100 * median(runs, name, "decoder") / median(runs, name, "total"):.0f} %)' for name in ours) + ' |')
    rows += ['', 'Share of the larger of two limits, arithmetic and memory, in the fastest round:', '',
             '| | ' + ' | '.join(phase['name'] for phase in runs[ours[0]][0]['phases']) + ' |',
             '|---' * (len(runs[ours[0]][0]['phases']) + 1) + '|']
    for name in ours:
        best = min(runs[name], key=lambda run: run['total'])
        rows.append(f'| {name} | ' + ' | '.join(f'{100 * phase["share"]:.0f} %' for phase in best['phases']) + ' |')
    return rows


def write(path, batch, lines):
    """Puts the lines between the batch's marks in a file, or at its end."""
    begin, end = f'<!-- bench {batch}: begin, by make bench -->', f'<!-- bench {batch}: end -->'
    text = open(path).read() if os.path.exists(path) else ''
    block = '\n'.join([begin, *lines, end])
    if begin in text and end in text:
        before, rest = text.split(begin, 1)
        text = before + block + rest.split(end, 1)[1]
    else:
        text += '\n' + block + '\n'
    with open(path, 'w') as f:
        f.write(text)


def machine():
    with open('/proc/cpuinfo') as f:
        lines = [line.split(':', 1) for line in f if ':' in line]
    facts = {key.strip(): value.strip() for key, value in lines}
    wanted = ('avx2', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'avx512_fp16', 'amx_bf16')
    flags = ' '.join(flag for flag in wanted if flag in facts.get('flags', '').split())
    return f'{facts.get("model name", platform.machine())} (family {facts.get("cpu family")}, model {facts.get("model")}; {flags})'


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--checkpoint', required=True)
    ap.add_argument('--binaries', default='.build/release')
    ap.add_argument('--output')
    ap.add_argument('--rounds', type=int, default=5)
    ap.add_argument('--threads', type=int, default=len(os.sched_getaffinity(0)))
    ap.add_argument('--batch', type=int, default=1)
    ap.add_argument('--worker', help=argparse.SUPPRESS)
    args = ap.parse_args()
    if args.worker:
        return worker(args)
    if not os.path.exists(f'{args.checkpoint}/var.pth'):
        subprocess.run([sys.executable, f'{HERE}/make_checkpoint.py', args.checkpoint, '--seed', '4'], check=True)
    import torch
    peers, runs = start_peers(args), {}
    for round in range(args.rounds + 1):
        for name, peer in peers.items():
            run = peer.run()
            if round:  # the first round warms up
                runs.setdefault(name, []).append(run)
            print(f'{round} {name}: {run["total"]:.2f} s', file=sys.stderr, flush=True)
    start = statistics.median(run['start'] for run in runs['bf16'])
    lines = [f'VAR-d16 shapes, 256 px, batch {args.batch}, guidance 1.5, top-k 900, top-p 0.96; {args.threads} threads; medians of '
             f'{args.rounds} rounds, all programs in turn in each; ratios are medians of the ratios round by round.', '',
             f'{machine()}, torch {torch.__version__}, Python {platform.python_version()}.', '', *table(runs, args), '',
             f'Start to first scale, q8: {start:.2f} s. Where the time of var-run goes:', '', *profile(runs)]
    if args.output:
        write(args.output, args.batch, lines)
    print('\n'.join(lines))


if __name__ == '__main__':
    main()
