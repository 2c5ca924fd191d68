"""Long short-term memory (Hochreiter and Schmidhuber 1997) with forget gates, over a batch in lanes of 16.

    i, f, o = sigmoid(...),  g = tanh(...)  of  bias + weighted sum of the input and of h before
    c = f*c_before + i*g,    h = o*tanh(c)

Arrays: ``z`` [step, input and h before, batch], ``gates`` [step, i f g o of all units, batch], ``cells`` [step, unit,
batch] with the state before the first step at index 0, ``present`` [step, batch] 1 or 0: an absent frame
leaves c and h unchanged. Connections come sorted (``tiles.in_groups``). A call computes the ``columns`` (start, end) of
the batch, multiples of 16, which do not depend on each other.
"""

from __future__ import annotations

import numpy as np

from synaptic_sampling._kernels.convolution import fold
from synaptic_sampling._kernels.lanes import LANES
from synaptic_sampling._kernels.tiles import (
    SLOTS,
    TILES,
    combine,
    combine_row,
    combine_tiles,
    correlate,
    correlate_slots,
)
from synaptic_sampling._numba import jit

__all__ = [
    "backward",
    "cell",
    "cell_backward",
    "flow_back",
    "forward",
    "input_gradient",
    "row_sums",
    "turn",
    "weight_gradient",
]

ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)

#: tanh(x) = x*P(x**2)/Q(x**2) up to this bound, and constant beyond: the rational function of Eigen's ptanh
#: (MPL 2.0 code; the coefficients are those of its minimax fit), within 4e-7 of tanh everywhere.
BOUND = np.float32(7.90531110763549805)
P13, P11, P9 = np.float32(-2.76076847742355e-16), np.float32(2.00018790482477e-13), np.float32(-8.60467152213735e-11)
P7, P5, P3 = np.float32(5.12229709037114e-08), np.float32(1.48572235717979e-05), np.float32(6.37261928875436e-04)
P1 = np.float32(4.89352455891786e-03)
Q6, Q4 = np.float32(1.19825839466702e-06), np.float32(1.18534705686654e-04)
Q2, Q0 = np.float32(2.26843463243900e-03), np.float32(4.89352518554385e-03)


@jit
def tanh(x):
    """Return tanh(x) in float32, by arithmetic that can be vectorised; NaN stays NaN."""
    x = BOUND if x > BOUND else x
    x = -BOUND if x < -BOUND else x
    y = x * x
    p = ((((((P13 * y + P11) * y + P9) * y + P7) * y + P5) * y + P3) * y + P1) * x
    q = ((Q6 * y + Q4) * y + Q2) * y + Q0
    return p / q


@jit
def _sigmoid(x):
    """Return 1/(1 + exp(-x))."""
    return HALF + HALF * tanh(HALF * x)


@jit
def row_sums(starts, weight, base, bias, z, t, gates, columns):
    """Write bias plus weighted sum of each gate at step t into ``gates[t]``."""
    rows, width = gates.shape[1:]
    source, target = t * z.shape[1] * width, t * rows * width
    for g in range(rows):
        combine_row(bias[g], weight, base, starts[g], starts[g + 1], z, source, gates, target + g * width, columns)


@jit
def cell(t, present, gates, cells, z, columns):
    """Compute, from the sums of step t, the gates (which overwrite the sums), c, and h in ``z[t + 1]``."""
    units = cells.shape[1]
    first = z.shape[1] - units
    # Views that start at 0 make checks for negative indices unnecessary, without which loops are vectorised.
    a, e = columns
    there = present[t, a:e]
    for u in range(units):
        i, f, g = gates[t, u, a:e], gates[t, units + u, a:e], gates[t, 2 * units + u, a:e]
        o, c, c_before = gates[t, 3 * units + u, a:e], cells[t + 1, u, a:e], cells[t, u, a:e]
        h, h_before = z[t + 1, first + u, a:e], z[t, first + u, a:e]
        for b in range(there.size):
            i[b], f[b], g[b], o[b] = _sigmoid(i[b]), _sigmoid(f[b]), tanh(g[b]), _sigmoid(o[b])
            new = f[b] * c_before[b] + i[b] * g[b]
            c[b] = new if there[b] > ZERO else c_before[b]
            h[b] = o[b] * tanh(new) if there[b] > ZERO else h_before[b]


@jit
def forward(starts, weight, base, bias, present, z, gates, cells, columns):
    """Run all steps."""
    for t in range(gates.shape[0]):
        row_sums(starts, weight, base, bias, z, t, gates, columns)
        cell(t, present, gates, cells, z, columns)


