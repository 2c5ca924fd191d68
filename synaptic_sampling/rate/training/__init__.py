"""How a network is trained: epochs, losses, schedules, baselines, and the compiled fast path."""
