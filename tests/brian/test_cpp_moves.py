"""Moves of rules in C++ against the same lines in Python, bit for bit."""

from __future__ import annotations

import ctypes
import math
import shutil
import subprocess

import numpy as np
import pytest

from synaptic_sampling._kernels.langevin import langevin
from synaptic_sampling._kernels.soft_langevin import soft
from synaptic_sampling.brian.standalone.moves import move_in_cpp, noise_in_cpp, num_parameters
from synaptic_sampling.rules.synaptic_sampling import diffusion


def strange(theta, gradient, polarity, nu, parameters):
    """A move with everything that can be written."""
    a, b = parameters
    drift = -a * gradient / (1 + theta * theta) if nu > 0.5 else b
    return max(min(theta - drift, 3), polarity - nu)


CONSTANT = 2.0
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

    def with_a_global(theta, gradient, polarity, nu, parameters):
        return theta * CONSTANT

    def that_assigns_twice(theta, gradient, polarity, nu, parameters):
        drift = theta - gradient
        drift = drift + nu
        return drift

    for move, what in (
        (with_a_loop, "for _ in range"),
        (with_a_call, "math.exp"),
        (with_a_global, "CONSTANT"),
        (that_assigns_twice, "drift"),
    ):
        with pytest.raises(TypeError, match=f"cannot be written in C\\+\\+.*{what}"):
            move_in_cpp(move)


def test_what_is_no_function_of_numbers_is_refused():
    for move in (lambda theta, gradient, polarity, nu, parameters: theta, min, lambda theta: theta):
        with pytest.raises(TypeError, match=r"define it in a file, with def|defined with def"):
            move_in_cpp(move)


def test_noise_is_drawn_where_it_has_an_effect():
    def twice(theta, gradient, polarity, nu, parameters):
        first, second = parameters
        return theta + first * nu + nu * second

    def bare(theta, gradient, polarity, nu, parameters):
        (scale,) = parameters
        return theta + nu * (theta - scale)

    def silent(theta, gradient, polarity, nu, parameters):
        return theta - gradient

    tests = {
        langevin: "parameters[2] != 0.0",
        twice: "parameters[0] != 0.0 || parameters[1] != 0.0",
        bare: "true",
        silent: "false",
    }
    for move, test in tests.items():
        assert f"return {test};" in noise_in_cpp(move)
    assert [num_parameters(move) for move in tests] == [3, 2, 1, 0]
