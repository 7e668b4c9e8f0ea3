"""The compiled game: eliminating vertices, what the policy sees of them, and its choice of a move.

A game is played without looking at the whole graph at every move. An elimination marks the vertices
whose features it may have changed. Before the next move these features are recomputed, then the
part of the policy's head that depends on them. What remains for every vertex at every move is one
small layer, because the position as a whole enters there. A test compares all of this with
`policy.Head`, which computes everything from scratch.

A move is never left half done: computing the features before it reads every table entry that it
needs. If one is unknown, it is noted, and the caller fills it in and calls again.

All compiled code of the game is in this file, because numba caches a function until the file that
defines it changes, even if functions of other files that it calls have changed.
"""

import math
from typing import Any

import numpy as np

from elimax.interpreter.orders.annealing.compiled import PRODUCT, SUM, UNKNOWN, compiled

DONE, MISSING, FULL = 0, 1, 2
"""How a function ended: finished, a table entry is unknown, there are too few records."""

FIRST_FREE, NUM_FREE = 0, 1
"""Places in `Links.free`."""
NUM_ALIVE, NUM_DIRTY, NUM_MOVES, LAST_LOOK = 0, 1, 2, 3
"""Places in `Vertices.counts`."""

CLEAN, COMPARED, CHANGED = 0, 1, 2
"""Which features of a vertex are outdated: none, those that depend on the outlook, all."""

FORWARD, REVERSE, MARKOWITZ = 0, 1, 2
"""The simple orders."""

OFTEN = 16
"""Remaining vertices from which on the outlook is computed at every move; before that, each time a
quarter is gone."""

MOST_PRODUCTS = 64
"""A simple order is given up after this many products for each remaining vertex, counting this many
vertices more; its outlook is then that of the first position."""


@compiled
def _slot_of(links: Any, pred: int, succ: int) -> int:
    """The slot of an edge, or the empty slot where it would go (linear probing)."""
    mask = links.slots.size - 1
    slot = _hash(pred, succ) & mask
    while True:
        record = links.slots[slot]
        if record < 0 or (links.pred[record] == pred and links.succ[record] == succ):
            return slot
        slot = (slot + 1) & mask


@compiled
def _hash(pred: int, succ: int) -> Any:
    mixed = np.uint64(pred) * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(succ) * np.uint64(
        0xC2B2AE3D27D4EB4F
    )
    return np.int64((mixed ^ (mixed >> np.uint64(29))) & np.uint64(0x7FFFFFFF))


@compiled
def _structure(links: Any, pred: int, succ: int) -> int:
    """The structure of an edge; 0 if there is none."""
    record = links.slots[_slot_of(links, pred, succ)]
    return links.structure[record] if record >= 0 else 0


@compiled
def put_edge(links: Any, pred: int, succ: int, structure: int) -> None:
    """Writes an edge that may exist already.

    Args:
        links: The graph, with a free record.
        pred: Its predecessor.
        succ: Its successor.
        structure: Number of its structure, not 0.
    """
    slot = _slot_of(links, pred, succ)
    if links.slots[slot] >= 0:
        links.structure[links.slots[slot]] = structure
        return
    record = links.free[FIRST_FREE]
    links.free[FIRST_FREE] = links.next_out[record]
    links.free[NUM_FREE] -= 1
    links.slots[slot] = record
    links.pred[record], links.succ[record], links.structure[record] = pred, succ, structure
    after = links.first_in[succ]
    links.next_in[record], links.prev_in[record] = after, -1
    if after >= 0:
        links.prev_in[after] = record
    links.first_in[succ] = record
    after = links.first_out[pred]
    links.next_out[record], links.prev_out[record] = after, -1
    if after >= 0:
        links.prev_out[after] = record
    links.first_out[pred] = record
    links.in_degree[succ] += 1
    links.out_degree[pred] += 1


@compiled
def put_edges(links: Any, edges: Any) -> None:
    """Writes many edges.

    Args:
        links: The graph, with enough free records.
        edges: int32[E, 3], predecessor, successor and structure of every edge.
    """
    for k in range(edges.shape[0]):
        put_edge(links, edges[k, 0], edges[k, 1], edges[k, 2])


@compiled
def fill_slots(links: Any) -> None:
    """Enters all edges into an empty hash table.

    Args:
        links: The graph, with complete lists and empty slots.
    """
    for node in range(links.first_out.size):
        record = links.first_out[node]
        while record >= 0:
            links.slots[_slot_of(links, links.pred[record], links.succ[record])] = record
            record = links.next_out[record]


