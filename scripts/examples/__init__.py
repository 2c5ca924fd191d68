"""Short scripts as Brian2 users write them, one figure each."""
