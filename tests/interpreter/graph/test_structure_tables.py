"""Tables of products and sums against the functions that they tabulate."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from elimax.interpreter.errors import GraphTooLargeError, StructureLimitError
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.structure import (
    UNTIED,
    Kind,
    add,
    edge_structure,
    multiply,
)
from elimax.interpreter.graph.structure_tables import NO_EDGE, edge_numbers, tabulate_structures
from elimax.interpreter.orders import portfolio
from elimax.interpreter.tracing.call import trace
from support.random_programs import array_programs
from support.traced_tasks import task_graph


@pytest.mark.parametrize("task", ["mlp", "robot_arm_6dof", "black_scholes_hessian"])
def test_tables_say_what_the_functions_say(task):
    """Every pair: product, sum and both costs; 0 where shapes do not match."""
    tables = tabulate_structures([task_graph(task)])
    for (i, first), (j, second) in itertools.product(enumerate(tables.structures, 1), repeat=2):
        if first.in_shape == second.out_shape:
            product = multiply(first, second)
            assert tables.structures[tables.product[i, j] - 1] == product.structure
            costs = (tables.cost_all[i, j], tables.cost_nontrivial[i, j])
            assert costs == (product.all, product.nontrivial)
        else:
            assert (tables.product[i, j], tables.cost_all[i, j]) == (NO_EDGE, 0)
        if (first.out_shape, first.in_shape) == (second.out_shape, second.in_shape):
            assert tables.structures[tables.sum[i, j] - 1] == add(first, second)
        else:
            assert tables.sum[i, j] == NO_EDGE


def test_no_edge_is_zero_of_products_and_sums():
    """Number 0 annihilates, costs nothing, and changes nothing in a sum."""
    tables = tabulate_structures([task_graph("mlp")])
    size = len(tables.structures) + 1
    for table in (tables.product, tables.cost_all, tables.cost_nontrivial):
        assert table.shape == (size, size)
        assert not table[NO_EDGE].any() and not table[:, NO_EDGE].any()
    assert (tables.sum[NO_EDGE] == np.arange(size)).all()
    assert (tables.sum[:, NO_EDGE] == np.arange(size)).all()


def test_dtypes():
    """Numbers are int32; costs are int64, because arrays may be large."""
    tables = tabulate_structures([task_graph("propane_combustion")])
    assert tables.product.dtype == tables.sum.dtype == np.int32
    assert tables.cost_all.dtype == tables.cost_nontrivial.dtype == np.int64


def test_scalar_graphs_need_few_structures():
    """Scalar edges are trivial or general, and structural where a dtype changes."""
    tables = tabulate_structures(
        [task_graph(task) for task in ("roe_flux_1d", "robot_arm_6dof", "human_heart_dipole")]
    )
    assert len(tables.structures) <= 3


def count_by_tables(graph, order, tables) -> tuple[int, int]:
    """Eliminates numbers instead of structures, as a player of the game does."""
    edges = edge_numbers(graph, tables)
    outputs = graph.output_nodes
    total = nontrivial = 0
    for vertex in order:
        v = graph.node(vertex)
        for p, s in itertools.product(np.flatnonzero(edges[v]), np.flatnonzero(edges[:, v])):
            pair = edges[s, v], edges[v, p]
            total += tables.cost_all[pair]
            nontrivial += tables.cost_nontrivial[pair]
            edges[s, p] = tables.sum[edges[s, p], tables.product[pair]]
        edges[:, v] = NO_EDGE
        if v not in outputs:
            edges[v] = NO_EDGE
    return int(total), int(nontrivial)


@pytest.mark.parametrize("task", ["mlp", "roe_flux_1d", "black_scholes_hessian"])
def test_elimination_by_tables_costs_the_same(task):
    """The portfolio counted by look-ups in a matrix of numbers."""
    graph = task_graph(task)
    tables = tabulate_structures([graph])
    for order in portfolio(graph).values():
        count = count_multiplications(graph, order)
        assert count_by_tables(graph, order.vertices, tables) == (count.all, count.nontrivial)


@given(array_programs(max_steps=6))
@settings(max_examples=25)
def test_random_array_programs_by_tables(program):
    """Random programs: the closure holds all that the portfolio reaches."""
    graph = trace(
        program, *(jnp.zeros(shape) for shape in program.shapes), argnums=range(len(program.shapes))
    )
    tables = tabulate_structures([graph])
    for order in portfolio(graph).values():
        count = count_multiplications(graph, order)
        assert count_by_tables(graph, order.vertices, tables) == (count.all, count.nontrivial)


def test_several_graphs_share_one_table():
    """Edges of either graph find their number, and structures are listed once."""
    graphs = [task_graph("mlp"), task_graph("black_scholes_hessian")]
    tables = tabulate_structures(graphs)
    assert len(set(tables.structures)) == len(tables.structures)
    for graph in graphs:
        numbers = edge_numbers(graph, tables)
        assert numbers.shape == (graph.num_nodes, graph.num_nodes)
        assert numbers.dtype == np.int32
        assert {(int(p), int(s)) for s, p in np.argwhere(numbers)} == set(graph.edges)
        for (pred, succ), structure in graph.edges.items():
            assert tables.structures[numbers[succ, pred] - 1] == structure


def test_tables_do_not_depend_on_the_order_of_the_graphs():
    """The same graphs give the same tables."""
    graphs = [task_graph("mlp"), task_graph("black_scholes_hessian")]
    first, second = tabulate_structures(graphs), tabulate_structures(graphs[::-1])
    assert first.structures == second.structures
    assert all((x == y).all() for x, y in zip(first[1:], second[1:], strict=True))


def test_limit_is_kept():
    """The closure stops with a message that says the limit and what to do; one more is fine."""
    graph = task_graph("mlp")
    size = len(tabulate_structures([graph]).structures)
    assert len(tabulate_structures([graph], limit=size).structures) == size
    with pytest.raises(StructureLimitError, match=f"more than {size - 1} edge structures are reac"):
        tabulate_structures([graph], limit=size - 1)


def test_graph_without_edges():
    """A constant function has nothing to tabulate."""
    graph = trace(lambda x: 1.0, 2.0)
    tables = tabulate_structures([graph])
    assert tables.structures == ()
    assert edge_numbers(graph, tables).tolist() == [[0]]


def test_counts_that_do_not_fit():
    """A product of two large dense edges costs more than 64 bits hold."""
    shape = (1 << 11, 1 << 11)
    dense = edge_structure(shape, shape, [UNTIED] * 2, range(4), Kind.GENERAL)
    edges = {(0, 1): dense, (1, 2): dense}
    graph = ComputationalGraph(1, (shape,) * 3, ("sort",) * 2, (2,), edges)
    with pytest.raises(
        GraphTooLargeError, match="which tables of 64-bit integers cannot hold: use"
    ):
        tabulate_structures([graph])
