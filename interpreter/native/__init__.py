"""Jacobians of single numbers as machine code: each value once, in a register, for many points."""
