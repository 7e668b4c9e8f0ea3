"""Cases of `make ecosystem`: functions of other packages as their users differentiate them.

This module imports none of those packages, so that the cases can be listed without them. A case
imports its package when it is built, in a process of its own.
"""

import dataclasses
import importlib
from collections.abc import Callable
from typing import Any

FIELDS = ("statistics", "learning", "mechanics", "quantum", "sky", "solvers")
"""Modules of `ecosystem.fields`, which register their cases when they are imported."""


@dataclasses.dataclass(frozen=True)
class Problem:
    """A function and the point at which its derivatives are compared.

    Attributes:
        fun: Function of arrays or pytrees of arrays, all of float64 where they are differentiated.
        args: The point.
        argnums: Positions of the arguments that are differentiated; all of them by default.
        hessian: Whether the second derivative of a scalar function is compared, by `hessve`.
        rtol: Largest allowed |J - R| of a block, relative to its largest entry.
    """

    fun: Callable[..., Any]
    args: tuple[Any, ...]
    argnums: tuple[int, ...] | None = None
    hessian: bool = False
    rtol: float = 1e-8

    @property
    def positions(self) -> tuple[int, ...]:
        """Positions of the differentiated arguments."""
        return tuple(range(len(self.args))) if self.argnums is None else self.argnums


@dataclasses.dataclass(frozen=True)
class Case:
    """One row of the table.

    Attributes:
        package: The distribution that the function comes from.
        name: Name of the function that builds the problem; unique.
        build: Builds the problem; imports the package.
    """

    package: str
    name: str
    build: Callable[[], Problem]


_CASES: dict[str, Case] = {}


def case(package: str) -> Callable[[Callable[[], Problem]], Callable[[], Problem]]:
    """Registers the decorated function as a case.

    Args:
        package: The distribution it needs, as in packages.txt.

    Returns:
        A decorator that returns the function as it is.

    Raises:
        ValueError: When decorating, if there is a case of that name.
    """

    def register(build: Callable[[], Problem]) -> Callable[[], Problem]:
        name = build.__name__
        if name in _CASES:
            raise ValueError(f"case {name!r} is registered twice: rename one of them")
        _CASES[name] = Case(package, name, build)
        return build

    return register


def all_cases() -> dict[str, Case]:
    """Returns all cases.

    Returns:
        The cases by name, in the order of `FIELDS`.
    """
    for field in FIELDS:
        importlib.import_module(f"benchmarks.ecosystem.fields.{field}")
    return dict(_CASES)
