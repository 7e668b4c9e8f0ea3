"""Residuals of Moré, Garbow & Hillstrom, *Testing Unconstrained Optimization Software*, 1981.

Numbered and started as in section 3 of the paper (ACM Transactions on Mathematical Software 7);
32 of its 35 functions, without the three linear ones. Measured data that are only subtracted do not
affect the Jacobian and are left out.
"""

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

Function = Callable[[Any], Any]

BARD_U = np.arange(1.0, 16.0)
GAUSSIAN_T = (8.0 - np.arange(1.0, 16.0)) / 2.0
MEYER_T = 45.0 + 5.0 * np.arange(1.0, 17.0)
KOWALIK_U = np.array([4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625])


def _dtype(values: Any, x: Any) -> Any:
    return jnp.asarray(values, x.dtype)


def rosenbrock(x: Any) -> Any:
    """Function 1."""
    return jnp.stack([10 * (x[1] - x[0] ** 2), 1 - x[0]])


def freudenstein_roth(x: Any) -> Any:
    """Function 2."""
    first = -13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1]
    return jnp.stack([first, -29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1]])


def powell_badly_scaled(x: Any) -> Any:
    """Function 3."""
    return jnp.stack([1e4 * x[0] * x[1] - 1, jnp.exp(-x[0]) + jnp.exp(-x[1]) - 1.0001])


def brown_badly_scaled(x: Any) -> Any:
    """Function 4."""
    return jnp.stack([x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2])


def beale(x: Any) -> Any:
    """Function 5."""
    values = (1.5, 2.25, 2.625)
    return jnp.stack([y - x[0] * (1 - x[1] ** k) for k, y in enumerate(values, 1)])


def jennrich_sampson(x: Any) -> Any:
    """Function 6."""
    k = _dtype(np.arange(1.0, 11.0), x)
    return 2 + 2 * k - (jnp.exp(k * x[0]) + jnp.exp(k * x[1]))


def helical_valley(x: Any) -> Any:
    """Function 7, where x[0] is positive."""
    angle = jnp.arctan(x[1] / x[0]) / (2 * math.pi)
    radius = jnp.sqrt(x[0] ** 2 + x[1] ** 2)
    return jnp.stack([10 * (x[2] - 10 * angle), 10 * (radius - 1), x[2]])


def bard(x: Any) -> Any:
    """Function 8."""
    u = BARD_U
    v, w = 16 - u, np.minimum(u, 16 - u)
    return x[0] + _dtype(u, x) / (_dtype(v, x) * x[1] + _dtype(w, x) * x[2])


def gaussian(x: Any) -> Any:
    """Function 9."""
    return x[0] * jnp.exp(-x[1] * (_dtype(GAUSSIAN_T, x) - x[2]) ** 2 / 2)


def meyer(x: Any) -> Any:
    """Function 10."""
    return x[0] * jnp.exp(x[1] / (_dtype(MEYER_T, x) + x[2]))


def gulf(x: Any) -> Any:
    """Function 11, with ten residuals."""
    t = np.arange(1.0, 11.0) / 100
    y = 25 + (-50 * np.log(t)) ** (2 / 3)
    return jnp.exp(-((jnp.abs(_dtype(y, x) - x[1])) ** x[2]) / x[0]) - _dtype(t, x)


def box(x: Any) -> Any:
    """Function 12, with ten residuals."""
    t = np.arange(1.0, 11.0) / 10
    s, rest = _dtype(t, x), _dtype(np.exp(-t) - np.exp(-10 * t), x)
    return jnp.exp(-s * x[0]) - jnp.exp(-s * x[1]) - x[2] * rest


def powell_singular(x: Any) -> Any:
    """Function 13."""
    return jnp.stack(
        [
            x[0] + 10 * x[1],
            math.sqrt(5) * (x[2] - x[3]),
            (x[1] - 2 * x[2]) ** 2,
            math.sqrt(10) * (x[0] - x[3]) ** 2,
        ]
    )


def wood(x: Any) -> Any:
    """Function 14."""
    return jnp.stack(
        [
            10 * (x[1] - x[0] ** 2),
            1 - x[0],
            math.sqrt(90) * (x[3] - x[2] ** 2),
            1 - x[2],
            math.sqrt(10) * (x[1] + x[3] - 2),
            (x[1] - x[3]) / math.sqrt(10),
        ]
    )


