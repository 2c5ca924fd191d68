"""Sets of connections: which pairs may be connected, where each connection is kept, how vacant pairs are drawn."""
