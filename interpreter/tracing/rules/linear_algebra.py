"""Factorisations and solutions of linear systems: batch axes stay tied.

Their leading axes count independent problems. L = cholesky(A) with A of shape (B, n, n) has
out (b, i, j), in (b, k, l) with b tied and value (b, i, j, k, l).
"""

from collections.abc import Sequence

from elimax.interpreter.graph.structure import UNTIED
from elimax.interpreter.tracing.program import Equation
from elimax.interpreter.tracing.rules.dependence import cached_by_jaxpr, identity, ties_of
from elimax.interpreter.tracing.rules.registry import register_ties


@register_ties("cholesky", "eig", "eigh", "householder_product", "lu", "qr", "svd")
def factorisation(equation: Equation, operand: int, result: int) -> list[int]:
    """One factor of each matrix: out (b, ...), in (b, k, l) with the batch axes b tied.

    Args:
        equation: The equation.
        operand: Number of the operand.
        result: Number of the result.

    Returns:
        For each axis of the operand that of the result that it is tied to.
    """
    del result
    # Reflections have one axis less than the matrix that they stand beside.
    num_batch = len(equation.in_avals[0].shape) - 2
    rank = len(equation.in_avals[operand].shape)
    ties = [*range(num_batch), *[UNTIED] * (rank - num_batch)]
    return ties


@register_ties("triangular_solve")
def triangular_solve(equation: Equation, operand: int, result: int) -> list[int]:
    """X with A X = B or X A = B: for B the columns, or rows, of X are tied to those of B.

    With respect to B with `left_side`: out (b, i, j), in (b, k, j), value (b, i, j, k).

    Args:
        equation: The equation; reads `left_side`.
        operand: Number of the operand, 0 for A.
        result: Number of the result, 0.

    Returns:
        For each axis of the operand that of the result that it is tied to.
    """
    del result
    rank = len(equation.in_avals[operand].shape)
    ties = [*range(rank - 2), UNTIED, UNTIED]
    if operand == 1:
        free = rank - 1 if equation.params["left_side"] else rank - 2
        ties[free] = free
    return ties


@register_ties("tridiagonal_solve")
def tridiagonal_solve(equation: Equation, operand: int, result: int) -> list[int]:
    """X with A X = B and A of three diagonals: out (b, i, j), in (b, k), or in (b, k, j) for B.

    Args:
        equation: The equation.
        operand: Number of the operand; 3 for B, those before are the diagonals.
        result: Number of the result, 0.

    Returns:
        For each axis of the operand that of the result that it is tied to.
    """
    num_batch = len(equation.out_avals[result].shape) - 2
    ties = [*range(num_batch), UNTIED] + ([num_batch + 1] if operand == 3 else [])
    return ties


@register_ties("custom_linear_solve", is_simple=False)
def linear_solve(equation: Equation, operand: int, result: int) -> Sequence[int] | None:
    """x with A x = b: the ties of b are those of the function that solves.

    Args:
        equation: The equation; reads `const_lengths` and `jaxprs`. Operands are what the functions
            matvec, vecmat, solve and transpose_solve close over, then b.
        operand: Number of the operand.
        result: Number of the result.

    Returns:
        For each axis of b that of x that it is tied to; nothing is tied to what A is made of.
    """
    lengths, solve = equation.params["const_lengths"], equation.params["jaxprs"].solve
    right_side = operand - sum(lengths)
    rank = len(equation.in_avals[operand].shape)
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
    )[result].get(0)