@compiled
def _drop_edge(links: Any, pred: int, succ: int) -> None:
    """Removes an edge."""
    slot = _slot_of(links, pred, succ)
    record = links.slots[slot]
    before, after = links.prev_in[record], links.next_in[record]
    if before >= 0:
        links.next_in[before] = after
    else:
        links.first_in[succ] = after
    if after >= 0:
        links.prev_in[after] = before
    before, after = links.prev_out[record], links.next_out[record]
    if before >= 0:
        links.next_out[before] = after
    else:
        links.first_out[pred] = after
    if after >= 0:
        links.prev_out[after] = before
    links.in_degree[succ] -= 1
    links.out_degree[pred] -= 1
    links.next_out[record] = links.free[FIRST_FREE]
    links.free[FIRST_FREE] = record
    links.free[NUM_FREE] += 1
    _close_gap(links, slot)


@compiled
def _close_gap(links: Any, slot: int) -> None:
    """Empties a slot and moves up what was pushed past it (Knuth, TAOCP 3, 6.4, algorithm R)."""
    mask = links.slots.size - 1
    gap = slot
    while True:
        links.slots[gap] = -1
        probe = gap
        while True:
            probe = (probe + 1) & mask
            record = links.slots[probe]
            if record < 0:
                return
            home = _hash(links.pred[record], links.succ[record]) & mask
            if ((probe - home) & mask) >= ((probe - gap) & mask):
                links.slots[gap] = record
                gap = probe
                break


@compiled
def _list_neighbours(links: Any, space: Any, node: int) -> Any:
    """Lists predecessors and successors of a node with the structures of the edges."""
    num_preds, num_succs = 0, 0
    record = links.first_in[node]
    while record >= 0:
        space.preds[num_preds] = links.pred[record]
        space.earlier[num_preds] = links.structure[record]
        num_preds += 1
        record = links.next_in[record]
    record = links.first_out[node]
    while record >= 0:
        space.succs[num_succs] = links.succ[record]
        space.later[num_succs] = links.structure[record]
        num_succs += 1
        record = links.next_out[record]
    return num_preds, num_succs


@compiled
def _note(space: Any, table: int, row: int, column: int) -> None:
    """Notes an unknown entry of a table."""
    noted = space.noted[0]
    if noted < space.missing.shape[0]:
        space.missing[noted, 0] = table
        space.missing[noted, 1] = row
        space.missing[noted, 2] = column
        space.noted[0] = noted + 1


@compiled
def _mark(vertices: Any, node: int, how: int = CHANGED) -> None:
    """Marks some or all features of a vertex as outdated, if it remains."""
    if vertices.remains[node]:
        if vertices.mark[node] == CLEAN:
            vertices.dirty[vertices.counts[NUM_DIRTY]] = node
            vertices.counts[NUM_DIRTY] += 1
        vertices.mark[node] = max(vertices.mark[node], how)


@compiled
def _mark_between(links: Any, vertices: Any, pred: int, succ: int) -> None:
    """Marks the vertices between two nodes: their features depend on the edge of the two."""
    if links.out_degree[pred] <= links.in_degree[succ]:
        record = links.first_out[pred]
        while record >= 0:
            node = links.succ[record]
            if vertices.remains[node] and links.slots[_slot_of(links, node, succ)] >= 0:
                _mark(vertices, node)
            record = links.next_out[record]
    else:
        record = links.first_in[succ]
        while record >= 0:
            node = links.pred[record]
            if vertices.remains[node] and links.slots[_slot_of(links, pred, node)] >= 0:
                _mark(vertices, node)
            record = links.next_in[record]


@compiled
def _take_away(vertices: Any, node: int) -> None:
    """Takes a vertex out of those that remain and counts a move."""
    last = vertices.counts[NUM_ALIVE] - 1
    moved, place = vertices.alive[last], vertices.place[node]
    vertices.alive[place], vertices.place[moved] = moved, place
    vertices.counts[NUM_ALIVE] = last
    vertices.counts[NUM_MOVES] += 1
    vertices.remains[node] = False


