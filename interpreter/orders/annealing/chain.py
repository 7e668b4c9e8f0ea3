"""One chain of simulated annealing: the arrays of the compiled loop, and what it asks for.

Compiled code cannot grow arrays or fill in tables. It stops with a status, `Chain` provides what is
missing, and the same call continues.
"""

import math
from collections.abc import Sequence

import numpy as np

from elimax.interpreter.errors import GraphTooLargeError
from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.structure import EdgeStructure
from elimax.interpreter.graph.wanted import Blocks, edge_filter
from elimax.interpreter.orders.annealing import compiled
from elimax.interpreter.orders.annealing.state import (
    Descent,
    Log,
    Position,
    Progress,
    Rows,
    Schedule,
    Space,
    Swaps,
    Undo,
    Walk,
    Weights,
)
from elimax.interpreter.orders.annealing.tables import GrowingTables, cost_scale

MAX_NODES = 20_000
"""Most nodes with edges that a graph may have; the table of edges then takes 800 MB."""

MAX_MISSING = 4096
"""Most unknown table entries that are noted before the compiled loop stops."""

FIRST_LOG = 4096
"""Initial length of the log; it doubles when it is full."""

FIRST_UNDO = 4096
"""Initial length of `Undo`; likewise."""


class Chain:
    """An order of one graph that changes move by move, and the best one so far."""

    def __init__(
        self,
        graph: ComputationalGraph,
        start: Sequence[int],
        weights: Weights,
        seed: int,
        wanted: Blocks | None = None,
        cost: int = 0,
    ) -> None:
        """Evaluates the first order.

        Args:
            graph: The graph.
            start: Vertex numbers of the first order.
            weights: What the cost of an order is made of.
            seed: Seed of the random numbers.
            wanted: Blocks of the Jacobian that are wanted; None for all.
            cost: What the first order costs with these weights; 0 if that is sure to fit 64 bits.

        Raises:
            GraphTooLargeError: If the graph has too many nodes.
            StructureLimitError: If more edge structures are met than tables can hold.
        """
        is_needed = edge_filter(graph, wanted)
        edges = {pair: edge for pair, edge in graph.edges.items() if is_needed(*pair)}
        # Nodes without edges cost nothing in any order, so they are left out.
        self._nodes = sorted({node for pair in edges for node in pair})
        if len(self._nodes) > MAX_NODES:
            raise GraphTooLargeError(
                f"annealing takes graphs of at most {MAX_NODES} nodes with edges, but this one has "
                f"{len(self._nodes)}: use an order of the portfolio"
            )
        self._graph = graph
        scale = cost_scale(len(self._nodes), cost)
        self._rule, self._shift = GrowingTables(weights, scale), scale.shift
        index = {node: k for k, node in enumerate(self._nodes)}
        self._free = [v for v in start if graph.node(v) not in index]
        order = [index[node] for node in map(graph.node, start) if node in index]
        numbered = {
            (index[succ], index[pred]): self._rule.number(edge)
            for (pred, succ), edge in edges.items()
        }
        self._position = _position(graph, self._nodes, numbered)
        if wanted is not None:
            needed = [[is_needed(pred, succ) for pred in self._nodes] for succ in self._nodes]
            self._position = self._position._replace(needed=np.array(needed, bool))
        # Between scalars an edge is a sum if several paths through eliminated vertices join its
        # ends, else a product, whatever the order. Other structures may depend on the order:
        # whether an opaque edge is written, for example, depends on what it meets.
        self._is_by_set = all(
            isinstance(edge, EdgeStructure) and math.prod(edge.out_shape + edge.in_shape) == 1
            for edge in edges.values()
        )
        self._walk, self._space = _walk(order), _space(len(self._nodes))
        self._log = _log(FIRST_LOG)
        total = self._evaluate()
        self.progress = Progress(0, True, total, total, 0, seed, 0)

    @property
    def best(self) -> tuple[int, ...]:
        """Vertex numbers of the cheapest order so far."""
        found = (self._graph.vertex(self._nodes[k]) for k in self._walk.best)
        return (*self._free, *found)

    @property
    def size(self) -> int:
        """Number of vertices that can be moved."""
        return self._walk.order.size

    def begin_round(self) -> None:
        """Resets the number of moves tried to 0."""
        self.progress = self.progress._replace(tried=0)

    def walk(self, until: int, schedule: Schedule) -> None:
        """Tries moves until a given number has been tried in this round.

        Args:
            until: That number.
            schedule: Temperatures of the round.

        Raises:
            StructureLimitError: If more edge structures are met than tables can hold.
        """
        status = compiled.MISSING
        while status != compiled.DONE:
            self.progress, status = compiled.walk_on(
                self._position,
                self._rule.tables,
                self._log,
                self._space,
                self._walk,
                self.progress,
                self._is_by_set,
                until,
                *schedule,
            )
            if status != compiled.DONE:
                self._provide(status, self.progress.missing)

    def descend(self, places: Sequence[int] = ()) -> list[np.ndarray]:
        """Moves vertices of the best order forward until no such move makes it cheaper.

        Args:
            places: Places at which regrets are wanted, counted over the vertices that can be moved.

        Returns:
            For every place t a float64[V - t]: how much more the resulting order would cost with
            the vertex at t, t + 1, ... moved to t. Rounded where costs do not fit 64 bits.

        Raises:
            StructureLimitError: If more edge structures are met than tables can hold.
        """
        walk, size = self._walk, self.size
        compiled.take_back(self._position, self._log, walk.marks[self.progress.place], 0)
        walk.order[:] = walk.best
        self._evaluate()
        compiled.climb(self._position, self._rule.tables, self._log, self._space, walk, 0, size)
        swaps, undo, rows = _swaps(size), _undo(FIRST_UNDO), _rows(size, places)
        progress, status = Descent(size, size, 0, 0), compiled.MISSING
        while status != compiled.DONE:
            progress, status = compiled.descend(
                self._position,
                self._rule.tables,
                self._log,
                self._space,
                walk,
                swaps,
                undo,
                rows,
                progress,
                self._is_by_set,
            )
            if status == compiled.UNDO_FULL:
                undo = Undo(*_twice(undo))
            elif status != compiled.DONE:
                self._provide(status, progress.missing)
        walk.best[:] = walk.order
        total = int(walk.cost.sum())
        self.progress = self.progress._replace(place=0, is_up=True, total=total, best=total)
        regrets = rows.regret * 2.0**self._shift
        return [regrets[rows.start[t] :][: size - t] for t in places]

    def _evaluate(self) -> int:
        """Evaluates the order and returns its cost."""
        while True:
            total, status, missing = compiled.evaluate(
                self._position, self._rule.tables, self._log, self._space, self._walk
            )
            if status == compiled.DONE:
                return total
            self._provide(status, missing)

    def _provide(self, status: int, missing: int) -> None:
        """Provides what the compiled loop stopped for."""
        if status == compiled.LOG_FULL:
            self._log = Log(*_twice(self._log))
        for table, row, column in self._space.missing[:missing].tolist():
            self._rule.fill_in(table, row, column)


