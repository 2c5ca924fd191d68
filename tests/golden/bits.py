"""The file of golden bits, and the numbers of the demonstration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scripts import demo

FILE = Path(__file__).with_name("bits.json")


def read() -> dict[str, dict[str, Any]]:
    """Return for each section its fingerprint, and its digests by the names of programs."""
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def write(kept: dict[str, dict[str, Any]]) -> None:
    FILE.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")


def demo_numbers(folder: Path) -> dict[str, Any]:
    """Return what the demonstration comes to, without the time that it takes."""
    summary = demo.main(["--out", str(folder)])
    return {name: {key: value for key, value in row.items() if key != "seconds"} for name, row in summary.items()}
