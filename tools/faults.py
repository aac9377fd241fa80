#!/usr/bin/env python3
"""Kills both programs at random moments and makes their system calls fail; is anything lost?

    tools/faults.py --binaries .build/release --kills 300 --seed 1 --table docs/security.md

Whatever happens, every output must be what it was, absent, or whole, byte for byte what an undisturbed run
writes; an error must be a message and status 1; and the next run must leave no temporaries. Faults are
injected by tools/faults/inject.c. A full disk, one without inodes and one that can't be written to are real
ones where the script runs as root, and left out otherwise.
"""

import argparse
import concurrent.futures
import errno
import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import page

ROOT = pathlib.Path(__file__).resolve().parent.parent
OLD = b"what was there before\n"
KILLS = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
LONG = ["convert", "calibrated", "mix", "export", "generate", "evaluate"]
ERRORS = [errno.ENOSPC, errno.EDQUOT, errno.EIO]


class Job:
    """A command with known outputs, which are paths below its working folder."""

    def __init__(self, name, program, arguments, outputs, journal=None):
        self.name, self.program, self.arguments = name, program, arguments
        self.outputs, self.journal = outputs, journal
        self.good, self.seconds = {}, 0.0


class Result:
    def __init__(self, status, errors, seconds, peak):
        self.status, self.errors, self.seconds, self.peak = status, errors, seconds, peak


class Workshop:
    """Runs jobs in folders of their own, and counts what was tried and what was wrong."""

    def __init__(self, binaries, work, seed):
        self.binaries, self.work, self.random = binaries, work, random.Random(seed)
        self.lock, self.rows, self.failures, self.folders = threading.Lock(), {}, [], 0
        # Seconds after which a run that was to end by itself is killed.
        self.patience = 120
        self.injector = work / "inject.so"
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-O1", "-o", self.injector, ROOT / "tools/faults/inject.c", "-ldl"], check=True)

    def folder(self, job, old):
        """A new folder, where the outputs are there already or not."""
        with self.lock:
            self.folders += 1
            folder = self.work / f"{job.name}-{self.folders}"
        folder.mkdir()
        if old:
            for output in job.outputs:
                (folder / output).parent.mkdir(exist_ok=True)
                (folder / output).write_bytes(OLD)
        return folder

    def start(self, job, folder, faults=None, limit=None, force=True, **streams):
        environment = os.environ | {key: str(value) for key, value in (faults or {}).items()}
        if faults:
            environment["LD_PRELOAD"] = str(self.injector)
        arguments = [str(self.binaries / job.program), *job.arguments] + (["--force"] if force else [])
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE} | streams
        return subprocess.Popen(
            arguments, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
            preexec_fn=(lambda: resource.setrlimit(*limit)) if limit else None, **streams)

    def run(self, job, folder, after=None, number=None, timeout=None, **options):
        """Runs a job to its end, or until it is killed."""
        timeout = timeout or self.patience
        begin = time.monotonic()
        process = self.start(job, folder, **options)
        timer = threading.Timer(timeout, process.kill)
        timer.start()
        if after is not None:
            try:
                process.wait(after)
            except subprocess.TimeoutExpired:
                process.send_signal(number)
        errors = process.stderr.read().decode(errors="replace") if process.stderr else ""
        _, status, usage = os.wait4(process.pid, 0) if process.returncode is None else (0, None, None)
        if status is not None:
            process.returncode = os.waitstatus_to_exitcode(status)
        timer.cancel()
        seconds = time.monotonic() - begin
        return Result(process.returncode, errors, seconds, usage.ru_maxrss * 1024 if usage else 0)

    def count(self, kind, result=None):
        with self.lock:
            row = self.rows.setdefault(kind, {"cases": 0, "seconds": 0.0, "peak": 0, "failures": 0})
            row["cases"] += 1
            if result:
                row["seconds"] = max(row["seconds"], result.seconds)
                row["peak"] = max(row["peak"], result.peak)

    def fail(self, kind, text):
        with self.lock:
            self.rows[kind]["failures"] += 1
            self.failures.append(f"{kind}: {text}")
            print("FAILED", self.failures[-1], flush=True)

    def check(self, kind, job, folder, old, result, case, statuses=(0, 1), message=None, rerun=False):
        """Counts a case, and says what is wrong with what it left behind."""
        self.count(kind, result)
        text = f"{job.name}, {case}: status {result.status}"
        if result.status not in statuses:
            self.fail(kind, f"{text}, not {statuses}; {result.errors[-300:]!r}")
        if result.status == 1 and message != "":
            if "Error: " not in result.errors or "USAGE" in result.errors or "OVERVIEW" in result.errors:
                self.fail(kind, f"{text} and no message, but {result.errors[-300:]!r}")
            elif message and message not in result.errors:
                self.fail(kind, f"{text} and the message lacks {message!r}: {result.errors[-300:]!r}")
        whole = 0
        for output in job.outputs:
            content = (folder / output).read_bytes() if (folder / output).exists() else None
            whole += content == job.good[output]
            if content not in (OLD if old else None, job.good[output]):
                self.fail(kind, f"{text}, {output} is neither old, absent nor whole")
        if result.status == 0 and whole < len(job.outputs):
            self.fail(kind, f"{text}, but not all outputs are there")
        if rerun or self.left(job, folder):
            again = self.run(job, folder, faults={"FAULT_NO_TMPFILE": 1})
            if again.status != 0 or self.left(job, folder):
                self.fail(kind, f"{text}; the next run: {again.status} {again.errors[-300:]!r}, left {self.left(job, folder)}")
            if any((folder / output).read_bytes() != job.good[output] for output in job.outputs):
                self.fail(kind, f"{text}; the next run wrote something else")
        shutil.rmtree(folder)

    def left(self, job, folder):
        """Files in the folder that are no outputs: temporaries and journals."""
        files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        return sorted(files - set(job.outputs))


