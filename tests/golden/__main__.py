"""Compare the golden bits with those of this code, or write them.

    python -m tests.golden [--write] [--fast] [--only TEXT] [--demo]

Says what is new, gone or changed, and ends with status 1 if anything is, unless it is to be written. What hangs on
another machine is left as it is. To write is a decision: say in CHANGELOG.md which bits change, and why.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.golden.bits import demo_numbers, read, write
from tests.golden.digest import digest
from tests.golden.programs import PROGRAMS, SECTIONS, fingerprint, section_of


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--write", action="store_true", help="write what has changed into bits.json")
    parser.add_argument("--fast", action="store_true", help="leave out what takes seconds, or needs a compiler")
    parser.add_argument("--only", default="", metavar="TEXT", help="programs with this in their names")
    parser.add_argument("--demo", action="store_true", help="the demonstration's summary, too (minutes)")
    given = parser.parse_args(argv)
    kept = read()
    changes = _compare(kept, given) + (_compare_demo(kept) if given.demo else [])
    for line in changes:
        print(line)
    print(f"{len(changes)} of {len(PROGRAMS)} programs differ from what is kept.")
    if given.write:
        write(kept)
    return int(bool(changes) and not given.write)


def _compare(kept: dict[str, dict[str, Any]], given: argparse.Namespace) -> list[str]:
    """Run programs, put their digests into ``kept``, and return a line for each that differs."""
    changes = []
    for section in SECTIONS:
        part, here = kept.setdefault(section, {"fingerprints": [], "bits": {}}), fingerprint(section)
        names = [name for name, program in PROGRAMS.items() if section_of(program) == section]
        chosen = [name for name in names if given.only in name and not (given.fast and PROGRAMS[name].speed)]
        known = here in part["fingerprints"]
        if not known and not (given.write and chosen == names):
            print(f"Not compared, since these are other machines: {section}, {part['fingerprints']}; here {here}")
            continue
        own = _differences(part["bits"], chosen)
        if chosen == names:
            own += [f"gone: {part['bits'].pop(name) and name}" for name in sorted(set(part["bits"]) - set(names))]
        if not known:
            # Where all is the same, what was kept holds here, too.
            part["fingerprints"] = [here] if own else [*part["fingerprints"], here]
        changes += own
    return changes


def _differences(bits: dict[str, str], names: list[str]) -> list[str]:
    changes = []
    for name in names:
        found = digest(PROGRAMS[name].run())
        if bits.get(name) != found:
            changes.append(f"{'changed' if name in bits else 'new'}: {name}")
        bits[name] = found
    return changes


def _compare_demo(kept: dict[str, dict[str, Any]]) -> list[str]:
    """Run the demonstration, put its numbers into ``kept``, and return a line if they differ."""
    part, here = kept.setdefault("demo", {"fingerprints": [], "numbers": {}}), fingerprint("demo")
    with tempfile.TemporaryDirectory() as folder:
        numbers = demo_numbers(Path(folder))
    if numbers != part["numbers"]:
        before = part["numbers"]
        kept["demo"] = {"fingerprints": [here], "numbers": numbers}
        return [f"changed: the demonstration, from {before} to {numbers}"]
    if here not in part["fingerprints"]:
        part["fingerprints"].append(here)
    return []


if __name__ == "__main__":
    sys.exit(main())