def kowalik_osborne(x: Any) -> Any:
    """Function 15."""
    u = _dtype(KOWALIK_U, x)
    return -x[0] * (u**2 + u * x[1]) / (u**2 + u * x[2] + x[3])


def brown_dennis(x: Any) -> Any:
    """Function 16, with twenty residuals."""
    t = np.arange(1.0, 21.0) / 5
    first = (x[0] + _dtype(t, x) * x[1] - _dtype(np.exp(t), x)) ** 2
    return first + (x[2] + x[3] * _dtype(np.sin(t), x) - _dtype(np.cos(t), x)) ** 2


def osborne_1(x: Any) -> Any:
    """Function 17."""
    t = _dtype(10.0 * np.arange(33.0), x)
    return -(x[0] + x[1] * jnp.exp(-t * x[3]) + x[2] * jnp.exp(-t * x[4]))


def biggs_exp6(x: Any) -> Any:
    """Function 18, with thirteen residuals."""
    t = _dtype(np.arange(1.0, 14.0) / 10, x)
    return x[2] * jnp.exp(-t * x[0]) - x[3] * jnp.exp(-t * x[1]) + x[5] * jnp.exp(-t * x[4])


def osborne_2(x: Any) -> Any:
    """Function 19."""
    t = _dtype(np.arange(65.0) / 10, x)
    total = x[0] * jnp.exp(-t * x[4])
    for k in range(1, 4):
        total = total + x[k] * jnp.exp(-((t - x[k + 7]) ** 2) * x[k + 4])
    return -total


def watson(x: Any) -> Any:
    """Function 20, of six variables."""
    t = np.arange(1.0, 30.0) / 29
    powers = t[:, None] ** np.arange(6.0)
    slopes = np.arange(1.0, 6.0) * powers[:, :5]
    first = _dtype(slopes, x) @ x[1:] - (_dtype(powers, x) @ x) ** 2 - 1
    return jnp.concatenate([first, x[:1], x[1:2] - x[:1] ** 2 - 1])


def extended_rosenbrock(x: Any) -> Any:
    """Function 21."""
    odd, even = x[::2], x[1::2]
    return jnp.stack([10 * (even - odd**2), 1 - odd], axis=1).ravel()


def extended_powell(x: Any) -> Any:
    """Function 22."""
    return jnp.concatenate([powell_singular(x[k : k + 4]) for k in range(0, x.shape[0], 4)])


def penalty_1(x: Any) -> Any:
    """Function 23."""
    return jnp.concatenate([math.sqrt(1e-5) * (x - 1), jnp.sum(x**2)[None] - 0.25])


def penalty_2(x: Any) -> Any:
    """Function 24."""
    n, root = x.shape[0], math.sqrt(1e-5)
    k = np.arange(2.0, n + 1)
    y = np.exp(k / 10) + np.exp((k - 1) / 10)
    middle = root * (jnp.exp(x[1:] / 10) + jnp.exp(x[:-1] / 10) - _dtype(y, x))
    after = root * (jnp.exp(x[1:] / 10) - math.exp(-1 / 10))
    total = _dtype(np.arange(float(n), 0.0, -1.0), x) @ x**2
    return jnp.concatenate([x[:1] - 0.2, middle, after, total[None] - 1])


def variably_dimensioned(x: Any) -> Any:
    """Function 25."""
    total = _dtype(np.arange(1.0, x.shape[0] + 1), x) @ (x - 1)
    return jnp.concatenate([x - 1, jnp.stack([total, total**2])])


def trigonometric(x: Any) -> Any:
    """Function 26."""
    k = _dtype(np.arange(1.0, x.shape[0] + 1), x)
    return x.shape[0] - jnp.sum(jnp.cos(x)) + k * (1 - jnp.cos(x)) - jnp.sin(x)


def brown_almost_linear(x: Any) -> Any:
    """Function 27."""
    return jnp.concatenate([x[:-1] + jnp.sum(x) - (x.shape[0] + 1), jnp.prod(x)[None] - 1])


