"""`jacve`: a Jacobian by vertex elimination, a drop-in replacement for `jax.jacrev`."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal, ParamSpec, TypeVar

from elimax.interpreter.differentiation import Options, Order, differentiated
from elimax.interpreter.output.blocks import Output, check_output
from elimax.interpreter.racing import fastest
from elimax.interpreter.tracing.call_checks import check_callable

P = ParamSpec("P")
R = TypeVar("R")


def jacve(
    fun: Callable[P, Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    order: Order | Literal["fastest"] = "auto",
    output: Output = "dense",
) -> Callable[P, Any]:
    """Jacobian of `fun` by vertex elimination; a drop-in replacement for `jax.jacrev`.

    Args:
        fun: Function of arrays or pytrees of arrays that returns the same.
        argnums: Which positional arguments to differentiate with respect to.
        has_aux: Whether `fun` returns a pair whose second entry is not differentiated.
        holomorphic: Whether `fun` is a holomorphic function of complex numbers; if it is not, the
            Jacobian is the derivative along the real axis, as that of `jax.jacfwd`. Without it,
            the block of a real output and a complex input z is the J with dy = Re(J dz).
        allow_int: Whether to accept integer inputs, whose Jacobian is zero.
        order: An order, or how to find one:

            - "auto": the order with the lowest price (see `graph.price`) that `orders.auto` finds,
              the same every time. Directly under `jax.vmap` on a CPU a native kernel may run it
              (see `ways`); if the output is dense, one of JAX's modes may replace it where its
              program promises to be quicker (see `emission`).
            - "best_classic": the order of the portfolio with the fewest nontrivial multiplications.
            - "policy": what the learned policy plays, or forward or reverse where that is cheaper;
              needs the extra `learn`.
            - "fastest", outside of transformations: a few ways are timed the first time a shape is
              met (see `plan`), and the winner runs compiled: arrays of floats are traced, as in
              `jax.jit`, and everything else keeps its value.
            - The name of an order of the portfolio, an `EliminationOrder`, a `Plan`, or vertex
              numbers.
        output: What the leaves of the Jacobian are: "dense" arrays of shape out.shape + in.shape,
            "structured" (`StructuredJacobian`) or "bcoo" (`jax.experimental.sparse.BCOO`), which
            leave out zeros that are known while tracing.

    Returns:
        A function with the arguments of `fun` that returns the Jacobian: the tree of the outputs
        with, at every leaf, the tree of the differentiated inputs. With `has_aux` a pair of that
        and the auxiliary data.

    Raises:
        InvalidOrderError: When called, if the order does not fit the graph of `fun`.
        MissingExtraError: When called, if the order is "policy" and `learn` is not installed.
        TracingError: When called, if `fun` has side effects other than those of `jax.debug`.
        TypeError: If `fun` is not a function; when called, if inputs or outputs cannot be
            differentiated, or if `fun` asks for the value of something that depends on a
            differentiated argument, as a Python `if` does. That is the one thing that
            `jax.jacrev` can do outside of `jax.jit` and `jacve` cannot; arguments that are not
            differentiated keep their values.
        ValueError: If there is no such `output`; when called, if a position is out of range, or
            there is nothing to differentiate; inside of a transformation with "fastest".
        NotScalarError: When called, if a plan asks for a native kernel and the function computes
            with more than a few thousand single numbers, or with a primitive that no kernel has.
    """
    options = Options(argnums, has_aux, holomorphic, allow_int, "auto", output)
    with_value = _function(fun, options, order, wants_value=has_aux)

    @functools.wraps(fun)
    def jacobian(*args: P.args, **kwargs: P.kwargs) -> Any:
        value, jac = with_value(*args, **kwargs)
        return (jac, value[1]) if has_aux else jac

    return jacobian


def value_and_jacve(
    fun: Callable[P, R],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    order: Order | Literal["fastest"] = "auto",
    output: Output = "dense",
) -> Callable[P, tuple[R, Any]]:
    """Value and Jacobian of `fun`, sharing one evaluation.

    Args:
        fun: As for `jacve`.
        argnums: As for `jacve`.
        has_aux: As for `jacve`.
        holomorphic: As for `jacve`.
        allow_int: As for `jacve`.
        order: As for `jacve`.
        output: As for `jacve`.

    Returns:
        A function that returns the pair (value, Jacobian); with `has_aux` the value is the pair
        (output, auxiliary data).

    Raises:
        ValueError: If there is no such `output`.
    """
    options = Options(argnums, has_aux, holomorphic, allow_int, "auto", output)
    check_output(output)
    check_callable(fun)

    with_value = _function(fun, options, order, wants_value=True)

    @functools.wraps(fun)
    def value_and_jacobian(*args: P.args, **kwargs: P.kwargs) -> tuple[R, Any]:
        return with_value(*args, **kwargs)

    return value_and_jacobian


def _function(
    fun: Callable[..., Any],
    options: Options,
    order: Order | Literal["fastest"],
    *,
    wants_value: bool,
) -> Callable[..., tuple[Any, Any]]:
    """The function that computes value and Jacobian by `order`; `options.order` is not used."""
    check_output(options.output)
    check_callable(fun)
    if isinstance(order, str) and order == "fastest":
        return fastest(fun, options, wants_value=wants_value)
    ordered = options._replace(order=order)
    return lambda *args, **kwargs: differentiated(
        fun, args, kwargs, ordered, wants_value=wants_value
    )
