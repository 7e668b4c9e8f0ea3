"""Comparison of `jacve` with JAX's own Jacobians on one case of `support.jax_cases`."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from elimax.interpreter.jacobian import jacve
from elimax.interpreter.orders.order_cache import isolated_cache
from support.jax_cases import Problem, part_of, problems_of

# A dense Jacobian with more entries than this is compared in part.
LARGEST = 2_000_000

# Values in and outside the domains of functions such as asin, acosh and log.
PROBES = (-2.7, -0.6, 0.3, 0.7, 1.9, 3.4)

# How many entries of an array are set to these values.
MOVED = 12

# A matrix of these is one dense edge, whichever entries are compared, so large cases are left out.
DENSE = ("cholesky", "eig", "eigh", "lu", "qr", "svd", "triangular_solve")

# Outcomes from the worst to the best; where a case has several, the worst counts.
WORST = ("wrong", "unsupported", "too large", "in part", "passed", "no derivative", "no float")

# Compiling takes longer than running here, so that few optimisations are made.
QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The outcome of one case.

    Attributes:
        status: "passed", "in part" for passed as far as a large Jacobian was compared, "wrong" or
            "unsupported"; or why nothing was compared: "no float", "no derivative" in JAX,
            "too large".
        detail: The error, or where the difference is.
    """

    status: str
    detail: str = ""


def compare(problem: Problem, order: Any = "auto") -> Outcome:
    """Compares `jacve` with `jax.jacfwd` and `jax.jacrev`.

    Every block must equal that of one of the two, which may differ at points without a derivative.
    A zero in place of a nan is right where the output does not depend on the input: there JAX
    multiplies the zero by what other entries make infinite.

    Args:
        problem: The problem.
        order: Elimination order.

    Returns:
        The outcome.
    """
    if problem.size > LARGEST:
        outcome = _compare_all(part_of(problem), order)
        is_partial = outcome.status == "passed"
        return Outcome("in part", f"{problem.size} entries") if is_partial else outcome
    return _compare_all(problem, order)


def _compare_all(problem: Problem, order: Any) -> Outcome:
    """Compares all entries."""
    ours, failure = _try(functools.partial(jacve, order=order), problem)
    wrong: dict[int, str] | None = None
    for transform in (jax.jacrev, jax.jacfwd):
        theirs, reason = _try(transform, problem)
        if theirs is not None and ours is None:
            return Outcome("unsupported", failure)
        if theirs is not None and ours is not None:
            found = _differences(problem, ours, theirs)
            wrong = found if wrong is None else {k: found[k] for k in found if k in wrong}
            if not wrong:
                return Outcome("passed")
    if wrong is None:
        return Outcome("no derivative", reason)
    return Outcome("wrong", "; ".join(f"block {k}: {text}" for k, text in wrong.items()))


def _try(transform: Callable[..., Any], problem: Problem) -> tuple[list[np.ndarray] | None, str]:
    """The blocks of a Jacobian, or None and why there are none."""
    try:
        jacobian = transform(problem.fun, argnums=problem.argnums, holomorphic=problem.holomorphic)
        blocks = jax.jit(jacobian, compiler_options=QUICK)(*problem.leaves)
    except Exception as error:  # JAX has many ways to say that it has no such derivative
        return None, f"{type(error).__name__}: {error}"
    return [np.asarray(block) for block in jax.tree.leaves(blocks)], ""


def _differences(
    problem: Problem, ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]
) -> dict[int, str]:
    """Describes how the blocks of two Jacobians differ, for those that do."""
    zeros = [_zeros_for_nans(*blocks) for blocks in zip(ours, theirs, strict=True)]
    if any(zero.any() for zero in zeros):
        independent = _independent(problem)
        zeros = [zero & free for zero, free in zip(zeros, independent, strict=True)]
    differences = {}
    for k, (block, reference, zero) in enumerate(zip(ours, theirs, zeros, strict=True)):
        expected = np.where(zero, 0, reference).astype(reference.dtype) if zero.any() else reference
        differences[k] = _difference(block, expected, problem.tolerance)
    return {k: text for k, text in differences.items() if text}


