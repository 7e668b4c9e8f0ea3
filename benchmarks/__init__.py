"""Benchmarks and their command lines; nothing of elimax depends on them."""

# Importing it sets the XLA flags that correct wrong results, before JAX computes anything.
import elimax.pipeline  # noqa: F401
