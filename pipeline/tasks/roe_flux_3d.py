"""Flux of the three-dimensional Euler equations between two cells, by Roe's approximate solver.

Traced, it is the published graph `RoeFlux_3d` vertex by vertex, so that published orders apply to
it. That program departs from the formulas of Roe in five places, which are kept because they make
the graph:

- the speeds of the waves enter with their sign, where it should be their absolute values;
- the momentum flux is m * v by component, where it should be m * v_x;
- the shear wave along z subtracts the jump of x momentum, where it should be that of density;
- the strength of the entropy wave is multiplied by its speed before the acoustic waves use it;
- the mass flux of the fast acoustic wave is multiplied by its speed twice.

Its constant gamma - 1 is -0.5; here it is 0.4 (air), with which pressures are positive.
"""

import numpy as np
from jax import Array, lax

from elimax.pipeline.tasks.task import Task

_GAMMA_MINUS_ONE = 0.4  # ratio of the heat capacities of air, less one


def roe_flux_3d(
    density_left: Array,
    momentum_left: Array,
    energy_left: Array,
    density_right: Array,
    momentum_right: Array,
    energy_right: Array,
) -> tuple[Array, Array, Array]:
    """Computes the flux along x through the face between two cells.

    With the jumps D of the conserved quantities, averages weighted by sqrt(rho) of the velocity v
    and of the enthalpy H, and the speed of sound a^2 = (gamma - 1) (H - |v|^2 / 2), the flux is
    half of F_left + F_right less the sum over waves of speed x strength x eigenvector.

    Args:
        density_left: Density, shape (1, 1), in kg/m^3.
        momentum_left: Momentum per volume, shape (1, 3), in kg/(m^2 s).
        energy_left: Total energy per volume, shape (1, 1), in J/m^3.
        density_right: As on the left.
        momentum_right: As on the left.
        energy_right: As on the left.

    Returns:
        Fluxes of mass (1, 1), momentum (1, 3) and energy (1, 1).
    """
    jump_density = lax.sub(density_right, density_left)
    jump_momentum = lax.sub(momentum_right, momentum_left)
    jump_components = _components(jump_momentum)
    jump_energy = lax.sub(energy_right, energy_left)
    velocity_left = lax.div(momentum_left, density_left)
    velocity_right = lax.div(momentum_right, density_right)

    densities = (density_left, density_right)
    total = lax.add(lax.sqrt(density_left), lax.sqrt(density_right))
    velocity = _average(densities, total, velocity_left, velocity_right)
    components = _components(velocity)

    pressure_left, enthalpy_left = _pressure_enthalpy(density_left, momentum_left, energy_left)
    pressure_right, enthalpy_right = _pressure_enthalpy(density_right, momentum_right, energy_right)
    enthalpy = _average(densities, total, enthalpy_left, enthalpy_right)

    speed_squared = lax.reduce_sum(lax.integer_pow(velocity, 2), (1,))
    kinetic = _column(lax.mul(0.5, speed_squared))
    sound_squared = lax.mul(_GAMMA_MINUS_ONE, lax.sub(enthalpy, kinetic))
    sound = lax.sqrt(sound_squared)
    fast = lax.add(components[0], sound)
    slow = lax.sub(components[0], sound)

    entropy = _entropy_strength(
        velocity, enthalpy, speed_squared, sound_squared, jump_density, jump_momentum, jump_energy
    )
    waves = _waves(entropy, jump_density, jump_components, components, sound, fast, slow)

    fluxes_left = _physical_flux(velocity_left, momentum_left, energy_left, pressure_left)
    fluxes_right = _physical_flux(velocity_right, momentum_right, energy_right, pressure_right)
    fluxes = [lax.add(left, right) for left, right in zip(fluxes_left, fluxes_right, strict=True)]
    upwind = _upwind(waves, components, enthalpy, sound, speed_squared, fast, slow)
    mass, momentum, energy = (
        lax.mul(0.5, lax.sub(flux, correction))
        for flux, correction in zip(fluxes, upwind, strict=True)
    )
    return mass, momentum, energy


def _components(vector: Array) -> tuple[Array, Array, Array]:
    """Splits (1, 3) into three arrays (1, 1)."""
    x, y, z = (lax.slice(vector, (0, axis), (1, axis + 1)) for axis in range(3))
    return x, y, z


def _column(vector: Array) -> Array:
    """Makes (1, 1) of (1,)."""
    return lax.broadcast_in_dim(vector, (1, 1), (0,))


def _average(densities: tuple[Array, Array], total: Array, left: Array, right: Array) -> Array:
    """Averages with weights sqrt(rho), whose sum is given; roots are taken anew as published."""
    weighted_left = lax.mul(lax.sqrt(densities[0]), left)
    weighted_right = lax.mul(lax.sqrt(densities[1]), right)
    return lax.div(lax.add(weighted_left, weighted_right), total)


def _pressure_enthalpy(density: Array, momentum: Array, energy: Array) -> tuple[Array, Array]:
    """Computes p = (gamma - 1) (E - |m|^2 / (2 rho)) and H = (E + p) / rho, both (1, 1)."""
    kinetic = _column(lax.mul(0.5, lax.reduce_sum(lax.integer_pow(momentum, 2), (1,))))
    pressure = lax.mul(_GAMMA_MINUS_ONE, lax.sub(energy, lax.div(kinetic, density)))
    return pressure, lax.div(lax.add(energy, pressure), density)


