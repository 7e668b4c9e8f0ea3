"""The names of orders that type checkers know."""

from typing import get_args

from elimax.interpreter.orders.names import OrderName
from elimax.interpreter.orders.portfolio import PORTFOLIO


def test_types_and_the_portfolio_name_the_same_orders() -> None:
    """A type checker allows exactly what there is, in the same sequence."""
    assert get_args(OrderName) == tuple(PORTFOLIO)
