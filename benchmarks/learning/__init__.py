"""Benchmark of the learned policy next to rules and annealing: `make bench-learning`."""
