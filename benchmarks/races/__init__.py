"""Races of `order="fastest"` on small systems for which nothing here was tuned."""
