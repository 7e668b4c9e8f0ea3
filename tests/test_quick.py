"""What `make test` spares."""

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from support.quick import COMPILER_FLAGS, compile_quickly, draw_fewer_examples, spare_cases

pytest_plugins = ["pytester"]

PARAMETRISED = """
import pytest

@pytest.mark.parametrize("number", range(8))
def test_many(number):
    pass

@pytest.mark.parametrize("number", range(5))
def test_few(number):
    pass

def test_one():
    pass

class TestMany:
    @pytest.mark.parametrize("kind", "abc")
    @pytest.mark.parametrize("number", range(3))
    def test_many(self, number, kind):
        pass
"""


def test_flags_that_are_set_stay() -> None:
    """Others are added; a file of flags is left alone."""
    first, *others = COMPILER_FLAGS
    name = first.partition("=")[0]
    for present, expected in [
        ("", " ".join(COMPILER_FLAGS)),
        (f"--a=1 {name}=mine", " ".join(["--a=1", f"{name}=mine", *others])),
        ("/flags.txt", "/flags.txt"),
    ]:
        environment = {"XLA_FLAGS": present}
        compile_quickly(environment)
        assert environment == {"XLA_FLAGS": expected}


def test_a_quarter_of_the_examples_is_drawn() -> None:
    """Nine of 36; the other settings stay."""
    drawn: list[int] = []

    @settings(max_examples=36, derandomize=True, database=None)
    @given(st.integers(0, 10**9))
    def takes_a_number(number: int) -> None:
        drawn.append(number)

    draw_fewer_examples(takes_a_number)
    takes_a_number()
    assert len(drawn) == 9


def test_other_functions_stay() -> None:
    """Without random examples there is nothing to spare."""

    def plain() -> int:
        return 1

    draw_fewer_examples(plain)
    assert plain() == 1 and not vars(plain)


def test_a_quarter_of_many_cases_runs(pytester: pytest.Pytester) -> None:
    """The first and the fifth; of two parameters every value; few cases all run."""
    items, _ = pytester.inline_genitems(pytester.makepyfile(PARAMETRISED))
    assert len(items) == 8 + 5 + 1 + 9
    spared = spare_cases(items)
    names = [item.name for item in items if item not in spared]
    assert names == [
        *(f"test_many[{number}]" for number in (0, 4)),
        *(f"test_few[{number}]" for number in range(5)),
        "test_one",
        *(f"test_many[{case}]" for case in ("0-a", "1-b", "2-c")),
    ]
    assert spare_cases(items) == spared
