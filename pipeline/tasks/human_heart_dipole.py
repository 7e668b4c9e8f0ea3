"""Residuals of the human heart dipole problem, full formulation with eight unknowns.

The task is the benchmark HumanHeartDipole of Lohoff & Neftci (NeurIPS 2024, arXiv 2406.05027).
Problem: C. V. Nelson and B. C. Hodgkin, IEEE Trans. Biomed. Eng. 28 (1981) 817-823; formulation of
Dennis, Gay and Vu (Rice University, 1983) as in B. M. Averick, R. G. Carter, J. J. Moré and G.-L.
Xue, "The MINPACK-2 Test Problem Collection" (Argonne, 1992).

Two dipoles in a plane have the complex moments a + i c and b + i d at the complex positions t + i v
and u + i w. The sums of moment times position to the powers 0 to 3 are measured at the surface.
"""

import numpy as np
from jax import Array, lax

from elimax.pipeline.tasks.task import Task

Scalar = Array

# Each of the eight measured sums. MINPACK-2 has five sets of data; the benchmark uses ones.
MEASURED = 1.0


def square_real(x: Scalar, y: Scalar) -> Scalar:
    """Real part of (x + i y)^2."""
    return lax.integer_pow(x, 2) - lax.integer_pow(y, 2)


def cube_part(x: Scalar, y: Scalar) -> Scalar:
    """Real part of (x + i y)^3; with x and y exchanged, minus its imaginary part."""
    return x * (lax.integer_pow(x, 2) - 3.0 * lax.integer_pow(y, 2))


def human_heart_dipole(
    a: Scalar, b: Scalar, c: Scalar, d: Scalar, t: Scalar, u: Scalar, v: Scalar, w: Scalar
) -> tuple[Scalar, Scalar, Scalar, Scalar, Scalar, Scalar, Scalar, Scalar]:
    """Returns computed minus measured sums, real before imaginary part for each power 0 to 3.

    Args:
        a: First component of the moment of dipole 1; all arguments are dimensionless.
        b: First component of the moment of dipole 2.
        c: Second component of the moment of dipole 1.
        d: Second component of the moment of dipole 2.
        t: First coordinate of dipole 1.
        u: First coordinate of dipole 2.
        v: Second coordinate of dipole 1.
        w: Second coordinate of dipole 2.

    Returns:
        Eight residuals.
    """
    # The order of statements fixes the vertex numbers that published orders refer to. For the same
    # reason squares are computed again wherever the benchmark does so.
    moment_real = a + b - MEASURED
    moment_imag = c + d - MEASURED

    first_real = t * a + u * b - v * c - w * d - MEASURED
    first_imag = v * a + w * b + t * c + u * d - MEASURED

    square_1 = square_real(t, v)
    square_2 = square_real(u, w)
    second_real = a * square_1 - 2.0 * c * t * v + b * square_2 - 2.0 * d * u * w - MEASURED
    # The benchmark subtracts the products with a and b; MINPACK-2 adds them.
    second_imag = c * square_1 - 2.0 * a * t * v + d * square_2 - 2.0 * b * u * w - MEASURED

    cube_1_real = cube_part(t, v)
    cube_1_minus_imag = cube_part(v, t)
    cube_2_real = cube_part(u, w)
    cube_2_minus_imag = cube_part(w, u)
    third_real = (
        a * cube_1_real + c * cube_1_minus_imag + b * cube_2_real + d * cube_2_minus_imag - MEASURED
    )
    third_imag = (
        c * cube_1_real - a * cube_1_minus_imag + d * cube_2_real - b * cube_2_minus_imag - MEASURED
    )
    return (
        moment_real,
        moment_imag,
        first_real,
        first_imag,
        second_real,
        second_imag,
        third_real,
        third_imag,
    )


def example_inputs() -> tuple[np.ndarray, ...]:
    """Eight equal values.

    Returns:
        Eight float32 scalars.
    """
    return tuple(np.array(0.15, dtype=np.float32) for _ in range(8))


TASK = Task(
    name="human_heart_dipole",
    function=human_heart_dipole,
    example_inputs=example_inputs,
    argnums=(0, 1, 2, 3, 4, 5, 6, 7),
    title="Human heart dipole residuals: 8 unknowns, 8 equations",
    source=(
        "MINPACK-2 (Averick, Carter, Moré, Xue 1992), human heart dipole; benchmark "
        "HumanHeartDipole of Lohoff & Neftci 2024, arXiv 2406.05027"
    ),
    about=(
        "Exactly the published graph, 86 vertices, the same numbers. It differs from MINPACK-2 in "
        "two places: all measured sums are 1, and the sixth residual subtracts 2 a t v and 2 b u w "
        "where MINPACK-2 adds them."
    ),
)