@compiled
def _mark_around(
    links: Any, tables: Any, vertices: Any, space: Any, num_preds: int, num_succs: int
) -> None:
    """Marks the vertices whose features change when the one between the listed neighbours goes.

    Those are the neighbours; the vertices after a successor and before a predecessor, because
    joining edges at that neighbour now costs something else; and the vertices between two nodes
    whose edge is new or different.
    """
    for a in range(num_succs):
        succ, later = space.succs[a], space.later[a]
        for b in range(num_preds):
            pred = space.preds[b]
            old = _structure(links, pred, succ)
            if _joined(tables, space, later, space.earlier[b], old) != old:
                _mark_between(links, vertices, pred, succ)
        _mark(vertices, succ)
        if vertices.remains[succ]:
            record = links.first_out[succ]
            while record >= 0:
                _mark(vertices, links.succ[record])
                record = links.next_out[record]
    for b in range(num_preds):
        pred = space.preds[b]
        _mark(vertices, pred)
        if vertices.remains[pred]:
            record = links.first_in[pred]
            while record >= 0:
                _mark(vertices, links.pred[record])
                record = links.next_in[record]


@compiled
def _contract(
    links: Any, facts: Any, tables: Any, space: Any, node: int, num_preds: int, num_succs: int
) -> int:
    """Joins the listed neighbours of a vertex and drops its edges; returns what that costs."""
    cost = 0
    for a in range(num_succs):
        succ, later = space.succs[a], space.later[a]
        for b in range(num_preds):
            pred, earlier = space.preds[b], space.earlier[b]
            cost += tables.cost[later, earlier]
            old = _structure(links, pred, succ)
            new = _joined(tables, space, later, earlier, old)
            if new != old:
                put_edge(links, pred, succ, new)
    for a in range(num_succs):
        _drop_edge(links, node, space.succs[a])
    # An output keeps its in-edges: they are rows of the Jacobian.
    if not facts.is_output[node]:
        for b in range(num_preds):
            _drop_edge(links, space.preds[b], node)
    return cost


@compiled
def eliminate(links: Any, facts: Any, tables: Any, vertices: Any, space: Any, node: int) -> Any:
    """Eliminates a vertex and marks those whose features may have changed.

    Args:
        links: The graph.
        facts: What stays.
        tables: The counting rule, with all entries that are needed.
        vertices: What remains.
        space: Space to work in.
        node: The vertex.

    Returns:
        What it cost, and DONE; or 0 and FULL if nothing was done.
    """
    num_preds, num_succs = _list_neighbours(links, space, node)
    if links.free[NUM_FREE] < num_preds * num_succs:
        return 0, FULL
    # Marks first: once the edges are joined, it cannot be seen which of them have changed.
    _take_away(vertices, node)
    _mark_around(links, tables, vertices, space, num_preds, num_succs)
    return _contract(links, facts, tables, space, node, num_preds, num_succs), DONE


@compiled
def _product_cost(tables: Any, space: Any, later: int, earlier: int) -> int:
    """What a product costs; an unknown entry is noted and counts as 0."""
    if tables.product[later, earlier] == UNKNOWN:
        _note(space, PRODUCT, later, earlier)
    return tables.cost[later, earlier]


@compiled
def _cost_before(links: Any, tables: Any, space: Any, structure: int, node: int) -> int:
    """What joining an edge of this structure out of a node to all edges into it costs."""
    if structure == 0:
        return 0
    # Sums are cached by structure for one node; a new stamp invalidates all of them at once.
    if space.stamp_of[structure] != space.stamp[0]:
        total, record = 0, links.first_in[node]
        while record >= 0:
            total += _product_cost(tables, space, structure, links.structure[record])
            record = links.next_in[record]
        space.factor[structure], space.stamp_of[structure] = total, space.stamp[0]
    return space.factor[structure]


@compiled
def _cost_after(links: Any, tables: Any, space: Any, structure: int, node: int) -> int:
    """What joining an edge of this structure into a node to all edges out of it costs."""
    if structure == 0:
        return 0
    if space.stamp_of[structure] != space.stamp[0]:
        total, record = 0, links.first_out[node]
        while record >= 0:
            total += _product_cost(tables, space, links.structure[record], structure)
            record = links.next_out[record]
        space.factor[structure], space.stamp_of[structure] = total, space.stamp[0]
    return space.factor[structure]


@compiled
def _joined(tables: Any, space: Any, later: int, earlier: int, old: int) -> int:
    """The structure of an edge after a product is added to it; the old one if that is unknown."""
    new = tables.product[later, earlier]
    if new == UNKNOWN:
        _note(space, PRODUCT, later, earlier)
        return old
    if old == 0:
        return new
    total = tables.sum[old, new]
    if total == UNKNOWN:
        _note(space, SUM, old, new)
        return old
    return total


