"""Random expressions over arrays of a few shapes.

An expression is drawn while it is traced, because only then are the shapes of its values known.
Values that nothing has read *wait*. Operations take them first, and those that wait at the end
become the outputs, reduced to a few.
"""

import string
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from elimax.models.programs.array_draws import Call, constant, extent, floats, pick, size_of, some

MOST_ENTRIES = 4096
"""Largest number of entries of a value in an expression."""

UNARY = (
    jnp.sin,
    jnp.tanh,
    jnp.exp,
    jnp.square,
    lax.logistic,
    jnp.arctan,
    jax.nn.relu,
    jnp.negative,
)
BINARY = (jnp.add, jnp.subtract, jnp.multiply, jnp.maximum, jnp.divide)
REDUCTIONS = (jnp.sum, jnp.mean, jnp.max, jax.nn.logsumexp)


def expression(rng: np.random.Generator, units: int) -> Call:
    """Draws operations one by one.

    Args:
        rng: Source of randomness.
        units: Number of operations.

    Returns:
        The call; some of two to five arrays are differentiated.
    """
    axes = [extent(rng) for _ in range(rng.integers(1, 4))]
    shapes = [_draw_shape(rng, axes) for _ in range(rng.integers(2, 6))]
    argnums = some(rng, len(shapes))
    most_waiting = int(rng.integers(2, 6))

    def run(*arrays: Array) -> list[Array]:
        pool = list(arrays)
        waiting = [number for number in range(len(arrays)) if number in argnums]
        for _ in range(units):
            first = _draw_number(rng, pool, waiting, len(waiting) > most_waiting)
            result, read = _draw_operation(rng, pool, first, waiting)
            waiting = [number for number in waiting if number not in read] + [len(pool)]
            pool.append(result)
        return _gathered(rng, [pool[number] for number in waiting])

    return Call(run, tuple(floats(*shape) for shape in shapes), argnums)


def _draw_shape(rng: np.random.Generator, axes: list[int]) -> tuple[int, ...]:
    """Up to three of the axes, in any order and possibly repeated, if the array stays small."""
    shape: list[int] = []
    for _ in range(rng.integers(0, 4)):
        axis = pick(rng, axes)
        if np.prod(shape) * axis <= MOST_ENTRIES:
            shape.append(axis)
    return tuple(shape)


def _draw_number(
    rng: np.random.Generator, pool: list[Array], waiting: list[int], is_crowded: bool
) -> int:
    """The number of a value: one that waits, or any, with later ones more likely."""
    if waiting and (is_crowded or rng.random() < 0.6):
        return pick(rng, waiting)
    # Not before the first that waits: operations on arguments that are not differentiated would be
    # constants.
    return max(waiting[0] if waiting else 0, len(pool) - int(rng.geometric(0.2)))


def _draw_operation(
    rng: np.random.Generator, pool: list[Array], first: int, waiting: list[int]
) -> tuple[Array, set[int]]:
    """The result of an operation on one or two values, and the numbers of the values it read."""
    x = pool[first]
    if rng.random() < 0.4:
        # Waiting partners come first, so that few values are left at the end.
        partners = [*waiting, *(int(n) for n in rng.permutation(len(pool)))]
        for second in partners[:12]:
            y = pool[second]
            if second != first and _fits(x, y):
                return pick(rng, BINARY[:4])(x, y), {first, second}
            if second != first and set(x.shape) & set(y.shape) and rng.random() < 0.5:
                return _contracted(rng, x, y), {first, second}
    if x.ndim == 0:
        return pick(rng, UNARY)(x), {first}
    operation = pick(rng, OPERATIONS) if rng.random() < 0.6 else _elementwise
    return operation(rng, x), {first}


def _fits(x: Array, y: Array) -> bool:
    """Whether two arrays can be added and the sum is not too large."""
    try:
        return bool(np.prod(np.broadcast_shapes(x.shape, y.shape)) <= MOST_ENTRIES)
    except ValueError:
        return False


def _contracted(rng: np.random.Generator, x: Array, y: Array) -> Array:
    """An einsum over a common axis; further common axes are batch axes or summed as well."""
    letters = iter(string.ascii_letters)
    left = [next(letters) for _ in x.shape]
    right = [next(letters) for _ in y.shape]
    shared = []
    for place, size in enumerate(y.shape):
        same = [k for k, n in enumerate(x.shape) if n == size and left[k] not in right]
        if same and (not shared or rng.random() < 0.5):
            right[place] = left[pick(rng, same)]
            shared.append(right[place])
    sizes = {**dict(zip(left, x.shape, strict=True)), **dict(zip(right, y.shape, strict=True))}
    out: list[str] = []
    entries = 1
    for letter in dict.fromkeys([*left, *right]):
        is_kept = letter not in shared or (letter != shared[0] and rng.random() < 0.5)
        if is_kept and len(out) < 3 and entries * sizes[letter] <= MOST_ENTRIES:
            out.append(letter)
            entries *= sizes[letter]
    return jnp.einsum(f"{''.join(left)},{''.join(right)}->{''.join(out)}", x, y)


