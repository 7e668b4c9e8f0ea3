"""From a jaxpr of small arrays to a program of single numbers.

An array becomes an array of numbers, those of the statements of its entries. What only moves
entries moves these numbers, by the same numpy functions that evaluate constants; sums and products
of matrices are written out.
"""

import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.extend.core as jex
import jax.numpy as jnp
import numpy as np

from elimax.interpreter.errors import NotScalarError
from elimax.interpreter.native.scalar_program import (
    BINARY,
    COMPARISONS,
    LOGIC,
    UNARY,
    Builder,
    ScalarProgram,
)
from elimax.interpreter.tracing.host_evaluation import evaluate
from elimax.interpreter.tracing.index_places import places
from elimax.interpreter.tracing.known_values import BY_PLACE

MOST = 6000
"""Statements and entries of outputs that a program may have; a program of that size compiles in a
second or two."""

MOVES = frozenset(
    ("broadcast_in_dim", "concatenate", "copy", "copy_p", "dynamic_slice", "gather", "pad")
    + ("reshape", "rev", "slice", "squeeze", "stack", "tile", "transpose")
)
"""Primitives that only move entries."""

WRITES = frozenset(("dynamic_update_slice", "scatter", "scatter-add"))
"""Primitives that write a window into an array."""

SAME = frozenset(("convert_element_type", "optimization_barrier", "stop_gradient"))
CALLS = frozenset(
    ("checkpoint", "closed_call", "core_call", "custom_jvp_call", "custom_vjp_call", "jit", "pjit")
    + ("remat", "remat2")
)

_FOLDS = {
    "reduce_sum": "add",
    "reduce_max": "max",
    "reduce_min": "min",
    "reduce_prod": "mul",
    "reduce_and": "and",
    "reduce_or": "or",
}
# What these do with truth values.
_OF_TRUTH_VALUES = {"eq": "xnor", "ne": "xor", "max": "or", "min": "and", "mul": "and", "add": "or"}
_SCANS = {"cumsum": "add", "cumprod": "mul", "cummax": "max", "cummin": "min"}

Numbers = np.ndarray
"""int64 array, the numbers of statements."""


class Needed(NamedTuple):
    """What the results of a jaxpr need.

    Attributes:
        equations: The equations, in their order.
        variables: The variables that they or the results read.
    """

    equations: list[Any]
    variables: set[Any]


def needed(jaxpr: Any) -> Needed:
    """Finds what the results of an open jaxpr need; equations with effects are always needed."""
    variables = {atom for atom in jaxpr.outvars if not isinstance(atom, jex.Literal)}
    equations = []
    for eqn in reversed(jaxpr.eqns):
        if eqn.effects or not variables.isdisjoint(eqn.outvars):
            equations.append(eqn)
            variables.update(atom for atom in eqn.invars if not isinstance(atom, jex.Literal))
    return Needed(equations[::-1], variables)


def variables_of(jaxpr: Any) -> list[Any]:
    """What an open jaxpr is evaluated with: its constants, then its inputs."""
    return [*jaxpr.constvars, *jaxpr.invars]


def scalar_program(jaxpr: Any, known: Sequence[Any], most: int = MOST) -> ScalarProgram:
    """Takes the arrays of a program apart.

    Args:
        jaxpr: An open jaxpr.
        known: For each of `variables_of` its value if that is known, or None for an input of the
            program.
        most: Statements, and entries of outputs, that the program may have.

    Returns:
        The program; its outputs are those of the jaxpr.

    Raises:
        NotScalarError: If a primitive has no counterpart, if numbers have several dtypes, or if
            there are too many statements.
    """
    pairs = list(zip(variables_of(jaxpr), known, strict=True))
    dtypes = {variable.aval.dtype for variable, value in pairs if value is None}
    if len(dtypes) != 1 or not dtypes <= {np.dtype(np.float32), np.dtype(np.float64)}:
        given = ", ".join(sorted(map(str, dtypes))) or "no number"
        raise NotScalarError(
            f"a native kernel reads {given}: inputs must all be float32 or all be float64"
        )
    build = Builder(np.dtype(dtypes.pop()), most)
    scalarisation = _Scalarisation(build)
    sizes: list[int] = []

    def new_input(variable: Any) -> Numbers:
        size = math.prod(variable.aval.shape)
        entries = [build.input(len(sizes), k) for k in range(size)]
        sizes.append(size)
        return np.array(entries, np.int64).reshape(variable.aval.shape)

    results_size = sum(math.prod(variable.aval.shape) for variable in jaxpr.outvars)
    if results_size > most:
        raise NotScalarError(f"{results_size} entries of results, more than {most}")
    try:
        arguments = [new_input(v) if value is None else _Known(value) for v, value in pairs]
        results = zip(scalarisation.run(jaxpr, arguments), jaxpr.outvars, strict=True)
        numbers = [scalarisation.numbers(x, variable.aval) for x, variable in results]
    except OverflowError as error:
        raise NotScalarError(str(error)) from None
    return build.program(sizes, [x.ravel().tolist() for x in numbers])


