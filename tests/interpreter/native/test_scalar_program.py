"""Statements are folded, found again and dropped."""

import numpy as np
import pytest

from elimax.interpreter.native.scalar_program import (
    BINARY,
    COMPARISONS,
    CONSTANT,
    INPUT,
    UNARY,
    Builder,
)

FLOAT32 = np.dtype(np.float32)


def new_builder(most: int = 100) -> Builder:
    """A builder of float32 statements."""
    return Builder(FLOAT32, most)


def test_what_is_said_twice_is_computed_once():
    """Also with the operands of a sum or a product exchanged."""
    build = new_builder()
    x, y = build.input(0, 0), build.input(0, 1)
    assert build.apply("mul", x, y) == build.apply("mul", y, x)
    assert build.apply("sub", x, y) != build.apply("sub", y, x)
    assert build.input(0, 1) == y


def test_constants_are_folded_in_the_dtype():
    """One third and a sum of it are those of float32."""
    build = new_builder()
    third = build.apply("div", build.constant(1.0), build.constant(3.0))
    assert build.statements[third].value == float(np.float32(1) / np.float32(3))
    assert build.statements[build.apply("lt", third, build.constant(1.0))].value is True


@pytest.mark.parametrize("name", sorted({*UNARY, *BINARY, *COMPARISONS}))
def test_every_operation_folds(name: str):
    """To what numpy says."""
    build = new_builder()
    operands = [build.constant(0.5)] * (1 if name in UNARY else 2)
    function = {**UNARY, **BINARY, **COMPARISONS}[name]
    with np.errstate(all="ignore"):
        expected = function(*([np.float32(0.5)] * len(operands)))
    found = build.statements[build.apply(name, *operands)].value
    assert found == pytest.approx(float(expected), rel=1e-6, nan_ok=True)


def test_products_with_one_are_no_products():
    """Products with -1 change a sign, twice they change nothing; products with 0 stay, for nan."""
    build = new_builder()
    x = build.input(0, 0)
    assert (
        build.apply("mul", build.constant(1.0), x)
        == x
        == build.apply("div", x, build.constant(1.0))
    )
    minus = build.apply("mul", x, build.constant(-1.0))
    assert build.statements[minus].operation == "neg"
    assert build.apply("neg", minus) == x
    assert build.statements[build.apply("mul", x, build.constant(0.0))].operation == "mul"


def test_zeros_of_both_signs_differ():
    """They are equal, but one over them is not."""
    build = new_builder()
    assert build.constant(0.0) != build.constant(-0.0)


def test_a_known_choice_is_no_choice():
    """Neither is one between the same."""
    build = new_builder()
    x, y = build.input(0, 0), build.input(0, 1)
    assert build.select(build.constant(True), x, y) == x
    assert build.select(build.constant(False), x, y) == y
    assert build.select(build.apply("lt", x, y), y, y) == y


def test_programs_hold_what_outputs_need():
    """Renumbered, in an order in which operands come first."""
    build = new_builder()
    x = build.input(0, 0)
    build.apply("exp", x)
    result = build.apply("add", build.apply("sin", x), build.constant(2.0))
    program = build.program([3], [[result, x]])
    assert [s.operation for s in program.statements] == [INPUT, "sin", CONSTANT, "add"]
    assert program.outputs == ((3, 0),) and program.input_sizes == (3,)
    assert all(k < n for n, s in enumerate(program.statements) if s.operation != INPUT
               for k in s.operands)  # fmt: skip


def test_too_many_statements():
    """Raise an error that says how many are allowed."""
    build = new_builder(2)
    build.input(0, 0), build.input(0, 1)
    with pytest.raises(OverflowError, match="more than 2 statements"):
        build.input(0, 2)
