"""Measures whether fewer multiplications, or a lower price, mean less time."""
