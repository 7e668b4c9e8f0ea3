"""The compiled loop, where it can be looked at from outside."""

import subprocess
import sys

import jax.numpy as jnp
import numpy as np

from elimax.interpreter.orders.annealing import compiled
from elimax.interpreter.orders.annealing.chain import Chain
from elimax.interpreter.orders.annealing.state import Weights
from elimax.interpreter.tracing.call import trace


def test_members_of_bit_sets():
    """All 64 bits of a word, and words behind each other."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        bits = rng.integers(0, 2, 130).astype(bool)
        row = np.zeros(3, np.uint64)
        for k in np.flatnonzero(bits):
            row[k // 64] |= np.uint64(1 << int(k) % 64)
        found = np.zeros(130, np.int64)
        count = compiled._members(row, found)
        assert found[:count].tolist() == np.flatnonzero(bits).tolist()


def test_uniform_numbers():
    """In [0, 1), spread out, and different for every state."""
    states = np.arange(2000, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    numbers = np.array([compiled._uniform(state) for state in states])
    assert numbers.min() >= 0.0 and numbers.max() < 1.0
    assert len(set(numbers)) == 2000
    assert abs(np.histogram(numbers, 10, (0.0, 1.0))[0] - 200).max() < 60


def test_vertices_that_meet():
    """Neighbours always; where sums depend on the order, also two ways between the same nodes."""

    def f(x, y):
        first, second, third = jnp.sin(x), jnp.cos(x), jnp.exp(y)
        return first * second, jnp.sin(third)

    graph = trace(f, 1.0, 2.0, argnums=(0, 1))
    position = Chain(graph, graph.eliminable, Weights(1), 0)._position
    sine, cosine, exponential, product = (graph.node(v) for v in (1, 2, 3, 4))
    for is_by_set in (False, True):
        assert compiled._meet(position, sine, product, is_by_set)
        assert compiled._meet(position, product, sine, is_by_set)
        assert not compiled._meet(position, sine, exponential, is_by_set)
        assert compiled._meet(position, sine, cosine, is_by_set) != is_by_set


def test_a_folder_that_cannot_be_written(monkeypatch):
    """Then functions are compiled without being kept."""
    given = []

    def njit(function, **options):
        given.append(options)
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return function

    monkeypatch.setattr(compiled.numba, "njit", njit)
    assert compiled.compiled(len) is len
    assert given == [{"cache": True, "nogil": True}, {"nogil": True}]


def test_numba_is_loaded_only_for_a_search():
    """`import elimax` and the portfolio do without."""
    code = (
        "import sys, elimax.api, elimax.interpreter.orders.auto;"
        "assert 'numba' not in sys.modules, 'numba is loaded'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
