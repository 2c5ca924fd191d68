"""All potential connections, each in a slot for ever; memory in proportion to all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptic_sampling._kernels.dynamics import BIRTH
from synaptic_sampling.connections.rewire import Decision, cross
from synaptic_sampling.connections.sites import MAX_NEURONS, Sites
from synaptic_sampling.connections.slots import Slots
from synaptic_sampling.events import RewiringInfo, events_of, join_events

__all__ = ["PotentialConnections"]


class PotentialConnections(Slots):
    """Potential connections between two groups of neurons: connected where theta >= 0, retracted where theta < 0.

    Each keeps its slot, its endpoints, its sign and its parameter for ever; theta goes on moving where it is
    retracted. A pair of neurons may have several potential connections. `SoftDeepR` and `SynapticSampling` need them.

    This costs 25 bytes for every potential connection (21 with float32, more with an optimizer's moments) and time
    in proportion to their number in every step, however few are connected: 10000 by 10000 neurons need 2.5 GB.
    `Connections`, with `DeepR`, need memory and time for the existing ones alone.

    Parameters
    ----------
    num_pre, num_post : int
        Numbers of neurons on both sides.
    pre, post : array_like of int, shape (M,), optional
        Endpoints of the potential connections; a pair may occur any number of times. By default every pair occurs
        once, those with pre = 0 first.
    theta : array_like, shape (M,), optional
        Parameters at the start; zeros by default, that is, all connected.
    polarity : array_like of +1 and -1, shape (M,), optional
        Signs; by default those that ``signs`` gives.
    signs : {'site', 'presynaptic'}, int or array_like
        As in `Connections`. With 'site', several connections of one pair have one sign.
    excitatory : float
        Probability of +1 where signs are drawn.
    autapses : bool
        Whether a neuron may connect to itself.
    diagonal : int
        With ``autapses=False``: the pair (i, i + diagonal) is the same neuron.
    seed : int
        Key of all random numbers, 0 to 2**64 - 1.
    index : int
        Number of this set among those of one run; sets draw different random numbers.
    dtype : float32 or float64
        Type of theta.

    Attributes
    ----------
    theta : ndarray, shape (M,)
        Parameters, of either sign.
    steps_done : int
        Steps so far.
    birth_step : ndarray of int64, shape (M,)
        Step in which theta last became >= 0; 0 if it never did since the start.
    moments : tuple of ndarray
        What the optimizer remembers of each connection.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range, or if there are 2**31 potential connections or more.
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
        signs: str | int | ArrayLike = "site",
        excitatory: float = 0.5,
        autapses: bool = True,
        diagonal: int = 0,
        seed: int = 0,
        index: int = 0,
        dtype: Any = np.float64,
    ) -> None:
        if isinstance(signs, str) and signs == "redrawn":
            raise ValueError(
                "signs must be 'site', 'presynaptic', +1, -1 or an array: a potential connection keeps its sign."
            )
        sites = Sites(num_pre, num_post, autapses=autapses, diagonal=diagonal)
        if pre is None and post is None:
            pre, post = _all_pairs(sites)
        elif pre is None or post is None:
            raise ValueError("pre and post must be given together, or neither of them.")
        super().__init__(
            sites,
            pre,
            post,
            theta=theta,
            polarity=polarity,
            smallest=-np.inf,
            signs=signs,
            excitatory=excitatory,
            seed=seed,
            index=index,
            dtype=dtype,
        )

    def __repr__(self) -> str:
        return f"<{len(self)} potential connections from {self.num_pre} to {self.num_post} neurons>"

    @property
    def connected(self) -> NDArray[np.bool_]:
        """Return which potential connections are connected, theta >= 0, a new array."""
        return self.theta >= 0

    def carry_out(self, decision: Decision) -> RewiringInfo:
        """Record the connections whose theta crossed 0 in this step."""
        died, born = cross(self, decision.crossed)
        events = join_events([died, events_of(self, born, BIRTH)])
        return RewiringInfo(self.steps_done, events, len(died), 0)

    @property
    def num_sites(self) -> int:
        """Return how many potential connections there are."""
        return len(self)

    @property
    def num_active(self) -> int:
        """Return how many are connected now."""
        return int(np.count_nonzero(self.connected))

    @property
    def weights(self) -> NDArray[Any]:
        """Return polarity * theta where connected and 0 elsewhere, a new array: the weights of `SoftDeepR`.

        Those of `SynapticSampling` are ``polarity * rule.weight(theta)``.
        """
        return self.polarity * np.maximum(self.theta, 0)


def _all_pairs(sites: Sites) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return every pair that may be connected, in the order of keys."""
    if sites.number > MAX_NEURONS:
        raise ValueError(
            f"{sites.num_pre} by {sites.num_post} neurons have {sites.number} potential connections, "
            f"at most {MAX_NEURONS} fit; give fewer as pre and post, or use Connections with DeepR."
        )
    keys = sites.all_keys()
    return (keys // sites.num_post).astype(np.int32), (keys % sites.num_post).astype(np.int32)
