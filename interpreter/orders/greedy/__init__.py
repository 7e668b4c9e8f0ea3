"""Greedy rules: the vertex that looks cheapest goes first."""
