"""Which axes of a program's outputs are tied to which axes of its inputs.

y[a, ..] is tied to x[a, ..] along an axis if every entry of y depends on entries of x with the same
index only, as along a batch axis. For calls and loops this follows from their bodies: ties are
composed along every path, and paths that meet keep the ties that they agree on. Example: through
`sin(x) @ w`, x of shape (B, K), the ties of x are (0, UNTIED), and w has (UNTIED, 1).
"""

import contextlib
import contextvars
import weakref
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any

from elimax.interpreter.graph.structure import UNTIED
from elimax.interpreter.tracing.program import Program, program_of
from elimax.interpreter.tracing.rules.registry import ties_between
from elimax.interpreter.tracing.rules.use import Use

MOST_LOOKS = 20_000
"""Pairs of an operand and a result that one analysis may look at."""

# For every source that an array depends on: the axis tied to each axis of the source, or a negative
# number; those other than UNTIED are for the caller and pass through unchanged.
Dependence = dict[int, tuple[int, ...]]


def ties_of(program: Program, inputs: Sequence[Mapping[int, tuple[int, ...]]]) -> list[Dependence]:
    """How the outputs of a program depend on sources, given how its inputs do.

    Args:
        program: The program.
        inputs: Dependence of every input.

    Returns:
        Dependence of every output.
    """
    at: dict[int, Dependence] = {node: dict(source) for node, source in enumerate(inputs)}
    for equation in program.equations:
        for r, result in enumerate(equation.results):
            at[result] = {}
            for k, operand in enumerate(equation.operands):
                if not (isinstance(operand, int) and at[operand]):
                    continue
                _spend()
                local = ties_between(Use(equation, k, r))
                if local is not None:
                    merge(at[result], compose(local, at[operand]))
    return [dict(at[node]) if isinstance(node, int) else {} for node in program.outputs]


class TooMuchWorkError(Exception):
    """Finding ties would take longer than they can save."""


_looks_left: contextvars.ContextVar[list[int] | None] = contextvars.ContextVar(
    "looks_left", default=None
)


@contextlib.contextmanager
def limited_work() -> Iterator[None]:
    """Limits the search for ties inside to `MOST_LOOKS` pairs.

    Raises:
        TooMuchWorkError: Inside, when the limit is passed.
    """
    token = _looks_left.set([MOST_LOOKS])
    try:
        yield
    finally:
        _looks_left.reset(token)


def _spend() -> None:
    left = _looks_left.get()
    if left is not None:
        left[0] -= 1
        if left[0] < 0:
            raise TooMuchWorkError


def compose(later: Sequence[int], earlier: Mapping[int, tuple[int, ...]]) -> Dependence:
    """Ties along a path of two parts.

    Args:
        later: For each axis in the middle the axis at the end.
        earlier: How the middle depends on sources.

    Returns:
        How the end depends on those sources.
    """
    return {
        source: tuple(later[tie] if tie >= 0 else tie for tie in ties)
        for source, ties in earlier.items()
    }


def merge(first: Dependence, second: Mapping[int, tuple[int, ...]]) -> None:
    """Adds another path to a dependence, which keeps only the ties that both have.

    Args:
        first: One dependence; it is changed in place.
        second: The other.
    """
    for source, ties in second.items():
        known = first.get(source, ties)
        first[source] = tuple(x if x == y else UNTIED for x, y in zip(known, ties, strict=True))


def identity(rank: int) -> tuple[int, ...]:
    """Ties of an array to itself.

    Args:
        rank: Number of its axes.

    Returns:
        (0, 1, ...).
    """
    return tuple(range(rank))


def cached_by_jaxpr(key: Hashable, jaxpr: Any, compute: Callable[[Program], Any]) -> Any:
    """Something computed from the body of an equation, once for all its operands and results.

    Args:
        key: Everything else that the result depends on.
        jaxpr: The closed jaxpr of the body; the result is forgotten with it.
        compute: Computes the result from the program of the body, and must not keep the program.

    Returns:
        The result.
    """
    known = _KNOWN.setdefault(jaxpr, {})
    if key not in known:
        known[key] = compute(program_of(jaxpr))
    return known[key]


_KNOWN: weakref.WeakKeyDictionary[Any, dict[Hashable, Any]] = weakref.WeakKeyDictionary()
