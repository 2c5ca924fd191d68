"""Exact laws in discrete time for rules without, and partly with, a gradient."""
