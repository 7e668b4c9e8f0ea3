"""Races of `order="fastest"` on small systems that nothing here was tuned for."""
