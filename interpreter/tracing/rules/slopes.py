"""Derivatives of elementwise functions of one or two real numbers, as formulas.

JAX's own rule gives the same numbers, but tracing it takes several times as long. Where a function
has no derivative (abs at 0, max of equal operands) the formula follows JAX.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from elimax.interpreter.tracing.rules.use import Use

# Maps a use, the inputs and the output of its equation to dy/dx of the first operand.
Slope = Callable[[Use, Sequence[Any], Any], Any]


def _number(value: float, like: Any) -> Any:
    return np.asarray(value, like.dtype)


def _times(factor: float, x: Any) -> Any:
    return lax.mul(_number(factor, x), x)


def _one_plus(x: Any) -> Any:
    return lax.add(_number(1, x), x)


def _one_minus(x: Any) -> Any:
    return lax.sub(_number(1, x), x)


def _power(use: Use, inputs: Sequence[Any], y: Any) -> Any:
    """n x^(n-1)."""
    del y
    (x,), n = inputs, int(use.params["y"])
    if n in (0, 1):
        return lax.full_like(x, n)
    return _times(n, x if n == 2 else lax.integer_pow(x, n - 1))


SLOPES: dict[str, Slope] = {
    "sin": lambda use, x, y: lax.cos(x[0]),
    "cos": lambda use, x, y: lax.neg(lax.sin(x[0])),
    "tan": lambda use, x, y: _one_plus(lax.mul(y, y)),
    "sinh": lambda use, x, y: lax.cosh(x[0]),
    "cosh": lambda use, x, y: lax.sinh(x[0]),
    "tanh": lambda use, x, y: lax.mul(_one_plus(y), _one_minus(y)),
    "asin": lambda use, x, y: lax.rsqrt(_one_minus(lax.mul(x[0], x[0]))),
    "acos": lambda use, x, y: lax.neg(lax.rsqrt(_one_minus(lax.mul(x[0], x[0])))),
    "atan": lambda use, x, y: lax.reciprocal(_one_plus(lax.mul(x[0], x[0]))),
    "exp": lambda use, x, y: y,
    "exp2": lambda use, x, y: _times(math.log(2), y),
    "log": lambda use, x, y: lax.reciprocal(x[0]),
    "log1p": lambda use, x, y: lax.reciprocal(_one_plus(x[0])),
    "logistic": lambda use, x, y: lax.mul(y, _one_minus(y)),
    "sqrt": lambda use, x, y: lax.div(_number(0.5, y), y),
    "rsqrt": lambda use, x, y: _times(-0.5, lax.div(y, x[0])),
    "square": lambda use, x, y: _times(2, x[0]),
    "integer_pow": _power,
    "abs": lambda use, x, y: jnp.where(x[0] >= 0, _number(1, y), _number(-1, y)),
    "erf": lambda use, x, y: _times(2 / math.sqrt(math.pi), lax.exp(-lax.mul(x[0], x[0]))),
    "erfc": lambda use, x, y: _times(-2 / math.sqrt(math.pi), lax.exp(-lax.mul(x[0], x[0]))),
}
"""Slopes of functions of one operand."""

EXTREMES = ("max", "min")


def slope(use: Use, inputs: Sequence[Any], output: Any) -> Any | None:
    """dy/dx of an elementwise equation by formula.

    Args:
        use: The operand.
        inputs: Values of all operands.
        output: Value of the result.

    Returns:
        The derivative, of a shape that broadcasts to the result's; None if there is no formula.
    """
    if not all(jnp.issubdtype(aval.dtype, jnp.floating) for aval in (use.out_aval, use.in_aval)):
        return None
    if use.name in SLOPES:
        return SLOPES[use.name](use, inputs, output)
    if use.name in EXTREMES:
        return _chosen(inputs[use.operand], inputs[1 - use.operand], output)
    if use.name == "select_n":
        return _selected(use, inputs)
    return None


def _chosen(x: Any, other: Any, y: Any) -> Any:
    """1 where x is the result of a max or min, 1/2 where both operands are, as in JAX."""
    one, half, zero = (_number(value, y) for value in (1.0, 0.5, 0.0))
    return jnp.where(jnp.equal(x, y), jnp.where(jnp.equal(other, y), half, one), zero)


def _selected(use: Use, inputs: Sequence[Any]) -> Any:
    """1 where the predicate selects this case."""
    predicate = inputs[0]
    if predicate.dtype == np.bool_:
        is_chosen = predicate if use.operand == 2 else jnp.logical_not(predicate)
    else:
        is_chosen = predicate == np.asarray(use.operand - 1, predicate.dtype)
    return lax.convert_element_type(is_chosen, use.out_aval.dtype)
