"""Runs a program and eliminates its graph, or runs one of JAX's modes."""
