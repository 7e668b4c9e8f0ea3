"""Computational graphs, orders, and the counting rule: what an elimination costs."""
