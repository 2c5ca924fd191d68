"""Exact laws in discrete time of what rules do without, and partly with, a gradient: numbers in, laws out."""
