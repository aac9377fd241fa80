"""Makes the goldens' checkpoints, converts them from every container, and holds var-run against the official tokens.

    python3 tools/parity_full.py --binaries .build/release --work .build/checkpoints [--sets a,b,d16] [--goldens DIR]

Set a is converted from all five containers; the f16 one against goldens that vartorch computes on the f16 weights.
Prints times, sizes and peak memory of the d16 conversions; exit status 1 when anything differs.
"""
import argparse
import glob
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SETS = {
    'a': ['--depth', '4', '--ch', '32', '--vocab', '512', '--cvae', '16', '--classes', '20',
          '--patch-nums', '1,2,3,4,5,6,8', '--seed', '1'],
    'b': ['--depth', '4', '--ch', '32', '--vocab', '1024', '--cvae', '32', '--classes', '30',
          '--patch-nums', '1,2,3,4,5,6,8,10,13,16', '--shared-aln', '--seed', '2'],
    'd16': ['--seed', '4'],
}
IMAGES = {'a': 'hopper_128.png', 'b': 'hopper_256.png', 'd16': 'hopper_256.png'}
CONTAINERS = ('pth', 'legacy', 'trainer', 'safetensors', 'f16')


def high_water(pid):
    """The most memory that a process has held, in KiB; 0 when it is gone."""
    try:
        with open(f'/proc/{pid}/status') as f:
            return next((int(line.split()[1]) for line in f if line.startswith('VmHWM')), 0)
    except (FileNotFoundError, ProcessLookupError):
        return 0


def checkpoint(args, name, container):
    """Arguments of `var-convert convert` for a set's checkpoint in a container; made if missing."""
    folder = f'{args.work}/{name}' + ('' if container == 'pth' else f'-{container}')
    if not os.path.isdir(folder) or not os.listdir(folder):
        subprocess.run([sys.executable, f'{HERE}/make_checkpoint.py', folder, *SETS[name], '--format', container], check=True)
    if container == 'trainer':
        return [f'{folder}/ar-ckpt-last.pth']
    extension = 'safetensors' if container == 'safetensors' else 'pth'
    return ['--var', f'{folder}/var.{extension}', '--vae', f'{folder}/vae.{extension}']


def convert(args, name, container, type):
    """The .varq file, with the time and memory that converting took."""
    target = f'{args.work}/{name}-{container}-{type}.varq'
    source = checkpoint(args, name, container)
    start = time.time()
    process = subprocess.Popen([f'{args.binaries}/var-convert', 'convert', *source, '--type', type, '--force',
                                '--output', target], stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:  # rusage would count what this program held when it forked
        peak = max(peak, high_water(process.pid))
        time.sleep(0.01)
    if process.returncode != 0:
        sys.exit(f'converting {name} from {container} failed')
    print(f'{name} from {container} to {type}: {os.path.getsize(target) / 1e6:.1f} MB, {time.time() - start:.1f} s, '
          f'peak {peak / 1024:.0f} MiB', flush=True)
    return target


def check(args, name, model, goldens, images):
    line = [sys.executable, f'{HERE}/check_goldens.py', goldens, '--model', model, '--binaries', args.binaries,
            '--images', images, '--eval-image', IMAGES[name]]
    return subprocess.run(line).returncode == 0


def f16_goldens(args):
    """Goldens of set a's generating kinds by vartorch on the f16 weights, computed with the f32 goldens' arguments."""
    import torch
    sys.path.insert(0, HERE)
    from vartorch.checkpoint import load_pair
    from vartorch.sampling import generate
    checkpoint(args, 'a', 'f16')
    folder = f'{args.work}/goldens-a-f16'
    os.makedirs(folder, exist_ok=True)
    var, vae = load_pair(f'{args.work}/a-f16/var.pth', f'{args.work}/a-f16/vae.pth')
    for path in glob.glob(f'{args.goldens}/a/*.json'):
        with open(path) as f:
            golden = json.load(f)
        if 'labels' not in golden or 'image' in golden:
            continue
        _, tokens = generate(var, vae, torch.tensor(golden['labels']), seed=golden['seed'], cfg=golden['cfg'],
                             top_k=golden['top_k'], top_p=golden['top_p'], smooth=golden.get('more_smooth', False))
        golden['tokens'] = [scale.tolist() for scale in tokens]
        with open(f'{folder}/{os.path.basename(path)}', 'w') as f:
            json.dump(golden, f)
    return folder


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--binaries', default='.build/release')
    ap.add_argument('--work', default='.build/checkpoints')
    ap.add_argument('--goldens', default=f'{HERE}/../Tests/Goldens')
    ap.add_argument('--sets', default='a,b,d16')
    args = ap.parse_args()
    os.makedirs(args.work, exist_ok=True)
    fine = True
    for name in args.sets.split(','):
        for container in CONTAINERS if name == 'a' else ('pth',):
            model = convert(args, name, container, 'f32')
            goldens = f16_goldens(args) if container == 'f16' else f'{args.goldens}/{name}'
            fine &= check(args, name, model, goldens, args.goldens)
        if name == 'd16':
            convert(args, name, 'pth', 'q8')
    print('all equal' if fine else 'SOME DIFFER')
    sys.exit(not fine)


if __name__ == '__main__':
    main()
