"""Sets of connections: which pairs may be connected, where connections are stored, how vacant pairs are drawn."""

from synaptic_sampling.connections.budget import Budget
from synaptic_sampling.connections.existing import Connections
from synaptic_sampling.connections.potential import PotentialConnections
from synaptic_sampling.connections.signs import Signs
from synaptic_sampling.connections.sites import Sites
from synaptic_sampling.connections.soft import SoftConnections

__all__ = ["Budget", "Connections", "PotentialConnections", "Signs", "Sites", "SoftConnections"]
