"""Values that are known although they are tracers: constants under `jax.jit`.

Inside `jax.jit` JAX stages constants like everything else, and XLA folds them. Some rules do better
if they know an index, so this module remembers where tracers of constants come from, and computes a
value only when it is asked for. What is remembered about a tracer is forgotten with it, and refers
to nothing that the tracer does not keep alive anyway.
"""

import weakref
from collections.abc import Sequence
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

from elimax.interpreter.tracing.host_evaluation import evaluate

MAX_ENTRIES = 1 << 22
"""Entries up to which an array is computed."""

# What these return depends on the trace around them, even if their operands are constants.
BY_PLACE = frozenset({"pvary", "pcast", "axis_index", "reduced_vary_cast"})


class _Call:
    """A primitive that was applied to constants, and what came out."""

    def __init__(self, primitive: Any, inputs: Sequence[Any], params: dict[str, Any]) -> None:
        self.primitive, self.inputs, self.params = primitive, tuple(inputs), params
        self.results: list[Any] | None = None
        self.size = 0


class _Origin:
    """Where a tracer comes from: a result of a call."""

    def __init__(self, tracer: Any, call: _Call, index: int) -> None:
        key = id(tracer)
        self.call, self.index = call, index
        self.of = weakref.ref(tracer, lambda _: _ORIGINS.pop(key, None))


_ORIGINS: dict[int, _Origin] = {}


def remember(primitive: Any, inputs: Sequence[Any], params: dict[str, Any], results: Any) -> None:
    """Remembers where results come from if they are tracers of constants.

    Args:
        primitive: The primitive that was bound.
        inputs: Its operands.
        params: Its parameters.
        results: Its result, or a sequence of results if it returns several.
    """
    found = results if primitive.multiple_results else [results]
    if not any(isinstance(x, jax.core.Tracer) for x in found):
        return
    if primitive.name in BY_PLACE or not {"axis_name", "axis_index_groups"}.isdisjoint(params):
        return
    if any(isinstance(x, jax.core.Tracer) and _origin(x) is None for x in inputs):
        return
    call = _Call(primitive, inputs, params)
    call.size = max(x.size for x in found)
    for index, result in enumerate(found):
        if isinstance(result, jax.core.Tracer) and _origin(result) is None:
            _ORIGINS[id(result)] = _Origin(result, call, index)


def remember_value(tracer: Any, value: Any) -> None:
    """Remembers the value of a constant that was lifted into a trace.

    Args:
        tracer: The lifted value; anything but a tracer is ignored.
        value: The constant.
    """
    if isinstance(tracer, jax.core.Tracer) and _origin(tracer) is None:
        call = _Call(None, (), {})
        call.results = [value]
        _ORIGINS[id(tracer)] = _Origin(tracer, call, 0)


def known_value(x: Any) -> np.ndarray | None:
    """The value of an array that does not depend on any input, also under `jax.jit`.

    Args:
        x: An array or a tracer.

    Returns:
        The value; None if it depends on what is being traced, or has more than `MAX_ENTRIES`.
    """
    if not isinstance(x, jax.core.Tracer):
        is_key = isinstance(x, jax.Array) and jnp.issubdtype(x.dtype, jax.dtypes.extended)
        return None if is_key else np.asarray(x)
    origin = _origin(x)
    if origin is None or not _compute(origin.call):
        return None
    assert origin.call.results is not None
    return known_value(origin.call.results[origin.index])


def _origin(tracer: Any) -> _Origin | None:
    # An id may have belonged to an earlier tracer.
    origin = _ORIGINS.get(id(tracer))
    return origin if origin is not None and origin.of() is tracer else None


def _compute(last: _Call) -> bool:
    """Computes a call and all calls that it needs; False if one of them is too large."""
    waiting = [last]
    while waiting:
        call = waiting[-1]
        if call.size > MAX_ENTRIES:
            return False
        origins = [_origin(x) if isinstance(x, jax.core.Tracer) else None for x in call.inputs]
        missing = [x.call for x in origins if x is not None and x.call.results is None]
        if missing:
            waiting += missing
            continue
        waiting.pop()
        if call.results is None:
            values = [
                x if origin is None else (origin.call.results or [])[origin.index]
                for x, origin in zip(call.inputs, origins, strict=True)
            ]
            call.results = _evaluate(call.primitive, values, call.params)
    return True


def _evaluate(primitive: Any, values: Sequence[Any], params: dict[str, Any]) -> list[Any]:
    """Applies a primitive to constants, without compiling it where that can be avoided."""
    results = evaluate(primitive.name, values, params)
    if results is not None:
        return results
    with jax.ensure_compile_time_eval():
        bound = primitive.bind(*values, **params)
    return list(bound) if primitive.multiple_results else [bound]
