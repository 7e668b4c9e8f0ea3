"""Arrays and records that compiled code reads and changes during a game.

Letters: N nodes on the board, E records of edges, H slots of the hash table, S structures with 0
for "no edge", F local features, W hidden width of the policy's head, V vertices to eliminate.
"""

from typing import Any, NamedTuple


class Links(NamedTuple):
    """The graph as it stands: one record for each edge, found by lists and by a hash table.

    Memory grows with the number of edges, never with N squared.

    Attributes:
        pred: int32[E], predecessor of every edge.
        succ: int32[E], its successor.
        structure: int16[E], number of its structure.
        next_in: int32[E], next edge with the same successor; -1 at the end.
        prev_in: int32[E], the one before.
        next_out: int32[E], next edge with the same predecessor; for free records the next free one.
        prev_out: int32[E], the one before.
        first_in: int32[N], first edge into every node; -1 if there is none.
        first_out: int32[N], first edge out of it.
        in_degree: int32[N], number of edges into it.
        out_degree: int32[N], number of edges out of it.
        slots: int32[H], records by hash of (pred, succ); -1 where empty; H a power of two.
        free: int64[2], the first free record, and how many there are.
    """

    pred: Any
    succ: Any
    structure: Any
    next_in: Any
    prev_in: Any
    next_out: Any
    prev_out: Any
    first_in: Any
    first_out: Any
    in_degree: Any
    out_degree: Any
    slots: Any
    free: Any


class Outlook(NamedTuple):
    """What the simple orders (forward, reverse, Markowitz) cost from some position on.

    Attributes:
        costs: float64[N, 3], cost of every remaining vertex, in units of the game's costs.
        totals: float64[3], sums over these vertices.
    """

    costs: Any
    totals: Any


class Facts(NamedTuple):
    """What an elimination does not change.

    Attributes:
        is_input: bool[N].
        is_output: bool[N].
        unit: float64, a typical cost of one edge product.
        moves: int64, number of vertices to eliminate from the first position on.
        outlook: The outlook from the first position.
    """

    is_input: Any
    is_output: Any
    unit: float
    moves: int
    outlook: Outlook


class Vertices(NamedTuple):
    """What is known about the vertices that remain.

    Attributes:
        remains: bool[N], vertices that are still to be eliminated.
        alive: int32[N], these vertices in any order; `counts[0]` of them.
        place: int32[N], where a vertex stands in `alive`.
        local: float32[N, F], features, see `features.LOCAL`.
        cost: float64[N], what its elimination costs.
        damage: float64[N], what it adds to the costs of its neighbours.
        mark: int8[N], which features are outdated.
        dirty: int32[N], vertices with outdated features; `counts[1]` of them.
        counts: int64[4], lengths of `alive` and `dirty`, the number of moves played, and how many
            vertices remained when the outlook was last computed.
        outlook: The outlook computed then.
    """

    remains: Any
    alive: Any
    place: Any
    local: Any
    cost: Any
    damage: Any
    mark: Any
    dirty: Any
    counts: Any
    outlook: Outlook


class Head(NamedTuple):
    """Weights of the policy's head, and what it has computed; see `policy.Head`.

    Attributes:
        base: float32[N, W], the part of the encoding that a vertex starts from.
        local: float32[F, W].
        preds: float32[W, W].
        succs: float32[W, W].
        last: float32[W, W].
        last_local: float32[F, W].
        pooled: float32[2 W + number of `features.POSITION`, W].
        bias: float32[W].
        score: float32[W].
        sent: float32[N, W], what a vertex tells its neighbours.
        hidden: float32[N, W], its hidden layer, after hearing its neighbours.
        ready: float32[N, W], its part of the last layer.
        stale: int32[N], space for a list of vertices.
        is_stale: bool[N], members of that list.
        logits: float32[N], in the order of `Vertices.alive`.
        mean: float32[W], space for one mean.
        pool: float32[2 W + number of `features.POSITION`], space for what is pooled.
    """

    base: Any
    local: Any
    preds: Any
    succs: Any
    last: Any
    last_local: Any
    pooled: Any
    bias: Any
    score: Any
    sent: Any
    hidden: Any
    ready: Any
    stale: Any
    is_stale: Any
    logits: Any
    mean: Any
    pool: Any


class Space(NamedTuple):
    """Arrays to work in.

    Attributes:
        preds: int32[N], predecessors of one vertex.
        succs: int32[N], its successors.
        earlier: int16[N], structures of the edges from its predecessors.
        later: int16[N], structures of the edges to its successors.
        factor: int64[S], costs by structure, valid where `stamp_of` equals `stamp`.
        stamp_of: int64[S], stamp at which each was computed.
        stamp: int64[1], the present stamp.
        degree: int64[N], what vertices cost now in the copy in which a simple order is played.
        left: int32[N], the vertices that remain there.
        fresh: float64[N], what vertices have cost there.
        missing: int64[M, 3], unknown entries of tables: table, row, column.
        noted: int64[1], how many are noted.
    """

    preds: Any
    succs: Any
    earlier: Any
    later: Any
    factor: Any
    stamp_of: Any
    stamp: Any
    degree: Any
    left: Any
    fresh: Any
    missing: Any
    noted: Any


class Record(NamedTuple):
    """What happened in a game.

    Attributes:
        node: int32[V], the vertex of every move.
        cost: int64[V], what it cost.
        log_probability: float32[V], log-probability of that choice at temperature 1.
    """

    node: Any
    cost: Any
    log_probability: Any
