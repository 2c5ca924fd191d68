"""All potential connections, each permanently in a slot; memory is proportional to their number."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._kernels.dynamics import BIRTH
from synaptic_sampling.connections.options import PotentialOptions, fixed_signs, sites_and_signs
from synaptic_sampling.connections.retracting import Retracting
from synaptic_sampling.connections.rewire import Decision, cross
from synaptic_sampling.connections.sites import MAX_NEURONS, Sites
from synaptic_sampling.events import RewiringInfo, events_of, join_events

__all__ = ["PotentialConnections"]


class PotentialConnections(Retracting):
    """Potential connections between two groups of neurons: connected where theta >= 0, retracted where theta < 0.

    Each permanently keeps its slot, endpoints, sign and parameter; theta continues to move while it is retracted.
    A pair of neurons may have several potential connections. `SoftDeepR` and `SynapticSampling` act on them.

    Memory is 25 bytes per potential connection (21 with float32, more with an optimizer's moments), and the time of a
    step is proportional to their number, however few are connected: 10000 by 10000 neurons need 2.5 GB.
    `Connections`, with `DeepR`, need memory and time for existing connections only.

    Parameters
    ----------
    num_pre, num_post : int
        Numbers of neurons on both sides.
    pre, post : array_like of int, shape (M,), optional
        Endpoints of the potential connections; a pair may occur any number of times. By default every pair occurs
        once, in ascending order of pre, then post.
    theta : array_like, shape (M,), optional
        Parameters at the start; zeros by default, so that all are connected.
    polarity : array_like of +1 and -1, shape (M,), optional
        Signs; by default those given by ``signs``.
    seed : int
        Key of all random numbers, 0 to 2**64 - 1.
    index : int
        Number of this set in a run with several sets, which draw different random numbers.
    dtype : float32 or float64
        Type of theta.
    **options
        ``signs`` and ``excitatory``, as in `Signs` (not 'redrawn'; with 'site', all connections of a pair have the same
        sign); ``autapses`` and ``diagonal``, as in `Sites`.

    Attributes
    ----------
    theta : ndarray, shape (M,)
        Parameters, of either sign.
    steps_done : int
        Number of steps so far.
    birth_step : ndarray of int64, shape (M,)
        Step in which theta last became >= 0; 0 if this has not happened since the start.
    moments : tuple of ndarray
        The optimizer's state of each connection.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range, or if there are 2**31 potential connections or more.
    """

    def __init__(
        self,
        num_pre: int,
        num_post: int,
        pre: ArrayLike | None = None,
        post: ArrayLike | None = None,
        *,
        theta: ArrayLike | None = None,
        polarity: ArrayLike | None = None,
        seed: int = 0,
        index: int = 0,
        dtype: Any = np.float64,
        **options: Unpack[PotentialOptions],
    ) -> None:
        fixed_signs(options, "a potential connection keeps its sign")
        sites, signs = sites_and_signs(type(self).__name__, num_pre, num_post, options, PotentialOptions, seed, index)
        if pre is None and post is None:
            pre, post = _all_pairs(sites)
        elif pre is None or post is None:
            raise ValueError("pre and post must be given together; omit both for all pairs.")
        super().__init__(
            sites,
            signs,
            pre,
            post,
            theta=theta,
            polarity=polarity,
            smallest=-np.inf,
            seed=seed,
            index=index,
            dtype=dtype,
        )

    def __repr__(self) -> str:
        return f"<{len(self)} potential connections from {self.num_pre} to {self.num_post} neurons>"

    def carry_out(self, decision: Decision) -> RewiringInfo:
        """Record the connections whose theta crossed 0 in this step."""
        died, born = cross(self, decision.crossed)
        events = join_events([died, events_of(self, born, BIRTH)])
        return RewiringInfo(self.steps_done, events, len(died), 0)

    @property
    def num_sites(self) -> int:
        """The number of potential connections."""
        return len(self)


def _all_pairs(sites: Sites) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return every pair that may be connected, in ascending order of keys."""
    if sites.number > MAX_NEURONS:
        raise ValueError(
            f"{sites.num_pre} by {sites.num_post} neurons have {sites.number} potential connections, "
            f"but at most {MAX_NEURONS} are possible; pass fewer as pre and post, or use Connections with DeepR."
        )
    keys = sites.all_keys()
    return (keys // sites.num_post).astype(np.int32), (keys % sites.num_post).astype(np.int32)