@jit
def cell_backward(t, keep, present, gates, cells, dh, dc, columns):
    """Turn dE/dh and dE/dc after step t into those before it, except for the part of dE/dh through the gates.

    dE/d(sum) of each gate overwrites ``gates[t]``; ``keep`` 0 cuts the flow through c.
    """
    units = cells.shape[1]
    a, e = columns
    there = present[t, a:e]
    for u in range(units):
        i, f, g = gates[t, u, a:e], gates[t, units + u, a:e], gates[t, 2 * units + u, a:e]
        o, c_before, slope_h, slope_c = gates[t, 3 * units + u, a:e], cells[t, u, a:e], dh[u, a:e], dc[u, a:e]
        for b in range(there.size):
            squashed = tanh(f[b] * c_before[b] + i[b] * g[b])
            own_h = slope_h[b] if there[b] > ZERO else ZERO
            own_c = slope_c[b] + own_h * o[b] * (ONE - squashed * squashed)
            own_c = own_c if there[b] > ZERO else ZERO
            slope_h[b] = slope_h[b] - own_h
            slope_c[b] = keep * own_c * f[b] if there[b] > ZERO else slope_c[b]
            i[b], g[b] = own_c * g[b] * i[b] * (ONE - i[b]), own_c * i[b] * (ONE - g[b] * g[b])
            f[b] = own_c * c_before[b] * f[b] * (ONE - f[b])
            o[b] = own_h * squashed * o[b] * (ONE - o[b])


@jit
def flow_back(t, first, starts, weight, base, gates, flow, columns):
    """Write the gradient that flows from dE/d(sum) of step t to each unit before it; unit u is source ``first + u``."""
    width = flow.shape[1]
    s = t * gates.shape[1] * width
    for u in range(flow.shape[0]):
        start, end = starts[first + u], starts[first + u + 1]
        combine_row(ZERO, weight, base, start, end, gates, s, flow, u * width, columns)


@jit
def _add(more, total, columns):
    """Add ``more`` to ``total``."""
    for u in range(total.shape[0]):
        own, row = more[u, columns[0] : columns[1]], total[u, columns[0] : columns[1]]
        for b in range(row.size):
            row[b] += own[b]


@jit
def backward(starts, weight, base, window, first, present, gates, cells, delta, dh, dc, flow, columns):
    """Run all steps backwards: ``gates`` become dE/d(sum), from ``delta`` [step, unit, batch] = dE/dh from outside.

    Connections are sorted by source. Nothing flows back through the first step of a window. ``dh`` and ``dc``
    [unit, batch] initially hold the gradient from after the last step; ``flow`` [unit, batch] is working memory.
    """
    for t in range(gates.shape[0] - 1, -1, -1):
        _add(delta[t], dh, columns)
        keep = ZERO if t % window == 0 else ONE
        cell_backward(t, keep, present, gates, cells, dh, dc, columns)
        if keep > ZERO:
            flow_back(t, first, starts, weight, base, gates, flow, columns)
            _add(flow, dh, columns)


@jit
def input_gradient(starts, weight, base, slopes, dx, columns):
    """Write dE/dx [step, input, batch] for the sources that have a row there; ``slopes`` is dE/d(sum)."""
    steps, rows, width = dx.shape
    s_step, d_step = slopes.shape[1] * width, rows * width
    whole = steps - steps % TILES
    for i in range(rows):
        start, end = starts[i], starts[i + 1]
        for b in range(columns[0], columns[1], LANES):
            for t in range(0, whole, TILES):
                s, d = t * s_step + b, t * d_step + i * width + b
                combine_tiles(ZERO, weight, base, start, end, slopes, s, s_step, dx, d, d_step)
            for t in range(whole, steps):
                s, d = t * s_step + b, t * d_step + i * width + b
                combine(ZERO, weight, base, start, end, slopes, s, s_step, dx, d, d_step)


@jit
def turn(z, states):
    """Write ``z`` [step, source, batch] as ``states`` [source, part of the batch, step, lane], as it will be read."""
    for i in range(states.shape[0]):
        for part in range(states.shape[1]):
            for t in range(states.shape[2]):
                row, place = z[t, i], states[i, part, t]
                for lane in range(LANES):
                    place[lane] = row[part * LANES + lane]


@jit
def weight_gradient(starts, base, order, states, first, slopes, row, sums, gradient):
    """Write dE/dw of each connection: over steps and batch, the sum of ``states*slopes``, slots in ``order``.

    ``starts`` are those of the groups from ``first`` on; ``base`` are places in the flat ``states`` (``turn``). ``row``
    [part of the batch, step, lane] and ``sums`` are working memory: with adjacent data this takes 30 % less time.
    """
    places = row.shape[0] * row.shape[1]
    for g in range(starts.size - 1):
        for part in range(row.shape[0]):
            for t in range(row.shape[1]):
                own, place = slopes[t, first + g], row[part, t]
                for lane in range(LANES):
                    place[lane] = own[part * LANES + lane]
        k = starts[g]
        while k < starts[g + 1]:
            together = SLOTS if k + SLOTS <= starts[g + 1] else 1
            sums[:] = ZERO
            if together == SLOTS:
                correlate_slots(base, k, states, 0, LANES, row, 0, LANES, places, sums, 0)
            else:
                correlate(base, k, states, 0, LANES, row, 0, LANES, places, sums, 0)
            for n in range(together):
                gradient[order[k + n]] = fold(sums, n * LANES)
            k += together
