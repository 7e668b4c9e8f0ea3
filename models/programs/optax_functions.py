"""Losses, projections and update rules of optax; needs the extra `learn`."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax.projections
from jax import Array

from elimax.models.programs.array_draws import Call, constant, extent, floats, some
from elimax.models.programs.package_draws import Entry, Function, summed

losses = optax.losses


def _loss(name: str, function: Function, is_classes: bool = False) -> Entry:
    """A loss of the predictions of a network; a unit is a layer."""

    def draw(rng: np.random.Generator, units: int) -> Call:
        rows, width = extent(rng, 2, 12), extent(rng, 2, 8)
        data = constant(rng, rows, width)
        target = np.eye(width, dtype=np.float32)[rng.integers(0, width, rows)]
        target = target if is_classes else constant(rng, rows, width)

        def run(weights: Any) -> Any:
            x = jnp.asarray(data)
            for matrix, bias in weights[:-1]:
                x = jnp.tanh(x @ matrix + bias)
            x = x @ weights[-1][0] + weights[-1][1]
            return jnp.mean(function(x, jnp.asarray(target)))

        weights = [(floats(width, width), floats(width)) for _ in range(units)]
        return Call(run, (weights,), (0,))

    return Entry(f"optax.losses.{name}", draw)


LOSSES = (
    *(
        _loss(name, function)
        for name, function in (
            ("log_cosh", losses.log_cosh),
            ("cosine_distance", losses.cosine_distance),
            ("squared_error", losses.squared_error),
            ("l2_loss", losses.l2_loss),
            ("triplet_margin_loss", lambda x, y: losses.triplet_margin_loss(x, y, jnp.flip(y, 0))),
        )
    ),
    *(
        _loss(name, function, is_classes=True)
        for name, function in (
            ("softmax_cross_entropy", losses.softmax_cross_entropy),
            ("safe_softmax_cross_entropy", losses.safe_softmax_cross_entropy),
            ("poly_loss_cross_entropy", losses.poly_loss_cross_entropy),
            ("sigmoid_binary_cross_entropy", losses.sigmoid_binary_cross_entropy),
            ("sigmoid_focal_loss", losses.sigmoid_focal_loss),
            ("hinge_loss", losses.hinge_loss),
            ("ranking_softmax_loss", losses.ranking_softmax_loss),
            ("dice_loss", losses.dice_loss),
            ("kl_divergence", lambda x, y: losses.kl_divergence(x - jnp.max(x), y)),
            (
                "smooth_labels",
                lambda x, y: losses.l2_loss(jnp.tanh(x), losses.smooth_labels(y, 0.1)),
            ),
        )
    ),
)


def _projection(name: str, function: Function) -> Entry:
    """Projected steps towards a minimum; a unit is a step."""

    def draw(rng: np.random.Generator, units: int) -> Call:
        size = extent(rng, 2, 16)
        normal, matrix = constant(rng, size), constant(rng, size, size) / size

        def run(x: Array, target: Array) -> Array:
            for _ in range(units):
                residual = jnp.asarray(matrix) @ x - target
                x = function(x - 0.1 * (matrix.T @ residual), jnp.asarray(normal))
            return x

        return Call(run, (floats(size), floats(size)), some(rng, 2))

    return Entry(f"optax.projections.{name}", draw)


PROJECTIONS = tuple(
    _projection(name, function)
    for name, function in (
        ("projection_box", lambda x, a: optax.projections.projection_box(x, -1.0, 1.0)),
        ("projection_hypercube", lambda x, a: optax.projections.projection_hypercube(x)),
        ("projection_non_negative", lambda x, a: optax.projections.projection_non_negative(x)),
        ("projection_l2_ball", lambda x, a: optax.projections.projection_l2_ball(x)),
        ("projection_l2_sphere", lambda x, a: optax.projections.projection_l2_sphere(x)),
        ("projection_halfspace", lambda x, a: optax.projections.projection_halfspace(x, a, 0.5)),
        ("projection_hyperplane", lambda x, a: optax.projections.projection_hyperplane(x, a, 0.5)),
        ("projection_vector", optax.projections.projection_vector),
    )
)


def _updates(name: str, make: Function) -> Entry:
    """Two or three steps of an update rule with given gradients; a unit is one array of weights."""

    def draw(rng: np.random.Generator, units: int) -> Call:
        steps = int(rng.integers(2, 4))
        shapes = [
            tuple(extent(rng, most=12) for _ in range(rng.integers(1, 3))) for _ in range(units)
        ]
        rule = make()

        def run(weights: Any, gradients: Any) -> Any:
            state = rule.init(weights)
            for gradient in gradients:
                updates, state = rule.update(gradient, state, weights)
                weights = jax.tree.map(jnp.add, weights, updates)
            return weights

        leaves = [floats(*shape) for shape in shapes]
        # The gradients are always differentiated: by the weights alone there would be only sums.
        argnums = (0, 1) if rng.random() < 0.5 else (1,)
        return Call(run, (leaves, [leaves for _ in range(steps)]), argnums)

    return Entry(f"optax.{name}", draw)


UPDATES = tuple(
    _updates(name, make)
    for name, make in (
        ("adabelief", lambda: optax.adabelief(1e-2)),
        ("adadelta", lambda: optax.adadelta(1e-2)),
        ("adagrad", lambda: optax.adagrad(1e-2)),
        ("adamax", lambda: optax.adamax(1e-2)),
        ("adan", lambda: optax.adan(1e-2)),
        ("fromage", lambda: optax.fromage(1e-2)),
        ("lamb", lambda: optax.lamb(1e-2)),
        ("lars", lambda: optax.lars(1e-2)),
        ("nadam", lambda: optax.nadam(1e-2)),
        ("novograd", lambda: optax.novograd(1e-2)),
        ("rmsprop", lambda: optax.rmsprop(1e-2, centered=True)),
        ("sgd", lambda: optax.sgd(1e-2, momentum=0.9, nesterov=True)),
        ("sm3", lambda: optax.sm3(1e-2)),
        ("yogi", lambda: optax.yogi(1e-2)),
        ("clip_by_global_norm", lambda: optax.clip_by_global_norm(1.0)),
        ("adaptive_grad_clip", lambda: optax.adaptive_grad_clip(0.1)),
        ("centralize", lambda: optax.chain(optax.centralize(), optax.trace(0.9))),
    )
)

DIVERGENCES = (
    summed("optax.losses.generalized_kl_divergence", losses.generalized_kl_divergence, "rX"),
    summed("optax.losses.cosine_similarity", losses.cosine_similarity, "rr"),
)

ENTRIES = (*LOSSES, *PROJECTIONS, *UPDATES, *DIVERGENCES)