def jobs(demo, shop, names=None):
    """The commands that are disturbed, or those named; makes what they read."""
    checkpoints = ["--var", str(demo / "var.pth"), "--vae", str(demo / "vae.pth")]
    setup = shop.work / "setup"
    setup.mkdir()

    def make(program, *arguments):
        subprocess.run([shop.binaries / program, *arguments], cwd=setup, check=True, stdout=subprocess.DEVNULL)

    make("var-convert", "convert", *checkpoints, "--output", "model.varq")
    make("var-run", "generate", "--model", "model.varq", "--classes", "0-7", "--seed", "2", "--output", "drawn/")
    for number, picture in enumerate(sorted((setup / "drawn").iterdir())):
        (setup / "images" / str(number)).mkdir(parents=True)
        picture.rename(setup / "images" / str(number) / "picture.png")
    model = ["--model", str(setup / "model.varq")]
    few = ["--type", "q4", "--calibration-images", "1"]
    # The demo model's table takes minutes.
    small = ROOT / "Tests/Fixtures/models/plain"
    halves = ["--var", str(small / "var.pth"), "--vae", str(small / "vae.pth")]
    picture, box = str(setup / "images/0/picture.png"), ["--box", "0.2,0.3,0.7,0.9"]
    drawing = [*model, "--seed", "3", "--output", "out.png", "--tokens-output", "out.json"]
    result = [
        Job("convert", "var-convert", ["convert", *checkpoints, "--output", "out.varq"], ["out.varq"]),
        Job("calibrated", "var-convert", ["convert", *checkpoints, *few, "--output", "out.varq"], ["out.varq"]),
        Job("mix", "var-convert", ["convert", *checkpoints, "--type", "mix4", "--calibrate", "none", "--output", "out.varq"], ["out.varq"]),
        Job("export", "var-convert", ["export", str(setup / "model.varq"), "--output", "made"],
            ["made/var.safetensors", "made/vae.safetensors"]),
        Job("generate", "var-run", ["generate", *model, "--classes", "0-3", "--seed", "1", "--output", "made/", "--grid", "grid.png"],
            [f"made/{number:04}.png" for number in range(4)] + ["grid.png"]),
        Job("evaluate", "var-run", ["evaluate", str(setup / "images"), *model, "--output", "out.json"], ["out.json"]),
        Job("annotate", "var-convert",
            ["annotate", str(setup / "model.varq"), "--meta", "license=MIT", "--output", "out.varq"], ["out.varq"]),
        Job("sensitivity", "var-convert",
            ["sensitivity", *halves, "--calibrate", "none", "--count", "1", "--output", "out.json", "--report", "out.html"],
            ["out.json", "out.html"]),
        Job("inpaint", "var-run", ["inpaint", picture, *box, "--composite", *drawing], ["out.png", "out.json"]),
        Job("outpaint", "var-run", ["outpaint", picture, *box, *drawing], ["out.png", "out.json"]),
        Job("edit", "var-run", ["edit", picture, *box, "--classes", "5", *drawing], ["out.png", "out.json"]),
    ]
    result = [job for job in result if names is None or job.name in names]
    for job in result:
        folder = shop.folder(job, False)
        undisturbed = shop.run(job, folder)
        if undisturbed.status != 0:
            sys.exit(f"{job.name} fails by itself: {undisturbed.errors}")
        job.good = {output: (folder / output).read_bytes() for output in job.outputs}
        job.seconds = undisturbed.seconds
        shutil.rmtree(folder)
    return result


