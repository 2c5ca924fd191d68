"""The constants of the C++ program are those of Python."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from synaptic_sampling._kernels import dynamics, philox, signs, soft_deep, vacancy
from synaptic_sampling.brian.standalone.constants import SIGN_RULES, constants_in_cpp
from synaptic_sampling.brian.standalone.program import FOLDER
from synaptic_sampling.connections import draw
from synaptic_sampling.connections.sites import CROWDED, MAX_ASKED, SAMPLE, THIN
from synaptic_sampling.events import EVENT
from synaptic_sampling.log.file import MAGIC
from synaptic_sampling.log.growing import TIME
from synaptic_sampling.log.recorder import BLOCK
from synaptic_sampling.randomness import Stream

NUMBERS = {
    **{f"(int)Stream::{stream.name}": int(stream) for stream in Stream},
    **{name: getattr(signs, name) for name in SIGN_RULES},
    "(int)BIRTH": dynamics.BIRTH,
    "(int)DEATH": dynamics.DEATH,
    "(int)MOVE": dynamics.MOVE,
    **{f"WHEEL_{name}": getattr(soft_deep, name) for name in ("NEAR", "RING", "LEVELS")},
    **{name: getattr(soft_deep, name) for name in ("REACH", "FINENESS", "MAX_DELAY")},
    "BLOCKS": philox.BLOCKS_PER_CHUNK,
    "CHUNK": philox.CHUNK,
    "EMPTY": int(vacancy.EMPTY),
    "ANY_POST": int(signs.ANY_POST),
    "BLOCK": BLOCK,
    "1 / CROWDED": 1 / CROWDED,
    "SITES_PER_BLOCK": draw.BLOCK,
    "ROUND": draw.ROUND,
    "PATIENCE": draw.PATIENCE,
    "SAMPLE": SAMPLE,
    "MAX_ASKED": MAX_ASKED,
    "1 / THIN": 1 / THIN,
    "sizeof MAGIC - 1": len(MAGIC),
    **{f"(int)MAGIC[{n}]": byte for n, byte in enumerate(MAGIC)},
    **{f"offsetof(Event, {name})": offset for name, (_, offset, *_) in EVENT.fields.items()},
    **{f"offsetof(Time, {name})": offset for name, (_, offset, *_) in TIME.fields.items()},
}


@pytest.mark.slow
@pytest.mark.cython
def test_compiled_values(tmp_path):
    # All digits, since some numbers are large.
    lines = "\n".join(["std::cout.precision(17);", *(f"std::cout << ({name}) << std::endl;" for name in NUMBERS)])
    source, program = tmp_path / "show.cpp", tmp_path / "show"
    source.write_text(
        f"{constants_in_cpp()}\n#include <iostream>\nusing namespace synaptic_sampling;\nint main()\n{{\n{lines}\n}}\n"
    )
    subprocess.run([os.environ.get("CXX", "c++"), "-std=c++11", source, "-o", program], check=True)
    found = subprocess.run([program], check=True, capture_output=True, text=True).stdout.split()
    assert dict(zip(NUMBERS, map(float, found), strict=True)) == NUMBERS


@pytest.mark.parametrize(
    "pattern", [r"enum\s+(class\s+)?Stream", "SIGN_OF_SITE,", "16384", "/ 16", "struct Event", "rewiring log"]
)
def test_no_constant_is_repeated_in_a_template(pattern):
    text = "\n".join(path.read_text() for path in FOLDER.iterdir() if path.is_file())
    assert not re.search(pattern, text)


def test_templates_start_with_the_constants():
    for name in ("rewiring_connections.cpp", "rewiring_monitor.cpp"):
        text = (FOLDER / name).read_text()
        assert text.index("{{constants}}") < text.index("#include")
