"""Roe's approximate Riemann solver for the one-dimensional Euler equations.

The task is the benchmark RoeFlux_1d of Lohoff & Neftci (NeurIPS 2024, arXiv 2406.05027). Method:
P. L. Roe, "Approximate Riemann solvers, parameter vectors, and difference schemes", J. Comput.
Phys. 43 (1981) 357-372; the wave decomposition is also in E. F. Toro, "Riemann Solvers and
Numerical Methods for Fluid Dynamics" (3rd ed., Springer 2009), chapter 11.

All quantities are non-dimensional scalars.
"""

from typing import NamedTuple

import numpy as np
from jax import Array, lax

from elimax.pipeline.tasks.task import Task

Scalar = Array

# The published benchmark has gamma - 1 = -0.5. A gas has gamma > 1 (air: 1.4).
GAMMA_MINUS_ONE = -0.5


class Conserved(NamedTuple):
    """A fluid state in conserved variables, or the flux of these variables.

    Attributes:
        density: Mass per volume, rho; positive.
        momentum: Momentum per volume, rho u.
        energy: Total energy per volume, E, internal plus kinetic.
    """

    density: Scalar
    momentum: Scalar
    energy: Scalar


class Primitive(NamedTuple):
    """What the solver averages and differences.

    Attributes:
        velocity: u.
        pressure: p.
        enthalpy: Total specific enthalpy, H = (E + p) / rho.
    """

    velocity: Scalar
    pressure: Scalar
    enthalpy: Scalar


class RoeMean(NamedTuple):
    """The state at which the flux Jacobian is linearised.

    Attributes:
        density: Geometric mean of the two densities.
        velocity: Mean of u with weights sqrt(rho).
        velocity_squared: Square of that mean.
        enthalpy: Mean of H with weights sqrt(rho).
        sound_speed_squared: c^2.
        sound_speed: c.
    """

    density: Scalar
    velocity: Scalar
    velocity_squared: Scalar
    enthalpy: Scalar
    sound_speed_squared: Scalar
    sound_speed: Scalar


class Waves(NamedTuple):
    """Strength of each wave times its absolute speed.

    Attributes:
        contact: Entropy wave, speed u, in units of density.
        forward: Acoustic wave, speed u + c, in units of velocity.
        backward: Acoustic wave, speed u - c, in units of velocity.
    """

    contact: Scalar
    forward: Scalar
    backward: Scalar


def pressure(state: Conserved) -> Scalar:
    """Equation of state of an ideal gas, p = (gamma - 1) (E - (rho u)^2 / (2 rho))."""
    kinetic_energy = 0.5 * lax.integer_pow(state.momentum, 2) / state.density
    return GAMMA_MINUS_ONE * (state.energy - kinetic_energy)


def primitive(state: Conserved) -> Primitive:
    """Velocity, pressure and enthalpy of a state."""
    velocity = state.momentum / state.density
    p = pressure(state)
    enthalpy = (state.energy + p) / state.density
    return Primitive(velocity, p, enthalpy)


def euler_flux(state: Conserved, p: Scalar) -> Conserved:
    """Exact flux of the Euler equations, (rho u, p + rho u^2, u (p + E)), p being the pressure."""
    velocity = state.momentum / state.density
    momentum_flux = p + state.momentum * velocity
    energy_flux = velocity * (p + state.energy)
    return Conserved(state.momentum, momentum_flux, energy_flux)


def density_weighted_mean(
    left: Scalar, right: Scalar, density_left: Scalar, density_right: Scalar, weight_sum: Scalar
) -> Scalar:
    """Mean of two values with weights sqrt(density) that sum to `weight_sum`."""
    return (lax.sqrt(density_left) * left + lax.sqrt(density_right) * right) / weight_sum


def sound_speed_squared(enthalpy: Scalar, velocity_squared: Scalar) -> Scalar:
    """c^2 = (gamma - 1) (H - u^2 / 2)."""
    return GAMMA_MINUS_ONE * (enthalpy - 0.5 * velocity_squared)


def roe_mean(
    left: Conserved,
    right: Conserved,
    primitive_left: Primitive,
    primitive_right: Primitive,
    mean_density: Scalar,
    weight_sum: Scalar,
) -> RoeMean:
    """Average both sides so that the linearised flux jump equals the exact one.

    Args:
        left: Conserved variables on the left.
        right: Conserved variables on the right.
        primitive_left: Primitive variables on the left.
        primitive_right: Primitive variables on the right.
        mean_density: Geometric mean of the densities.
        weight_sum: Sum of the square roots of the densities.

    Returns:
        The Roe mean.
    """
    densities = (left.density, right.density)
    velocity = density_weighted_mean(
        primitive_left.velocity, primitive_right.velocity, *densities, weight_sum
    )
    enthalpy = density_weighted_mean(
        primitive_left.enthalpy, primitive_right.enthalpy, *densities, weight_sum
    )
    velocity_squared = lax.integer_pow(velocity, 2)
    c_squared = sound_speed_squared(enthalpy, velocity_squared)
    return RoeMean(
        density=mean_density,
        velocity=velocity,
        velocity_squared=velocity_squared,
        enthalpy=enthalpy,
        sound_speed_squared=c_squared,
        sound_speed=lax.sqrt(c_squared),
    )


