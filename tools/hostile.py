#!/usr/bin/env python3
"""Sums up what the tests of hostile files noted: the longest and the largest of each kind.

    VAR_FIGURES=hostile.tsv swift test -c release --disable-testable-imports --filter Hostile
    tools/hostile.py hostile.tsv --table docs/security.md
"""

import argparse
import pathlib

import page

KINDS = {
    "HostileFileTests": "checkpoints: pickle, zip, safetensors",
    "HostilePictureTests": "pictures: PNG, JPEG",
    "HostileTextTests": "tokens, records, recipes, indices, tables, names",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", type=pathlib.Path, help="lines of suite, processor seconds and bytes")
    parser.add_argument("--table", type=pathlib.Path, help="a page that gets the figures, between its marks")
    arguments = parser.parse_args()
    noted = [line.split("\t") for line in arguments.figures.read_text().splitlines()]
    text = "| files of at most 10 MB | answered | seconds of the longest | MB of the largest |\n|---|---|---|---|\n"
    for suite, kind in KINDS.items():
        rows = [(float(seconds), int(peak)) for name, seconds, peak in noted if name == suite]
        text += f"| {kind} | {len(rows)} | {max(row[0] for row in rows):.1f} | {max(row[1] for row in rows) / 1e6:.0f} |\n"
    print(text, end="")
    if arguments.table:
        page.put(arguments.table, "hostile", text)


if __name__ == "__main__":
    main()