def _elementwise(rng: np.random.Generator, x: Array) -> Array:
    return pick(rng, UNARY)(x)


def _literal(rng: np.random.Generator, x: Array) -> Array:
    """Combines with a constant array that broadcasts."""
    return pick(rng, BINARY)(x, constant(rng, *x.shape[int(rng.integers(x.ndim)) :]))


def _masked(rng: np.random.Generator, x: Array) -> Array:
    return jnp.where(constant(rng, *x.shape) > 0, x, pick(rng, (0.0, -1.0)))


def _reduced(rng: np.random.Generator, x: Array) -> Array:
    axis = int(rng.integers(x.ndim))
    return pick(rng, REDUCTIONS)(x, axis=axis, keepdims=bool(rng.random() < 0.3))


def _centred(rng: np.random.Generator, x: Array) -> Array:
    return x - jnp.mean(x, axis=int(rng.integers(x.ndim)), keepdims=True)


def _normalised(rng: np.random.Generator, x: Array) -> Array:
    """A softmax, or a layer norm."""
    axis = int(rng.integers(x.ndim))
    if rng.random() < 0.5:
        return jax.nn.softmax(x, axis=axis)
    return jax.nn.standardize(x, axis=axis)


def _transformed(rng: np.random.Generator, x: Array) -> Array:
    """Applies a constant matrix along an axis."""
    axis = int(rng.integers(x.ndim))
    matrix = constant(rng, x.shape[axis], extent(rng, most=16))
    result = jnp.tensordot(x, matrix, (axis, 0))
    return result if size_of(result) <= MOST_ENTRIES else _reduced(rng, x)


def _transposed(rng: np.random.Generator, x: Array) -> Array:
    return jnp.transpose(x, tuple(map(int, rng.permutation(x.ndim))))


def _reshaped(rng: np.random.Generator, x: Array) -> Array:
    """Two axes become one, or one becomes two."""
    if x.ndim > 1 and rng.random() < 0.5:
        return x.reshape(*x.shape[:-2], -1)
    divisors = [d for d in range(2, x.shape[-1]) if x.shape[-1] % d == 0]
    return x.reshape(*x.shape[:-1], pick(rng, divisors), -1) if divisors else x[..., None]


def _sliced(rng: np.random.Generator, x: Array) -> Array:
    axis = int(rng.integers(x.ndim))
    first, stride = int(rng.integers(0, max(1, x.shape[axis] // 2))), int(rng.integers(1, 3))
    return lax.slice_in_dim(x, first, x.shape[axis], stride, axis)


def _padded(rng: np.random.Generator, x: Array) -> Array:
    if size_of(x) * 3 > MOST_ENTRIES:
        return _sliced(rng, x)
    return jnp.pad(x, [(int(rng.integers(0, 2)), int(rng.integers(0, 2))) for _ in x.shape])


def _joined(rng: np.random.Generator, x: Array) -> Array:
    """Concatenates with a function of itself, along an axis."""
    if size_of(x) * 2 > MOST_ENTRIES:
        return _sliced(rng, x)
    return jnp.concatenate([x, pick(rng, UNARY)(x)], axis=int(rng.integers(x.ndim)))


def _turned(rng: np.random.Generator, x: Array) -> Array:
    """Rolls or reverses along an axis."""
    axis = int(rng.integers(x.ndim))
    return jnp.roll(x, 1, axis) if rng.random() < 0.5 else jnp.flip(x, axis)


def _gathered_rows(rng: np.random.Generator, x: Array) -> Array:
    """Takes entries along an axis at constant indices."""
    axis = int(rng.integers(x.ndim))
    places = rng.integers(0, x.shape[axis], size=extent(rng, most=x.shape[axis]))
    return jnp.take(x, places, axis=axis)


def _accumulated(rng: np.random.Generator, x: Array) -> Array:
    return jnp.cumsum(x, axis=int(rng.integers(x.ndim)))


def _outer(rng: np.random.Generator, x: Array) -> Array:
    """All pairs along the last axis, as for distances."""
    if x.ndim > 2 or size_of(x) * x.shape[-1] > MOST_ENTRIES:
        return _reduced(rng, x)
    return pick(rng, (jnp.subtract, jnp.multiply))(x[..., :, None], x[..., None, :])


OPERATIONS: tuple[Callable[[np.random.Generator, Array], Array], ...] = (
    *(_literal, _masked, _reduced, _centred, _normalised, _transformed, _transposed, _reshaped),
    *(_sliced, _padded, _joined, _turned, _gathered_rows, _accumulated, _outer),
)


def _gathered(rng: np.random.Generator, values: list[Array]) -> list[Array]:
    """At most three outputs: the sums of further values are added to the last one."""
    most = int(rng.integers(1, 4))
    kept, rest = values[-most:], values[:-most]
    for value in rest:
        kept[-1] = kept[-1] + jnp.sum(value)
    return kept
