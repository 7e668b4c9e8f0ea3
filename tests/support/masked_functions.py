"""Functions that guard a singular point with a mask, each with a point where the mask matters."""

import jax
import jax.numpy as jnp
import numpy as np

POINTS = np.random.default_rng(0).uniform(0, 3, (3, 3))
SIDE = 3.0
OFF_DIAGONAL = ~np.eye(3, dtype=bool)
LINE = np.array([-1.0, 0.0, 4.0])
ROWS = np.array([True, False, True, True])
MATRIX = np.sin(np.arange(12.0)).reshape(4, 3)
WITH_NAN = np.array([1.0, np.nan, 2.0, np.nan])
SPOILT = np.where(np.arange(4)[:, None] == 1, np.nan, MATRIX)


def periodic(points):
    """Displacements between all pairs, to the nearest image."""
    d = points[:, None] - points[None, :]
    return d - SIDE * jnp.round(d / SIDE)


def distances(points):
    """Distances between all pairs; the derivative of a point's distance to itself is nan."""
    return jnp.sqrt(jnp.sum(periodic(points) ** 2, axis=-1))


def lennard_jones(r):
    """The energy of one pair."""
    return 4 * (r**-12 - r**-6)


def morse(r):
    """The energy of one pair."""
    return (1 - jnp.exp(-1.5 * (r - 1.1))) ** 2


def _of_pairs(energy):
    """Total energies with the mask at different places."""

    def norm_behind_mask(points):
        r = jnp.where(OFF_DIAGONAL, jnp.linalg.norm(periodic(points), axis=-1), 1.0)
        return jnp.where(OFF_DIAGONAL, energy(r), 0).sum() / 2

    def zero_behind_mask(points):
        return jnp.where(OFF_DIAGONAL, energy(distances(points)), 0.0).sum() / 2

    def guarded_twice(points):
        square = jnp.sum(periodic(points) ** 2, axis=-1)
        r = jnp.sqrt(jnp.where(OFF_DIAGONAL, square, 1.0))
        near = jnp.where(r < 1.4, energy(r), 0.0)
        return jnp.where(OFF_DIAGONAL, near, 0.0).sum() / 2

    return {
        "norm behind mask": norm_behind_mask,
        "energy behind mask": zero_behind_mask,
        "guarded twice": guarded_twice,
    }


ENERGIES = {
    f"{name}, {place}": function
    for name, energy in (("lennard_jones", lennard_jones), ("morse", morse))
    for place, function in _of_pairs(energy).items()
}

CASES = {
    "cond under vmap": (
        jax.vmap(lambda v: jax.lax.cond(v > 0, jnp.sqrt, lambda u: 0.0 * u, v)),
        LINE,
    ),
    "mask, then slope": (lambda x: jnp.sqrt(jnp.where(x > 0, x, 0)), LINE),
    "slope, then mask": (lambda x: jnp.where(x > 0, jnp.sqrt(x), 0), LINE),
    "slope, mask, sum": (lambda x: jnp.where(x > 0, jnp.sqrt(x), 0).sum(), LINE),
    "slope, mask, matrix": (lambda x: MATRIX @ jnp.where(x > 0, jnp.sqrt(x), 0), LINE),
    "relu, then slope": (lambda x: jnp.sqrt(jax.nn.relu(x)), LINE),
    "slope, then relu": (lambda x: jax.nn.relu(jnp.where(x > 0, jnp.log(x), -1.0)), LINE),
    "removable": (lambda x: jnp.where(x == 0, 1.0, jnp.sin(x) / x), LINE),
    "norm": (lambda x: jnp.where(x @ x > 0, jnp.sqrt(x @ x), 0.0), np.zeros(3)),
    "softmax": (lambda x: jax.nn.softmax(jnp.where(ROWS, x, -jnp.inf)), np.arange(4.0)),
    "log_softmax": (
        lambda x: jnp.where(ROWS, jax.nn.log_softmax(jnp.where(ROWS, x, -jnp.inf)), 0),
        np.arange(4.0),
    ),
    "logsumexp": (lambda x: jax.nn.logsumexp(jnp.where(ROWS, x, -jnp.inf)), np.arange(4.0)),
    "logsumexp of nothing": (
        lambda x: jax.nn.logsumexp(jnp.where(jnp.zeros(4, bool), x, -jnp.inf)),
        np.arange(4.0),
    ),
    "mean": (lambda x: jnp.mean(jnp.log(x), where=ROWS), np.array([1.0, 0.0, 2.0, 3.0])),
    "loss with nan": (
        lambda w: jnp.where(jnp.isnan(WITH_NAN), 0, (MATRIX @ w - WITH_NAN) ** 2).sum(),
        np.ones(3),
    ),
    "product with nan": (
        lambda x: jnp.where(jnp.isnan(WITH_NAN), 0, x * WITH_NAN),
        np.arange(4.0),
    ),
    "rows of nan": (
        lambda w: jnp.where(jnp.isnan(SPOILT).any(axis=1), 0, jnp.tanh(SPOILT @ w)),
        np.ones(3),
    ),
    "triangle": (
        lambda x: jnp.tril(jnp.log(jnp.outer(x, x)))[1:].sum(0),
        np.array([0.0, 1.0, 2.0]),
    ),
    "attention": (
        lambda q: jax.nn.softmax(jnp.where(np.tri(3, dtype=bool), q @ q.T, -jnp.inf)) @ q,
        MATRIX[:3, :2],
    ),
} | {name: (energy, POINTS) for name, energy in ENERGIES.items()}