@compiled
def _damage(
    links: Any,
    facts: Any,
    tables: Any,
    vertices: Any,
    space: Any,
    node: int,
    num_preds: int,
    num_succs: int,
) -> int:
    """What eliminating a vertex adds to the costs of its neighbours; it can be negative."""
    damage = 0
    for b in range(num_preds):
        pred, earlier = space.preds[b], space.earlier[b]
        if not vertices.remains[pred]:
            continue
        space.stamp[0] += 1
        for a in range(num_succs):
            old = _structure(links, pred, space.succs[a])
            new = _joined(tables, space, space.later[a], earlier, old)
            if new != old:
                damage += _cost_before(links, tables, space, new, pred)
                damage -= _cost_before(links, tables, space, old, pred)
        if not facts.is_output[node]:
            damage -= _cost_before(links, tables, space, earlier, pred)
    for a in range(num_succs):
        succ, later = space.succs[a], space.later[a]
        if not vertices.remains[succ]:
            continue
        space.stamp[0] += 1
        for b in range(num_preds):
            old = _structure(links, space.preds[b], succ)
            new = _joined(tables, space, later, space.earlier[b], old)
            if new != old:
                damage += _cost_after(links, tables, space, new, succ)
                damage -= _cost_after(links, tables, space, old, succ)
        damage -= _cost_after(links, tables, space, later, succ)
    return damage


@compiled
def _typical_move(vertices: Any) -> float:
    """Mean cost of a move in the cheapest simple order, as of the last look."""
    return max(vertices.outlook.totals.min(), 1.0) / vertices.counts[LAST_LOOK]


@compiled
def _signed_log(x: float) -> float:
    return math.log1p(x) if x >= 0.0 else -math.log1p(-x)


@compiled
def _compare(facts: Any, vertices: Any, node: int) -> None:
    """Computes the local features of a vertex that depend on the outlook."""
    row, cost, damage = vertices.local[node], vertices.cost[node], vertices.damage[node]
    for way in range(3):
        simple = vertices.outlook.costs[node, way]
        row[14 + way] = row[2] - math.log1p(simple / facts.unit)
    move = _typical_move(vertices)
    row[17] = math.log1p(cost / move)
    row[18] = _signed_log((damage + cost) / move)
    row[19] = _signed_log((damage - cost) / move)


@compiled
def _look_at(links: Any, facts: Any, tables: Any, vertices: Any, space: Any, node: int) -> None:
    """Computes the local features of a vertex."""
    num_preds, num_succs = _list_neighbours(links, space, node)
    cost, fill_in, free, inputs, outputs = 0, 0, 0, 0, 0
    values_in, values_out, values_new = 0.0, 0.0, 0.0
    for a in range(num_succs):
        outputs += facts.is_output[space.succs[a]]
        values_out += tables.values[space.later[a]]
        for b in range(num_preds):
            pair = _product_cost(tables, space, space.later[a], space.earlier[b])
            cost += pair
            free += pair == 0
            old = _structure(links, space.preds[b], space.succs[a])
            fill_in += old == 0
            new = _joined(tables, space, space.later[a], space.earlier[b], old)
            values_new += tables.values[new] - tables.values[old]
    for b in range(num_preds):
        inputs += facts.is_input[space.preds[b]]
        values_in += tables.values[space.earlier[b]]
    damage = _damage(links, facts, tables, vertices, space, node, num_preds, num_succs)
    pairs, row = max(1, num_preds * num_succs), vertices.local[node]
    row[0] = math.log1p(num_preds)
    row[1] = math.log1p(num_succs)
    row[2] = math.log1p(cost / facts.unit)
    row[3] = math.log1p(fill_in)
    row[4] = _signed_log(damage / facts.unit)
    row[5] = _signed_log((damage + cost) / facts.unit)
    row[6] = _signed_log((damage - cost) / facts.unit)
    row[7] = inputs / max(1, num_preds)
    row[8] = outputs / max(1, num_succs)
    row[9] = fill_in == 0
    row[10] = num_preds == 1
    row[11] = num_succs == 1
    row[12] = math.log1p(cost / pairs / facts.unit)
    row[13] = free / pairs
    row[20] = math.log1p(values_in) / 4.0
    row[21] = math.log1p(values_out) / 4.0
    row[22] = _signed_log(values_new - values_in - values_out) / 4.0
    vertices.cost[node], vertices.damage[node] = cost, damage
    _compare(facts, vertices, node)


