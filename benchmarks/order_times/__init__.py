"""Whether fewer multiplications, and a lower price, mean less time."""
