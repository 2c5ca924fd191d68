"""What a study with a few looks shows, in numbers; and the numbers of one published study.

The table was computed by the functions of this package from the presence of single synapses at each look in
github.com/HZhongLab/melander_nayebi_2021 (commit 84dcd5d), of Melander, Nayebi et al. 2021, Distinct in vivo dynamics
of excitatory synapses onto cortical pyramidal neurons and parvalbumin-positive interneurons, Cell Reports 37. That
repository is distributed under the following licence.

    MIT License

    Copyright (c) 2021 Joshua Melander

    Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
    documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
    rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to
    permit persons to whom the Software is furnished to do so, subject to the following conditions:

    The above copyright notice and this permission notice shall be included in all copies or substantial portions of
    the Software.

    THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
    WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS
    OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
    OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from synaptic_sampling._checks import check_instance
from synaptic_sampling.observations import Observations
from synaptic_sampling.statistics.observed.presence import (
    ObservedChanges,
    changes,
    survival_of_newly_seen,
    survival_of_seen,
)
from synaptic_sampling.statistics.observed.resampling import Estimate
from synaptic_sampling.statistics.observed.weights import loss_by_weight
from synaptic_sampling.statistics.sources import check_kind

__all__ = ["PUBLISHED_STUDIES", "Study", "study_of"]

#: Number of classes of weights.
CLASSES = 6
#: Half the width of a 95 % interval, in standard errors; and by Student's t over 5 dendrites.
WIDTH, WIDTH_5 = 1.96, 2.776


class Study(NamedTuple):
    """What a study shows that looked at connections at equal intervals.

    Attributes
    ----------
    name : str
        Shown in figures.
    connections, groups, looks : int
        Numbers of connections seen at least once, of groups, and of looks.
    interval : float
        Time between two looks.
    changes : ObservedChanges
        Formation, elimination and turnover per interval.
    seen, newly_seen : Estimate
        Survival of those seen at a look, and of those first seen at a look.
    loss : Estimate or None
        Loss by weight; None without weights.
    """

    name: str
    connections: int
    groups: int
    looks: int
    interval: float
    changes: ObservedChanges
    seen: Estimate
    newly_seen: Estimate
    loss: Estimate | None


def study_of(name: str, observations: Observations) -> Study:
    """Return what observations show.

    Parameters
    ----------
    name : str
        Shown in figures.
    observations : Observations
        At three looks or more at equal intervals.

    Returns
    -------
    Study
        With errors over groups.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type, intervals differ, or there are fewer than three looks.
    """
    check_instance("name", name, str)
    check_kind("observations", observations, Observations)
    interval = observations.interval
    if interval is None or len(observations.times) < 3:
        raise ValueError(
            f"observations must have three looks or more at equal intervals, got looks at {observations.times}; choose "
            "some with at_looks."
        )
    return Study(
        name,
        int(observations.seen.any(axis=1).sum()),
        len(observations.groups),
        len(observations.times),
        interval,
        changes(observations),
        survival_of_seen(observations),
        survival_of_newly_seen(observations),
        None if observations.weights is None else loss_by_weight(observations, classes=CLASSES),
    )


def _estimate(
    interval: float, value: list[float], error: list[float], number: list[int], width: ArrayLike = WIDTH
) -> Estimate:
    """Return an estimate with the limits that follow from its error."""
    mean, spread = np.array(value), np.array(error)
    at = interval * np.arange(len(mean), dtype=float) + interval * (len(mean) == 1)
    low, high = (np.clip(mean + sign * np.array(width) * spread, 0.0, 1.0) for sign in (-1, 1))
    return Estimate(at, mean, spread, low, high, np.array(number))


#: Synapses imaged every 4 days in barrel cortex of adult mice, with errors over dendrites.
PUBLISHED_STUDIES = (
    Study(
        "onto pyramidal cells (Melander et al. 2021)", 809, 14, 8, 4.0,
        ObservedChanges(
            _estimate(4.0, [0.0534], [0.0040], [4025]),
            _estimate(4.0, [0.0668], [0.0049], [4025]),
            _estimate(4.0, [0.0605], [0.0042], [7996]),
        ),
        _estimate(
            4.0,
            [1.0, 0.9332, 0.8870, 0.8489, 0.8142, 0.7871, 0.7589, 0.7290],
            [0.0, 0.0049, 0.0082, 0.0118, 0.0148, 0.0171, 0.0195, 0.0209],
            [4565, 4025, 3468, 2906, 2341, 1766, 1182, 594],
        ),
        _estimate(
            4.0,
            [1.0, 0.6845, 0.5570, 0.4846, 0.4433, 0.4110, 0.3333],
            [0.0, 0.0331, 0.0427, 0.0451, 0.0446, 0.0568, 0.0717],
            [215, 187, 158, 130, 97, 73, 36],
        ),
        None,
    ),
    Study(
        "onto PV cells (Melander et al. 2021)", 739, 21, 8, 4.0,
        ObservedChanges(
            _estimate(4.0, [0.0124], [0.0019], [4525]),
            _estimate(4.0, [0.0164], [0.0024], [4525]),
            _estimate(4.0, [0.0144], [0.0019], [9032]),
        ),
        _estimate(
            4.0,
            [1.0, 0.9836, 0.9722, 0.9627, 0.9553, 0.9441, 0.9336, 0.9306],
            [0.0, 0.0024, 0.0040, 0.0055, 0.0070, 0.0085, 0.0108, 0.0116],
            [5190, 4525, 3849, 3166, 2484, 1808, 1130, 447],
        ),
        _estimate(
            4.0,
            [1.0, 0.7692, 0.6957, 0.5676, 0.6000, 0.5294, 0.3333],
            [0.0, 0.0515, 0.0672, 0.0876, 0.0801, 0.0886, 0.2728],
            [56, 52, 46, 37, 25, 17, 6],
            [WIDTH] * 6 + [WIDTH_5],
        ),
        None,
    ),
)  # fmt: skip
