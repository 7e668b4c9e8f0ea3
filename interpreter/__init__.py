"""Jacobians by vertex elimination: what a graph is, what an order costs, how one is executed."""