def _position(
    graph: ComputationalGraph, nodes: Sequence[int], numbered: dict[tuple[int, int], int]
) -> Position:
    size, words = len(nodes), -(-len(nodes) // 64)
    edges = np.zeros((size, size), np.int16)
    preds, succs = np.zeros((2, size, words), np.uint64)
    for (succ, pred), structure in numbered.items():
        edges[succ, pred] = structure
        preds[succ, pred // 64] |= np.uint64(1 << pred % 64)
        succs[pred, succ // 64] |= np.uint64(1 << succ % 64)
    is_output = np.isin(nodes, sorted(graph.output_nodes))
    return Position(edges, preds, succs, is_output, np.zeros((0, 0), bool))


def _walk(order: Sequence[int]) -> Walk:
    size = len(order)
    cost, marks, new_cost = (np.zeros(n, np.int64) for n in (size, size + 1, size))
    digest, new_digest = np.zeros((2, size + 1), np.uint64)
    vertices = np.array(order, np.int64)
    return Walk(vertices, cost, digest, marks, vertices.copy(), new_cost, new_digest)


def _space(size: int) -> Space:
    preds, succs = np.zeros((2, size), np.int64)
    return Space(preds, succs, np.zeros((MAX_MISSING, 3), np.int64))


def _log(size: int) -> Log:
    return Log(np.zeros(size, np.int64), np.zeros(size, np.int16))


def _swaps(size: int) -> Swaps:
    regret, cost = np.zeros((2, size), np.int64)
    return Swaps(regret, cost, np.zeros(size, np.uint64), np.zeros(size + 1, np.int64))


def _undo(size: int) -> Undo:
    place, regret, cost = np.zeros((3, size), np.int64)
    return Undo(place, regret, cost, np.zeros(size, np.uint64))


def _rows(size: int, places: Sequence[int]) -> Rows:
    start = np.full(size, -1, np.int64)
    lengths = [size - t for t in places]
    start[list(places)] = np.cumsum([0, *lengths[:-1]])[: len(lengths)]
    return Rows(start, np.zeros(sum(lengths), np.int64))


def _twice(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The same entries in arrays of twice the length."""
    return [np.concatenate([array, np.zeros_like(array)]) for array in arrays]
