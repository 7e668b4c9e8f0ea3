"""A self-check that users can run: elimination against JAX's own Jacobian, in float64."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from elimax.interpreter.differentiation import Order
from elimax.interpreter.errors import JacobianMismatchError
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.precision import evaluate_in, relative_error
from elimax.interpreter.tracing.call_checks import check_callable


class JacobianCheck(NamedTuple):
    """The outcome of a check that passed.

    Attributes:
        max_error: Largest max|J - R| / max|R| over the blocks, R by JAX.
        blocks: Number of blocks compared (output leaves times input leaves).
    """

    max_error: float
    blocks: int


class ReferenceJacobian(NamedTuple):
    """What a Jacobian by elimination is compared with.

    Attributes:
        jacobian: The Jacobian in float64.
        source: Who computed it, "jax.jacrev" or "jax.jacfwd".
    """

    jacobian: Any
    source: str


def check_jacobian(
    fun: Callable[..., Any],
    *args: Any,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    order: Order = "auto",
    rtol: float = 1e-10,
    kwargs: Mapping[str, Any] | None = None,
) -> JacobianCheck:
    """Compares `jacve(fun)` with `jax.jacrev(fun)` in float64 at one point.

    Functions that `jax.jacrev` cannot do, such as those with a while loop, are compared with
    `jax.jacfwd`.

    Args:
        fun: The function.
        *args: Arguments to compare at; floats are converted to float64.
        argnums: As for `jacve`.
        has_aux: As for `jacve`; auxiliary data are not compared.
        holomorphic: As for `jacve`.
        order: As for `jacve`.
        rtol: Largest allowed max|J - R| / max|R| of a block.
        kwargs: Keyword arguments of the function.

    Returns:
        The largest relative error found.

    Raises:
        JacobianMismatchError: If a block differs by more; the message says which one, where and by
            how much.
    """
    options = {"argnums": argnums, "has_aux": has_aux, "holomorphic": holomorphic, "kwargs": kwargs}
    reference = reference_jacobian(fun, *args, **options)
    return check_against(reference, fun, *args, order=order, rtol=rtol, **options)


def reference_jacobian(
    fun: Callable[..., Any],
    *args: Any,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    kwargs: Mapping[str, Any] | None = None,
) -> ReferenceJacobian:
    """JAX's own Jacobian in float64, to check several orders against.

    Args:
        fun: The function.
        *args: Arguments; floats are converted to float64.
        argnums: As for `jacve`.
        has_aux: As for `jacve`.
        holomorphic: As for `jacve`.
        kwargs: Keyword arguments of the function.

    Returns:
        The Jacobian by `jax.jacrev`, or by `jax.jacfwd` if that fails.
    """
    check_callable(fun)

    def by(transform: Callable[..., Any]) -> Any:
        jacobian = transform(fun, argnums, has_aux=has_aux, holomorphic=holomorphic)
        return evaluate_in("float64", jacobian, args, kwargs or {}, argnums, has_aux)

    try:
        return ReferenceJacobian(by(jax.jacrev), "jax.jacrev")
    except (ValueError, NotImplementedError) as error:
        try:
            return ReferenceJacobian(by(jax.jacfwd), "jax.jacfwd")
        except Exception:
            # Both fail, so the fault is in the call: users know the error of jacrev.
            raise error from None


def check_against(
    reference: ReferenceJacobian,
    fun: Callable[..., Any],
    *args: Any,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    order: Order = "auto",
    rtol: float = 1e-10,
    kwargs: Mapping[str, Any] | None = None,
) -> JacobianCheck:
    """Compares `jacve(fun)` with a reference that was computed before.

    Args:
        reference: What `reference_jacobian` returned for the same function and arguments.
        fun: As for `check_jacobian`.
        *args: As for `check_jacobian`.
        argnums: As for `check_jacobian`.
        has_aux: As for `check_jacobian`.
        holomorphic: As for `check_jacobian`.
        order: As for `check_jacobian`.
        rtol: As for `check_jacobian`.
        kwargs: As for `check_jacobian`.

    Returns:
        The largest relative error found.

    Raises:
        JacobianMismatchError: As `check_jacobian` does.
    """
    jacobian = jacve(fun, argnums, has_aux, holomorphic, order=order)
    ours = evaluate_in("float64", jacobian, args, kwargs or {}, argnums, has_aux)
    pairs = [
        (jax.tree_util.keystr(path), np.asarray(x), np.asarray(y))
        for (path, x), y in zip(
            jax.tree_util.tree_leaves_with_path(ours),
            jax.tree.leaves(reference.jacobian),
            strict=True,
        )
    ]
    errors = [relative_error(x, y) for _, x, y in pairs]
    wrong = [k for k, error in enumerate(errors) if not error <= rtol]
    if wrong:
        # NaN is worse than any number.
        worst = max(wrong, key=lambda k: np.nan_to_num(errors[k], nan=np.inf))
        message = _describe_mismatch(*pairs[worst], errors[worst], rtol, reference.source)
        share = f" ({len(wrong)} of {len(errors)} blocks differ)" if len(errors) > 1 else ""
        raise JacobianMismatchError(message + share + _suspects(fun, args, kwargs or {}))
    return JacobianCheck(max(errors, default=0.0), len(errors))


def _suspects(fun: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """A hint at functions with their own backward pass, which need not be a derivative."""

    def arrays() -> list[Any]:
        leaves = jax.tree.leaves(fun(*args, **kwargs))
        return [leaf for leaf in leaves if isinstance(leaf, jax.Array)]

    try:
        closed = jax.make_jaxpr(arrays)()
    except Exception:  # A function that branches on values cannot be traced this way.
        return ""
    names = sorted(set(_custom_vjps(closed.jaxpr)))
    if not names:
        return ""
    return (
        f". It calls a custom_vjp ({', '.join(names)}): if the backward pass is not linear in the "
        "cotangent, as where gradients are clipped, no matrix describes it, and jacve, jax.jacrev "
        "and jax.grad may all differ"
    )


def _custom_vjps(jaxpr: Any) -> Iterator[str]:
    """Names of the functions with their own backward pass, those in nested jaxprs included."""
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == "custom_vjp_call":
            info = getattr(eqn.params["call_jaxpr"].jaxpr, "debug_info", None)
            yield getattr(info, "func_name", None) or "without a name"
        for param in eqn.params.values():
            for item in param if isinstance(param, (tuple, list)) else (param,):
                inner = getattr(item, "jaxpr", item)
                if hasattr(inner, "eqns"):
                    yield from _custom_vjps(inner)


def _describe_mismatch(
    path: str, ours: np.ndarray, theirs: np.ndarray, error: float, rtol: float, source: str
) -> str:
    block = f"block {path}" if path else "the Jacobian"
    if ours.shape != theirs.shape:
        return (
            f"{block} has shape {ours.shape} by elimination and {theirs.shape} by {source}: "
            "please report the function"
        )
    is_same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    with np.errstate(invalid="ignore"):
        distance = np.where(is_same, 0.0, np.nan_to_num(np.abs(ours - theirs), nan=np.inf))
    worst = np.unravel_index(np.argmax(distance), ours.shape)
    where = ", ".join(str(int(index)) for index in worst)
    return (
        f"{block} differs from {source} by {error:.1e} relative to its largest entry, more than "
        f"{rtol:.1e}; worst at [{where}]: {ours[worst]!r} by elimination, {theirs[worst]!r} by "
        f"{source}. If the function itself computes in float32, pass a larger rtol, otherwise "
        "please report it"
    )