class _Known:
    """An array whose entries are known."""

    def __init__(self, value: Any) -> None:
        if jnp.issubdtype(getattr(value, "dtype", float), jax.dtypes.extended):
            raise NotScalarError(f"a native kernel cannot have an array of {value.dtype}")
        self.value = np.asarray(value)


_Array = Numbers | _Known


def _values(arrays: Sequence[_Array]) -> list[np.ndarray] | None:
    """The values of arrays; None if one is not known."""
    known = [x.value for x in arrays if isinstance(x, _Known)]
    return known if len(known) == len(arrays) else None


def _evaluated(eqn: Any, values: Sequence[np.ndarray]) -> list[_Array]:
    """What an equation returns for known operands."""
    found = evaluate(eqn.primitive.name, values, eqn.params)
    if found is None:
        with jax.ensure_compile_time_eval():
            bound = eqn.primitive.bind(*values, **eqn.params)
        found = bound if eqn.primitive.multiple_results else [bound]
    return [_Known(x) for x in found]


class _Scalarisation:
    """Runs jaxprs on arrays of numbers of statements."""

    def __init__(self, build: Builder) -> None:
        self.build = build

    def run(self, jaxpr: Any, arguments: Sequence[_Array]) -> list[_Array]:
        """The results of a jaxpr for values of `variables_of`."""
        values = dict(zip(variables_of(jaxpr), arguments, strict=True))

        def read(atom: Any) -> _Array:
            return _Known(atom.val) if isinstance(atom, jex.Literal) else values[atom]

        for eqn in needed(jaxpr).equations:
            results = self._equation(eqn, [read(atom) for atom in eqn.invars])
            values.update(zip(eqn.outvars, results, strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def numbers(self, array: _Array, aval: Any) -> Numbers:
        """The statements of an array."""
        if not isinstance(array, _Known):
            return array
        dtype = aval.dtype
        if dtype != self.build.dtype and dtype != np.bool_:
            raise NotScalarError(f"a native kernel cannot have numbers of dtype {dtype}")
        entries = [self.build.constant(x) for x in np.asarray(array.value, dtype).ravel()]
        return np.array(entries, np.int64).reshape(array.value.shape)

    def _equation(self, eqn: Any, inputs: list[_Array]) -> list[_Array]:
        name: str = eqn.primitive.name
        params = eqn.params
        if eqn.effects or not eqn.outvars or name in BY_PLACE:
            raise NotScalarError(f"a native kernel cannot compute the primitive {name}")
        if name in CALLS:
            (inner, *_) = jex.jaxprs_in_params(params)
            body = getattr(inner, "jaxpr", inner)
            return self.run(body, [*map(_Known, getattr(inner, "consts", ())), *inputs])
        if (known := _values(inputs)) is not None:
            return _evaluated(eqn, known)
        if name in ("split", "unstack"):
            (x,) = self._all_numbers(eqn, inputs)
            if name == "unstack":
                return list(np.moveaxis(x, params["axis"], 0))
            return list(np.split(x, np.cumsum(params["sizes"])[:-1], axis=params["axis"]))
        if name in MOVES:
            return [self._moved(eqn, inputs)]
        if name in WRITES:
            return [self._written(eqn, inputs)]
        for variable in eqn.outvars:
            if variable.aval.dtype not in (self.build.dtype, np.bool_):
                raise NotScalarError(
                    f"a native kernel cannot compute {name} to dtype {variable.aval.dtype}"
                )
        arrays = self._all_numbers(eqn, inputs)
        if name in SAME:
            return [
                self._converted(x, variable.aval)
                for x, variable in zip(arrays, eqn.outvars, strict=True)
            ]
        if name in _FOLDS:
            operation = _FOLDS[name]
            if eqn.invars[0].aval.dtype == np.bool_:
                operation = _OF_TRUTH_VALUES.get(operation, operation)
            return [self._folded(operation, arrays[0], params["axes"])]
        if name in _SCANS:
            return [self._scanned(_SCANS[name], arrays[0], params["axis"], params["reverse"])]
        if name == "dot_general":
            return [self._contracted(arrays[0], arrays[1], params["dimension_numbers"])]
        if any(atom.aval.dtype == np.bool_ for atom in eqn.invars):
            name = _OF_TRUTH_VALUES.get(name, name)
        return [self._elementwise(name, params, arrays, eqn.outvars[0].aval.shape)]

    def _all_numbers(self, eqn: Any, inputs: Sequence[_Array]) -> list[Numbers]:
        return [self.numbers(x, atom.aval) for x, atom in zip(inputs, eqn.invars, strict=True)]

    def _converted(self, x: Numbers, aval: Any) -> Numbers:
        """Makes numbers of truth values, or truth values of numbers."""
        build = self.build
        zero, one, is_truth = build.constant(0.0), build.constant(1.0), aval.dtype == np.bool_

        def converted(entry: int) -> int:
            if build.statements[entry].is_truth == is_truth:
                return entry
            return build.apply("ne", entry, zero) if is_truth else build.select(entry, one, zero)

        return np.array([converted(k) for k in x.ravel().tolist()], np.int64).reshape(x.shape)

    def _moved(self, eqn: Any, inputs: Sequence[_Array]) -> Numbers:
        """Moves numbers of statements; the operands behind the moved ones are indices."""
        name = eqn.primitive.name
        moving = len(inputs) if name in ("concatenate", "stack") else 2 if name == "pad" else 1
        indices = _values(inputs[moving:])
        if indices is None:
            raise NotScalarError(
                f"a native kernel cannot compute {name} at places that depend on inputs"
            )
        atoms = zip(inputs[:moving], eqn.invars[:moving], strict=True)
        arrays = [self.numbers(x, atom.aval) for x, atom in atoms]
        found = evaluate(name, [*arrays, *indices], dict(eqn.params))
        if found is None:
            raise NotScalarError(f"a native kernel cannot compute {name} with these parameters")
        return found[0]

    def _written(self, eqn: Any, inputs: Sequence[_Array]) -> Numbers:
        name = eqn.primitive.name
        position = 2 if name.startswith("scatter") else 1
        indices = _values([x for k, x in enumerate(inputs) if k not in (0, position)])
        if indices is None:
            raise NotScalarError(
                f"a native kernel cannot compute {name} at places that depend on inputs"
            )
        target, window = (self.numbers(inputs[k], eqn.invars[k].aval) for k in (0, position))
        where = places(name, (target.shape, window.shape), indices, eqn.params)
        if where is None:
            raise NotScalarError(f"a native kernel cannot compute {name} out of bounds")
        result = target.ravel().copy()
        for place, entry in zip(where.ravel().tolist(), window.ravel().tolist(), strict=True):
            if name == "scatter-add":
                entry = self.build.apply("add", int(result[place]), entry)
            result[place] = entry
        return result.reshape(target.shape)

    def _folded(self, operation: str, x: Numbers, axes: Sequence[int]) -> Numbers:
        x = np.moveaxis(x, tuple(axes), tuple(range(len(axes))))
        terms, shape = math.prod(x.shape[: len(axes)]), x.shape[len(axes) :]
        _require_terms(terms)
        rows = x.reshape(terms, math.prod(shape))
        columns = [self._fold(operation, column) for column in rows.T.tolist()]
        return np.array(columns, np.int64).reshape(shape)

    def _fold(self, operation: str, entries: Sequence[int]) -> int:
        return functools.reduce(functools.partial(self.build.apply, operation), entries)

    def _scanned(self, operation: str, x: Numbers, axis: int, reverse: bool) -> Numbers:
        rows = np.moveaxis(np.flip(x, axis) if reverse else x, axis, -1)
        _require_terms(x.size)
        apply = functools.partial(self.build.apply, operation)
        found = [
            list(itertools.accumulate(row, apply))
            for row in rows.reshape(-1, rows.shape[-1]).tolist()
        ]
        result = np.moveaxis(np.array(found, np.int64).reshape(rows.shape), -1, axis)
        return np.flip(result, axis) if reverse else result

    def _contracted(self, x: Numbers, y: Numbers, numbers: Any) -> Numbers:
        (x_summed, y_summed), (x_batch, y_batch) = numbers
        x_free = [k for k in range(x.ndim) if k not in (*x_summed, *x_batch)]
        y_free = [k for k in range(y.ndim) if k not in (*y_summed, *y_batch)]
        batch = [x.shape[k] for k in x_batch]
        shape = [*batch, *(x.shape[k] for k in x_free), *(y.shape[k] for k in y_free)]
        length = math.prod(x.shape[k] for k in x_summed)
        _require_terms(min(x.size, y.size))
        count = math.prod(batch)
        left = x.transpose(*x_batch, *x_free, *x_summed).reshape(count, -1, length)
        right = y.transpose(*y_batch, *y_free, *y_summed).reshape(count, -1, length)
        found = [
            self._fold("add", list(map(functools.partial(self.build.apply, "mul"), row, column)))
            for rows, columns in zip(left.tolist(), right.tolist(), strict=True)
            for row in rows
            for column in columns
        ]
        return np.array(found, np.int64).reshape(shape)

    def _elementwise(
        self, name: str, params: dict[str, Any], arrays: Sequence[Numbers], shape: tuple[int, ...]
    ) -> Numbers:
        function = self._function(name, params)
        flat = [np.broadcast_to(x, shape).ravel().tolist() for x in arrays]
        found = [function(*entries) for entries in zip(*flat, strict=True)]
        return np.array(found, np.int64).reshape(shape)

    def _function(self, name: str, params: dict[str, Any]) -> Callable[..., int]:
        """The function of single numbers that an elementwise primitive applies."""
        build = self.build
        if name in _COMPOSED:
            return functools.partial(_COMPOSED[name], build)
        if name == "integer_pow":
            return lambda x: _whole_power(build, x, params["y"])
        if name == "round":
            if params["rounding_method"] != 1:
                raise NotScalarError("a native kernel cannot round halves away from zero")
            return functools.partial(build.apply, "roundeven")
        if name not in {*UNARY, *BINARY, *COMPARISONS, *LOGIC}:
            raise NotScalarError(f"a native kernel cannot compute the primitive {name}")
        return functools.partial(build.apply, name)


def can_be_taken_apart(primitive: str) -> bool:
    """Whether a primitive has a counterpart for single numbers, at least for some operands.

    Args:
        primitive: Its name.

    Returns:
        Whether it has one.
    """
    return primitive in _WITH_COUNTERPART


def _require_terms(number: int) -> None:
    if not number:
        raise NotScalarError("a native kernel cannot compute a sum of nothing")


def _whole_power(build: Builder, x: int, exponent: int) -> int:
    """A power by squaring."""
    result, power = build.constant(1.0), x
    rest = abs(exponent)
    while rest:
        if rest % 2:
            result = build.apply("mul", result, power)
        rest //= 2
        if rest:
            power = build.apply("mul", power, power)
    return build.apply("div", build.constant(1.0), result) if exponent < 0 else result


def _sign(build: Builder, x: int) -> int:
    """The sign of a number; zeros of both signs and nan are their own."""
    zero = build.constant(0.0)
    is_above, is_below = build.apply("gt", x, zero), build.apply("lt", x, zero)
    negative = build.select(is_below, build.constant(-1.0), x)
    return build.select(is_above, build.constant(1.0), negative)


def _one_minus_square(build: Builder, x: int) -> int:
    one = build.constant(1.0)
    return build.apply("mul", build.apply("sub", one, x), build.apply("add", one, x))


def _logistic(build: Builder, x: int) -> int:
    one = build.constant(1.0)
    power = build.apply("exp", build.apply("neg", x))
    return build.apply("div", one, build.apply("add", one, power))


def _is_finite(build: Builder, x: int) -> int:
    return build.apply("lt", build.apply("abs", x), build.constant(math.inf))


def _select(build: Builder, which: int, *cases: int) -> int:
    if len(cases) == 1:
        return cases[0]
    if not build.statements[which].is_truth:
        raise NotScalarError("a native kernel cannot compute select_n of more than two cases")
    otherwise, then = cases
    return build.select(which, then, otherwise)


def _clamp(build: Builder, low: int, x: int, high: int) -> int:
    return build.apply("min", build.apply("max", x, low), high)


_COMPOSED: Mapping[str, Callable[..., int]] = {
    "add_any": lambda build, x, y: build.apply("add", x, y),
    "clamp": _clamp,
    "is_finite": _is_finite,
    "logistic": _logistic,
    "not": lambda build, x: build.apply("xor", x, build.constant(True)),
    "xnor": lambda build, x, y: build.apply("xor", build.apply("xor", x, y), build.constant(True)),
    "one_minus_square": _one_minus_square,
    "rsqrt": lambda build, x: build.apply("div", build.constant(1.0), build.apply("sqrt", x)),
    "select_n": _select,
    "sign": _sign,
    "square": lambda build, x: build.apply("mul", x, x),
}
"""Primitives that are several statements."""

_WITH_COUNTERPART = frozenset(
    {*MOVES, *WRITES, *SAME, *CALLS, *_FOLDS, *_SCANS, *_COMPOSED}
    | {*UNARY, *BINARY, *COMPARISONS, *LOGIC}
    | {"split", "unstack", "dot_general", "integer_pow", "round"}
)
