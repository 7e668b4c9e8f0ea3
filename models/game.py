"""Vertex elimination as a one-player game: a graph prepared for play, and games of it.

A move eliminates one vertex and costs scalar multiplications; a game is over when all vertices are
eliminated. The counting rule is not repeated here: compiled code looks costs up in tables that grow
from `graph.rule_table` as structures are met. The moves themselves are in `compiled_game.py`.

Only nodes with edges are on the board. Vertices without edges cost nothing in any order;
`Game.order` puts them first.
"""

import threading
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from elimax.interpreter.graph.computational_graph import ComputationalGraph
from elimax.interpreter.graph.order import EliminationOrder
from elimax.interpreter.graph.price import order_cost, summable_objective
from elimax.interpreter.graph.structure import Objective
from elimax.interpreter.orders.annealing.state import Tables, Weights
from elimax.interpreter.orders.annealing.tables import GrowingTables, cost_scale
from elimax.models import compiled_game
from elimax.models.errors import BrokenGameError
from elimax.models.features import (
    LOCAL,
    POSITION,
    STRUCTURE,
    start_features,
    structure_features,
)
from elimax.models.game_state import Facts, Links, Outlook, Record, Space, Vertices
from elimax.models.links import copy_links, grown_links, make_links
from elimax.models.played_policy import PlayedPolicy
from elimax.models.positions import Positions, Start
from elimax.models.simple_orders import SimpleOrders, simple_orders

_MAX_MISSING = 4096
_FIRST_RECORDS = 256


class Played(NamedTuple):
    """A complete game of V moves.

    Attributes:
        nodes: int32[V], the vertex of every move, as a node of the board.
        costs: int64[V], what every move costs, in multiples of `unit` scalar multiplications.
        log_probabilities: float32[V], of every choice at temperature 1.
        unit: 1, unless costs would not fit 64 bits.
    """

    nodes: np.ndarray
    costs: np.ndarray
    log_probabilities: np.ndarray
    unit: int = 1

    @property
    def cost(self) -> int:
        """Scalar multiplications of the game, rounded to units."""
        return self.unit * sum(self.costs.tolist())


class _Board(NamedTuple):
    """A graph as it stands in a game, and space for a copy in which simple orders are played."""

    links: Links
    scratch: Links


class _Desk(NamedTuple):
    """A snapshot of the tables of the counting rule, and space to work in that fits their size.

    The two must stay together: any thread may replace the tables by larger ones at any time.
    """

    tables: Tables
    space: Space


