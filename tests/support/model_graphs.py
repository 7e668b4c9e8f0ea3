"""Small graphs and policies that the tests of the models share."""

import functools
import itertools
from collections.abc import Iterable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.counting import count_multiplications
from elimax.interpreter.graph.structure import Kind, edge_structure
from elimax.interpreter.tracing.call import trace
from elimax.models.batches import logits, padded_size, stack_boards, stack_positions
from elimax.models.game import Game
from elimax.models.policy import Policy, PolicyConfig, make_policy
from elimax.models.programs.scalar import random_program

GENERAL = edge_structure((), (), (), (), Kind.GENERAL)
TRIVIAL = edge_structure((), (), (), (), Kind.TRIVIAL)

TINY = PolicyConfig(width=6, heads_per_view=1, blocks=1, expansion=1, head_width=5)


def tiny_policy(seed: int = 0) -> Policy:
    """A policy that compiles fast."""
    return make_policy(TINY, seed=seed)


@functools.cache
def shaken_policy(seed: int = 0, config: PolicyConfig = TINY) -> Policy:
    """A policy with random weights, none of them 0 or 1; nothing is compiled to make it."""
    rng = np.random.default_rng(seed)

    def drawn(leaf: jax.ShapeDtypeStruct) -> jax.Array:
        # Vectors are mostly factors of normalised values, hence around 1.
        return jnp.asarray(rng.normal(float(len(leaf.shape) == 1), 0.4, leaf.shape), leaf.dtype)

    return jax.tree.map(drawn, jax.eval_shape(functools.partial(make_policy, config, seed=0)))


def positions_logits(
    policy: Policy, game: Game, nodes: np.ndarray, moves: Sequence[int]
) -> np.ndarray:
    """The logits that the policy in JAX gives for positions of a game, [T, N], without padding."""
    size = padded_size(len(game.start.nodes))
    # Padded to a multiple of 16 positions, so that few shapes are compiled.
    some = [*moves, *[moves[-1]] * (-len(moves) % 16)]
    positions = stack_positions([(game, nodes, some)], size)
    found = _JITTED_LOGITS(policy, stack_boards([game.start]), positions)
    return np.asarray(found[0, : len(moves), : len(game.start.nodes)])


_JITTED_LOGITS = jax.jit(logits)


def scalar_graph(
    num_inputs: int,
    num_vertices: int,
    edges: Iterable[tuple[int, int]],
    outputs: tuple[int, ...],
) -> ComputationalGraph:
    """A scalar graph whose edges are all general."""
    return ComputationalGraph(
        num_inputs=num_inputs,
        node_shapes=((),) * (num_inputs + num_vertices),
        primitives=("f",) * num_vertices,
        outputs=outputs,
        edges=dict.fromkeys(edges, GENERAL),
    )


def fork_graph() -> ComputationalGraph:
    """Input 0, vertices 1 to 4 (nodes 1 to 4): 0 -> 1 -> 2 -> {3, 4}; outputs are 2, 3 and 4.

    Vertex 2 is an output that others use. Its elimination joins 1 to 3 and 4 and keeps 1 -> 2.
    """
    return scalar_graph(1, 4, [(0, 1), (1, 2), (2, 3), (2, 4)], (2, 3, 4))


def program(seed: int, num_vertices: int = 10) -> ComputationalGraph:
    """A random scalar program."""
    return random_program(np.random.default_rng(seed), num_vertices)


def array_graph() -> ComputationalGraph:
    """A two-layer network: ties, contractions, broadcasts and sums of edges."""

    def network(x, weights, bias):
        hidden = jnp.tanh(weights @ x + bias)
        shifted = hidden * jnp.sum(hidden) - hidden
        return weights.T @ shifted, jnp.sum(shifted)

    return trace(network, jnp.ones(3), jnp.ones((4, 3)), jnp.ones(4), argnums=(0, 1, 2))


def optimum(graph: ComputationalGraph) -> int:
    """The fewest multiplications (count "all") of all orders of a small graph."""
    orders = itertools.permutations(graph.eliminable)
    return min(count_multiplications(graph, order).all for order in orders)