def _zeros_for_nans(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Where we have 0 and JAX has nan, which may come from a 0 * inf that elimination avoids."""
    return (ours == 0) & np.isnan(theirs) if ours.shape == theirs.shape else np.zeros(1, bool)


def _independent(problem: Problem) -> list[np.ndarray]:
    """For every entry of every block, whether its output stays the same whatever the input is."""

    def outputs(*leaves: Any) -> list[Any]:
        return [x.astype(_wide(x)) for x in problem.fun(*leaves)]

    here, blocks = outputs(*problem.leaves), []
    for k in problem.argnums:
        leaf = jnp.asarray(problem.leaves[k])
        # The same rule holds for all entries of an array, so some of them are enough.
        entries = np.unique(np.linspace(0, leaf.size - 1, MOVED, dtype=int))

        def moved(entry: Any, value: Any, k: int = k, leaf: Any = leaf) -> list[Any]:
            flat = leaf.ravel().at[entry].set(value.astype(leaf.dtype))
            return outputs(*problem.leaves[:k], flat.reshape(leaf.shape), *problem.leaves[k + 1 :])

        move = jax.jit(jax.vmap(moved, (0, None)), compiler_options=QUICK)
        stays = [np.ones((leaf.size, *x.shape), bool) for x in here]
        for value in PROBES:
            there = move(entries, np.asarray(value))
            for n, (x, y) in enumerate(zip(here, there, strict=True)):
                # Loops that run until all entries have converged change every entry a little.
                stays[n][entries] &= np.isclose(x, y, problem.tolerance, 0.0, equal_nan=True)
        blocks.append([np.moveaxis(x, 0, -1).reshape(*x.shape[1:], *leaf.shape) for x in stays])
    return [blocks[k][n] for n in range(len(here)) for k in range(len(problem.argnums))]


def _difference(ours: np.ndarray, theirs: np.ndarray, tolerance: float) -> str:
    """Describes how two blocks differ; empty if they do not."""
    if (ours.shape, ours.dtype) != (theirs.shape, theirs.dtype):
        return f"{ours.dtype}{list(ours.shape)} for {theirs.dtype}{list(theirs.shape)}"
    ours, theirs = ours.astype(_wide(ours)), theirs.astype(_wide(theirs))
    finite = np.isfinite(theirs)
    if not np.array_equal(ours[~finite], theirs[~finite], equal_nan=True):
        return f"not finite at other entries than JAX's {np.sum(~finite)} of {theirs.size}"
    if not finite.any():
        return ""
    ours, theirs = ours[finite], theirs[finite]
    error, scale = np.abs(ours - theirs).max(), np.abs(theirs).max()
    return "" if error <= tolerance * scale else f"off by {error:.3g} of {scale:.3g}"


def _wide(array: Any) -> Any:
    return np.complex128 if jnp.iscomplexobj(array) else np.float64


def run_case(case: Any, seed: int, order: Any = "auto") -> Outcome:
    """Compares all problems of a case.

    Args:
        case: One of `all_cases()`.
        seed: Chooses the point.
        order: Elimination order.

    Returns:
        The worst outcome.
    """
    try:
        problems = problems_of(case, seed)
    except Exception as error:  # The function itself does not run, or not on this machine.
        return Outcome("no derivative", f"{type(error).__name__}: {error}")
    if case.group_name in DENSE and any(problem.size > LARGEST for problem in problems):
        return Outcome("too large", f"{max(problem.size for problem in problems)} entries")
    with isolated_cache():
        outcomes = [outcome for problem in problems for outcome in _outcomes(problem, order)]
    return min(outcomes, key=lambda x: WORST.index(x.status), default=Outcome("no float"))


def _outcomes(problem: Problem, order: Any) -> list[Outcome]:
    """One outcome, or one per argument where JAX has no derivative by all of them at once."""
    outcome = compare(problem, order)
    if outcome.status != "no derivative" or len(problem.argnums) == 1:
        return [outcome]
    return [compare(dataclasses.replace(problem, argnums=(k,)), order) for k in problem.argnums]
