"""Which edges are needed when only some blocks of a Jacobian are wanted.

An edge from p to s serves the block of input i and output o if i leads to p and s leads to o. Both
are read off the whole graph once, as bit sets; eliminating vertices does not change them.
"""

import operator
from collections.abc import Callable, Collection

from elimax.interpreter.graph.computational_graph import ComputationalGraph

Blocks = Collection[tuple[int, int]]
"""Blocks of a Jacobian, as (input node, output node)."""


def edge_filter(graph: ComputationalGraph, wanted: Blocks | None) -> Callable[[int, int], bool]:
    """Finds which edges, old or new, some wanted block is computed from.

    Args:
        graph: The whole graph.
        wanted: The wanted blocks; None for all.

    Returns:
        Whether an edge is needed, as a function of its predecessor and its successor node.
    """
    if wanted is None:
        return lambda pred, succ: True
    bits = {output: 1 << k for k, output in enumerate(sorted(graph.output_nodes))}
    # For every node: the outputs that are wanted for some input before it, and those after it.
    aims, ends = [0] * graph.num_nodes, [0] * graph.num_nodes
    for in_node, output in wanted:
        aims[in_node] |= bits.get(output, 0)
    for output, bit in bits.items():
        ends[output] = bit
    for pred, succ in sorted(graph.edges, key=operator.itemgetter(1)):
        aims[succ] |= aims[pred]
    for pred, succ in sorted(graph.edges, reverse=True):
        ends[pred] |= ends[succ]
    return lambda pred, succ: aims[pred] & ends[succ] != 0
