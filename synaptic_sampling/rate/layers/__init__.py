"""The layers of rate-based networks, sparse and dense."""