@compiled
def _is_due(num: int, last: int) -> bool:
    """Whether to look ahead with `num` vertices left, when the last look was with `last` left."""
    return num < last and (num <= OFTEN or 4 * num <= 3 * last)


@compiled
def _look_before_move(vertices: Any, until: int) -> int:
    """The last move, up to a given one, before which the outlook is due; -1 if it is not due."""
    # Whether a look is due depends on the look before, but only the last one has to be computed.
    moves, last = vertices.counts[NUM_MOVES], vertices.counts[LAST_LOOK]
    total, found = moves + vertices.counts[NUM_ALIVE], -1
    for move in range(moves, until + 1):
        if _is_due(total - move, last):
            last, found = total - move, move
    return found


@compiled
def _skip_look(vertices: Any) -> None:
    """Counts a look that is due as done.

    Without it, a game that stops between a look that was skipped and the last one, because a table
    lacks an entry, would look at other moves when it goes on.
    """
    num = vertices.counts[NUM_ALIVE]
    if _is_due(num, vertices.counts[LAST_LOOK]):
        vertices.counts[LAST_LOOK] = num


@compiled
def _copy(links: Any, scratch: Any) -> None:
    """Copies a graph into another one of the same size."""
    scratch.pred[:], scratch.succ[:] = links.pred, links.succ
    scratch.structure[:] = links.structure
    scratch.next_in[:], scratch.prev_in[:] = links.next_in, links.prev_in
    scratch.next_out[:], scratch.prev_out[:] = links.next_out, links.prev_out
    scratch.first_in[:], scratch.first_out[:] = links.first_in, links.first_out
    scratch.in_degree[:], scratch.out_degree[:] = links.in_degree, links.out_degree
    scratch.slots[:], scratch.free[:] = links.slots, links.free


@compiled
def _cost_now(links: Any, tables: Any, space: Any, node: int) -> int:
    """What eliminating a vertex costs."""
    num_preds, num_succs = _list_neighbours(links, space, node)
    cost = 0
    for a in range(num_succs):
        for b in range(num_preds):
            cost += _product_cost(tables, space, space.later[a], space.earlier[b])
    return cost


@compiled
def _next_of(space: Any, way: int, num: int, step: int) -> int:
    """The place in `left` of the next vertex of a simple order; `num` vertices are left."""
    if way == FORWARD:
        return step
    if way == REVERSE:
        return num - 1
    best = 0
    for k in range(1, num):
        node, other = space.left[k], space.left[best]
        if space.degree[node] < space.degree[other] or (
            space.degree[node] == space.degree[other] and node < other
        ):
            best = k
    return best


@compiled
def _renew_degrees(
    links: Any, tables: Any, vertices: Any, space: Any, num_preds: int, num_succs: int
) -> int:
    """Computes what the listed neighbours cost now; returns the number of products."""
    # Copied, because `_cost_now` overwrites the lists.
    touched, products = np.concatenate((space.preds[:num_preds], space.succs[:num_succs])), 0
    for node in touched:
        if vertices.remains[node]:
            space.degree[node] = _cost_now(links, tables, space, node)
            products += links.in_degree[node] * links.out_degree[node]
    return products


@compiled
def _walk(scratch: Any, facts: Any, tables: Any, vertices: Any, space: Any, way: int) -> Any:
    """Eliminates all remaining vertices of a graph in a simple order.

    Returns the cost, or -1 if the order was given up, and DONE, MISSING or FULL.
    """
    num, total, products = 0, 0.0, 0
    most = MOST_PRODUCTS * (vertices.counts[NUM_ALIVE] + MOST_PRODUCTS)
    for node in range(vertices.remains.size):
        if vertices.remains[node]:
            space.left[num] = node
            num += 1
            if way == MARKOWITZ:
                space.degree[node] = _cost_now(scratch, tables, space, node)
    for step in range(num):
        place = _next_of(space, way, num - step, step)
        node = space.left[place]
        if way != FORWARD:
            space.left[place] = space.left[num - step - 1]
        num_preds, num_succs = _list_neighbours(scratch, space, node)
        products += num_preds * num_succs
        if products > most:
            return -1.0, DONE
        if scratch.free[NUM_FREE] < num_preds * num_succs:
            return 0.0, FULL
        cost = _contract(scratch, facts, tables, space, node, num_preds, num_succs)
        space.fresh[node] = cost
        total += cost
        if way == MARKOWITZ:
            products += _renew_degrees(scratch, tables, vertices, space, num_preds, num_succs)
        if space.noted[0]:
            return 0.0, MISSING
    return total, DONE


