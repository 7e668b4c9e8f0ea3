"""Small functions from mechanics, chemistry, biology and vision, each a textbook formula."""

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

Function = Callable[[Any], Any]


def _runge_kutta(slope: Function, state: Any, step: float) -> Any:
    first = slope(state)
    second = slope(state + step / 2 * first)
    third = slope(state + step / 2 * second)
    return state + step / 6 * (first + 2 * second + 2 * third + slope(state + step * third))


def lorenz_step(x: Any) -> Any:
    """A Runge-Kutta step of the Lorenz system, with its three parameters among the inputs."""

    def slope(s: Any) -> Any:
        return jnp.stack(
            [x[3] * (s[1] - s[0]), s[0] * (x[4] - s[2]) - s[1], s[0] * s[1] - x[5] * s[2]]
        )

    return _runge_kutta(slope, x[:3], 0.01)


def predator_prey_step(x: Any) -> Any:
    """A Runge-Kutta step of the Lotka-Volterra equations, with four rates among the inputs."""

    def slope(s: Any) -> Any:
        return jnp.stack([s[0] * (x[2] - x[3] * s[1]), s[1] * (x[4] * s[0] - x[5])])

    return _runge_kutta(slope, x[:2], 0.1)


def double_pendulum(x: Any) -> Any:
    """Angular accelerations and velocities of two rods of length 1 and mass 1."""
    a, b, u, v = x
    d = a - b
    below = 3 - jnp.cos(2 * d)
    first = -3 * 9.81 * jnp.sin(a) - 9.81 * jnp.sin(a - 2 * b)
    first = (first - 2 * jnp.sin(d) * (v**2 + u**2 * jnp.cos(d))) / below
    second = 2 * jnp.sin(d) * (2 * u**2 + 2 * 9.81 * jnp.cos(a) + v**2 * jnp.cos(d)) / below
    return jnp.stack([u, v, first, second])


def cart_pole(x: Any) -> Any:
    """Accelerations of a cart with a pole, pushed by a force x[3]."""
    angle, speed, velocity, force = x
    sine, cosine = jnp.sin(angle), jnp.cos(angle)
    push = (force + 0.05 * speed**2 * sine) / 1.1
    turning = (9.81 * sine - cosine * push) / (0.5 * (4 / 3 - 0.1 * cosine**2 / 1.1))
    return jnp.stack([speed, turning, velocity, push - 0.05 * turning * cosine / 1.1])


def bicycle_step(x: Any) -> Any:
    """A step of a kinematic bicycle: position, heading, speed; steering and acceleration."""
    px, py, heading, speed, steering, acceleration = x
    slip = jnp.arctan(0.5 * jnp.tan(steering))
    return jnp.stack(
        [
            px + 0.1 * speed * jnp.cos(heading + slip),
            py + 0.1 * speed * jnp.sin(heading + slip),
            heading + 0.1 * speed * jnp.sin(slip) / 1.2,
            speed + 0.1 * acceleration,
        ]
    )


def rotation_of_quaternion(x: Any) -> Any:
    """The matrix of a quaternion that is normalised first."""
    w, a, b, c = x / jnp.sqrt(jnp.sum(x**2))
    return jnp.stack(
        [
            *(1 - 2 * (b * b + c * c), 2 * (a * b - w * c), 2 * (a * c + w * b)),
            *(2 * (a * b + w * c), 1 - 2 * (a * a + c * c), 2 * (b * c - w * a)),
            *(2 * (a * c - w * b), 2 * (b * c + w * a), 1 - 2 * (a * a + b * b)),
        ]
    )


def distorted_projection(x: Any) -> Any:
    """A pinhole camera with two coefficients of radial distortion."""
    u, v = x[0] / x[2], x[1] / x[2]
    square = u * u + v * v
    scale = x[3] * (1 + square * (x[4] + x[5] * square))
    return jnp.stack([scale * u, scale * v])


def spherical_arm(x: Any) -> Any:
    """Position and direction of the tip of an arm with three joints and two lengths."""
    a, b, c, first, second = x
    reach = first * jnp.cos(b) + second * jnp.cos(b + c)
    height = first * jnp.sin(b) + second * jnp.sin(b + c)
    tip = [jnp.cos(a) * reach, jnp.sin(a) * reach, height]
    return jnp.stack([*tip, jnp.cos(a) * jnp.cos(b + c), jnp.sin(a) * jnp.cos(b + c)])


def kepler_orbit(x: Any) -> Any:
    """Position and velocity from size, eccentricity, inclination, node, periapsis and anomaly."""
    size, e, inclination, node, periapsis, anomaly = x
    radius = size * (1 - e * jnp.cos(anomaly))
    p = size * (jnp.cos(anomaly) - e)
    q = size * jnp.sqrt(1 - e**2) * jnp.sin(anomaly)
    rate = jnp.sqrt(size) / radius
    dp, dq = -rate * jnp.sin(anomaly), rate * jnp.sqrt(1 - e**2) * jnp.cos(anomaly)
    cn, sn, cp, sp = jnp.cos(node), jnp.sin(node), jnp.cos(periapsis), jnp.sin(periapsis)
    ci, si = jnp.cos(inclination), jnp.sin(inclination)
    along = (cn * cp - sn * sp * ci, sn * cp + cn * sp * ci, sp * si)
    across = (-cn * sp - sn * cp * ci, -sn * sp + cn * cp * ci, cp * si)
    place = [p * a + q * b for a, b in zip(along, across, strict=True)]
    velocity = [dp * a + dq * b for a, b in zip(along, across, strict=True)]
    return jnp.stack([*place, *velocity])


