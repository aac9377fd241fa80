"""Draws a sample set by several processes that are killed at random, and compares it with the set of one process.

    tools/kill_samples.py --binaries .build/release --model demo.varq [--per-class 100] [--processes 4] [--kills 20] [--table docs/samples.md]
"""
import argparse
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import page


def digest(path):
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def is_whole(program, folder):
    status = subprocess.run([program, 'samples', 'status', folder, '--json'], capture_output=True, text=True)
    if status.returncode != 0:
        return False
    report = json.loads(status.stdout)
    return not report['missing'] and not report['running']


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--binaries', default='.build/release')
    parser.add_argument('--model', required=True)
    parser.add_argument('--per-class', type=int, default=100)
    parser.add_argument('--shards', type=int, default=40)
    parser.add_argument('--processes', type=int, default=4)
    parser.add_argument('--kills', type=int, default=20)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--table')
    args = parser.parse_args()
    chance = random.Random(args.seed)
    program = os.path.join(args.binaries, 'var-run')
    work = tempfile.mkdtemp(prefix='samples-')
    try:
        command = [program, 'samples', '--model', args.model, '--per-class', str(args.per_class), '--shards', str(args.shards),
                   '--threads', '1', '--cfg', '3']
        start = time.time()
        subprocess.run(command + ['--output', work + '/one'], check=True, stdout=subprocess.DEVNULL)
        alone = time.time() - start
        subprocess.run([program, 'samples', 'merge', work + '/one', '--output', work + '/one.npz'], check=True,
                       stdout=subprocess.DEVNULL)

        # All kills within the first half of the work.
        pause = alone / min(args.processes, os.cpu_count() or 1) / 2 / args.kills
        crowd = command + ['--output', work + '/many']
        running, killed, started, failures = [], 0, 0, []
        while True:
            for process in [p for p in running if p.poll() is not None]:
                running.remove(process)
                if process.returncode not in (0, -signal.SIGKILL):
                    failures.append((process.returncode, process.stderr.read().decode()))
                process.stderr.close()
            if not running and is_whole(program, work + '/many'):
                break
            if killed >= args.kills and running:
                time.sleep(0.1)
                continue
            while len(running) < args.processes:
                running.append(subprocess.Popen(crowd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))
                started += 1
            if killed < args.kills:
                time.sleep(chance.uniform(0.2, 1.8) * pause)
                victim = chance.choice(running)
                if victim.poll() is None:
                    victim.kill()
                    victim.wait()
                    killed += 1
        left = sorted(name for name in os.listdir(work + '/many') if not (name.endswith('.safetensors') or name == 'plan.json'))
        subprocess.run([program, 'samples', 'merge', work + '/many', '--output', work + '/many.npz'], check=True,
                       stdout=subprocess.DEVNULL)
        same = digest(work + '/one.npz') == digest(work + '/many.npz')
        pictures = args.per_class * 60
        lines = [
            '| pictures | processes at once | started in all | killed by SIGKILL | other failures | files left behind | the set |',
            '|---|---|---|---|---|---|---|',
            f'| {pictures:,} in {args.shards} shards | {args.processes} | {started} | {killed} | {len(failures)} | {len(left)} | '
            f'{"byte for byte that of one process" if same else "**another**"} |',
        ]
        print('\n'.join(lines))
        for failure in failures:
            print(failure)
        print('left:', left)
        if args.table:
            page.put(pathlib.Path(args.table), 'kill_samples', '\n'.join(lines) + '\n')
        sys.exit(0 if same and killed == args.kills and not failures and not left else 1)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == '__main__':
    main()
