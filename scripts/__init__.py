"""Command-line scripts: training, demonstration, verification, benchmarks."""
