"""Simulated annealing over elimination orders."""