class Game:
    """The game of one graph; many games may be played at once, in several threads.

    Attributes:
        graph: The graph.
        count: Which multiplications cost, or the price.
        start: The first position.
        num_moves: Moves of a complete game.
    """

    def __init__(self, graph: ComputationalGraph, count: Objective = "all") -> None:
        """Sets the game up.

        Args:
            graph: The graph.
            count: What costs: "all" or "nontrivial" multiplications, or the "price".

        Raises:
            StructureLimitError: If there are more edge structures than tables can hold.
        """
        self.graph = graph
        self.count: Objective = count
        nodes = sorted({node for pair in graph.edges for node in pair})
        self._nodes = np.array(nodes, np.int64)
        self._place = {node: k for k, node in enumerate(nodes)}
        summed = summable_objective(graph, count)
        simple = simple_orders(graph, summed, nodes)
        scale = cost_scale(len(nodes), simple.totals[1])
        self._unit, self._limit = 1 << scale.shift, scale.limit
        self._rule = GrowingTables(Weights(**{summed: 1}), scale)
        self._lock = threading.Lock()
        pairs = sorted(graph.edges, key=lambda pair: pair[::-1])
        self._edges = np.array(
            [
                (self._place[pred], self._place[succ], self._rule.number(graph.edges[pred, succ]))
                for pred, succ in pairs
            ],
            np.int32,
        ).reshape(-1, 3)
        self._facts, self._remains = self._look_at_nodes(simple)
        self.num_moves = int(self._remains.sum())
        self._links = make_links(self._edges, len(nodes), 4 * len(pairs) + _FIRST_RECORDS)
        self.start = self._first_position(simple.places)

    def order(self, nodes: Sequence[int] | np.ndarray, name: str) -> EliminationOrder:
        """The order of a game; vertices that are not on the board come first.

        Args:
            nodes: The vertex of every move, as a node of the board.
            name: Name of the order.

        Returns:
            The order of all eliminable vertices.
        """
        vertices = [self.graph.vertex(int(node)) for node in self._nodes[np.asarray(nodes, int)]]
        is_played = set(vertices)
        idle = (vertex for vertex in self.graph.eliminable if vertex not in is_played)
        return EliminationOrder((*idle, *vertices), self.graph.fingerprint, name)

    def moves(self, vertices: Sequence[int]) -> np.ndarray:
        """The moves of an order: the inverse of `order`.

        Args:
            vertices: Vertex numbers; those that are not on the board are left out.

        Returns:
            int32[V], nodes of the board.
        """
        nodes = map(self.graph.node, vertices)
        return np.array([self._place[node] for node in nodes if node in self._place], np.int32)

    def play(
        self,
        policy: PlayedPolicy,
        *,
        temperature: float = 0.0,
        rng: np.random.Generator | None = None,
        given: np.ndarray | None = None,
    ) -> Played:
        """Plays a game.

        Args:
            policy: The policy, encoded for this graph.
            temperature: Divides the scores before a move is drawn; 0 takes the highest one.
            rng: Source of randomness; needed if the temperature is above 0.
            given: int32[T], nodes of the moves to begin with.

        Returns:
            The game.
        """
        vertices, board = self._vertices(), self._board()
        uniforms = np.zeros(self.num_moves) if rng is None else rng.random(self.num_moves)
        record = Record(
            np.zeros(self.num_moves, np.int32),
            np.zeros(self.num_moves, np.int64),
            np.zeros(self.num_moves, np.float32),
        )
        head, desk = policy.head(), self._desk()
        first = np.zeros(0, np.int32) if given is None else np.asarray(given, np.int32)
        while True:
            status = compiled_game.play(
                *board,
                self._facts,
                desk.tables,
                vertices,
                desk.space,
                head,
                record,
                first,
                uniforms,
                float(temperature),
            )
            if status == compiled_game.DONE:
                return Played(record.node, record.cost, record.log_probability, self._unit)
            board, desk = self._provide(status, board, desk)

    def best_moves(self, policy: PlayedPolicy, prefix: np.ndarray, number: int) -> list[int]:
        """The moves that a policy finds most probable at a position.

        Args:
            policy: The policy, encoded for this graph.
            prefix: int32[T], nodes of the moves up to there, fewer than all.
            number: Number of moves.

        Returns:
            That many nodes, or as many as remain, the most probable one first; among equals the
            lowest first.
        """
        vertices, head = self._vertices(), policy.head()
        board, desk = self._go_to(self._board(), vertices, self._desk(), prefix, len(prefix))
        # `replay` has computed features but not the head, so every vertex is marked again.
        num = int(vertices.counts[0])
        alive = vertices.alive[:num]
        vertices.dirty[:num], vertices.counts[1] = alive, num
        vertices.mark[alive] = compiled_game.CHANGED
        compiled_game.score_position(*board, self._facts, desk.tables, vertices, desk.space, head)
        return alive[np.lexsort((alive, -head.logits[:num]))][:number].tolist()

    def positions(self, nodes: np.ndarray, moves: Sequence[int], size: int) -> Positions:
        """Computes positions of a game as the policy sees them.

        Args:
            nodes: int32[V], the vertex of every move.
            moves: T numbers of moves played, ascending, below `num_moves`.
            size: M, at least the number of nodes of the board.

        Returns:
            The positions.
        """
        found = Positions(
            np.zeros((len(moves), size, len(LOCAL)), np.float32),
            np.zeros((len(moves), size, size), np.bool_),
            np.zeros((len(moves), size), np.bool_),
            np.zeros((len(moves), len(POSITION)), np.float32),
        )
        vertices, board, desk = self._vertices(), self._board(), self._desk()
        for row, move in zip(zip(*found, strict=True), moves, strict=True):
            board, desk = self._go_to(board, vertices, desk, nodes, move)
            compiled_game.write_position(board.links, self._facts, vertices, *row)
        return found

    def checked_cost(self, played: Played, order: EliminationOrder) -> int:
        """Counts the cost of an order without the game and compares.

        Args:
            played: The game.
            order: Its order.

        Returns:
            Its cost according to the interpreter.

        Raises:
            InvalidOrderError: If the order is not a permutation of the eliminable vertices.
            BrokenGameError: If the game gives another cost.
        """
        counted = order_cost(self.graph, order, self.count)
        # Products that cost more than the limit are clipped to it.
        is_exact = played.unit == 1 and played.costs.max(initial=0) < self._limit
        if is_exact and played.cost != counted:
            raise BrokenGameError(
                f"the game says that its order costs {played.cost} (count {self.count!r}), but the "
                f"interpreter says {counted}: this is a bug in elimax, "
                f"please report it with the graph {self.graph.fingerprint}"
            )
        return counted

    def _go_to(
        self, board: _Board, vertices: Vertices, desk: _Desk, nodes: np.ndarray, move: int
    ) -> tuple[_Board, _Desk]:
        """Plays on up to a move, providing what compiled code stops for."""
        while True:
            status = compiled_game.replay(
                *board, self._facts, desk.tables, vertices, desk.space, nodes, move
            )
            if status == compiled_game.DONE:
                return board, desk
            board, desk = self._provide(status, board, desk)

    def _board(self) -> _Board:
        """Copies of the first position, for one game."""
        return _Board(copy_links(self._links), copy_links(self._links))

    def _provide(self, status: int, board: _Board, desk: _Desk) -> tuple[_Board, _Desk]:
        """Provides what compiled code stopped for."""
        if status == compiled_game.FULL:
            links = grown_links(board.links)
            return _Board(links, copy_links(links)), desk
        with self._lock:
            for table, row, column in desk.space.missing[: int(desk.space.noted[0])].tolist():
                self._rule.fill_in(table, row, column)
        return board, self._desk()

    def _desk(self) -> _Desk:
        num, tables = len(self._nodes), self._rule.tables
        preds, succs = np.zeros((2, num), np.int32)
        earlier, later = np.zeros((2, num), np.int16)
        factor, stamp_of = np.zeros((2, len(tables.product)), np.int64)
        stamp, noted = np.zeros((2, 1), np.int64)
        space = Space(
            preds,
            succs,
            earlier,
            later,
            factor,
            stamp_of,
            stamp,
            degree=np.zeros(num, np.int64),
            left=np.zeros(num, np.int32),
            fresh=np.zeros(num),
            missing=np.zeros((_MAX_MISSING, 3), np.int64),
            noted=noted,
        )
        return _Desk(tables, space)

    def _vertices(self) -> Vertices:
        """All vertices of the first position, marked."""
        num = len(self._nodes)
        marks = np.array([compiled_game.CLEAN, compiled_game.CHANGED], np.int8)
        vertices = Vertices(
            remains=self._remains.copy(),
            alive=np.zeros(num, np.int32),
            place=np.zeros(num, np.int32),
            local=np.zeros((num, len(LOCAL)), np.float32),
            cost=np.zeros(num),
            damage=np.zeros(num),
            mark=marks[self._remains.astype(int)],
            dirty=np.zeros(num, np.int32),
            counts=np.array([self.num_moves, self.num_moves, 0, self.num_moves], np.int64),
            outlook=Outlook(*(array.copy() for array in self._facts.outlook)),
        )
        nodes = np.flatnonzero(self._remains)
        vertices.alive[: self.num_moves] = vertices.dirty[: self.num_moves] = nodes
        vertices.place[nodes] = np.arange(self.num_moves)
        return vertices

    def _look_at_nodes(self, simple: SimpleOrders) -> tuple[Facts, np.ndarray]:
        """What stays, and which nodes are vertices to eliminate."""
        is_input = self._nodes < self.graph.num_inputs
        is_output = np.isin(self._nodes, sorted(self.graph.output_nodes))
        has_out_edges = np.zeros(len(self._nodes), bool)
        has_out_edges[self._edges[:, 0]] = True
        remains = ~is_input & (~is_output | has_out_edges)
        totals = np.array([total / self._unit for total in simple.totals])
        outlook = Outlook(simple.costs / self._unit, totals)
        moves = int(remains.sum())
        return Facts(is_input, is_output, self._typical_cost(), moves, outlook), remains

    def _typical_cost(self) -> float:
        """Geometric mean cost of the products in the first position that are not free."""
        after: dict[int, list[int]] = {}
        for pred, _, number in self._edges.tolist():
            after.setdefault(pred, []).append(number)
        logs = []
        for _, succ, earlier in self._edges.tolist():
            for later in after.get(succ, ()):
                if self._rule.tables.product[later, earlier] == compiled_game.UNKNOWN:
                    self._rule.fill_in(compiled_game.PRODUCT, later, earlier)
                cost = self._rule.tables.cost[later, earlier]
                if cost > 0:
                    logs.append(np.log(float(cost)))
        return float(np.exp(np.mean(logs))) if logs else 1.0

    def _first_position(self, places: np.ndarray) -> Start:
        sizes = np.array([np.prod(self.graph.node_shapes[node]) for node in self._nodes], np.int64)
        pairs = [(pred, succ) for pred, succ, _ in self._edges.tolist()]
        facts = self._facts
        simple = np.column_stack([np.log1p(facts.outlook.costs / facts.unit), places])
        nodes = start_features(pairs, sizes, facts.is_input, facts.is_output, self._remains, simple)
        vertices = self._vertices()
        self._go_to(self._board(), vertices, self._desk(), np.zeros(0, np.int32), 0)
        # Structures are numbered from 1 by first occurrence along the sorted edges.
        names = {self.graph.edges[pair]: None for pair in sorted(self.graph.edges)}
        row = {structure: k for k, structure in enumerate(names, start=1)}
        table = [(0.0,) * len(STRUCTURE), *map(structure_features, names)]
        shown = [
            (pred, succ, row[self.graph.edges[int(self._nodes[pred]), int(self._nodes[succ])]])
            for pred, succ in pairs
        ]
        return Start(
            np.concatenate([nodes, vertices.local], axis=1),
            np.array(shown, np.int32).reshape(-1, 3),
            np.array(table, np.float32),
        )
