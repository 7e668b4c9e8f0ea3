"""Another way to count: scalar elimination on plain sets of pairs, straight from a jaxpr.

Nothing of the package is used: a vertex is a number, an edge a pair, and a second set holds the
pairs whose derivative is +1 or -1.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
from jax.extend.core import Literal

SIGNED_SUMS = ("add", "sub", "neg")


class ScalarGraph(NamedTuple):
    """Edges of a scalar function.

    Attributes:
        edges: Pairs (predecessor, successor) on a path from an input to an output.
        ones: The edges whose derivative is +1 or -1.
        outputs: Nodes that are returned.
        eliminable: Nodes that an order lists.
        num_inputs: Number of inputs, which are the first nodes.
    """

    edges: frozenset[tuple[int, int]]
    ones: frozenset[tuple[int, int]]
    outputs: frozenset[int]
    eliminable: tuple[int, ...]
    num_inputs: int


def scalar_graph(fun: Callable[..., Any], *inputs: Any) -> ScalarGraph:
    """Reads the edges off the jaxpr of a scalar function without nested calls."""
    jaxpr = jax.make_jaxpr(fun)(*inputs).jaxpr
    nodes: dict[Any, int] = {var: k for k, var in enumerate(jaxpr.invars)}
    uses: list[tuple[int, int]] = []
    ones: set[tuple[int, int]] = set()
    for eqn in jaxpr.eqns:
        (out,) = eqn.outvars
        nodes[out] = len(nodes)
        for atom in eqn.invars:
            if not isinstance(atom, Literal):
                uses.append((nodes[atom], nodes[out]))
                if eqn.primitive.name in SIGNED_SUMS:
                    ones.add(uses[-1])
    ones = {edge for edge in ones if uses.count(edge) == 1}
    outputs = frozenset(nodes[var] for var in jaxpr.outvars)
    below, above = set(range(len(inputs))), set(outputs)
    for pred, succ in uses:
        if pred in below:
            below.add(succ)
    for pred, succ in reversed(uses):
        if succ in above:
            above.add(pred)
    edges = frozenset((p, s) for p, s in uses if p in below and s in above)
    used = {pred for pred, _ in edges}
    eliminable = tuple(v for v in range(len(inputs), len(nodes)) if v not in outputs or v in used)
    return ScalarGraph(edges, frozenset(ones & edges), outputs, eliminable, len(inputs))


def count_scalar(graph: ScalarGraph, nodes: Sequence[int]) -> tuple[int, int]:
    """Multiplications of an order of nodes: all of them, and those not by +1 or -1."""
    edges, ones = set(graph.edges), set(graph.ones)
    total = nontrivial = 0
    for v in nodes:
        preds = [p for p, s in edges if s == v]
        succs = [s for p, s in edges if p == v]
        for p, s in itertools.product(preds, succs):
            total += 1
            in_one, out_one = (p, v) in ones, (v, s) in ones
            nontrivial += not (in_one or out_one)
            if (p, s) not in edges and in_one and out_one:
                ones.add((p, s))
            elif (p, s) in edges:
                ones.discard((p, s))
            edges.add((p, s))
        gone = {(v, s) for s in succs}
        if v not in graph.outputs:
            gone |= {(p, v) for p in preds}
        edges -= gone
        ones -= gone
    assert all(p < graph.num_inputs and s in graph.outputs for p, s in edges)
    return total, nontrivial


def cheapest_orders(graph: ScalarGraph) -> tuple[int, int]:
    """The minimum of each count over all orders."""
    counts = [count_scalar(graph, nodes) for nodes in itertools.permutations(graph.eliminable)]
    return min(count[0] for count in counts), min(count[1] for count in counts)
