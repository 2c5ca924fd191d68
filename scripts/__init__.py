"""What people run: training, demonstration, verification, benchmarks."""
