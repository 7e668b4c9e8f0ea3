"""Factorisations and solutions of linear systems: batch axes stay tied.

Their leading axes count independent problems, letter b below.
"""

from collections.abc import Sequence

from elimax.interpreter.graph.structure import UNTIED
from elimax.interpreter.tracing.rules.dependence import cached_by_jaxpr, identity, ties_of
from elimax.interpreter.tracing.rules.registry import register_ties
from elimax.interpreter.tracing.rules.use import Use


@register_ties("cholesky", "eig", "eigh", "householder_product", "lu", "qr", "svd")
def factorisation(use: Use) -> list[int]:
    """A matrix flows to its own factors.

    y[b] = f(A[b]) for each of several problems b, so dy[b]/dA[c] = 0 unless b = c.

    Example: cholesky of (5, n, n): out (b, i, j), in (b, k, l) with b tied, value (b, i, j, k, l).

    Reads no parameter.
    https://docs.jax.dev/en/latest/jax.lax.html#module-jax.lax.linalg
    """
    # Operand 1 of householder_product, the reflections, has one axis less than its matrix.
    num_batch = len(use.equation.in_avals[0].shape) - 2
    return [*range(num_batch), *[UNTIED] * (len(use.in_shape) - num_batch)]


@register_ties("triangular_solve")
def triangular_solve(use: Use) -> list[int]:
    """A matrix A flows to the whole solution, a column of B to the same column of the solution.

    X[b] with A[b] X[b] = B[b], so dX = inv(A) (dB - dA X) for each b: operand 0 is A, 1 is B. If
    not `left_side`, X[b] A[b] = B[b], and rows take the place of columns.

    Example: with `left_side` for B: out (b, i, j), in (b, k, j) with b and j tied, value
    (b, i, j, k).

    Reads `left_side`.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.linalg.triangular_solve.html
    """
    rank = len(use.in_shape)
    ties = [*range(rank - 2), UNTIED, UNTIED]
    if use.operand == 1:
        free = rank - 1 if use.params["left_side"] else rank - 2
        ties[free] = free
    return ties


@register_ties("tridiagonal_solve")
def tridiagonal_solve(use: Use) -> list[int]:
    """A diagonal of A flows to the whole solution, a column of B to that column of the solution.

    X[b] with A[b] X[b] = B[b], so dX = inv(A) (dB - dA X) for each b: operands 0 to 2 are the
    diagonals of A, operand 3 is B.

    Example: for a diagonal out (b, i, j), in (b, k) with b tied; for B out (b, i, j), in (b, k, j)
    with b and j tied.

    Reads no parameter.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.linalg.tridiagonal_solve.html
    """
    num_batch = len(use.out_shape) - 2
    return [*range(num_batch), UNTIED] + ([num_batch + 1] if use.operand == 3 else [])


@register_ties("custom_linear_solve", is_simple=False)
def linear_solve(use: Use) -> Sequence[int] | None:
    """The right-hand side flows to the solution as the body of `solve` takes it there.

    x with A x = b, so dx = inv(A) (db - dA x). Operands are what matvec, vecmat, solve and
    transpose_solve close over, then b. Nothing is tied to the operands that A is made of.

    Example: for b of shape (5, n) and an A that solves each of its rows: out (b, i), in (b, k) with
    b tied, value (b, i, k).

    Reads `const_lengths` and `jaxprs`.
    https://docs.jax.dev/en/latest/_autosummary/jax.lax.custom_linear_solve.html
    """
    lengths, solve = use.params["const_lengths"], use.params["jaxprs"].solve
    right_side = use.operand - sum(lengths)
    rank = len(use.in_shape)
    if right_side < 0:
        return [UNTIED] * rank
    k = lengths.solve + right_side
    return cached_by_jaxpr(
        ("solve", k),
        solve,
        lambda program: ties_of(
            program,
            [{0: identity(rank)} if n == k else {} for n in range(program.num_inputs)],
        ),
    )[use.result].get(0)
