"""JAX's own list of primitive cases, each as a function whose Jacobian can be compared.

The list is the one that JAX exports and converts its primitives with; nothing else in this project
reads private modules of JAX. A case with complex numbers is compared twice: as a holomorphic
function where inputs and outputs are complex, and as a function of real and imaginary parts.
"""

import dataclasses
import functools
import importlib
import math
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from interpreter.jacobian import jacve

# A dense Jacobian with more entries than this is not compared.
LARGEST = 2_000_000

# |J - R| may be this much of the largest finite entry of a block, by the least precise dtype.
TOLERANCES = {"bfloat16": 5e-2, "float16": 1e-2, "float32": 1e-4, "float64": 1e-10}

# Values in and outside the domains of functions such as asin, acosh and log.
PROBES = (-2.7, -0.6, 0.3, 0.7, 1.9, 3.4)

# Compiling takes longer than running here.
QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


@dataclasses.dataclass(frozen=True)
class Problem:
    """A function of arrays and a point.

    Attributes:
        fun: Maps the leaves to a list of real or complex arrays.
        leaves: The point.
        argnums: The leaves that are differentiated.
        holomorphic: Whether all of these and all outputs are complex.
        out_avals: Shape and dtype of every output.
    """

    fun: Callable[..., Any]
    leaves: tuple[Any, ...]
    argnums: tuple[int, ...]
    holomorphic: bool
    out_avals: tuple[Any, ...]

    @property
    def size(self) -> int:
        """Number of entries of the dense Jacobian."""
        inputs = sum(np.size(self.leaves[k]) for k in self.argnums)
        return inputs * sum(math.prod(aval.shape) for aval in self.out_avals)

    @property
    def tolerance(self) -> float:
        """How far blocks may differ, relative to their largest entry."""
        dtypes = [aval.dtype for aval in self.out_avals]
        dtypes += [np.asarray(self.leaves[k]).dtype for k in self.argnums]
        return max(TOLERANCES[jnp.finfo(dtype).dtype.name] for dtype in dtypes)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of one case.

    Attributes:
        status: "passed", "wrong" or "unsupported"; or why there was nothing to compare: "no float",
            "no derivative" in JAX, "too large".
        detail: The error, or where the difference is.
    """

    status: str
    detail: str = ""


@functools.cache
def all_cases() -> tuple[Any, ...]:
    """JAX's cases.

    Returns:
        One object per case, with `group_name`, `fullname`, `dyn_fun` and `dyn_args_maker`. Those of
        64-bit dtypes are among them only if such numbers are enabled at the first call.
    """
    module = importlib.import_module("jax._src.internal_test_util.test_harnesses")
    return tuple(case for case in module.all_harnesses if case.filter("cpu"))


def problems_of(case: Any, seed: int) -> list[Problem]:
    """The functions to compare for a case.

    Args:
        case: One of `all_cases()`.
        seed: Chooses the point.

    Returns:
        None, one or two problems: none if no float goes in or none comes out.
    """
    # Every case has its own point, whichever others run.
    rng = np.random.RandomState(zlib.crc32(case.fullname.encode()) ^ seed)
    leaves, tree = jax.tree.flatten(tuple(case.dyn_args_maker(rng)))

    def fun(*flat: Any) -> list[Any]:
        out = jax.tree.leaves(case.dyn_fun(*jax.tree.unflatten(tree, flat)))
        return [x for x in out if _is_kind(x, jnp.inexact)]

    active = [k for k, leaf in enumerate(leaves) if _is_kind(leaf, jnp.inexact)]
    outputs = jax.eval_shape(fun, *leaves) if active else []
    if not outputs:
        return []
    inputs = [leaves[k] for k in active]
    is_complex = [_is_kind(x, jnp.complexfloating) for x in (*inputs, *outputs)]
    problems = []
    if all(is_complex) or not any(is_complex):
        problems.append(Problem(fun, tuple(leaves), tuple(active), any(is_complex), tuple(outputs)))
    if any(is_complex):
        problems.append(_in_parts(fun, leaves, active))
    return problems


def _in_parts(fun: Callable[..., Any], leaves: Sequence[Any], active: Sequence[int]) -> Problem:
    """The function of real and imaginary parts; imaginary ones are appended to the leaves."""
    split = [k for k in active if _is_kind(leaves[k], jnp.complexfloating)]
    parts = list(leaves) + [np.imag(leaves[k]) for k in split]
    for k in split:
        parts[k] = np.real(leaves[k])

    def in_parts(*flat: Any) -> list[Any]:
        joined = list(flat[: len(leaves)])
        for k, imaginary in zip(split, flat[len(leaves) :], strict=True):
            joined[k] = jax.lax.complex(flat[k], imaginary)
        out = fun(*joined)
        return [
            part
            for x in out
            for part in ((x.real, x.imag) if _is_kind(x, jnp.complexfloating) else (x,))
        ]

    argnums = (*active, *range(len(leaves), len(parts)))
    outputs = jax.eval_shape(in_parts, *parts)
    return Problem(in_parts, tuple(parts), argnums, False, tuple(outputs))


def _is_kind(leaf: Any, kind: Any) -> bool:
    return jnp.issubdtype(jax.dtypes.canonicalize_dtype(jnp.result_type(leaf)), kind)


def compare(problem: Problem, order: Any = "auto") -> Outcome:
    """Compares `jacve` with `jax.jacfwd` and `jax.jacrev`.

    Every block has to equal that of either one: at points without a derivative they may differ.
    A zero for a nan is right where the output does not depend on the input: JAX multiplies the zero
    by what other entries make infinite.

    Args:
        problem: The problem.
        order: Elimination order.

    Returns:
        The outcome.
    """
    if problem.size > LARGEST:
        return Outcome("too large", f"{problem.size} entries")
    references = []
    for transform in (jax.jacrev, jax.jacfwd):
        try:
            references.append(_run(transform, problem))
        except Exception as error:  # JAX has many ways to say that it has no such derivative
            reason = f"{type(error).__name__}: {error}"
    if not references:
        return Outcome("no derivative", reason)
    try:
        ours = _run(functools.partial(jacve, order=order), problem)
    except Exception as error:
        return Outcome("unsupported", f"{type(error).__name__}: {error}")
    independent: list[np.ndarray] = []
    for k, block in enumerate(ours):
        if any(_zeros_for_nans(block, theirs[k]).any() for theirs in references):
            independent = independent or _independent(problem)
            zeros = [_zeros_for_nans(block, theirs[k]) & independent[k] for theirs in references]
        else:
            zeros = [np.zeros(block.shape, bool)] * len(references)
        differences = [
            _difference(block, np.where(zero, 0, theirs[k]), problem.tolerance)
            for theirs, zero in zip(references, zeros, strict=True)
        ]
        if all(differences):
            return Outcome("wrong", f"block {k}: {' and '.join(differences)}")
    return Outcome("passed")


def _zeros_for_nans(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Where we have 0 and JAX has nan: also the result of 0 * inf, which elimination avoids."""
    return (ours == 0) & np.isnan(theirs) if ours.shape == theirs.shape else np.zeros(1, bool)


