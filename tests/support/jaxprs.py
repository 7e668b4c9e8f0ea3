"""Looking at what is traced: all equations, those in nested jaxprs included."""

from collections.abc import Iterator
from typing import Any

from elimax.interpreter.algebra import edge_jacobian


def equations(closed: Any) -> Iterator[Any]:
    """All equations of a jaxpr in program order, a call before its body."""
    for eqn in getattr(closed, "jaxpr", closed).eqns:
        yield eqn
        for param in eqn.params.values():
            for item in param if isinstance(param, (tuple, list)) else (param,):
                if hasattr(getattr(item, "jaxpr", item), "eqns"):
                    yield from equations(item)


def primitives(closed: Any) -> set[str]:
    """Names of all primitives of a jaxpr but the calls that wrap others."""
    return {eqn.primitive.name for eqn in equations(closed)} - {"jit", "closed_call"}


def is_edge_product(eqn: Any) -> bool:
    """Whether an equation multiplies two edges."""
    return edge_jacobian.PRODUCT_SCOPE in str(eqn.source_info.name_stack)
