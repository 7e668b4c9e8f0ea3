"""Checks of what a user passes to `jacve`: functions, positions, dtypes.

The errors have the types that `jax.jacrev` raises for the same mistakes.
"""

import operator
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def check_callable(fun: Any) -> None:
    """Checks that there is a function to differentiate, as `jax.jacrev` does.

    Args:
        fun: What was passed as a function.

    Raises:
        TypeError: If it cannot be called.
    """
    if not callable(fun):
        raise TypeError(
            f"the first argument must be a function, but is {described(fun)}: pass the function "
            "itself, and call the result with its arguments, as in jacve(f)(x)"
        )


def positions_of(argnums: int | Iterable[int], num_args: int) -> list[int]:
    """Positions of arguments, counted from the front.

    Args:
        argnums: One position or several; negative ones count from the end.
        num_args: Number of positional arguments.

    Returns:
        The positions as a list.

    Raises:
        TypeError: If one is not an integer.
        ValueError: If one is out of range.
    """
    try:
        # An array of rank 0 is an Iterable, but is one position.
        given: list[Any] = [argnums]
        if isinstance(argnums, Iterable) and getattr(argnums, "ndim", 1) != 0:
            given = list(argnums)
        positions = [operator.index(position) for position in given]
    except TypeError as error:
        raise TypeError(
            f"argnums must be the position of an argument, an integer, or a sequence of positions, "
            f"but is {argnums!r:.60}"
        ) from error
    for position in positions:
        if not -num_args <= position < num_args:
            raise ValueError(
                f"argnums={argnums} asks for argument {position}, but the function was called "
                f"with {num_args} positional arguments (an argument passed by keyword is never "
                "differentiated)"
            )
    return [position % num_args for position in positions]


def is_array(leaf: Any) -> bool:
    """Whether a leaf is an array that JAX can hold.

    Args:
        leaf: Anything.

    Returns:
        True for arrays of numbers, booleans and PRNG keys.
    """
    # A Python number to which JAX has added a dtype, as in the rule of a custom_jvp, has no shape.
    dtype = getattr(leaf, "dtype", None) if hasattr(leaf, "shape") else None
    return dtype is not None and any(
        jnp.issubdtype(dtype, kind) for kind in (np.number, np.bool_, jax.dtypes.extended)
    )


def is_numeric(leaf: Any) -> bool:
    """Whether a leaf is an array or one of Python's own numbers.

    Args:
        leaf: Anything.

    Returns:
        True if JAX can compute with it.
    """
    return isinstance(leaf, bool | int | float | complex) or is_array(leaf)


def check_inputs(leaves: Mapping[str, jax.Array], holomorphic: bool, allow_int: bool) -> None:
    """Checks the dtypes of differentiated inputs, as `jax.jacrev` does.

    Args:
        leaves: The differentiated leaves by name.
        holomorphic: Whether inputs must be complex.
        allow_int: Whether integers are accepted.

    Raises:
        TypeError: If a dtype does not fit.
    """
    for name, leaf in leaves.items():
        if holomorphic and not jnp.issubdtype(leaf.dtype, jnp.complexfloating):
            raise TypeError(
                f"with holomorphic=True inputs must be complex, but {name} is {leaf.dtype}: "
                "convert it, or leave holomorphic=True out"
            )
        if jnp.issubdtype(leaf.dtype, jnp.inexact):
            continue
        if jnp.issubdtype(leaf.dtype, jax.dtypes.extended) or not allow_int:
            raise TypeError(
                f"inputs must be floating point, but {name} is {leaf.dtype}: convert it, choose "
                "other argnums, or (for integers and booleans) pass allow_int=True"
            )


def check_outputs(leaves: Mapping[str, Any], holomorphic: bool) -> None:
    """Checks the dtypes of differentiated outputs, as `jax.jacrev` does.

    Args:
        leaves: The output leaves by name.
        holomorphic: Whether outputs must be complex, not real.

    Raises:
        TypeError: If a dtype does not fit.
    """
    wanted = jnp.complexfloating if holomorphic else jnp.floating
    for name, leaf in leaves.items():
        if jnp.issubdtype(leaf.dtype, wanted):
            continue
        kind = "complex with holomorphic=True" if holomorphic else "real floating point"
        is_complex = jnp.issubdtype(leaf.dtype, jnp.complexfloating)
        remedy = (
            "pass holomorphic=True if the function is holomorphic" if is_complex else ("convert it")
        )
        raise TypeError(
            f"outputs must be {kind}, but {name} is {leaf.dtype}: {remedy}, or return it as "
            "auxiliary data with has_aux=True"
        )


def described(value: Any) -> str:
    """A value, cut to 60 characters, and its type, for a message."""
    return f"{value!r:.60} of type {type(value).__name__}"