@compiled
def look_ahead(links: Any, scratch: Any, facts: Any, tables: Any, vertices: Any, space: Any) -> int:
    """Computes the outlook and marks all vertices.

    Args:
        links: The graph.
        scratch: Space for a copy of it.
        facts: What stays.
        tables: The counting rule.
        vertices: What remains.
        space: Space to work in; gets the entries that the tables lack.

    Returns:
        DONE, MISSING or FULL.
    """
    space.noted[0] = 0
    num, outlook = vertices.counts[NUM_ALIVE], vertices.outlook
    for way in range(3):
        _copy(links, scratch)
        total, status = _walk(scratch, facts, tables, vertices, space, way)
        if status != DONE:
            return status
        if total < 0.0:
            outlook.totals[way] = facts.outlook.totals[way]
        else:
            outlook.totals[way] = total
        for k in range(num):
            node = vertices.alive[k]
            known = facts.outlook.costs[node, way] if total < 0.0 else space.fresh[node]
            outlook.costs[node, way] = known
    vertices.counts[LAST_LOOK] = num
    for k in range(num):
        _mark(vertices, vertices.alive[k], COMPARED)
    return DONE


@compiled
def refresh(links: Any, facts: Any, tables: Any, vertices: Any, space: Any) -> int:
    """Recomputes the features of all marked vertices; the marks stay.

    Args:
        links: The graph.
        facts: What stays.
        tables: The counting rule.
        vertices: What remains.
        space: Space to work in; gets the entries that the tables lack.

    Returns:
        DONE or MISSING.
    """
    space.noted[0] = 0
    for k in range(vertices.counts[NUM_DIRTY]):
        node = vertices.dirty[k]
        if vertices.mark[node] == CHANGED and vertices.remains[node]:
            _look_at(links, facts, tables, vertices, space, node)
        elif vertices.remains[node]:
            _compare(facts, vertices, node)
    return MISSING if space.noted[0] else DONE


@compiled
def clear_marks(vertices: Any) -> None:
    """Removes all marks.

    Args:
        vertices: What remains.
    """
    for k in range(vertices.counts[NUM_DIRTY]):
        vertices.mark[vertices.dirty[k]] = CLEAN
    vertices.counts[NUM_DIRTY] = 0


@compiled
def describe_position(facts: Any, vertices: Any, found: Any) -> None:
    """Computes the features of the position.

    Args:
        facts: What stays.
        vertices: What remains, at least one vertex.
        found: float32[number of `features.POSITION`], filled in.
    """
    num = vertices.counts[NUM_ALIVE]
    found[0] = found[1] = found[2] = np.inf
    for k in range(num):
        row = vertices.local[vertices.alive[k]]
        found[0] = min(found[0], row[2])
        found[1] = min(found[1], row[5])
        found[2] = min(found[2], row[6])
    found[3] = math.log(num)
    found[4] = num / facts.moves
    totals = vertices.outlook.totals
    least = math.log1p(totals.min() / facts.unit)
    found[5] = math.log(_typical_move(vertices) / facts.unit)
    for way in range(3):
        found[6 + way] = math.log1p(totals[way] / facts.unit) - least


@compiled
def _update_head(links: Any, vertices: Any, head: Any) -> None:
    """Recomputes what the head knows about the marked vertices and their neighbours."""
    stale, width = 0, head.bias.size
    for k in range(vertices.counts[NUM_DIRTY]):
        node = vertices.dirty[k]
        if not vertices.remains[node]:
            continue
        sent = head.sent[node]
        sent[:] = head.base[node]
        for f in range(head.local.shape[0]):
            x = vertices.local[node, f]
            for j in range(width):
                sent[j] += x * head.local[f, j]
        stale = _add_stale(vertices, head, node, stale)
        record = links.first_in[node]
        while record >= 0:
            stale = _add_stale(vertices, head, links.pred[record], stale)
            record = links.next_in[record]
        record = links.first_out[node]
        while record >= 0:
            stale = _add_stale(vertices, head, links.succ[record], stale)
            record = links.next_out[record]
    for k in range(stale):
        head.is_stale[head.stale[k]] = False
        _hear(links, vertices, head, head.stale[k])


@compiled
def _add_stale(vertices: Any, head: Any, node: int, stale: int) -> int:
    if not vertices.remains[node] or head.is_stale[node]:
        return stale
    head.is_stale[node] = True
    head.stale[stale] = node
    return stale + 1


