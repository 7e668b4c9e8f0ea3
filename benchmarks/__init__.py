"""Benchmarks and their command lines; nothing of elimax depends on them."""

# Sets the XLA flags that correct wrong numbers before JAX computes anything.
import elimax.pipeline  # noqa: F401
