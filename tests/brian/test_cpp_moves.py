"""Moves of rules in C++ against the same lines in Python, bit for bit."""

from __future__ import annotations

import ctypes
import math
import shutil
import subprocess

import numpy as np
import pytest

from synaptic_sampling._kernels.langevin import langevin
from synaptic_sampling.brian.standalone.moves import move_in_cpp
from synaptic_sampling.rules.soft_deepr import soft
from synaptic_sampling.rules.synaptic_sampling import diffusion


def strange(theta, gradient, polarity, nu, parameters):
    """A move with everything that can be written."""
    a, b = parameters
    drift = -a * gradient / (1 + theta * theta) if nu > 0.5 else b
    return max(min(theta - drift, 3), polarity - nu)


MOVES = {
    "langevin": (langevin, (0.05, 0.3, 0.02)),
    "soft": (soft, (0.05, 0.3, 0.02, -0.4)),
    "diffusion": (diffusion, (0.1, 0.9, 0.3, 0.2, 1.5, -2.0, 1.0)),
    "no bounds": (diffusion, (0.1, 0.9, 0.3, 0.2, math.inf, -math.inf, math.inf)),
    "strange": (strange, (0.7, -0.2)),
}


@pytest.mark.cython
@pytest.mark.slow
@pytest.mark.parametrize("name", MOVES)
def test_equal_to_the_last_bit(name, tmp_path, rng):
    move, parameters = MOVES[name]
    source = tmp_path / "move.cpp"
    source.write_text(
        f'#include <algorithm>\n{move_in_cpp(move)}\nextern "C" double go(double t, double g, double p, double n,'
        "const double *x) { return move(t, g, p, n, x); }\n"
    )
    library = tmp_path / "move.so"
    compiler = shutil.which("g++") or shutil.which("c++")
    subprocess.run([compiler, "-O3", "-ffp-contract=off", "-shared", "-fPIC", "-o", library, source], check=True)
    go = ctypes.CDLL(str(library)).go
    go.restype, go.argtypes = ctypes.c_double, [ctypes.c_double] * 4 + [ctypes.c_void_p]
    x = np.array(parameters)
    for theta, gradient, nu in rng.standard_normal((2000, 3)):
        polarity = float(rng.choice([-1, 1]))
        assert go(theta, gradient, polarity, nu, x.ctypes.data) == move(theta, gradient, polarity, nu, parameters)


def test_langevin_reads_like_its_python():
    assert move_in_cpp(langevin).splitlines()[-2:] == [
        "    return ((theta - (eta * ((polarity * gradient) + alpha))) + (sigma * nu));",
        "}",
    ]


def test_what_cannot_be_written_is_refused():
    def with_a_loop(theta, gradient, polarity, nu, parameters):
        for _ in range(3):
            theta = theta - gradient
        return theta

    def with_a_call(theta, gradient, polarity, nu, parameters):
        return math.exp(theta)

    for move, what in ((with_a_loop, "for _ in range"), (with_a_call, "math.exp")):
        with pytest.raises(TypeError, match=f"cannot be written in C\\+\\+.*{what}"):
            move_in_cpp(move)