def stirred_tank(x: Any) -> Any:
    """Balances of a stirred tank with an exothermic reaction, and its heat flow."""
    concentration, temperature, coolant, feed = x
    rate = 7.2e10 * jnp.exp(-8750 / temperature) * concentration
    heat = 500 * (temperature - coolant)
    return jnp.stack(
        [
            feed / 100 * (1 - concentration) - rate,
            feed / 100 * (350 - temperature) + 209.2 * rate - heat / 239,
            heat,
        ]
    )


def enzyme_cascade(x: Any) -> Any:
    """Rates of four species with Michaelis-Menten kinetics and one that inhibits another."""
    a, b, c, d, v, k = x
    first = v * a / (k + a)
    second = 0.7 * v * b / (0.3 + b) / (1 + d / 0.5)
    third = 0.4 * c**2 / (0.2 + c**2)
    return jnp.stack([-first, first - second, second - third, third - 0.1 * d])


def nerve_membrane(x: Any) -> Any:
    """The slopes of Hodgkin and Huxley's four variables."""
    v, m, h, n = x

    def rising(y: Any, scale: float) -> Any:
        return y / (1 - jnp.exp(-y / scale))

    currents = 120 * m**3 * h * (v - 50) + 36 * n**4 * (v + 77) + 0.3 * (v + 54.4)
    return jnp.stack(
        [
            10 - currents,
            0.1 * rising(v + 40, 10.0) * (1 - m) - 4 * jnp.exp(-(v + 65) / 18) * m,
            0.07 * jnp.exp(-(v + 65) / 20) * (1 - h) - h / (1 + jnp.exp(-(v + 35) / 10)),
            0.01 * rising(v + 55, 10.0) * (1 - n) - 0.125 * jnp.exp(-(v + 65) / 80) * n,
        ]
    )


def tyre_forces(x: Any) -> Any:
    """Pacejka's formula for both directions, with slip in both."""
    slip, angle, load, friction = x
    total = jnp.sqrt(slip**2 + jnp.tan(angle) ** 2 + 1e-6)
    stiff = 10 * total
    curve = jnp.sin(1.9 * jnp.arctan(stiff - 0.97 * (stiff - jnp.arctan(stiff))))
    force = friction * load * curve / total
    return jnp.stack([force * slip, force * jnp.tan(angle)])


def cubic_gas(x: Any) -> Any:
    """Pressure and departure of the enthalpy by the Redlich-Kwong equation."""
    temperature, volume, a, b = x
    root = jnp.sqrt(temperature)
    pressure = 8.314 * temperature / (volume - b) - a / (root * volume * (volume + b))
    departure = pressure * volume - 8.314 * temperature
    return jnp.stack([pressure, departure - 1.5 * a / (b * root) * jnp.log(1 + b / volume)])


def three_bodies(x: Any) -> Any:
    """Accelerations of three bodies in a plane."""
    places = x.reshape(3, 2)
    pulls = []
    for i in range(3):
        total = 0.0
        for j in range(3):
            if i != j:
                d = places[j] - places[i]
                total = total + d / jnp.sum(d * d) ** 1.5
        pulls.append(total)
    return jnp.concatenate(pulls)


SYSTEMS: dict[Function, list[float]] = {
    lorenz_step: [1.0, 2.0, 20.0, 10.0, 28.0, 8 / 3],
    predator_prey_step: [10.0, 5.0, 1.1, 0.4, 0.1, 0.4],
    double_pendulum: [0.5, 1.0, 0.1, -0.3],
    cart_pole: [0.3, 0.2, 0.1, 1.0],
    bicycle_step: [1.0, 2.0, 0.3, 5.0, 0.2, 0.5],
    rotation_of_quaternion: [0.9, 0.1, -0.2, 0.3],
    distorted_projection: [0.5, -0.3, 4.0, 500.0, 0.1, -0.02],
    spherical_arm: [0.3, 0.6, -0.4, 1.0, 0.8],
    kepler_orbit: [1.5, 0.2, 0.4, 1.0, 0.7, math.pi / 3],
    stirred_tank: [0.5, 350.0, 300.0, 100.0],
    enzyme_cascade: [1.0, 0.5, 0.3, 0.2, 1.2, 0.4],
    nerve_membrane: [-60.0, 0.05, 0.6, 0.3],
    tyre_forces: [0.05, 0.1, 4000.0, 0.9],
    cubic_gas: [350.0, 0.005, 1.5, 3e-5],
    three_bodies: [1.0, 0.0, -0.5, 0.8, -0.4, -0.9],
}
"""The functions of one vector, with the points that their batches surround."""
