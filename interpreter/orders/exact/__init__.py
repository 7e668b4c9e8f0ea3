"""Provably cheapest orders, and bounds on how cheap any order can be."""
