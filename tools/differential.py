#!/usr/bin/env python3
"""Mutates real checkpoints; what var-convert reads of them, PyTorch or safetensors must read alike.

    tools/differential.py --binaries .build/release --mutants 20000 --seed 1 --table docs/security.md

Whatever `var-convert inspect --json --checksums` accepts, `torch.load(weights_only=True)` or the safetensors package
must accept, with the same bytes in every tensor. Where they refuse, EXCEPTIONS must say why we read on.
"""

import argparse
import collections
import concurrent.futures
import hashlib
import io
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import warnings
import zipfile

import safetensors.torch
import torch

import page

ROOT = pathlib.Path(__file__).resolve().parent.parent
READERS, MODELS = ROOT / "Tests/Fixtures/readers", ROOT / "Tests/Fixtures/models/plain"
LONGEST = 400_000
INTERESTING = [0, 1, 0x7F, 0x80, 0xFF, *b"().NRrjhQqXU}]ts0be\x81\x85\x86\x87\x88\x89\x94"]

# What PyTorch or safetensors refuses and we read: a pattern of their message, and why.
EXCEPTIONS = [
    (r"Unsupported global|Unsupported class|unsupported GLOBAL|Trying to call reduce for|Can only (build|create)|Unsupported operand",
     "a class or a call that no tensor needs is an opaque leaf to us, named and never built"),
    (r"record size \(\d+ bytes\) does not match expected size",
     "a storage's record is longer than its elements, all of which are there"),
    (r"unsupported multidisk archive",
     "a disk number in the zip directory, which says nothing about where the bytes are"),
    (r"Attempted to read a PyTorch file with version|Couldn't parse the version|invalid literal for int|meta-data for version",
     "records about the archive (`version`, `.format_version`, `.storage_alignment`) decide nothing that we read"),
    (r"UnicodeDecodeError",
     "text that is not UTF-8 is repaired where it is printed"),
    (r"unhashable type",
     "a key that Python cannot hash is a name that no tensor of a model has"),
    (r"requires_grad must be a bool|can require gradients|function.__new__|not enough values to unpack",
     "arguments that decide nothing about the bytes (gradients, the class that a call makes, the view of a storage)"),
    (r"failed locating file data/",
     "a tensor without elements needs no record of bytes"),
    (r"qscheme on UnknownQuantizer",
     "a dtype of quantized numbers is listed and refused only where the tensor is asked for; PyTorch makes one it can't copy"),
]


def mutate(data, rng):
    """A few edits of bytes, anywhere."""
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        if not data:
            break
        place, kind = rng.randrange(len(data)), rng.randrange(6)
        if kind == 0:
            data[place] ^= 1 << rng.randrange(8)
        elif kind in (1, 2):
            data[place] = rng.choice(INTERESTING)
        elif kind == 3:
            del data[place:place + rng.choice([1, 1, 2, 4, 16])]
        elif kind == 4:
            start = rng.randrange(len(data))
            data[place:place] = data[start:start + rng.choice([1, 2, 4, 16])]
        else:
            data[place] = rng.randrange(256)
    return bytes(data)


def mutant(path, rng):
    """A mutated file; of a zip, now and then, one whose checksums are right: what its pickle says is read then."""
    data = path.read_bytes()
    if data[:2] == b"PK" and rng.random() < 0.7:
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
            for entry in old.infolist():
                content = old.read(entry)
                changes = entry.filename.endswith("data.pkl") or rng.random() < 0.02
                # In place, with the entry's flags: how it is stored stays.
                new.writestr(entry, mutate(content, rng) if changes else content)
        return out.getvalue()
    if path.suffix == ".safetensors" and rng.random() < 0.7:
        length = int.from_bytes(data[:8], "little")
        header = mutate(data[8:8 + length], rng)
        return len(header).to_bytes(8, "little") + header + data[8 + length:]
    # Most edits where the structure is, at both ends.
    edge = min(len(data), 4096)
    if rng.random() < 0.5:
        return mutate(data[:edge], rng) + data[edge:]
    return data[:-edge] + mutate(data[-edge:], rng)


def tensors(value, name="", depth=0):
    """All tensors of what torch.load returned, with dotted names."""
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, dict) and depth < 50:
        for key, item in value.items():
            yield from tensors(item, f"{name}.{key}" if name else str(key), depth + 1)
    elif isinstance(value, (list, tuple)) and depth < 50:
        for index, item in enumerate(value):
            yield from tensors(item, f"{name}.{index}" if name else str(index), depth + 1)