@compiled
def _add_heard(
    vertices: Any, head: Any, others: Any, following: Any, record: int, weights: Any, hidden: Any
) -> None:
    """Adds the mean of what the nodes of a list of edges tell, times some weights."""
    width, mean, count = head.bias.size, head.mean, 0
    mean[:] = 0.0
    while record >= 0:
        other = others[record]
        if vertices.remains[other]:
            count += 1
            for j in range(width):
                mean[j] += max(head.sent[other, j], np.float32(0.0))
        record = following[record]
    for i in range(width if count else 0):
        x = mean[i] / np.float32(count)
        for j in range(width):
            hidden[j] += x * weights[i, j]


@compiled
def _hear(links: Any, vertices: Any, head: Any, node: int) -> None:
    """Lets a vertex hear its neighbours: the hidden layer of the head and its share of the last."""
    width = head.bias.size
    hidden, ready = head.hidden[node], head.ready[node]
    hidden[:] = head.sent[node]
    first_in, first_out = links.first_in[node], links.first_out[node]
    _add_heard(vertices, head, links.pred, links.next_in, first_in, head.preds, hidden)
    _add_heard(vertices, head, links.succ, links.next_out, first_out, head.succs, hidden)
    for j in range(width):
        hidden[j] = max(hidden[j], np.float32(0.0))
    ready[:] = head.bias
    for i in range(width):
        x = hidden[i]
        for j in range(width):
            ready[j] += x * head.last[i, j]
    for f in range(head.last_local.shape[0]):
        x = vertices.local[node, f]
        for j in range(width):
            ready[j] += x * head.last_local[f, j]


@compiled
def _score(facts: Any, vertices: Any, head: Any) -> None:
    """Scores all vertices that remain, in the order of `alive`."""
    num, width = vertices.counts[NUM_ALIVE], head.bias.size
    pooled = head.pool
    pooled[:] = 0.0
    for k in range(num):
        hidden = head.hidden[vertices.alive[k]]
        for j in range(width):
            pooled[j] = max(pooled[j], hidden[j])
            pooled[width + j] += hidden[j]
    for j in range(width):
        pooled[width + j] /= np.float32(num)
    describe_position(facts, vertices, pooled[2 * width :])
    shift = head.mean
    shift[:] = 0.0
    for i in range(pooled.size):
        x = pooled[i]
        for j in range(width):
            shift[j] += x * head.pooled[i, j]
    for k in range(num):
        ready, total = head.ready[vertices.alive[k]], np.float32(0.0)
        for j in range(width):
            total += head.score[j] * max(ready[j] + shift[j], np.float32(0.0))
        head.logits[k] = total


@compiled
def _choose(vertices: Any, head: Any, temperature: float, uniform: float) -> Any:
    """Draws a vertex; also returns the logarithm of its probability at temperature 1.

    At temperature 0 it takes the vertex with the highest score, the lowest node among equals.
    """
    num, best = vertices.counts[NUM_ALIVE], 0
    for k in range(1, num):
        if head.logits[k] > head.logits[best] or (
            head.logits[k] == head.logits[best] and vertices.alive[k] < vertices.alive[best]
        ):
            best = k
    top, chosen = float(head.logits[best]), best
    if temperature > 0.0:
        total = 0.0
        for k in range(num):
            total += math.exp((head.logits[k] - top) / temperature)
        left = uniform * total
        for k in range(num):
            left -= math.exp((head.logits[k] - top) / temperature)
            chosen = k
            if left <= 0.0:
                break
    total = 0.0
    for k in range(num):
        total += math.exp(head.logits[k] - top)
    return vertices.alive[chosen], float(head.logits[chosen]) - top - math.log(total)


@compiled
def score_position(
    links: Any, scratch: Any, facts: Any, tables: Any, vertices: Any, space: Any, head: Any
) -> int:
    """Scores all vertices that remain.

    Args:
        links: The graph.
        scratch: Space for a copy of it.
        facts: What stays.
        tables: The counting rule.
        vertices: What remains, at least one vertex.
        space: Space to work in.
        head: The policy's head; `logits` is filled in, in the order of `vertices.alive`.

    Returns:
        DONE, MISSING or FULL.
    """
    if _is_due(vertices.counts[NUM_ALIVE], vertices.counts[LAST_LOOK]):
        status = look_ahead(links, scratch, facts, tables, vertices, space)
        if status != DONE:
            return status
    if refresh(links, facts, tables, vertices, space) != DONE:
        return MISSING
    _update_head(links, vertices, head)
    clear_marks(vertices)
    _score(facts, vertices, head)
    return DONE


