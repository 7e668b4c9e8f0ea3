"""A chain: what it holds after any number of moves is what counting says."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from elimax.interpreter.errors import GraphTooLargeError
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.orders.annealing import chain as chain_module
from elimax.interpreter.orders.annealing.chain import Chain
from elimax.interpreter.orders.annealing.state import Schedule, Weights
from elimax.interpreter.orders.fixed import reverse_order
from elimax.interpreter.tracing.call import trace
from elimax.models.programs.scalar import random_program
from support.random_programs import array_programs, scalar_programs
from support.small_graphs import opaque_graphs


def assert_keeps_its_books(graph) -> None:
    """Walks in small steps and compares total and best with a fresh count."""
    start = reverse_order(graph).vertices
    chain = Chain(graph, start, Weights(1), 5)
    assert chain.progress.total == count_multiplications(graph, start).all
    if chain.size < 2:
        return
    for until in range(8, 200, 8):
        chain.walk(until, Schedule(10.0, 0.1, 200))
        nodes = [chain._nodes[k] for k in chain._walk.order]
        order = (*chain._free, *(graph.vertex(node) for node in nodes))
        assert chain.progress.total == count_multiplications(graph, order).all
        assert chain.progress.best == count_multiplications(graph, chain.best).all


@given(scalar_programs())
@settings(max_examples=20)
def test_scalar_programs(program):
    """Where only the changed stretch of an order is evaluated."""
    assert_keeps_its_books(trace(program, *program.inputs, argnums=range(len(program.inputs))))


@given(array_programs())
@settings(max_examples=20)
def test_array_programs(program):
    """Where it goes on until the edges are what they were."""
    assert_keeps_its_books(
        trace(
            program,
            *(jnp.zeros(shape) for shape in program.shapes),
            argnums=range(len(program.shapes)),
        )
    )


@given(opaque_graphs(shapes=((),)))
@settings(max_examples=40)
def test_opaque_edges_between_scalars(graph):
    """What is written depends on the order, so moves change costs behind their stretch."""
    assert_keeps_its_books(graph)


def test_descent_between_walks():
    """It starts with the best order so far, wherever the walker stands, which may then go on."""
    graph = random_program(np.random.default_rng(8), 60)
    chain = Chain(graph, reverse_order(graph).vertices, Weights(1), 1)
    for until in (301, 602):
        chain.walk(until, Schedule(30.0, 1.0, 700))
        before = chain.progress.best
        rows = chain.descend([3, 50])
        assert chain.progress.total == chain.progress.best <= before
        assert chain.progress.best == count_multiplications(graph, chain.best).all
        assert [row.size for row in rows] == [chain.size - 3, chain.size - 50]
        assert [row[0] for row in rows] == [0.0, 0.0] and min(map(min, rows)) >= 0.0
    assert chain.descend() == []


def test_log_and_tables_grow(monkeypatch):
    """Little room to begin with changes nothing but how often the loop stops."""

    def best() -> tuple[int, ...]:
        chain = Chain(graph, graph.eliminable, Weights(1), 0)
        chain.walk(400, Schedule(100.0, 1.0, 400))
        return chain.best

    def layers(x):
        for _ in range(4):
            x = jnp.tanh(jnp.outer(x, x).sum(0)) + x[::-1]
        return x

    graph = trace(layers, jnp.ones(3))
    expected = best()
    monkeypatch.setattr(chain_module, "MAX_MISSING", 1)
    monkeypatch.setattr(chain_module, "FIRST_LOG", 1)
    assert best() == expected


def test_more_than_64_nodes():
    """Bit sets of several words."""

    def chain_of(x, y):
        for k in range(70):
            x, y = jnp.sin(x) * y, x + k * y
        return x, y

    assert_keeps_its_books(trace(chain_of, 1.0, 2.0, argnums=(0, 1)))


def test_too_many_nodes(monkeypatch):
    """Before anything of their number squared is allocated."""
    graph = trace(lambda x: jnp.sin(jnp.sin(jnp.sin(x))), 1.0)
    monkeypatch.setattr(chain_module, "MAX_NODES", 3)
    with pytest.raises(GraphTooLargeError, match="at most 3 nodes with edges, but this one has 4"):
        Chain(graph, graph.eliminable, Weights(1), 0)
