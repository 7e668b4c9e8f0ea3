"""Cheapest orders with proof, and bounds on how cheap any can be."""