@compiled
def _look_before(links: Any, facts: Any, tables: Any, vertices: Any, space: Any, node: int) -> int:
    """Checks that the tables have all entries that an elimination needs: its features read them."""
    space.noted[0] = 0
    _look_at(links, facts, tables, vertices, space, node)
    return MISSING if space.noted[0] else DONE


@compiled
def play(
    links: Any,
    scratch: Any,
    facts: Any,
    tables: Any,
    vertices: Any,
    space: Any,
    head: Any,
    record: Any,
    given: Any,
    uniforms: Any,
    temperature: float,
) -> int:
    """Plays a game to the end.

    Args:
        links: The graph.
        scratch: Space for a copy of it.
        facts: What stays.
        tables: The counting rule.
        vertices: What remains.
        space: Space to work in.
        head: The policy's head.
        record: Receives the moves; given moves have log-probability 0.
        given: int32[T], vertices to be eliminated first, without asking the policy.
        uniforms: float64[V], random numbers from [0, 1), one for each move.
        temperature: Divides the scores before a move is drawn; 0 takes the highest one.

    Returns:
        DONE, or MISSING or FULL; called again, it goes on from there.
    """
    look = _look_before_move(vertices, given.size)
    while vertices.counts[NUM_ALIVE] > 0:
        move = vertices.counts[NUM_MOVES]
        if move < given.size:
            node, log_probability = given[move], 0.0
            if move == look:
                status = look_ahead(links, scratch, facts, tables, vertices, space)
                if status != DONE:
                    return status
            else:
                _skip_look(vertices)
            if _look_before(links, facts, tables, vertices, space, node) != DONE:
                return MISSING
        else:
            status = score_position(links, scratch, facts, tables, vertices, space, head)
            if status != DONE:
                return status
            node, log_probability = _choose(vertices, head, temperature, uniforms[move])
        cost, status = eliminate(links, facts, tables, vertices, space, node)
        if status != DONE:
            return status
        record.node[move], record.cost[move] = node, cost
        record.log_probability[move] = log_probability
    return DONE


@compiled
def replay(
    links: Any,
    scratch: Any,
    facts: Any,
    tables: Any,
    vertices: Any,
    space: Any,
    order: Any,
    until: int,
) -> int:
    """Plays the moves of an order up to a given one and computes the features there.

    Args:
        links: The graph.
        scratch: Space for a copy of it.
        facts: What stays.
        tables: The counting rule.
        vertices: What remains.
        space: Space to work in.
        order: int32[V], the vertices in the order of their elimination.
        until: Number of moves played at the end.

    Returns:
        DONE, or MISSING or FULL; called again, it goes on from there.
    """
    look = _look_before_move(vertices, until)
    while True:
        if vertices.counts[NUM_MOVES] == look:
            status = look_ahead(links, scratch, facts, tables, vertices, space)
            if status != DONE:
                return status
        else:
            _skip_look(vertices)
        if vertices.counts[NUM_MOVES] == until:
            break
        node = order[vertices.counts[NUM_MOVES]]
        if _look_before(links, facts, tables, vertices, space, node) != DONE:
            return MISSING
        _, status = eliminate(links, facts, tables, vertices, space, node)
        if status != DONE:
            return status
    if refresh(links, facts, tables, vertices, space) != DONE:
        return MISSING
    clear_marks(vertices)
    return DONE


@compiled
def write_position(
    links: Any, facts: Any, vertices: Any, local: Any, adjacency: Any, remains: Any, position: Any
) -> None:
    """Writes what the policy sees of a position into arrays of zeros.

    Args:
        links: The graph.
        facts: What stays.
        vertices: What remains, at least one vertex, with its features.
        local: float32[M, F], M at least the number of nodes.
        adjacency: bool[M, M], set at edges [successor, predecessor] between vertices that remain.
        remains: bool[M].
        position: float32[number of `features.POSITION`].
    """
    for k in range(vertices.counts[NUM_ALIVE]):
        node = vertices.alive[k]
        remains[node] = True
        local[node] = vertices.local[node]
        record = links.first_in[node]
        while record >= 0:
            if vertices.remains[links.pred[record]]:
                adjacency[node, links.pred[record]] = True
            record = links.next_in[record]
    describe_position(facts, vertices, position)