def kills(shop, jobs, count):
    """KILL, TERM, INT and HUP at random moments, with unnamed temporaries and without."""
    for number in range(count):
        job, sign = jobs[number % len(jobs)], shop.random.choice(KILLS)
        old, plain = shop.random.random() < 0.5, shop.random.random() < 0.5
        after, rerun = shop.random.uniform(0, 1.05) * job.seconds, number % 10 == 0

        def case(job=job, sign=sign, old=old, plain=plain, after=after, rerun=rerun):
            folder = shop.folder(job, old)
            faults = {"FAULT_NO_TMPFILE": 1} if plain else None
            result = shop.run(job, folder, after=after, number=sign, faults=faults)
            shop.check("killed", job, folder, old, result, f"{sign.name} after {after:.3f} s, old {old}, hidden {plain}",
                       statuses=(0, -sign), rerun=rerun)
        yield case


def injected(shop, jobs, points):
    """The n-th write, sync, link, rename, creation or mapping fails."""
    for job in jobs:
        for call in ["create", "write", "fsync", "link", "rename", "map"]:
            for plain in [False, True]:
                setting = {"FAULT_CALL": call} | ({"FAULT_NO_TMPFILE": 1} if plain else {})
                old = shop.random.random() < 0.7 or call == "rename"

                def sweep(job=job, call=call, setting=setting, old=old, plain=plain):
                    log = shop.work / f"log-{job.name}-{call}-{plain}"
                    folder = shop.folder(job, old)
                    counting = setting | {"FAULT_NUMBER": 0, "FAULT_ERRNO": 0, "FAULT_LOG": log}
                    shop.run(job, folder, faults=counting)
                    shutil.rmtree(folder)
                    total = log.stat().st_size if log.exists() else 0
                    numbers = range(1, total + 1)
                    chosen = numbers if total <= points else sorted({1, total} | set(random.Random(total).sample(numbers, points - 2)))
                    for number in chosen:
                        code = [errno.ENOMEM, errno.EIO][number % 2] if call == "map" else ERRORS[number % len(ERRORS)]
                        folder = shop.folder(job, old)
                        result = shop.run(job, folder, faults=setting | {"FAULT_NUMBER": number, "FAULT_ERRNO": code})
                        # Syncing a folder may fail: the file is whole.
                        statuses = (0, 1) if call in ("fsync", "map", "create") else (1,)
                        shop.check("calls that fail", job, folder, old, result,
                                   f"{call} {number} of {total} with {errno.errorcode[code]}, hidden {plain}", statuses=statuses)
                yield sweep