def _independent(problem: Problem) -> list[np.ndarray]:
    """For every entry of every block whether its output stays whatever the input is set to."""

    def outputs(*leaves: Any) -> list[Any]:
        return [x.astype(_wide(x)) for x in problem.fun(*leaves)]

    here, blocks = outputs(*problem.leaves), []
    for k in problem.argnums:
        leaf = jnp.asarray(problem.leaves[k])

        def moved(entry: Any, value: Any, k: int = k, leaf: Any = leaf) -> list[Any]:
            flat = leaf.ravel().at[entry].set(value.astype(leaf.dtype))
            return outputs(*problem.leaves[:k], flat.reshape(leaf.shape), *problem.leaves[k + 1 :])

        stays = [np.ones((leaf.size, *x.shape), bool) for x in here]
        for value in PROBES:
            there = jax.jit(jax.vmap(moved, (0, None)))(np.arange(leaf.size), np.asarray(value))
            for n, (x, y) in enumerate(zip(here, there, strict=True)):
                stays[n] &= np.asarray((x == y) | (jnp.isnan(x) & jnp.isnan(y)))
        blocks.append([np.moveaxis(x, 0, -1).reshape(*x.shape[1:], *leaf.shape) for x in stays])
    return [blocks[k][n] for n in range(len(here)) for k in range(len(problem.argnums))]


def _run(transform: Callable[..., Any], problem: Problem) -> list[np.ndarray]:
    """The blocks of a Jacobian."""
    jacobian = transform(problem.fun, argnums=problem.argnums, holomorphic=problem.holomorphic)
    blocks = jax.jit(jacobian, compiler_options=QUICK)(*problem.leaves)
    return [np.asarray(block) for block in jax.tree.leaves(blocks)]


def _difference(ours: np.ndarray, theirs: np.ndarray, tolerance: float) -> str:
    """In words how two blocks differ; empty if they do not."""
    if (ours.shape, ours.dtype) != (theirs.shape, theirs.dtype):
        return f"{ours.dtype}{list(ours.shape)} for {theirs.dtype}{list(theirs.shape)}"
    ours, theirs = ours.astype(_wide(ours)), theirs.astype(_wide(theirs))
    finite = np.isfinite(theirs)
    if not np.array_equal(ours[~finite], theirs[~finite], equal_nan=True):
        return f"not finite in other places than {np.sum(~finite)} of {theirs.size}"
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
    outcomes = [compare(problem, order) for problem in problems]
    worst = ("wrong", "unsupported", "passed", "too large", "no derivative")
    return min(outcomes, key=lambda x: worst.index(x.status), default=Outcome("no float"))
