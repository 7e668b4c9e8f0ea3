"""Which rule gives the edge Jacobians of which primitive.

A primitive with a *formula* has one edge per operand and result, which its rule gives. All others
are opaque: JAX differentiates them with respect to all operands that move, as `opaque_equation`
describes, and a rule says at most which axes they tie.

All rules take a `Use`: one operand and one result of an equation. The rule of a formula returns a
`LocalJacobian`, whose structure follows from shapes and parameters alone; the rule of an opaque
primitive returns its ties, see `register_ties`. The derivative that its docstring states is the
one that JAX computes.

Docstrings of rules say, in this order: what flows where; the mathematics; an example with labels;
the parameters that are read; where JAX describes the primitive. Operands are counted from 0, and
letters stand for labels: out (a, b), in (b) is a Jacobian J[a, b; b'] that is zero unless b = b'.
Shapes and dtypes are always read, and are not listed.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp

from elimax.interpreter.graph.pair_structure import Structure, written_structure
from elimax.interpreter.graph.structure import UNTIED
from elimax.interpreter.tracing.program import Equation
from elimax.interpreter.tracing.rules.use import Use

# Their derivative is zero by JAX's own convention, though floats go in and come out.
# Whatever returns or takes integers and booleans has none either, without being listed.
ZERO_DERIVATIVE = frozenset(
    ("stop_gradient", "floor", "ceil", "round", "sign", "argmax", "argmin")
    + ("bitcast_convert_type",)
)

# They have one result per operand, and operand k reaches result k alone.
PASS_THROUGH = frozenset({"device_put", "optimization_barrier"})

# The derivative of a complex number by another is one complex number in all other rules. Here it
# may be any real 2x2 matrix, as for `conj`.
NOT_COMPLEX_LINEAR = frozenset({"conj"})


class LocalJacobian(NamedTuple):
    """The Jacobian of one result of an equation with respect to one operand.

    Attributes:
        structure: Its structure, known without any values.
        value: Computes the value from the equation's inputs and results: an array whose axes are
            the structure's carried labels in ascending order, where a numpy array is a constant, or
            a sparse value; for an opaque structure a `LinearMap`.
        drops: Whether the zeros of the value exclude, as those of a mask do: 0 times infinity is
            then 0.
    """

    structure: Structure
    value: Callable[[Sequence[Any], Sequence[Any]], Any]
    drops: bool = False


Rule = Callable[[Use], LocalJacobian]

_RULES: dict[str, Rule] = {}

TieRule = Callable[[Use], Sequence[int] | None]


class _Ties(NamedTuple):
    rule: TieRule
    is_simple: bool
    varies: Callable[[Equation], bool]


def _always(equation: Equation) -> bool:
    del equation
    return True


_TIES: dict[str, _Ties] = {}


def register_ties(
    *names: str, is_simple: bool = True, varies: Callable[[Equation], bool] = _always
) -> Callable[[TieRule], TieRule]:
    """Makes a function the tie rule of some opaque primitives.

    Args:
        *names: Names of primitives.
        is_simple: Whether parameters and shapes alone tell the ties. If not, because the equation
            has a body, those of its derivative are read off its linearised body instead.
        varies: Whether the derivative of an equation may differ from index to index of a tied
            axis.

    Returns:
        A decorator. The rule returns for each axis of the operand the axis of the result that it is
        tied to, or `UNTIED`; None if the result does not depend on the operand.

    Raises:
        ValueError: If one of them has a rule already.
    """

    def decorate(rule: TieRule) -> TieRule:
        for name in names:
            if name in _RULES or name in _TIES:
                raise ValueError(f"the primitive {name!r} has a rule already")
            _TIES[name] = _Ties(rule, is_simple, varies)
        return rule

    return decorate


def register(*names: str) -> Callable[[Rule], Rule]:
    """Makes a function the rule of some primitives.

    Args:
        *names: Names of primitives.

    Returns:
        A decorator.

    Raises:
        ValueError: If one of them has a rule already.
    """

    def decorate(rule: Rule) -> Rule:
        for name in names:
            if name in _RULES:
                raise ValueError(f"the primitive {name!r} has a rule already: {_RULES[name]}")
            _RULES[name] = rule
        return rule

    return decorate


def has_derivative(use: Use) -> bool:
    """Whether there is an edge from an operand to a result at all.

    Args:
        use: The operand and the result.

    Returns:
        False for integers, booleans, keys and primitives whose derivative is zero by convention.
    """
    if use.name in PASS_THROUGH and use.operand != use.result:
        return False
    if use.name == "nextafter" and use.operand == 1:
        return False  # it only tells the direction of the step
    if use.name == "custom_linear_solve" and _is_solver_constant(use):
        return False
    return (
        use.name not in ZERO_DERIVATIVE
        and is_differentiable(use.in_aval)
        and is_differentiable(use.out_aval)
    )


def _is_solver_constant(use: Use) -> bool:
    """Whether an operand only tells how to solve, as a factorisation does, not what to solve."""
    lengths = use.params["const_lengths"]
    return lengths.matvec <= use.operand < sum(lengths)


def is_differentiable(aval: Any) -> bool:
    """Whether values of a dtype are real or complex floating-point numbers.

    Args:
        aval: Anything with a dtype.

    Returns:
        True for floating-point and complex dtypes.
    """
    return jnp.issubdtype(aval.dtype, jnp.inexact)


def has_formula(equation: Equation) -> bool:
    """Whether a rule gives the edges of an equation; otherwise it is opaque."""
    # `x.at[i].apply(f)` is a scatter, too, but JAX refuses to differentiate it.
    applies = equation.name == "scatter" and equation.params["update_jaxpr"] is not None
    return equation.name in _RULES and not applies


def is_complex_linear(equation: Equation) -> bool:
    """Whether the derivative of an equation on complex numbers is one complex number per entry.

    Args:
        equation: The equation.

    Returns:
        False also if that is not known, as for a function with its own derivative rule.
    """
    return has_formula(equation) and equation.name not in NOT_COMPLEX_LINEAR


def local_jacobian(use: Use) -> LocalJacobian:
    """The edge Jacobian of an equation with a formula.

    Args:
        use: The operand and the result; `has_derivative` must hold.

    Returns:
        Structure and value.
    """
    return _RULES[use.name](use)


def axis_ties(equation: Equation) -> TieRule | None:
    """The tie rule of an opaque equation, if parameters and shapes alone tell its ties.

    Args:
        equation: The equation.

    Returns:
        The rule; None if there is none of this kind.
    """
    found = _TIES.get(equation.name)
    return found.rule if found is not None and found.is_simple else None


def varies_along_ties(equation: Equation) -> bool:
    """Whether the derivative of an opaque equation may differ along a tied axis."""
    found = _TIES.get(equation.name)
    return found is None or found.varies(equation)


def ties_between(use: Use) -> tuple[int, ...] | None:
    """Ties of any equation.

    Args:
        use: The operand and the result.

    Returns:
        For each axis of the operand the axis of the result that it is tied to, or `UNTIED`, also
        where nothing is known; None if the result does not depend on the operand.
    """
    if not has_derivative(use):
        return None
    if has_formula(use.equation):
        return written_structure(local_jacobian(use).structure).ties
    if use.name not in _TIES:
        return (UNTIED,) * len(use.in_shape)
    ties = _TIES[use.name].rule(use)
    return None if ties is None else tuple(ties)