def mounted(shop, jobs):
    """Disks that are really full, without inodes, or read-only."""
    for job in jobs:
        for kind, options in [("full disk", "size=64k"), ("no inodes", "nr_inodes=1"), ("read-only", "ro")]:
            def case(job=job, kind=kind, options=options):
                folder = shop.folder(job, False)
                if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], stderr=subprocess.DEVNULL).returncode:
                    folder.rmdir()
                    return
                try:
                    result = shop.run(job, folder)
                    shop.count("disks full or read-only", result)
                    left = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
                    whole = [name for name in left if (folder / name).read_bytes() == job.good.get(name)]
                    journal = [name for name in left if name.endswith(".partial")]
                    # A report of a few hundred bytes has room.
                    fine = result.status == 1 and "Error: " in result.errors or (
                        result.status == 0 and len(whole) == len(job.outputs))
                    if not fine or len(whole) + len(journal) < len(left):
                        shop.fail("disks full or read-only", f"{job.name}, {kind}: {result.status} {result.errors[-300:]!r}, left {left}")
                finally:
                    subprocess.run(["umount", folder], check=True)
                    folder.rmdir()
            yield case


def limited(shop, jobs):
    """`ulimit -f`, standard streams that are closed or full, no /proc, and little memory."""
    for job in jobs:
        def size(job=job):
            for limit in [0, 100, min(map(len, job.good.values())) // 2]:
                folder = shop.folder(job, True)
                result = shop.run(job, folder, limit=(resource.RLIMIT_FSIZE, (limit, limit)), stderr=subprocess.PIPE)
                shop.check("ulimit -f", job, folder, True, result, f"{limit} bytes", statuses=(1,))
        yield size

        def streams(job=job):
            for stream in ["stdout", "stderr"]:
                with open("/dev/full", "wb") as full:
                    folder = shop.folder(job, True)
                    result = shop.run(job, folder, **{stream: full})
                    shop.check("streams", job, folder, True, result, f"{stream} full", message="" if stream == "stderr" else None)
                folder = shop.folder(job, True)
                words = " ".join(f"'{word}'" for word in job.arguments)
                closing = "1>&-" if stream == "stdout" else "2>&-"
                closed = subprocess.run(
                    ["sh", "-c", f"'{shop.binaries / job.program}' {words} --force {closing}"], cwd=folder, capture_output=True,
                    stdin=subprocess.DEVNULL)
                result = Result(closed.returncode, closed.stderr.decode(errors="replace"), 0, 0)
                shop.check("streams", job, folder, True, result, f"{stream} closed", message="" if stream == "stderr" else None)
        yield streams

        def proc(job=job):
            for faults in [{"FAULT_NO_PROC": 1}, {"FAULT_NO_PROC": 1, "FAULT_NO_TMPFILE": 1}]:
                folder = shop.folder(job, True)
                result = shop.run(job, folder, faults=faults)
                shop.check("no /proc", job, folder, True, result, f"{sorted(faults)}")
        yield proc

        def memory(job=job):
            for megabytes in [*range(84, 180, 12), 200, 240, 300, 400]:
                folder = shop.folder(job, True)
                result = shop.run(job, folder, limit=(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20)))
                if result.status == 127:  # the system's loader, before a line of ours
                    shutil.rmtree(folder)
                    continue
                shop.check("ulimit -v", job, folder, True, result, f"{megabytes} MiB")
        yield memory


