"""Arrays and records that the compiled search over orders reads and changes.

Letters: N nodes, W = ceil(N / 64) words of a bit set, V eliminable vertices, S structures with 0
for "no edge", L entries of the log, U entries of `Undo`, R regrets, M unknown entries that can be
noted.
"""

from typing import Any, NamedTuple


class Weights(NamedTuple):
    """What the cost of an order is made of.

    Attributes:
        all: Weight of the count of all multiplications.
        nontrivial: Weight of the count of nontrivial ones.
        price: Weight of its price.
    """

    all: int = 0
    nontrivial: int = 0
    price: int = 0


class Position(NamedTuple):
    """The graph where the walker stands.

    Attributes:
        edges: int16[N, N], structure of the edge [successor, predecessor]; 0 if there is none.
        preds: uint64[N, W], predecessors of every node as a bit set.
        succs: uint64[N, W], its successors.
        is_output: bool[N], outputs, whose in-edges stay when they are eliminated.
        needed: bool[N, N], whether an edge [successor, predecessor] serves a wanted block; of shape
            (0, 0) if all do.
    """

    edges: Any
    preds: Any
    succs: Any
    is_output: Any
    needed: Any


class Tables(NamedTuple):
    """The counting rule.

    Attributes:
        product: int16[S, S], structure of the product of [later, earlier]; -1 if unknown.
        sum: int16[S, S], structure of the sum; -1 if unknown.
        cost: int64[S, S], cost of the product.
        values: float64[S], how many numbers an edge of a structure holds.
    """

    product: Any
    sum: Any
    cost: Any
    values: Any


class Log(NamedTuple):
    """Edges that eliminations have overwritten, in sequence, so that they can be taken back.

    Attributes:
        place: int64[L], successor * N + predecessor.
        old: int16[L], the structure before.
    """

    place: Any
    old: Any


class Space(NamedTuple):
    """Arrays to work in.

    Attributes:
        preds: int64[N], predecessors of one vertex.
        succs: int64[N], its successors.
        missing: int64[M, 3], unknown entries: table, row, column.
    """

    preds: Any
    succs: Any
    missing: Any


class Walk(NamedTuple):
    """An order, what is known about it, and space to work in.

    Attributes:
        order: int64[V], nodes in the order of their elimination.
        cost: int64[V], cost of each elimination.
        digest: uint64[V+1], digest of the edges before each elimination, and after all of them.
        marks: int64[V+1], length of the log before each, valid up to the walker's place.
        best: int64[V], the cheapest order so far.
        new_cost: int64[V], costs along an order that is being tried.
        new_digest: uint64[V+1], digests along it.
    """

    order: Any
    cost: Any
    digest: Any
    marks: Any
    best: Any
    new_cost: Any
    new_digest: Any


class Progress(NamedTuple):
    """Where a walk is.

    Attributes:
        place: Index in the order of the vertex that the walker stands before.
        is_up: Whether it is walking towards the end.
        total: Cost of the order.
        best: Cost of the best order.
        tried: Moves tried so far.
        random: int64, state of the random numbers.
        missing: Number of unknown entries noted.
    """

    place: int
    is_up: bool
    total: int
    best: int
    tried: int
    random: Any
    missing: int


class Schedule(NamedTuple):
    """How the temperature of one round falls, geometrically.

    Attributes:
        hot: First temperature, in units of the cost.
        cold: Last temperature.
        moves: Number of moves.
    """

    hot: float
    cold: float
    moves: int


class Swaps(NamedTuple):
    """What it would take to eliminate each vertex earlier, at the walker's place.

    Attributes:
        regret: int64[V], by the vertex's place: how much more the order would cost.
        cost: int64[V], what the vertex itself would cost.
        change: uint64[V], xor of the digests before and after its elimination.
        marks: int64[V+1], length of `Undo` when the walker left each place behind its present one.
    """

    regret: Any
    cost: Any
    change: Any
    marks: Any


class Undo(NamedTuple):
    """Entries of `Swaps` that were overwritten, for going back to places behind the walker.

    Attributes:
        place: int64[U], place of the vertex.
        regret: int64[U], its regret before.
        cost: int64[U], its cost before.
        change: uint64[U], its change before.
    """

    place: Any
    regret: Any
    cost: Any
    change: Any


class Rows(NamedTuple):
    """Regrets that are wanted.

    Attributes:
        start: int64[V], where in `regret` the regrets at a place begin; -1 if none are wanted.
        regret: int64[R], at each of those places one for every vertex from there on.
    """

    start: Any
    regret: Any


class Descent(NamedTuple):
    """How far a descent has come.

    Attributes:
        place: Index in the order of the vertex that the walker stands before.
        compared: Index of the next vertex to be swapped with that one.
        noted: Number of entries of `Undo` in use.
        missing: Number of unknown entries noted.
    """

    place: int
    compared: int
    noted: int
    missing: int
