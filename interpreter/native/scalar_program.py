"""A program of single numbers without branches: what a native kernel is compiled from.

Statements are numbered; an operand is the number of an earlier one. Constants are folded and equal
statements are merged, so that every value is computed once.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np

UNARY: dict[str, Callable[..., float]] = {
    "neg": np.negative,
    "abs": np.abs,
    "sqrt": np.sqrt,
    "floor": np.floor,
    "ceil": np.ceil,
    "roundeven": np.rint,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "cbrt": np.cbrt,
    "erf": np.vectorize(math.erf, otypes=[float]),
    "erfc": np.vectorize(math.erfc, otypes=[float]),
}
"""Functions of one number, with numpy's for constants."""

BINARY: dict[str, Callable[..., float]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "max": np.maximum,
    "min": np.minimum,
    "pow": np.power,
    "atan2": np.arctan2,
}
"""Functions of two numbers."""

COMPARISONS: dict[str, Callable[..., bool]] = {
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
}
"""Functions of two numbers that are true or false."""

LOGIC: dict[str, Callable[..., bool]] = {
    "and": np.logical_and,
    "or": np.logical_or,
    "xor": np.logical_xor,
}
"""Functions of two truth values."""

CONSTANT, INPUT, SELECT = "constant", "input", "select"

_FOLDED = {**UNARY, **BINARY, **COMPARISONS, **LOGIC}
TRUTH_VALUES = frozenset({*COMPARISONS, *LOGIC})
"""Operations whose results are true or false."""


@dataclasses.dataclass(frozen=True)
class Statement:
    """One value.

    Attributes:
        operation: `CONSTANT`, `INPUT`, `SELECT` (operands: truth value, then, else) or a key of the
            tables above.
        operands: Numbers of earlier statements; of an input (number of the array, entry).
        value: The value of a constant; compared as text, since 0.0 equals -0.0 and nan does not
            equal nan.
        is_truth: Whether it is true or false, and not a number.
    """

    operation: str
    operands: tuple[int, ...]
    value: float | bool = dataclasses.field(default=0.0, compare=False)
    is_truth: bool = False
    text: str = dataclasses.field(init=False, repr=False, default="")

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", repr(self.value))


@dataclasses.dataclass(frozen=True)
class ScalarProgram:
    """A program of single numbers.

    Attributes:
        dtype: float32 or float64, of everything but truth values.
        input_sizes: Number of entries of every input array.
        statements: All statements that some output needs.
        outputs: For every output array the statements of its entries, in the order of memory.
    """

    dtype: np.dtype
    input_sizes: tuple[int, ...]
    statements: tuple[Statement, ...]
    outputs: tuple[tuple[int, ...], ...]


class Builder:
    """Collects statements."""

    def __init__(self, dtype: np.dtype, most: int) -> None:
        """Starts without statements.

        Args:
            dtype: float32 or float64.
            most: Number of statements above which `OverflowError` is raised.
        """
        self.dtype, self._most = dtype, most
        self.statements: list[Statement] = []
        self._known: dict[Statement, int] = {}

    def input(self, array: int, entry: int) -> int:
        """An entry of an input array."""
        return self._add(Statement(INPUT, (array, entry)))

    def constant(self, value: float | bool | np.generic) -> int:
        """A number, or a truth value if it is a bool."""
        if isinstance(value, bool | np.bool_):
            return self._add(Statement(CONSTANT, (), bool(value), True))
        return self._add(Statement(CONSTANT, (), float(self.dtype.type(value))))

    def apply(self, operation: str, *operands: int) -> int:
        """Applies an operation of the tables.

        Args:
            operation: Its name.
            *operands: Numbers of statements.

        Returns:
            The number of the statement.

        Raises:
            OverflowError: If there are too many statements.
        """
        # Only what is exact for every number, infinities included, is simplified: not x * 0.
        values = [self.statements[k] for k in operands]
        if all(x.operation == CONSTANT for x in values):
            return self._folded(operation, [x.value for x in values])
        if operation in ("mul", "div") and self._is(operands[1], 1.0):
            return operands[0]
        if operation == "mul" and self._is(operands[0], 1.0):
            return operands[1]
        if operation == "mul" and -1.0 in (values[0].value, values[1].value):
            for this, other in (operands, operands[::-1]):
                if self._is(this, -1.0):
                    return self.apply("neg", other)
        if operation == "neg" and values[0].operation == "neg":
            return values[0].operands[0]
        if operation in ("add", "mul") and operands[0] > operands[1]:
            operands = operands[::-1]
        is_truth = operation in TRUTH_VALUES
        return self._add(Statement(operation, operands, is_truth=is_truth))

    def select(self, which: int, then: int, otherwise: int) -> int:
        """One of two values."""
        if self.statements[which].operation == CONSTANT:
            return then if self.statements[which].value else otherwise
        if then == otherwise:
            return then
        is_truth = self.statements[then].is_truth
        return self._add(Statement(SELECT, (which, then, otherwise), is_truth=is_truth))

    def is_constant(self, statement: int) -> bool:
        """Whether a statement is a constant."""
        return self.statements[statement].operation == CONSTANT

    def program(
        self, input_sizes: Sequence[int], outputs: Iterable[Sequence[int]]
    ) -> ScalarProgram:
        """The program of some outputs, without what they do not need.

        Args:
            input_sizes: Number of entries of every input array.
            outputs: Statements of the entries of every output array.

        Returns:
            The program, its statements renumbered.
        """
        outputs = [tuple(map(int, entries)) for entries in outputs]
        needed = {k for entries in outputs for k in entries}
        for k in range(len(self.statements) - 1, -1, -1):
            if k in needed and self.statements[k].operation != INPUT:
                needed.update(self.statements[k].operands)
        number = {old: new for new, old in enumerate(sorted(needed))}
        statements = [
            x
            if x.operation == INPUT
            else dataclasses.replace(x, operands=tuple(number[k] for k in x.operands))
            for x in (self.statements[old] for old in number)
        ]
        return ScalarProgram(
            self.dtype,
            tuple(input_sizes),
            tuple(statements),
            tuple(tuple(number[k] for k in entries) for entries in outputs),
        )

    def _is(self, statement: int, value: float) -> bool:
        x = self.statements[statement]
        return x.operation == CONSTANT and not x.is_truth and x.value == value

    def _folded(self, operation: str, values: Sequence[float | bool]) -> int:
        typed = [x if isinstance(x, bool) else self.dtype.type(x) for x in values]
        with np.errstate(all="ignore"):
            result = _FOLDED[operation](*typed)
        return self.constant(bool(result) if operation in TRUTH_VALUES else float(result))

    def _add(self, statement: Statement) -> int:
        if statement not in self._known:
            if len(self.statements) >= self._most:
                raise OverflowError(f"more than {self._most} statements")
            self._known[statement] = len(self.statements)
            self.statements.append(statement)
        return self._known[statement]
