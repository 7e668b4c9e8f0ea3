"""Residuals of the chemical equilibrium of propane burnt in air, full formulation.

The task is the benchmark PropaneCombustion of Lohoff & Neftci (NeurIPS 2024, arXiv 2406.05027).
Problem: K. Meintjes and A. P. Morgan, "Chemical equilibrium systems as numerical test problems",
ACM Trans. Math. Softw. 16 (1990) 143-151; formulation of B. M. Averick, R. G. Carter, J. J. More
and G.-L. Xue, "The MINPACK-2 Test Problem Collection" (Argonne, 1992), with eleven unknowns.

One mole of C3H8 burns to ten products: four balances of atoms, six equilibria, and one equation
that defines the total.
"""

from typing import NamedTuple

import numpy as np
from jax import Array, lax

from elimax.pipeline.tasks.task import Task

Scalar = Array

# Atoms per mole of propane, in moles.
CARBON = 3.0
HYDROGEN = 8.0
OXYGEN = 10.0
NITROGEN = 40.0

# In atmospheres.
PRESSURE = 40.0


class Products(NamedTuple):
    """Moles of each product per mole of propane, in the order of MINPACK-2; positive."""

    co2: Scalar
    h2o: Scalar
    n2: Scalar
    co: Scalar
    h2: Scalar
    h: Scalar
    oh: Scalar
    o: Scalar
    no: Scalar
    o2: Scalar


def atom_balances(n: Products) -> tuple[Scalar, Scalar, Scalar, Scalar]:
    """Atoms in the products minus atoms in fuel and air: carbon, oxygen, hydrogen, nitrogen."""
    carbon = n.co2 + n.co - CARBON
    oxygen = 2.0 * n.co2 + n.h2o + n.co + n.oh + n.o + n.no + 2.0 * n.o2 - OXYGEN
    hydrogen = 2.0 * n.h2o + 2.0 * n.h2 + n.h + n.oh - HYDROGEN
    nitrogen = 2.0 * n.n2 + n.no - NITROGEN
    return carbon, oxygen, hydrogen, nitrogen


def equilibria(
    n: Products, total: Scalar, root_pressure: Scalar
) -> tuple[Scalar, Scalar, Scalar, Scalar, Scalar, Scalar]:
    """Departure from equilibrium of the reactions that make H2, H, OH, O, NO and O2.

    All equilibrium constants are 1 as in the published benchmark; MINPACK-2 has 0.193 to 1.8e-5.

    Args:
        n: Moles of the products.
        total: Moles of all products together.
        root_pressure: sqrt(PRESSURE / total).

    Returns:
        Six residuals, in the order of the names above.
    """
    return (
        n.h2o * n.co - n.co2 * n.h2,
        lax.sqrt(n.h2o * n.co) - lax.sqrt(n.co2) * root_pressure * n.h,
        lax.sqrt(n.co2 * n.h2o) - lax.sqrt(n.co) * n.oh * root_pressure,
        n.co2 - n.co * n.o * PRESSURE / total,
        n.co2 * lax.sqrt(n.n2) - n.co * n.no * root_pressure,
        lax.integer_pow(n.co2, 2) - lax.integer_pow(n.co, 2) * n.o2 * PRESSURE / total,
    )


def excess_total(n: Products, total: Scalar) -> Scalar:
    """Total minus the sum of all products."""
    excess = total
    for moles in n:
        excess = excess - moles
    return excess


def propane_combustion(
    co2: Scalar,
    h2o: Scalar,
    n2: Scalar,
    co: Scalar,
    h2: Scalar,
    h: Scalar,
    oh: Scalar,
    o: Scalar,
    no: Scalar,
    o2: Scalar,
    total: Scalar,
) -> tuple[Scalar, ...]:
    """Residuals of atom balances, equilibria and total; all arguments are moles per mole of fuel.

    Args:
        co2: Carbon dioxide.
        h2o: Water.
        n2: Molecular nitrogen.
        co: Carbon monoxide.
        h2: Molecular hydrogen.
        h: Atomic hydrogen.
        oh: Hydroxyl.
        o: Atomic oxygen.
        no: Nitric oxide.
        o2: Molecular oxygen.
        total: All products together.

    Returns:
        Eleven residuals: four of `atom_balances`, six of `equilibria`, one of `excess_total`.
    """
    n = Products(co2, h2o, n2, co, h2, h, oh, o, no, o2)

    # The order of statements fixes the vertex numbers that published orders refer to. For the same
    # reason factors stand in different orders, and PRESSURE / total is computed again.
    root_pressure = lax.sqrt(PRESSURE / total)
    balances = atom_balances(n)
    departures = equilibria(n, total, root_pressure)
    return *balances, *departures, excess_total(n, total)


def example_inputs() -> tuple[np.ndarray, ...]:
    """Eleven equal positive values.

    Returns:
        Eleven float32 scalars, in moles per mole of propane.
    """
    return tuple(np.array(0.15, dtype=np.float32) for _ in range(11))


TASK = Task(
    name="propane_combustion",
    function=propane_combustion,
    example_inputs=example_inputs,
    argnums=(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
    title="Combustion of propane, full formulation: 11 unknowns, 11 equations",
    source=(
        "MINPACK-2 (Averick, Carter, Moré, Xue 1992), combustion of propane; benchmark "
        "PropaneCombustion of Lohoff & Neftci 2024, arXiv 2406.05027"
    ),
    about=(
        "Exactly the published graph, 62 vertices, the same numbers. It differs from MINPACK-2 in "
        "one thing: all equilibrium constants are 1, so they make no vertices."
    ),
)
