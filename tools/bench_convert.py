#!/usr/bin/env python3
"""Times conversions, in turns with a PyTorch script that does no more than convert (Benchmarks/convert_torch.py).

    python3 tools/bench_convert.py --binaries .build/release --checkpoint DIR [--rounds 3] [--output Benchmarks/RESULTS.md]

DIR has var.pth and vae.pth. Whole processes, to a new file each, the checkpoints in the page cache; medians of the rounds, and the
medians of their ratios.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import bench
import page

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGETS = {"q8": 0.7, "f16": 0.5, "f32": 0.5}


def run(arguments):
    """Seconds and megabytes of a process."""
    begin = time.monotonic()
    process = subprocess.Popen([str(a) for a in arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{arguments[0]} ended with {status}")
    return time.monotonic() - begin, usage.ru_maxrss / 1000


def measure(options, work):
    """For each format and program, the seconds and megabytes of each round."""
    sources = [options.checkpoint / "var.pth", options.checkpoint / "vae.pth"]
    subprocess.run(["cat", *sources], stdout=subprocess.DEVNULL, check=True)
    convert, torch = options.binaries / "var-convert", [sys.executable, ROOT / "Benchmarks/convert_torch.py", *sources]
    result = {}
    for _ in range(options.rounds):
        for kind in TARGETS:
            file = work / "m.varq"
            runs = {
                "ours": [convert, "convert", "--var", sources[0], "--vae", sources[1], "--type", kind, "--output", file],
                "verify": [convert, "verify", file, "--against", *sources],
                "torch 1": [*torch, work / "m.pth", kind, 1],
                "torch 2": [*torch, work / "m.pth", kind, options.threads],
            }
            for name, arguments in runs.items():
                result.setdefault((kind, name), []).append(run(arguments))
            for path in work.iterdir():
                path.unlink()
    return result


def table(result, threads):
    """Markdown."""
    median = lambda kind, name, place=0: statistics.median(r[place] for r in result[kind, name])
    ratio = lambda kind, name, other: statistics.median(a[0] / b[0] for a, b in zip(result[kind, name], result[kind, other]))
    lines = [
        f"| to | s | peak MB | torch script, 1 thread: s | {threads} threads: s | its peak MB | ratio to the faster | target | verify by conversion |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for kind, target in TARGETS.items():
        faster = min(("torch 1", "torch 2"), key=lambda name: median(kind, name))
        lines.append(
            f"| {kind} | {median(kind, 'ours'):.2f} | {max(r[1] for r in result[kind, 'ours']):.0f} | {median(kind, 'torch 1'):.2f} | "
            f"{median(kind, 'torch 2'):.2f} | {median(kind, faster, 1):.0f} | **{ratio(kind, 'ours', faster):.2f}** | ≤ {target} | "
            f"{ratio(kind, 'verify', 'ours'):.2f} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", type=pathlib.Path, default=ROOT / ".build/release")
    parser.add_argument("--checkpoint", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--output", type=pathlib.Path, help="a page that gets the table, between its marks")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.checkpoint) as work:
        result = measure(options, pathlib.Path(work))
    text = f"{options.rounds} rounds, {options.threads} threads, {bench.machine()}.\n\n" + table(result, options.threads)
    print(text, end="")
    if options.output:
        page.put(options.output, "bench_convert", text)


if __name__ == "__main__":
    main()
