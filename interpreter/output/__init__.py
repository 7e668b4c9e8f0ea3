"""Finished blocks of a Jacobian in the form that a caller asked for."""
