"""What `make test` spares."""

import hypothesis.strategies as st
from hypothesis import given, settings

from tests.quick import draw_fewer_examples


def test_a_third_of_the_examples_is_drawn() -> None:
    """Twelve of 36; the other settings stay."""
    drawn: list[int] = []

    @settings(max_examples=36, derandomize=True, database=None)
    @given(st.integers(0, 10**9))
    def takes_a_number(number: int) -> None:
        drawn.append(number)

    draw_fewer_examples(takes_a_number)
    takes_a_number()
    assert len(drawn) == 12


def test_other_functions_stay() -> None:
    """Without random examples there is nothing to spare."""

    def plain() -> int:
        return 1

    draw_fewer_examples(plain)
    assert plain() == 1 and not vars(plain)