def discrete_boundary_value(x: Any) -> Any:
    """Function 28."""
    n = x.shape[0]
    h = 1 / (n + 1)
    t = _dtype(h * np.arange(1.0, n + 1), x)
    padded = jnp.pad(x, 1)
    return 2 * x - padded[:-2] - padded[2:] + h**2 * (x + t + 1) ** 3 / 2


def discrete_integral(x: Any) -> Any:
    """Function 29."""
    n = x.shape[0]
    h = 1 / (n + 1)
    t = h * np.arange(1.0, n + 1)
    kernel = np.where(t[None] <= t[:, None], (1 - t[:, None]) * t[None], t[:, None] * (1 - t[None]))
    return x + h / 2 * _dtype(kernel, x) @ (x + _dtype(t, x) + 1) ** 3


def broyden_tridiagonal(x: Any) -> Any:
    """Function 30."""
    padded = jnp.pad(x, 1)
    return (3 - 2 * x) * x - padded[:-2] - 2 * padded[2:] + 1


def broyden_banded(x: Any) -> Any:
    """Function 31."""
    n = x.shape[0]
    i, j = np.arange(n)[:, None], np.arange(n)[None]
    band = ((j >= i - 5) & (j <= i + 1) & (i != j)).astype(float)
    return x * (2 + 5 * x**2) + 1 - _dtype(band, x) @ (x * (1 + x))


def chebyquad(x: Any) -> Any:
    """Function 35."""
    n = x.shape[0]
    before, now = jnp.ones_like(x), 2 * x - 1
    rows = []
    for k in range(1, n + 1):
        integral = -1 / (k**2 - 1) if k % 2 == 0 else 0.0
        rows.append(jnp.mean(now) - integral)
        before, now = now, 2 * (2 * x - 1) * now - before
    return jnp.stack(rows)


def _grid(n: int) -> list[float]:
    return [k / (n + 1) * (k / (n + 1) - 1) for k in range(1, n + 1)]


SYSTEMS: dict[Function, list[float]] = {
    rosenbrock: [-1.2, 1.0],
    freudenstein_roth: [0.5, -2.0],
    powell_badly_scaled: [0.5, 1.0],
    brown_badly_scaled: [1.0, 1.0],
    beale: [1.0, 1.0],
    jennrich_sampson: [0.3, 0.4],
    helical_valley: [1.0, 0.5, 0.2],
    bard: [1.0, 1.0, 1.0],
    gaussian: [0.4, 1.0, 0.1],
    meyer: [0.02, 400.0, 250.0],
    gulf: [5.0, 2.5, 0.15],
    box: [0.5, 10.0, 20.0],
    powell_singular: [3.0, -1.0, 0.5, 1.0],
    wood: [-3.0, -1.0, -3.0, -1.0],
    kowalik_osborne: [0.25, 0.39, 0.415, 0.39],
    brown_dennis: [25.0, 5.0, -5.0, -1.0],
    osborne_1: [0.5, 1.5, -1.0, 0.01, 0.02],
    biggs_exp6: [1.0, 2.0, 1.0, 1.0, 1.0, 1.0],
    osborne_2: [1.3, 0.65, 0.65, 0.7, 0.6, 3.0, 5.0, 7.0, 2.0, 4.5, 5.5],
    watson: [0.1, 0.2, -0.1, 0.3, 0.1, -0.2],
    extended_rosenbrock: [-1.2, 1.0] * 5,
    extended_powell: [3.0, -1.0, 0.5, 1.0] * 3,
    penalty_1: [1.0, 2.0, 3.0, 4.0],
    penalty_2: [0.5, 0.5, 0.5, 0.5],
    variably_dimensioned: [1 - k / 10 for k in range(1, 11)],
    trigonometric: [0.1] * 10,
    brown_almost_linear: [0.5] * 10,
    discrete_boundary_value: _grid(10),
    discrete_integral: _grid(10),
    broyden_tridiagonal: [-1.0] * 10,
    broyden_banded: [-1.0] * 10,
    chebyquad: [k / 9 for k in range(1, 9)],
}
"""The functions of one vector, with the points that their batches surround."""
