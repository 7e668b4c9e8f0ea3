"""JAX's own list of primitive cases, each as a function whose Jacobian can be compared.

JAX tests the export and conversion of its primitives with this list; nothing else in this project
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

# How many entries of every array are compared where all of them would be too many.
PART = 48

# How many numbers the inputs of a small case have at most.
SMALL = 100

# |J - R| may be this much of the largest finite entry of a block, by the least precise dtype.
TOLERANCES = {"bfloat16": 5e-2, "float16": 1e-2, "float32": 1e-4, "float64": 1e-10}


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


def part_of(problem: Problem) -> Problem:
    """The same function of a few entries of its inputs, to a few entries of its outputs.

    Args:
        problem: A problem with a large Jacobian.

    Returns:
        One with a small Jacobian, which still runs the function on the whole arrays.
    """

    def fun(*leaves: Any) -> list[Any]:
        whole = list(leaves)
        for k in problem.argnums:
            leaf = jnp.asarray(problem.leaves[k])
            whole[k] = leaf.at[_some_of(leaf)].set(leaves[k])
        return [out[_some_of(out)] for out in problem.fun(*whole)]

    leaves = list(problem.leaves)
    for k in problem.argnums:
        leaves[k] = np.asarray(leaves[k])[_some_of(leaves[k])]
    avals = tuple(jax.eval_shape(fun, *leaves))
    return dataclasses.replace(problem, fun=fun, leaves=tuple(leaves), out_avals=avals)


def _some_of(array: Any) -> tuple[np.ndarray, ...]:
    """Evenly spread places in an array, as an index."""
    if not np.ndim(array):
        return ()
    places = np.unique(np.linspace(0, np.size(array) - 1, PART, dtype=int))
    return np.unravel_index(places, np.shape(array))


@functools.cache
def all_cases() -> tuple[Any, ...]:
    """JAX's cases.

    Returns:
        One object per case, with `group_name`, `fullname`, `dyn_fun` and `dyn_args_maker`. Cases of
        64-bit dtypes are included only if 64-bit numbers are enabled at the first call.
    """
    module = importlib.import_module("jax._src.internal_test_util.test_harnesses")
    return tuple(case for case in module.all_harnesses if case.filter("cpu"))


def smallest_cases() -> list[Any]:
    """For every primitive that takes floats, the case whose inputs have the fewest numbers.

    Returns:
        One case per primitive; a complex one for half of those that have a small one.
    """
    found: dict[str, tuple[tuple[bool, int], Any]] = {}
    # JAX makes some of them from sets, so that their sequence differs from process to process.
    for case in sorted(all_cases(), key=lambda case: case.fullname):
        leaves = jax.tree.leaves(tuple(case.dyn_args_maker(np.random.RandomState(0))))
        # Arrays without entries would agree whatever the rule says.
        if not all(map(np.size, leaves)) or not any(_is_kind(x, jnp.inexact) for x in leaves):
            continue
        wants_complex = bool(zlib.crc32(case.group_name.encode()) % 2)
        is_complex = any(_is_kind(leaf, jnp.complexfloating) for leaf in leaves)
        size = sum(np.size(leaf) for leaf in leaves)
        rank = (is_complex != wants_complex or size > SMALL, size)
        if case.group_name not in found or rank < found[case.group_name][0]:
            found[case.group_name] = rank, case
    return [case for _, case in found.values()]


def problems_of(case: Any, seed: int) -> list[Problem]:
    """The functions to compare for a case.

    Args:
        case: One of `all_cases()`.
        seed: Chooses the point.

    Returns:
        At most two problems; none if no float goes in or none comes out.
    """
    # Every case has its own point, whichever other cases run.
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
