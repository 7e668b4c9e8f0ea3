"""A rival: Jacobians by symbolic differentiation with common subexpressions.

The traced program of a function of single numbers becomes expressions of SymEngine, which are
differentiated with respect to every input; subexpressions that occur more than once are named
(`cse`), and JAX computes the rest.
"""

import functools
import importlib
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.extend.core as jex
import jax.numpy as jnp
import numpy as np
from jax import lax

Expressions = np.ndarray
"""An array of expressions, or of single numbers."""


class NotSymbolicError(Exception):
    """A function has steps other than arithmetic on single numbers."""


def symbolic_jacobian(function: Callable[[Any], Any], vector: Any) -> Callable[[Any], Any]:
    """Differentiates a function symbolically.

    Args:
        function: From a vector (n,) to a vector (m,).
        vector: Example input (n,).

    Returns:
        A function from a vector (n,) to the Jacobian (m, n).

    Raises:
        ImportError: If symengine is not installed.
        NotSymbolicError: If the function has a step that is not known here.
    """
    symengine: Any = importlib.import_module("symengine")

    size = len(vector)
    inputs = [symengine.Symbol(f"input_{k}") for k in range(size)]
    closed = jax.make_jaxpr(function)(vector)
    (results,) = _evaluated(closed.jaxpr, closed.consts, [np.array(inputs, object)])
    entries = [symengine.sympify(result).diff(x) for result in results for x in inputs]
    named, entries = symengine.cse(entries)
    shape = len(results), size

    def jacobian(point: Any) -> Any:
        values = {str(x): point[k] for k, x in enumerate(inputs)}
        for symbol, expression in named:
            values[str(symbol)] = _computed(expression, values)
        found = [jnp.asarray(_computed(entry, values), point.dtype) for entry in entries]
        return jnp.stack(found).reshape(shape)

    return jacobian


def _evaluated(
    jaxpr: Any, constants: Sequence[Any], inputs: Sequence[Expressions]
) -> list[Expressions]:
    """The results of a program on expressions."""
    known: dict[Any, Any] = dict(zip(jaxpr.constvars, map(np.asarray, constants), strict=True))
    known.update(zip(jaxpr.invars, inputs, strict=True))

    def read(x: Any) -> Expressions:
        return np.asarray(x.val) if isinstance(x, jex.Literal) else known[x]

    for equation in jaxpr.eqns:
        rule = _rules().get(equation.primitive.name)
        if rule is None:
            raise NotSymbolicError(f"no expression for {equation.primitive.name}")
        result = rule(*map(read, equation.invars), **equation.params)
        known[equation.outvars[0]] = np.asarray(result, object)
    return [read(x) for x in jaxpr.outvars]


@functools.cache
def _rules() -> Mapping[str, Callable[..., Any]]:
    """By primitive, its effect on arrays of expressions."""
    symengine: Any = importlib.import_module("symengine")

    def elementwise(function: Callable[..., Any], arity: int = 1) -> Callable[..., Any]:
        applied = np.frompyfunc(function, arity, 1)
        return lambda *arrays, **_: applied(*arrays)

    def strided(x: Any, *, start_indices: Any, limit_indices: Any, strides: Any) -> Any:
        steps = strides or (1,) * x.ndim
        return x[tuple(map(slice, start_indices, limit_indices, steps))]

    def broadcast(x: Any, *, shape: Any, broadcast_dimensions: Any, **_: Any) -> Any:
        kept = [1] * len(shape)
        for axis, size in zip(broadcast_dimensions, x.shape, strict=True):
            kept[axis] = size
        return np.broadcast_to(x.reshape(kept), shape)

    half = symengine.Rational(1, 2)
    return {
        "add": elementwise(operator.add, 2),
        "sub": elementwise(operator.sub, 2),
        "mul": elementwise(operator.mul, 2),
        "div": elementwise(operator.truediv, 2),
        "neg": elementwise(operator.neg),
        "integer_pow": lambda x, *, y: x**y,
        "sqrt": lambda x, **_: x**half,
        "sin": elementwise(symengine.sin),
        "cos": elementwise(symengine.cos),
        "exp": elementwise(symengine.exp),
        "log": elementwise(symengine.log),
        "atan2": elementwise(symengine.atan2, 2),
        "slice": strided,
        "reshape": lambda x, *, new_sizes, **_: x.reshape(new_sizes),
        "squeeze": lambda x, *, dimensions: x.squeeze(tuple(dimensions)),
        "broadcast_in_dim": broadcast,
        "convert_element_type": lambda x, **_: x,
        "stack": lambda *arrays, axis: np.stack(arrays, axis),
        "concatenate": lambda *arrays, dimension: np.concatenate(arrays, dimension),
    }


_FUNCTIONS = {"sin": jnp.sin, "cos": jnp.cos, "log": jnp.log, "ATan2": jnp.arctan2}


def _computed(expression: Any, values: Mapping[str, Any]) -> Any:
    """The value of an expression, given values for its symbols."""
    if expression.is_Symbol:
        return values[str(expression)]
    if expression.is_Number:
        return float(expression)
    kind, arguments = type(expression).__name__, expression.args
    if kind == "Pow" and type(arguments[0]).__name__ == "Exp1":  # Exponentials are powers of e.
        return jnp.exp(_computed(arguments[1], values))
    if kind == "Pow":
        return _power(_computed(arguments[0], values), arguments[1], values)
    found = [_computed(argument, values) for argument in arguments]
    if kind in ("Add", "Mul"):
        return functools.reduce(operator.add if kind == "Add" else operator.mul, found)
    return _FUNCTIONS[kind](*found)


def _power(base: Any, exponent: Any, values: Mapping[str, Any]) -> Any:
    """A power, by products and roots where that is possible."""
    if exponent.is_Integer:
        return lax.integer_pow(jnp.asarray(base), int(exponent))
    if exponent.is_Number and float(2 * exponent).is_integer():
        return lax.integer_pow(jnp.sqrt(base), int(2 * exponent))
    return base ** _computed(exponent, values)
