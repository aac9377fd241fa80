#!/usr/bin/env python3
"""Runs libFuzzer on every reader in turn, and writes Tests/Fuzz/RESULTS.md.

    tools/fuzz.py --driver .build/fuzz/release/fuzz --seconds 60

Each target begins with the files of Tests/Fuzz/Corpus and with what earlier runs have found, which is
kept below .build. `--keep` puts the smallest of those that add coverage into Tests/Fuzz/Corpus. An input
that ends the process is put there at once: `make test` then fails until the reader is mended.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORPUS = ROOT / "Tests/Fuzz/Corpus"
TARGETS = ROOT / "Tests/Fuzz/Targets/FuzzTarget.swift"
RESULTS = ROOT / "Tests/Fuzz/RESULTS.md"
# Longer inputs find nothing that shorter ones don't, and take their time.
LONGEST = {"zip": 4096, "legacy": 4096, "pickle": 4096, "png": 2048, "jpeg": 2048}
# What a file of 10 MB may take is 2 s and 300 MB; sanitizers take several times of both.
LIMITS = ["-timeout=20", "-rss_limit_mb=3000", "-malloc_limit_mb=400"]
# Bytes of found inputs that are committed for a target.
KEPT = 24_000


def names():
    return re.findall(r"^  case (\w+)$", TARGETS.read_text(), re.MULTILINE)


def fuzz(driver, target, seconds, work):
    """Runs one target; returns what it did."""
    found, findings = work / "corpus" / target, work / "findings"
    found.mkdir(parents=True, exist_ok=True)
    findings.mkdir(exist_ok=True)
    command = [driver, str(found), str(CORPUS / target), f"-max_total_time={seconds}", "-print_final_stats=1"]
    command += [f"-max_len={LONGEST.get(target, 1024)}", "-reload=0", *LIMITS]
    command += [f"-artifact_prefix={findings}/{target}-"]
    before = set(findings.iterdir())
    environment = os.environ | {"FUZZ_TARGET": target, "ASAN_OPTIONS": "allocator_may_return_null=1"}
    log = work / f"{target}.log"
    with log.open("w") as output:
        status = subprocess.run(command, stderr=output, stdout=output, env=environment).returncode
    text = log.read_text(errors="replace")
    coverage = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)/", text) or [("0", "0", "0")]
    new = sorted(path for path in findings.iterdir() if path not in before)
    for path in new:
        shutil.copy(path, CORPUS / target / f"finding-{path.name.split('-')[-1][:12]}")
    return {
        "target": target,
        "executions": int((re.findall(r"number_of_executed_units:\s*(\d+)", text) or ["0"])[0]),
        "edges": int(coverage[-1][0]),
        "features": int(coverage[-1][1]),
        "inputs": int(coverage[-1][2]),
        "findings": len(new) + (status != 0 and not new),
    }


def keep(driver, target, work):
    """Commits the smallest inputs that add coverage to the seeds."""
    merged = work / "merged" / target
    shutil.rmtree(merged, ignore_errors=True)
    merged.mkdir(parents=True)
    environment = os.environ | {"FUZZ_TARGET": target}
    subprocess.run(
        [driver, "-merge=1", str(merged), str(CORPUS / target), str(work / "corpus" / target)],
        env=environment, stderr=subprocess.DEVNULL, check=False)
    size = 0
    for path in (CORPUS / target).glob("found-*"):
        path.unlink()
    for path in sorted(merged.iterdir(), key=lambda path: (path.stat().st_size, path.name)):
        size += path.stat().st_size
        if size > KEPT:
            break
        shutil.copy(path, CORPUS / target / f"found-{path.name[:12]}")


def total(work, result, seconds):
    """Adds a run to all runs since the work folder was made; returns their sum."""
    file = work / "results.json"
    runs = json.loads(file.read_text()) if file.exists() else {}
    before = runs.get(result["target"], {"executions": 0, "findings": 0, "seconds": 0})
    runs[result["target"]] = result | {
        "executions": before["executions"] + result["executions"],
        "findings": before["findings"] + result["findings"],
        "seconds": before["seconds"] + seconds,
    }
    file.write_text(json.dumps(runs, indent=1))
    return runs


def table(runs):
    lines = [
        "# Fuzzing", "",
        "By `make fuzz`, which writes this page: libFuzzer with AddressSanitizer, and UndefinedBehaviorSanitizer for",
        "the targets in C. The numbers are of all runs since `.build/fuzzing` was made. Edges are of all that is linked",
        "into the driver; findings are inputs that ended the process, took longer than 20 s or more than 400 MB at once.",
        "`make test` feeds the committed corpus to the same readers.", "",
        "| target | seconds | executions | edges | features | inputs | committed | findings |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in names():
        result = runs[name]
        committed = len(list((CORPUS / name).iterdir()))
        numbers = [result[key] for key in ["seconds", "executions", "edges", "features", "inputs"]]
        columns = [f"{number:,}" for number in numbers + [committed, result["findings"]]]
        lines.append(f"| {name} | " + " | ".join(columns) + " |")
    executions, findings, seconds = (sum(run[key] for run in runs.values()) for key in ["executions", "findings", "seconds"])
    lines.append(f"| **all** | {seconds:,} | **{executions:,}** | | | | | **{findings}** |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--driver", required=True)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / ".build/fuzzing")
    parser.add_argument("--keep", action="store_true", help="commit the smallest inputs that add coverage")
    parser.add_argument("targets", nargs="*", help="all if none is named")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    driver = str(pathlib.Path(arguments.driver).resolve())
    failed = False
    for target in arguments.targets or names():
        result = fuzz(driver, target, arguments.seconds, arguments.work)
        print(" ".join(f"{key}={value}" for key, value in result.items()), flush=True)
        failed = failed or result["findings"] > 0
        if arguments.keep:
            keep(driver, target, arguments.work)
        runs = total(arguments.work, result, arguments.seconds)
    if all(name in runs for name in names()):
        RESULTS.write_text(table(runs))
        print(f"written: {RESULTS.relative_to(ROOT)}")
    if failed:
        sys.exit(f"inputs that ended the process: see {arguments.work}/findings and Tests/Fuzz/Corpus")


if __name__ == "__main__":
    main()
