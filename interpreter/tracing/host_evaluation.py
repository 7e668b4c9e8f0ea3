"""Primitives evaluated by numpy, for constants that are needed while tracing.

JAX compiles one program for every primitive, shape and dtype that it evaluates outside of `jit`,
which costs about 20 ms each. This module covers the primitives that usually compute indices and
constants. JAX evaluates the rare ones, and sums of floats, which depend on the order of the terms.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from elimax.interpreter.tracing.index_places import places

Arrays = Sequence[np.ndarray]

ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "add": np.add,
    "and": np.bitwise_and,
    "ceil": np.ceil,
    "copy": np.array,
    "copy_p": np.array,
    "eq": np.equal,
    "floor": np.floor,
    "ge": np.greater_equal,
    "gt": np.greater,
    "is_finite": np.isfinite,
    "le": np.less_equal,
    "lt": np.less,
    "max": np.maximum,
    "min": np.minimum,
    "mul": np.multiply,
    "ne": np.not_equal,
    "neg": np.negative,
    "not": np.invert,
    "or": np.bitwise_or,
    "sqrt": np.sqrt,
    "square": np.square,
    "sub": np.subtract,
    "xor": np.bitwise_xor,
    # The last bit of these depends on the implementation, even within JAX: XLA folds constants
    # with other code than it compiles.
    "cos": np.cos,
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "pow": np.power,
    "sin": np.sin,
    "tanh": np.tanh,
}
"""Functions of each entry."""

REDUCTIONS: dict[str, Callable[..., Any]] = {
    "reduce_and": np.bitwise_and.reduce,
    "reduce_max": np.maximum.reduce,
    "reduce_min": np.minimum.reduce,
    "reduce_or": np.bitwise_or.reduce,
}

NUMPY_DTYPES = frozenset(map(np.dtype, "?bhilBHILefd"))
"""Dtypes that numpy computes with as XLA does."""

CALLS = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
}
"""Primitives that call a program, and the name of the parameter that holds it."""


def evaluate(name: str, inputs: Sequence[Any], params: dict[str, Any]) -> list[np.ndarray] | None:
    """Evaluates a primitive without JAX.

    Args:
        name: Name of the primitive.
        inputs: Its operands, arrays that are known.
        params: Its parameters.

    Returns:
        Its results, with the dtypes that JAX gives them; None if it has to be left to JAX.
    """
    # Keys of random numbers have a dtype of their own.
    if any(isinstance(x, jax.Array) and x.dtype not in NUMPY_DTYPES for x in inputs):
        return None
    arrays = [np.asarray(x) for x in inputs]
    if any(x.dtype not in NUMPY_DTYPES for x in arrays):
        return None
    if name in ELEMENTWISE:
        with np.errstate(all="ignore"):
            result = ELEMENTWISE[name](*arrays)
    elif name in CALLS:
        return _call(params[CALLS[name]], arrays)
    elif name in REDUCTIONS:
        if not arrays[0].size:
            return None
        result = REDUCTIONS[name](arrays[0], axis=tuple(params["axes"]))
    elif name in OTHERS:
        result = OTHERS[name](arrays, params)
    else:
        return None
    return None if result is None else [np.asarray(result)]


def _call(closed: Any, arguments: Arrays) -> list[np.ndarray] | None:
    """Evaluates a closed jaxpr; None if one of its equations has to be left to JAX."""
    jaxpr = closed.jaxpr
    values: dict[Any, Any] = dict(zip(jaxpr.invars, arguments, strict=True))
    values.update(zip(jaxpr.constvars, closed.consts, strict=True))

    def read(atom: Any) -> Any:
        return np.asarray(atom.val, atom.aval.dtype) if hasattr(atom, "val") else values[atom]

    for eqn in jaxpr.eqns:
        results = evaluate(eqn.primitive.name, list(map(read, eqn.invars)), eqn.params)
        if results is None:
            return None
        values.update(zip(eqn.outvars, results, strict=True))
    return [np.asarray(read(atom)) for atom in jaxpr.outvars]


def _convert(arrays: Arrays, params: dict[str, Any]) -> np.ndarray | None:
    (x,), dtype = arrays, params["new_dtype"]
    if dtype not in NUMPY_DTYPES:
        return None
    if x.dtype.kind == "f" and dtype.kind in "iu":
        limits = np.iinfo(dtype)
        # What a number out of range becomes depends on the machine. The upper limit, rounded to a
        # float, may be a power of two that is out of range.
        if not np.all((x > limits.min) & (x < limits.max)):
            return None
    with np.errstate(all="ignore"):
        return x.astype(dtype)


def _divide(arrays: Arrays, params: dict[str, Any]) -> np.ndarray | None:
    del params
    x, y = arrays
    if x.dtype.kind == "f":
        with np.errstate(all="ignore"):
            return np.divide(x, y)
    if not np.all(y > 0):
        return None
    return np.where(x < 0, -(-x // y), x // y).astype(x.dtype)


def _remainder(arrays: Arrays, params: dict[str, Any]) -> np.ndarray | None:
    del params
    x, y = arrays
    return np.fmod(x, y) if x.dtype.kind in "iu" and np.all(y > 0) else None


def _select(arrays: Arrays, params: dict[str, Any]) -> np.ndarray | None:
    del params
    which, *cases = arrays
    if not which.ndim:
        return cases[int(which)]
    # np.choose takes a few dozen cases at most.
    return np.choose(which.astype(np.intp), cases, mode="clip") if len(cases) < 32 else None


def _clamp(arrays: Arrays, params: dict[str, Any]) -> np.ndarray:
    del params
    low, x, high = arrays
    return np.minimum(np.maximum(x, low), high)


def _broadcast(arrays: Arrays, params: dict[str, Any]) -> np.ndarray | None:
    shape = tuple(params["shape"])
    if len(arrays) != 1 or not all(isinstance(size, int) for size in shape):
        return None
    spread = [1] * len(shape)
    for axis, size in zip(params["broadcast_dimensions"], arrays[0].shape, strict=True):
        spread[axis] = size
    return np.broadcast_to(arrays[0].reshape(spread), shape)


def _reshape(arrays: Arrays, params: dict[str, Any]) -> np.ndarray | None:
    if len(arrays) != 1 or params["dimensions"] is not None:
        return None
    return arrays[0].reshape(params["new_sizes"])


def _iota(arrays: Arrays, params: dict[str, Any]) -> np.ndarray | None:
    shape, axis = tuple(params["shape"]), params["dimension"]
    if arrays or params["dtype"] not in NUMPY_DTYPES:
        return None
    numbers = np.arange(shape[axis]).astype(params["dtype"])
    spread = [1] * len(shape)
    spread[axis] = shape[axis]
    return np.broadcast_to(numbers.reshape(spread), shape)


def _slice(arrays: Arrays, params: dict[str, Any]) -> np.ndarray:
    starts, limits = params["start_indices"], params["limit_indices"]
    strides = params["strides"] or (1,) * len(starts)
    return arrays[0][tuple(map(slice, starts, limits, strides))]


def _pad(arrays: Arrays, params: dict[str, Any]) -> np.ndarray:
    x, fill = arrays
    config = params["padding_config"]
    spread = [
        size + max(size - 1, 0) * between
        for size, (_, _, between) in zip(x.shape, config, strict=True)
    ]
    between = np.full(spread, fill[()], x.dtype)
    between[tuple(slice(None, None, step + 1) for _, _, step in config)] = x
    around = [(max(low, 0), max(high, 0)) for low, high, _ in config]
    padded = np.pad(between, around, constant_values=fill[()])
    # Negative padding cuts off.
    ends = zip(padded.shape, config, strict=True)
    return padded[tuple(slice(max(-low, 0), n + min(high, 0)) for n, (low, high, _) in ends)]


def _sum(arrays: Arrays, params: dict[str, Any]) -> np.ndarray | None:
    (x,) = arrays
    if x.dtype.kind not in "iu":
        return None
    return np.sum(x, axis=tuple(params["axes"]), dtype=x.dtype)


def _cumulative_sum(arrays: Arrays, params: dict[str, Any]) -> np.ndarray | None:
    (x,), axis = arrays, params["axis"]
    if x.dtype.kind not in "iu":
        return None
    forward = np.flip(x, axis) if params["reverse"] else x
    sums = np.cumsum(forward, axis, dtype=x.dtype)
    return np.flip(sums, axis) if params["reverse"] else sums


def _whole_power(arrays: Arrays, params: dict[str, Any]) -> np.ndarray | None:
    (x,), exponent = arrays, params["y"]
    # Higher powers of floats are rounded in an order that XLA chooses.
    is_exact = exponent in (0, 1, 2) or (exponent > 0 and x.dtype.kind in "iu")
    return np.power(x, np.asarray(exponent, x.dtype)) if is_exact else None


def _read(name: str) -> Callable[[Arrays, dict[str, Any]], np.ndarray | None]:
    """A gather or a dynamic slice."""

    def read(arrays: Arrays, params: dict[str, Any]) -> np.ndarray | None:
        x, *indices = arrays
        window = params["slice_sizes"] if name == "dynamic_slice" else _gathered(indices[0], params)
        found = places(name, (x.shape, window), indices, params)
        return None if found is None or np.any(found < 0) else x.ravel()[found]

    return read


def _gathered(index: np.ndarray, params: dict[str, Any]) -> tuple[int, ...]:
    """Shape of what a gather returns."""
    numbers = params["dimension_numbers"]
    gone = (*numbers.collapsed_slice_dims, *numbers.operand_batching_dims)
    kept = iter(size for j, size in enumerate(params["slice_sizes"]) if j not in gone)
    others = iter(index.shape[:-1])
    rank = len(numbers.offset_dims) + index.ndim - 1
    return tuple(next(kept if axis in numbers.offset_dims else others) for axis in range(rank))


def _sign(arrays: Arrays, params: dict[str, Any]) -> np.ndarray | None:
    del params
    # In XLA the sign of -0.0 is -0.0, in numpy 0.0.
    return np.sign(arrays[0]) if arrays[0].dtype.kind in "iu" else None


OTHERS: dict[str, Callable[[Arrays, dict[str, Any]], Any]] = {
    "broadcast_in_dim": _broadcast,
    "clamp": _clamp,
    "concatenate": lambda arrays, params: np.concatenate(arrays, params["dimension"]),
    "convert_element_type": _convert,
    "cumsum": _cumulative_sum,
    "div": _divide,
    "dynamic_slice": _read("dynamic_slice"),
    "gather": _read("gather"),
    "integer_pow": _whole_power,
    "iota": _iota,
    "pad": _pad,
    "reduce_sum": _sum,
    "rem": _remainder,
    "reshape": _reshape,
    "rev": lambda arrays, params: np.flip(arrays[0], params["dimensions"]),
    "select_n": _select,
    "sign": _sign,
    "slice": _slice,
    "stack": lambda arrays, params: np.stack(arrays, params["axis"]),
    "squeeze": lambda arrays, params: np.squeeze(arrays[0], params["dimensions"]),
    "tile": lambda arrays, params: np.tile(arrays[0], params["reps"]),
    "transpose": lambda arrays, params: np.transpose(arrays[0], params["permutation"]),
}
