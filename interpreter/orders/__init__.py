"""Classical elimination orders: what a learned order has to beat."""

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
    "PORTFOLIO",
    "best_classic",
    "forward_order",
    "markowitz_order",
    "named_order",
    "portfolio",
    "reverse_order",
]
