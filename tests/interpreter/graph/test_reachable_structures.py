"""What an elimination can meet: products and sums from pair to pair of nodes."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, reject, settings

from elimax.interpreter.errors import StructureLimitError
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.order import check_order
from elimax.interpreter.graph.pair_structure import (
    Direction,
    OpaqueStructure,
    opaque_edge,
    product_of,
)
from elimax.interpreter.graph.reachable_structures import reachable_structures
from elimax.interpreter.graph.rule_table import RULE
from elimax.interpreter.graph.structure import UNTIED, Kind, edge_structure
from elimax.interpreter.graph.structure_tables import (
    StructureTables,
    edge_numbers,
    tabulate_structures,
)
from support.random_programs import orders
from support.small_graphs import opaque_graphs

DENSE = edge_structure((3,), (3,), [UNTIED], [0, 1], Kind.GENERAL)
MOVE = edge_structure((3,), (3,), [UNTIED], [0, 1], Kind.STRUCTURAL)


def chain(*edges) -> ComputationalGraph:
    """Nodes of shape (3,) in a row."""
    return ComputationalGraph(
        num_inputs=1,
        node_shapes=((3,),) * (len(edges) + 1),
        primitives=("f",) * len(edges),
        outputs=(len(edges),),
        edges={(k, k + 1): edge for k, edge in enumerate(edges)},
    )


def test_a_function_after_itself():
    """Two in a row are one that costs both, and never a third."""
    edge = opaque_edge(MOVE, 5, Direction.BOTH)
    reached = reachable_structures(chain(edge, edge), limit=9)
    number = RULE.number(edge)
    assert reached.structures == {number, RULE.number(product_of(edge, edge).structure)}
    assert reached.products == {(number, number)}
    assert reached.sums == set()
    (part,) = product_of(edge, edge).structure.parts
    assert part == OpaqueStructure(MOVE, 10, Direction.BOTH)


def test_limit_is_kept():
    """More structures than that are an error that says what to do."""
    graph = chain(*[opaque_edge(MOVE, 5, Direction.BOTH)] * 4)
    size = len(reachable_structures(graph, limit=1000).structures)
    assert len(reachable_structures(graph, limit=size).structures) == size
    with pytest.raises(StructureLimitError, match=f"more than {size - 1} edge.*raise the limit"):
        reachable_structures(graph, limit=size - 1)


def eliminate(edges: np.ndarray, node: int, is_output: bool, tables: StructureTables) -> int:
    """One move by the tables; returns its cost in `all`."""
    cost = 0
    for succ in np.flatnonzero(edges[:, node]):
        for pred in np.flatnonzero(edges[node]):
            later, earlier = edges[succ, node], edges[node, pred]
            cost += int(tables.cost_all[later, earlier])
            product = tables.product[later, earlier]
            edges[succ, pred] = tables.sum[edges[succ, pred], product]
    edges[:, node] = 0
    if not is_output:
        edges[node] = 0
    return cost


@given(data=st.data(), graph=opaque_graphs(max_vertices=5))
@settings(max_examples=60)
def test_tables_hold_what_any_order_meets(data, graph):
    """Eliminating by tables costs what is counted, and meets no pair that is not in them."""
    try:
        tables = tabulate_structures([graph])
    except StructureLimitError:  # A random graph may reach more than tables hold.
        reject()
    order = data.draw(orders(graph))
    edges, cost = edge_numbers(graph, tables), 0
    for vertex in check_order(graph, order):
        node = graph.node(vertex)
        cost += eliminate(edges, node, node in graph.output_nodes, tables)
    assert cost == count_multiplications(graph, order).all
