"""Elimination orders: the classical ones, provably cheapest ones, and lower bounds."""

from elimax.interpreter.orders.exact.bounds import lower_bound
from elimax.interpreter.orders.exact.optimal import (
    Certificate,
    ExactResult,
    certify,
    optimal_order,
)
from elimax.interpreter.orders.fixed import forward_order, reverse_order
from elimax.interpreter.orders.greedy.markowitz import markowitz_order
from elimax.interpreter.orders.portfolio import (
    CLASSIC,
    PORTFOLIO,
    best_classic,
    named_order,
    portfolio,
)

__all__ = [
    "CLASSIC",
    "Certificate",
    "ExactResult",
    "PORTFOLIO",
    "best_classic",
    "certify",
    "forward_order",
    "lower_bound",
    "markowitz_order",
    "named_order",
    "optimal_order",
    "portfolio",
    "reverse_order",
]
