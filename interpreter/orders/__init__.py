"""Classical elimination orders, what a learned order has to beat, and how far any can go."""

from interpreter.orders.bounds import lower_bound
from interpreter.orders.exact import Certificate, ExactResult, certify, optimal_order
from interpreter.orders.fixed import forward_order, reverse_order
from interpreter.orders.markowitz import markowitz_order
from interpreter.orders.portfolio import (
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