def digest(tensor):
    # Copied as it is, a byte of a bool that is neither 0 nor 1 would become 1.
    tensor = tensor.view(torch.uint8) if tensor.dtype == torch.bool else tensor
    # A copy in plain order: contiguous() keeps odd strides of sides of 1.
    whole = torch.empty(tensor.numel(), dtype=tensor.dtype)
    whole.view(tensor.shape).copy_(tensor.detach())
    return hashlib.sha256(whole.view(torch.uint8).numpy().tobytes() if tensor.numel() else b"").hexdigest()


def theirs(data, path):
    """What PyTorch or safetensors reads: {(shape, sha256): names}."""
    if path.suffix == ".safetensors":
        value = safetensors.torch.load(data)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    found = collections.defaultdict(list)
    for name, tensor in tensors(value):
        found[tuple(tensor.shape), digest(tensor)].append(name)
    return found


def compare(task):
    """One mutant; returns what became of it, and a detail."""
    path, seed, binary, work = task
    rng = random.Random(seed)
    data = mutant(path, rng)
    file = pathlib.Path(work) / f"{seed}{path.suffix}"
    file.write_bytes(data)
    ours = subprocess.run([binary, "inspect", file, "--json", "--checksums"], capture_output=True)
    file.unlink()
    if ours.returncode not in (0, 1):
        return "crashed", f"status {ours.returncode}"
    if ours.returncode == 1:
        return "refused", ""
    listed = [tensor for tensor in json.loads(ours.stdout)["tensors"] if tensor.get("sha256")]
    try:
        found = theirs(data, path)
    except Exception as error:  # whatever they say
        text = re.sub(r"(?s)Weights only load failed.*?trusted source\.", "", f"{type(error).__name__}: {error}")
        for pattern, reason in EXCEPTIONS:
            if re.search(pattern, text):
                return "excepted", reason
        return "theirs refuse", text[:300]
    for tensor in listed:
        names = found.get((tuple(tensor["shape"]), tensor["sha256"]), [])
        if not names:
            return "other tensors", f"{tensor['name']} {tensor['shape']}"
        # Keys that are tuples are printed by each in his way.
        if not tensor["name"].startswith("(") and not any(name == tensor["name"] or name.endswith(tensor["name"]) for name in names):
            return "other names", f"{tensor['name']}: {names[:3]}"
    return "equal", ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", type=pathlib.Path, required=True)
    parser.add_argument("--mutants", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=pathlib.Path, help="a folder for mutants that differ")
    parser.add_argument("--table", type=pathlib.Path, help="a page that gets the figures, between its marks")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sources = sorted(path for folder in [READERS, MODELS] for path in folder.iterdir()
                     if path.suffix in (".pt", ".pth", ".safetensors") and path.stat().st_size <= LONGEST)
    binary = str(arguments.binaries.resolve() / "var-convert")
    counts, details, shown = collections.Counter(), collections.Counter(), collections.Counter()
    with tempfile.TemporaryDirectory() as work, concurrent.futures.ProcessPoolExecutor(2) as pool:
        tasks = [(sources[index % len(sources)], arguments.seed * 1_000_000 + index, binary, work)
                 for index in range(arguments.mutants)]
        for task, (outcome, detail) in zip(tasks, pool.map(compare, tasks, chunksize=50)):
            counts[outcome] += 1
            details[outcome, detail] += outcome == "excepted"
            if outcome in ("equal", "refused", "excepted"):
                continue
            if arguments.keep:
                arguments.keep.mkdir(exist_ok=True)
                (arguments.keep / f"{task[1]}{task[0].suffix}").write_bytes(mutant(task[0], random.Random(task[1])))
            key = outcome, re.sub(r"\d+|0x\w+|'[^']*'", "#", detail)[:100]
            shown[key] += 1
            if shown[key] == 1:
                print(f"{outcome}: {task[0].name}, seed {task[1]}: {detail}", flush=True)
    for key, count in shown.most_common():
        print(count, *key)
    rows = [("files, of " + str(len(sources)) + " real ones", arguments.mutants), ("refused by var-convert", counts["refused"]),
            ("read by both, equal tensors", counts["equal"]),
            *((f"read by var-convert only: {reason}", count) for (outcome, reason), count in details.items() if count),
            ("**read otherwise, without a reason**", sum(shown.values()))]
    text = "| mutated files | count |\n|---|---|\n" + "".join(f"| {name} | {count:,} |\n" for name, count in rows)
    print(text)
    if arguments.table:
        page.put(arguments.table, "differential", text)
    if shown:
        sys.exit(f"{sum(shown.values())} files are read otherwise, without a reason")


if __name__ == "__main__":
    main()