def cut(shop, jobs):
    """Files that become shorter while they are mapped."""
    for job in jobs:
        for position, source in enumerate(job.arguments):
            path = pathlib.Path(source)
            if path.suffix not in (".pth", ".varq") or not path.is_absolute():
                continue

            def case(job=job, position=position, path=path):
                folder = shop.folder(job, True)
                copy = shop.work / f"{folder.name}{path.suffix}"
                shutil.copy(path, copy)
                arguments = [*job.arguments]
                arguments[position] = str(copy)
                other = Job(job.name, job.program, arguments, job.outputs)
                other.good = job.good
                result = shop.run(other, folder, faults={"FAULT_CUT": copy})
                copy.unlink()
                shop.check("files cut while mapped", job, folder, True, result, path.name, statuses=(1,))
            yield case


def together(shop, jobs, count=10):
    """Many processes, one target."""
    for job in jobs:
        for force in [True, False]:
            for faults in [None, {"FAULT_NO_TMPFILE": 1}]:
                def case(job=job, force=force, faults=faults):
                    folder = shop.folder(job, False)
                    processes = [shop.start(job, folder, faults=faults, force=force) for _ in range(count)]
                    errors = [process.communicate()[1].decode(errors="replace") for process in processes]
                    statuses = [process.returncode for process in processes]
                    kind = "processes on one target"
                    for status, text in zip(statuses, errors):
                        shop.count(kind)
                        if status not in (0, 1) or (status == 1 and "Error: " not in text):
                            shop.fail(kind, f"{job.name}: {status} {text[-300:]!r}")
                    # Without --force a run may find another's first picture and none may write them all.
                    if 0 not in statuses and len(job.outputs) == 1:
                        shop.fail(kind, f"{job.name}: none succeeded: {errors[0]!r}")
                    check = Result(1, "Error: ", 0, 0)
                    shop.check(kind, job, folder, False, check, f"{count} processes, force {force}", rerun=True)
                yield case


def table(rows):
    lines = ["| what was done | cases | failures | seconds of the longest | MB of the largest |", "|---|---|---|---|---|"]
    for kind, row in rows.items():
        seconds = f"{row['seconds']:.1f}" if row["seconds"] else "·"
        peak = f"{row['peak'] / 1e6:.0f}" if row["peak"] else "·"
        lines.append(f"| {kind} | {row['cases']:,} | {row['failures']} | {seconds} | {peak} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", type=pathlib.Path, required=True)
    parser.add_argument("--demo", type=pathlib.Path, default=ROOT / "models/fashion-var")
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--points", type=int, default=12, help="calls of each kind that fail, for each command")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--full-size", type=pathlib.Path, metavar="DIR",
                        help="only kills, of the long commands, with the var.pth and vae.pth of this folder")
    parser.add_argument("--short", action="store_true", help="a few kills and faults of the quick commands")
    parser.add_argument("--table", type=pathlib.Path, help="a page that gets the figures, between its marks")
    arguments = parser.parse_args()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults-") as work:
        shop = Workshop(arguments.binaries.resolve(), pathlib.Path(work), arguments.seed)
        if arguments.full_size:
            shop.patience = 3600  # a calibration
        all_jobs = jobs((arguments.full_size or arguments.demo).resolve(), shop, LONG if arguments.full_size else None)
        if arguments.full_size:
            cases = kills(shop, all_jobs, arguments.kills)
        elif arguments.short:
            quick = [job for job in all_jobs if job.name not in ("calibrated", "mix")]
            cases = [*kills(shop, quick, 20), *injected(shop, quick[:1], 3), *cut(shop, quick), *limited(shop, quick[3:4])]
        else:
            cases = [*kills(shop, all_jobs, arguments.kills), *injected(shop, all_jobs, arguments.points), *cut(shop, all_jobs),
                     *mounted(shop, all_jobs), *limited(shop, all_jobs), *together(shop, all_jobs)]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for future in [pool.submit(case) for case in cases]:
                future.result()
    text = table(shop.rows)
    print(text + f"{time.monotonic() - begin:.0f} s, seed {arguments.seed}")
    if arguments.table:
        page.put(arguments.table, "faults", text, part=" at full size" if arguments.full_size else "")
    if shop.failures:
        sys.exit(f"{len(shop.failures)} failures")


if __name__ == "__main__":
    main()
