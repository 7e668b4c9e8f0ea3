"""`filter_jacve`: the Jacobian with respect to an Equinox module, or any tree of mixed leaves."""

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any, ParamSpec

import jax

from elimax.interpreter.differentiation import Order
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.output.blocks import Output
from elimax.interpreter.tracing.call_checks import check_callable

P = ParamSpec("P")


def filter_jacve(
    fun: Callable[P, Any],
    has_aux: bool = False,
    *,
    order: Order = "auto",
    output: Output = "dense",
) -> Callable[P, Any]:
    """Jacobian with respect to the floating-point arrays of the first argument.

    It is to `jacve` what `equinox.filter_jacrev` is to `jax.jacrev`: the first argument may be a
    module with functions, integers and static fields among its leaves. Complex arrays count as
    floating-point ones, Python's own numbers do not.

    Args:
        fun: Function of at least one positional argument that returns arrays.
        has_aux: Whether `fun` returns a pair whose second entry is not differentiated.
        order: As for `jacve`.
        output: As for `jacve`.

    Returns:
        A function with the arguments of `fun` that returns the Jacobian: the tree of the outputs
        with, at every leaf, the first argument with a block for every floating-point
        array and None for every other leaf. With `has_aux` a pair of that and the
        auxiliary data.

    Raises:
        ModuleNotFoundError: When called, if Equinox is not installed.
        InvalidOrderError: When called, if the order does not fit the graph of `fun`.
        TracingError: When called, as `jacve` does.
        TypeError: If `fun` is not a function; when called, if there is no positional argument, or
            the first one holds a sparse array of JAX, whose entries have no place of their own.
        ValueError: When called, if the first argument holds no floating-point array.
    """
    check_callable(fun)
    # Not typed by P: the first argument is rebuilt with traced arrays in it.
    of_module: Callable[..., Any] = fun

    @functools.wraps(fun)
    def jacobian(*args: P.args, **kwargs: P.kwargs) -> Any:
        eqx = _equinox()
        if not args:
            raise TypeError(
                "no positional argument was given, but the first one is what is differentiated: "
                "pass it by position"
            )
        _check_dense(args[0])
        differentiated, rest = eqx.partition(args[0], eqx.is_inexact_array)

        def of_arrays(arrays: Any, *others: Any, **keywords: Any) -> Any:
            return of_module(eqx.combine(arrays, rest), *others, **keywords)

        of_jacve = jacve(of_arrays, has_aux=has_aux, order=order, output=output)
        return of_jacve(differentiated, *args[1:], **kwargs)

    return jacobian


def _equinox() -> ModuleType:
    """Loads Equinox, which is needed only here: Jacobians of plain functions do without it."""
    try:
        import equinox
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "filter_jacve needs the package equinox, which is not installed: "
            "pip install 'elimax[learn]'",
            name=error.name,
        ) from error
    return equinox


def _check_dense(argument: Any) -> None:
    """Refuses sparse arrays: with blocks in place of its entries it would not be a valid one."""
    from jax.experimental.sparse import JAXSparse

    def is_sparse(leaf: Any) -> bool:
        return isinstance(leaf, JAXSparse)

    for leaf in filter(is_sparse, jax.tree.leaves(argument, is_leaf=is_sparse)):
        raise TypeError(
            f"the first argument holds a {type(leaf).__name__}, which cannot hold the blocks of a "
            "Jacobian: differentiate with respect to its entries, as in filter_jacve(lambda data, "
            "...: f(BCOO((data, matrix.indices), shape=matrix.shape), ...))(matrix.data, ...)"
        )