def scaled_waves(
    density_jump: Scalar, pressure_jump: Scalar, velocity_jump: Scalar, mean: RoeMean
) -> Waves:
    """Decompose the jump into waves and scale each by its absolute speed.

    The backward wave is scaled by |u| as the published benchmark has it, where Roe has |u - c|.

    Args:
        density_jump: Right minus left density.
        pressure_jump: Right minus left pressure.
        velocity_jump: Right minus left velocity.
        mean: The Roe mean of both sides.

    Returns:
        The three scaled wave strengths.
    """
    forward_speed = lax.abs(mean.velocity + mean.sound_speed)
    contact_speed = lax.abs(mean.velocity)
    backward_speed = lax.abs(mean.velocity)
    impedance = mean.sound_speed * mean.density
    return Waves(
        contact=(density_jump - pressure_jump / mean.sound_speed_squared) * contact_speed,
        forward=(velocity_jump + pressure_jump / impedance) * forward_speed,
        backward=(velocity_jump - pressure_jump / impedance) * backward_speed,
    )


def dissipation(waves: Waves, mean: RoeMean) -> Conserved:
    """Sum of the scaled waves times their right eigenvectors.

    The eigenvectors are (1, u, u^2/2) for the contact wave and +-rho / (2 c) (1, u +- c, H +- u c)
    for the acoustic waves.

    Args:
        waves: Wave strengths times absolute speeds.
        mean: The Roe mean at which the eigenvectors are taken.

    Returns:
        The upwind part of the flux, |A| (U_right - U_left).
    """
    contact, forward, backward = waves
    u, h, c = mean.velocity, mean.enthalpy, mean.sound_speed
    scale = 0.5 * mean.density / c
    return Conserved(
        density=contact + scale * forward - scale * backward,
        momentum=contact * u + scale * forward * (u + c) - scale * backward * (u - c),
        energy=(
            contact * 0.5 * mean.velocity_squared
            + scale * forward * (h + u * c)
            - scale * backward * (h - u * c)
        ),
    )


def roe_flux_1d(
    density_left: Scalar,
    momentum_left: Scalar,
    energy_left: Scalar,
    density_right: Scalar,
    momentum_right: Scalar,
    energy_right: Scalar,
) -> tuple[Scalar, Scalar, Scalar]:
    """Numerical flux through the face between two cells: (F_left + F_right - dissipation) / 2.

    Args:
        density_left: Mass per volume in the left cell, positive.
        momentum_left: Momentum per volume in the left cell.
        energy_left: Total energy per volume in the left cell.
        density_right: Mass per volume in the right cell, positive.
        momentum_right: Momentum per volume in the right cell.
        energy_right: Total energy per volume in the right cell.

    Returns:
        Fluxes of mass, momentum and energy.
    """
    left = Conserved(density_left, momentum_left, energy_left)
    right = Conserved(density_right, momentum_right, energy_right)

    # The order of statements fixes the vertex numbers that published orders refer to. For the same
    # reason roots, speeds and products are computed again wherever the benchmark does so.
    density_jump = right.density - left.density
    mean_density = lax.sqrt(left.density * right.density)
    weight_sum = lax.sqrt(left.density) + lax.sqrt(right.density)

    primitive_left = primitive(left)
    primitive_right = primitive(right)
    pressure_jump = primitive_right.pressure - primitive_left.pressure
    velocity_jump = primitive_right.velocity - primitive_left.velocity

    mean = roe_mean(left, right, primitive_left, primitive_right, mean_density, weight_sum)
    waves = scaled_waves(density_jump, pressure_jump, velocity_jump, mean)
    flux_left = euler_flux(left, primitive_left.pressure)
    flux_right = euler_flux(right, primitive_right.pressure)
    flux_sum = Conserved(
        flux_left.density + flux_right.density,
        flux_left.momentum + flux_right.momentum,
        flux_left.energy + flux_right.energy,
    )
    upwind = dissipation(waves, mean)
    return (
        0.5 * (flux_sum.density - upwind.density),
        0.5 * (flux_sum.momentum - upwind.momentum),
        0.5 * (flux_sum.energy - upwind.energy),
    )


def example_inputs() -> tuple[np.ndarray, ...]:
    """Two states with a real sound speed: density, momentum and energy, left before right.

    Returns:
        Six float32 scalars.
    """
    return tuple(np.array(x, dtype=np.float32) for x in (0.01, 0.02, 0.02, 0.01, 0.03, 0.03))


TASK = Task(
    name="roe_flux_1d",
    function=roe_flux_1d,
    example_inputs=example_inputs,
    argnums=(0, 1, 2, 3, 4, 5),
    title="Roe flux of the 1-D Euler equations: 6 inputs, 3 outputs",
    source=(
        "P. L. Roe, J. Comput. Phys. 43 (1981) 357-372; benchmark RoeFlux_1d of Lohoff & Neftci "
        "2024, arXiv 2406.05027"
    ),
    about=(
        "Exactly the published graph, 101 vertices, the same numbers. It differs from the textbook "
        "in two places: gamma - 1 is -0.5, and the backward wave is scaled by |u| instead of "
        "|u - c|, so |u| appears twice."
    ),
)