def _entropy_strength(
    velocity: Array,
    enthalpy: Array,
    speed_squared: Array,
    sound_squared: Array,
    jump_density: Array,
    jump_momentum: Array,
    jump_energy: Array,
) -> Array:
    """Computes (gamma - 1) / a^2 ((H - |v|^2) D rho + v . D m - D E), shape (1, 1)."""
    factor = lax.div(_GAMMA_MINUS_ONE, sound_squared)
    excess = lax.mul(lax.sub(enthalpy, _column(speed_squared)), jump_density)
    contraction = lax.dot_general(velocity, jump_momentum, (((1,), (1,)), ((0,), (0,))))
    excess = lax.sub(lax.add(excess, _column(contraction)), jump_energy)
    return lax.mul(factor, excess)


def _waves(
    entropy: Array,
    jump_density: Array,
    jump_components: tuple[Array, Array, Array],
    components: tuple[Array, Array, Array],
    sound: Array,
    fast: Array,
    slow: Array,
) -> tuple[Array, Array, Array, Array, Array]:
    """Multiplies speed and strength of the slow, entropy, y shear, z shear and fast waves."""
    jump_x, jump_y, jump_z = jump_components
    x, y, z = components
    entropy = lax.mul(entropy, x)
    shear_z = lax.mul(lax.sub(lax.div(jump_z, z), jump_x), x)
    shear_y = lax.mul(lax.sub(lax.div(jump_y, y), jump_density), x)
    acoustic = lax.sub(jump_density, entropy)
    difference = lax.div(lax.sub(jump_x, lax.mul(x, jump_density)), sound)
    down = lax.mul(lax.mul(0.5, lax.sub(acoustic, difference)), slow)
    up = lax.mul(lax.mul(0.5, lax.add(acoustic, difference)), fast)
    return down, entropy, shear_y, shear_z, up


def _physical_flux(
    velocity: Array, momentum: Array, energy: Array, pressure: Array
) -> tuple[Array, Array, Array]:
    """Computes the fluxes of mass, momentum and energy in one cell."""
    x = lax.slice(velocity, (0, 0), (1, 1))
    zeros = lax.broadcast_in_dim(lax.full((2,), 0.0, pressure.dtype), (1, 2), (1,))
    thrust = lax.concatenate([pressure, zeros], 1)
    mass = lax.slice(momentum, (0, 0), (1, 1))
    momentum_flux = lax.add(thrust, lax.mul(momentum, velocity))
    return mass, momentum_flux, lax.mul(x, lax.add(pressure, energy))


def _upwind(
    waves: tuple[Array, Array, Array, Array, Array],
    components: tuple[Array, Array, Array],
    enthalpy: Array,
    sound: Array,
    speed_squared: Array,
    fast: Array,
    slow: Array,
) -> tuple[Array, Array, Array]:
    """Sums waves times eigenvectors for mass (1, 1), momentum (1, 3) and energy (1, 1)."""
    down, entropy, shear_y, shear_z, up = waves
    x, y, z = components
    mass = lax.add(lax.add(down, entropy), lax.mul(up, fast))
    along_x = lax.add(lax.mul(down, slow), lax.mul(entropy, x))
    along_x = lax.add(along_x, lax.mul(up, fast))
    along_y = _transverse(down, shear_y, entropy, up, y)
    along_z = _transverse(down, shear_z, entropy, up, z)

    energy = lax.mul(down, lax.sub(enthalpy, lax.mul(x, sound)))
    energy = lax.add(energy, lax.mul(shear_y, lax.integer_pow(y, 2)))
    energy = lax.add(energy, lax.mul(shear_z, lax.integer_pow(z, 2)))
    energy = lax.add(energy, lax.mul(lax.mul(entropy, 0.5), _column(speed_squared)))
    energy = lax.add(energy, lax.mul(up, lax.add(enthalpy, lax.mul(x, sound))))
    return mass, lax.concatenate([along_x, along_y, along_z], 1), energy


def _transverse(down: Array, shear: Array, entropy: Array, up: Array, velocity: Array) -> Array:
    """Sums the waves that carry momentum across the face's normal."""
    total = lax.add(lax.mul(down, velocity), lax.mul(shear, velocity))
    total = lax.add(total, lax.mul(entropy, velocity))
    return lax.add(total, lax.mul(up, velocity))


def example_inputs() -> tuple[np.ndarray, ...]:
    """Returns a shock tube with some cross flow, in units of the left density and pressure."""
    return (
        np.array([[1.0]], np.float32),
        np.array([[0.75, 0.3, 0.2]], np.float32),
        np.array([[2.85]], np.float32),
        np.array([[0.125]], np.float32),
        np.array([[0.05, 0.02, 0.03]], np.float32),
        np.array([[0.27]], np.float32),
    )


TASK = Task(
    name="roe_flux_3d",
    function=roe_flux_3d,
    example_inputs=example_inputs,
    argnums=(0, 1, 2, 3, 4, 5),
    title="Roe flux of the three-dimensional Euler equations",
    source="P. L. Roe, J. Comput. Phys. 43 (1981) 357; task of Lohoff and Neftci, arXiv 2406.05027",
    about=(
        "146 vertices, the same graph and numbering as RoeFlux_3d of the paper; only the constant "
        "gamma - 1 differs (0.4 here, -0.5 there), which no count depends on."
    ),
)
