"""The compiled loop of simulated annealing over elimination orders.

A walker stands at a place in an order; all vertices before it are eliminated in its graph. From
there it tries to move a vertex: it eliminates the vertices of the changed stretch one by one, adds
up what they cost, and takes everything back with the help of a log. Vertices after the stretch are
evaluated only as long as the graph differs from what the old order gave at the same place, which a
digest of its edges tells. On scalar graphs it never differs, because the edges then depend only on
the set of eliminated vertices. So the time of a move depends on the stretch that it changes, not on
the length of the order.

A descent goes through an order from its end and knows, for every vertex behind its place, what
moving that vertex to this place would cost. Such a move is a sequence of swaps with the vertex in
front. A swap changes nothing if the two do not meet, and only the costs of the two if the edges are
the same after both, so hardly any order has to be evaluated.

The counting rule enters as tables of products, sums and costs of structures. An entry that is not
known yet is noted and stops the walk; the caller fills it in and goes on.

All compiled code is in this one file, because numba caches a function until the file that defines
it changes, even if functions of other files that it calls have changed. Importing it imports numba,
which takes some tenths of a second; compiling takes seconds, once per machine.
"""

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from elimax.interpreter.orders.annealing.state import Descent, Progress

DONE, MISSING, LOG_FULL, UNDO_FULL = 0, 1, 2, 3
"""How a function ended: finished, a table entry is unknown, the log or `Undo` is too short."""

PRODUCT, SUM = 0, 1
"""Which table an unknown entry belongs to."""

UNKNOWN = -1

MOVES_PER_STOP = 4
"""Moves that are tried before the walker takes a step."""

SHORT_SHARE, SHORT_DISTANCE = 0.7, 8
"""Share of short moves, and how far they go at most; the distance of the others is log-uniform."""

HUGE = 1 << 60
"""Regrets are clipped to this, so that sums stay within 64 bits."""

_GOLDEN, _SHIFT_11 = np.uint64(0x9E3779B97F4A7C15), np.uint64(11)
_ZERO, _ONE, _WORD = np.uint64(0), np.uint64(1), np.uint64(63)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFT_16, _SHIFT_27, _SHIFT_30, _SHIFT_31 = (np.uint64(n) for n in (16, 27, 30, 31))
_SHIFT_58, _DE_BRUIJN = np.uint64(58), np.uint64(0x03F79D71B4CB0A89)
# Times a de Bruijn sequence, each power of two has different top six bits: they tell its exponent.
_BIT_OF = np.zeros(64, np.int64)
for _bit in range(64):
    _BIT_OF[((int(_DE_BRUIJN) << _bit) & ((1 << 64) - 1)) >> 58] = _bit


def compiled(function: Callable[..., Any]) -> Any:
    """Compiles a function with numba, which keeps the result in a cache folder if there is one.

    Args:
        function: The function; it is compiled when it is first called.

    Returns:
        What numba makes of it.
    """
    try:
        return numba.njit(function, cache=True, nogil=True)
    except RuntimeError:  # neither this folder nor the user's cache folder is writable
        return numba.njit(function, nogil=True)


@compiled
def _mixed(x: Any) -> Any:
    """Scrambles 64 bits (Steele, Lea & Flood, SplitMix, OOPSLA 2014)."""
    x = (x ^ (x >> _SHIFT_30)) * _MIX_1
    x = (x ^ (x >> _SHIFT_27)) * _MIX_2
    return x ^ (x >> _SHIFT_31)


@compiled
def _members(row: Any, found: Any) -> int:
    """Lists the members of a bit set and returns how many there are."""
    count = 0
    for word in range(row.size):
        bits = row[word]
        while bits != _ZERO:
            low = bits & (~bits + _ONE)
            found[count] = word * 64 + _BIT_OF[(low * _DE_BRUIJN) >> _SHIFT_58]
            count += 1
            bits ^= low
    return count


@compiled
def _put(position: Any, succ: int, pred: int, structure: Any) -> None:
    """Writes one edge, in the table and in both bit sets."""
    position.edges[succ, pred] = structure
    pred_bit, succ_bit = _ONE << (np.uint64(pred) & _WORD), _ONE << (np.uint64(succ) & _WORD)
    if structure == 0:
        position.preds[succ, pred >> 6] &= ~pred_bit
        position.succs[pred, succ >> 6] &= ~succ_bit
    else:
        position.preds[succ, pred >> 6] |= pred_bit
        position.succs[pred, succ >> 6] |= succ_bit


@compiled
def _write(
    position: Any, log: Any, size: int, digest: Any, succ: int, pred: int, structure: Any
) -> Any:
    """Changes one edge and logs what it was; returns the new length of the log and digest.

    The digest is a Zobrist hash, an xor of one scrambled number per edge: a change takes at most
    two xors, and equal edges have equal digests, however they came about.
    """
    place = succ * position.edges.shape[0] + pred
    old = position.edges[succ, pred]
    log.place[size], log.old[size] = place, old
    if old != 0:
        digest ^= _mixed((np.uint64(place) << _SHIFT_16) ^ np.uint64(old))
    if structure != 0:
        digest ^= _mixed((np.uint64(place) << _SHIFT_16) ^ np.uint64(structure))
    _put(position, succ, pred, structure)
    return size + 1, digest


@compiled
def take_back(position: Any, log: Any, size: int, target: int) -> None:
    """Undoes the changes that the log has noted beyond a given length."""
    nodes = position.edges.shape[0]
    for entry in range(size - 1, target - 1, -1):
        place = log.place[entry]
        _put(position, place // nodes, place % nodes, log.old[entry])


@compiled
def _note(space: Any, missing: int, table: int, row: Any, column: Any) -> int:
    """Notes an unknown entry of a table and returns how many are noted."""
    if missing < space.missing.shape[0]:
        space.missing[missing, 0], space.missing[missing, 1] = table, row
        space.missing[missing, 2] = column
        return missing + 1
    return missing


@compiled
def _eliminate(
    position: Any, tables: Any, log: Any, space: Any, node: int, size: int, digest: Any
) -> Any:
    """Eliminates a vertex; returns cost, length of the log, digest, status, unknown entries."""
    edges, missing = position.edges, 0
    num_preds = _members(position.preds[node], space.preds)
    num_succs = _members(position.succs[node], space.succs)
    # At most one entry for each pair and one for each edge of the vertex.
    if size + (num_preds + 1) * (num_succs + 1) > log.place.size:
        return 0, size, digest, LOG_FULL, 0
    cost = 0
    for a in range(num_succs):
        succ = space.succs[a]
        later = edges[succ, node]
        for b in range(num_preds):
            pred = space.preds[b]
            if position.needed.size and not position.needed[succ, pred]:
                continue
            earlier = edges[node, pred]
            new, old = tables.product[later, earlier], edges[succ, pred]
            if new == UNKNOWN:
                # Go on, to note all unknown entries at once; the caller takes the changes back.
                missing = _note(space, missing, PRODUCT, later, earlier)
                continue
            cost += tables.cost[later, earlier]
            if old != 0:
                added = tables.sum[old, new]
                if added == UNKNOWN:
                    missing = _note(space, missing, SUM, old, new)
                    continue
                new = added
            if new != old:
                size, digest = _write(position, log, size, digest, succ, pred, new)
    for a in range(num_succs):
        size, digest = _write(position, log, size, digest, space.succs[a], node, 0)
    if not position.is_output[node]:
        for b in range(num_preds):
            size, digest = _write(position, log, size, digest, node, space.preds[b], 0)
    return cost, size, digest, MISSING if missing else DONE, missing


@compiled
def _uniform(random: Any) -> Any:
    """A number from [0, 1), drawn from a state that has just been stepped."""
    return float(_mixed(random) >> _SHIFT_11) * (1.0 / 9007199254740992.0)


@compiled
def evaluate(position: Any, tables: Any, log: Any, space: Any, walk: Any) -> Any:
    """Evaluates the whole of `walk.order` from the first position, and takes everything back.

    Args:
        position: The graph before the first elimination.
        tables: The counting rule.
        log: Space for edges that are overwritten.
        space: Space to work in.
        walk: The order; `cost` and `digest` are filled in.

    Returns:
        The cost of the order, how it ended (DONE, MISSING or LOG_FULL), and the number of unknown
        entries noted.
    """
    total, size, digest = 0, 0, _ZERO
    for k in range(walk.order.size):
        walk.digest[k] = digest
        cost, size, digest, status, missing = _eliminate(
            position, tables, log, space, walk.order[k], size, digest
        )
        if status != DONE:
            take_back(position, log, size, 0)
            return 0, status, missing
        walk.cost[k] = cost
        total += cost
    walk.digest[walk.order.size] = digest
    take_back(position, log, size, 0)
    return total, DONE, 0


@compiled
def _moved(order: Any, place: int, end: int, is_later: bool, k: int) -> int:
    """The vertex at k when the first of order[place:end+1] becomes the last, or vice versa."""
    if k > end:
        return order[k]
    if is_later:
        return order[k + 1] if k < end else order[place]
    return order[end] if k == place else order[k - 1]


@compiled
def _try_move(
    position: Any,
    tables: Any,
    log: Any,
    space: Any,
    walk: Any,
    is_by_set: bool,
    place: int,
    distance: int,
    is_later: bool,
    limit: float,
    slack: float,
) -> Any:
    """Tries a move and makes it if the order then costs at most `slack` more.

    It is given up once the evaluated part costs more than `limit`.

    Returns:
        How much more the order costs, where the changed part ends (`place` if the move was not
        made), how it ended, and the number of unknown entries.
    """
    order, end = walk.order, place + distance
    size = start = walk.marks[place]
    digest, new, old = walk.digest[place], 0, 0
    k, is_taken = place, True
    # Behind the stretch, the old costs hold as soon as the edges are the same as before.
    while k < order.size and not (k > end and (is_by_set or digest == walk.digest[k])):
        node = _moved(order, place, end, is_later, k)
        cost, size, digest, status, missing = _eliminate(
            position, tables, log, space, node, size, digest
        )
        if status != DONE:
            take_back(position, log, size, start)
            return 0, place, status, missing
        new += cost
        old += walk.cost[k]
        walk.new_cost[k], walk.new_digest[k + 1] = cost, digest
        k += 1
        if new > limit:
            is_taken = False
            break
    take_back(position, log, size, start)
    if not is_taken or new - old > slack:
        return new - old, place, DONE, 0
    moving = order[place] if is_later else order[end]
    if is_later:
        for i in range(place, end):
            order[i] = order[i + 1]
        order[end] = moving
    else:
        for i in range(end, place, -1):
            order[i] = order[i - 1]
        order[place] = moving
    walk.cost[place:k] = walk.new_cost[place:k]
    walk.digest[place + 1 : k + 1] = walk.new_digest[place + 1 : k + 1]
    return new - old, k, DONE, 0


@compiled
def _draw_move(random: Any, longest: int, temperature: float) -> Any:
    """Draws distance, direction and permitted extra cost of a move; also returns the next state."""
    random += _GOLDEN
    distance = 1 + int(_uniform(random) * min(SHORT_DISTANCE, longest))
    random += _GOLDEN
    if _uniform(random) >= SHORT_SHARE:
        random += _GOLDEN
        distance = int(math.exp(_uniform(random) * math.log(longest + 1.0)))
    random += _GOLDEN
    is_later = _uniform(random) < 0.5
    random += _GOLDEN
    # d <= slack has probability exp(-d / temperature). Drawn beforehand, it also limits evaluation.
    slack = -temperature * math.log(1.0 - _uniform(random))
    return min(distance, longest), is_later, slack, random


@compiled
def walk_on(
    position: Any,
    tables: Any,
    log: Any,
    space: Any,
    walk: Any,
    progress: Any,
    is_by_set: bool,
    until: int,
    hot: float,
    cold: float,
    planned: int,
) -> Any:
    """Tries moves until a given number has been tried.

    A move that makes the order costlier by d is taken with probability exp(-d / temperature). The
    temperature falls geometrically from `hot` to `cold` while `planned` moves are tried.

    Args:
        position: The graph at `progress.place`.
        tables: The counting rule.
        log: Edges that were overwritten up to there.
        space: Space to work in.
        walk: The order, evaluated.
        progress: Where the walk is.
        is_by_set: Whether the edges depend only on the set of eliminated vertices.
        until: Number of moves tried in this round at which to stop.
        hot: First temperature, in units of the cost.
        cold: Last temperature.
        planned: Number of moves over which the temperature falls.

    Returns:
        Where the walk is then, and how it ended: DONE, MISSING or LOG_FULL. In the last two cases
        the present move has not been tried, and the walk can go on from there.
    """
    place, is_up, total, best, tried, seed, _ = progress
    random, order = np.uint64(seed), walk.order
    spent = walk.cost[:place].sum()
    rate = math.log(cold / hot) / planned
    while tried < until:
        temperature = hot * math.exp(rate * tried)
        for _ in range(MOVES_PER_STOP):
            # A move that cannot be evaluated yet is drawn again from this state.
            before = random
            longest = order.size - 1 - place
            distance, is_later, slack, random = _draw_move(random, longest, temperature)
            # What the part to be evaluated costs now: the stretch if it is known to end there.
            limit = float(total - spent)
            if is_by_set:
                limit = float(walk.cost[place : place + distance + 1].sum())
            change, stop, status, missing = _try_move(
                position, tables, log, space, walk, is_by_set,
                place, distance, is_later, limit + slack, slack,
            )  # fmt: skip
            if status != DONE:
                state = Progress(place, is_up, total, best, tried, np.int64(before), missing)
                return state, status
            tried += 1
            if stop > place:
                total += change
            if total < best:
                best = total
                walk.best[:] = order
        # Back and forth between 0 and the last place behind which there is a vertex to swap with.
        is_up = (is_up or place == 0) and place < order.size - 2
        if is_up:
            cost, size, _, status, missing = _eliminate(
                position, tables, log, space, order[place], walk.marks[place], walk.digest[place]
            )
            if status != DONE:
                take_back(position, log, size, walk.marks[place])
                state = Progress(place, is_up, total, best, tried, np.int64(random), missing)
                return state, status
            spent += cost
            place += 1
            walk.marks[place] = size
        elif place > 0:
            take_back(position, log, walk.marks[place], walk.marks[place - 1])
            place -= 1
            spent -= walk.cost[place]
    return Progress(place, is_up, total, best, tried, np.int64(random), 0), DONE


@compiled
def _meet(position: Any, first: int, second: int, is_by_set: bool) -> bool:
    """Whether it may matter which of two vertices is eliminated first."""
    word, bit = first >> 6, _ONE << (np.uint64(first) & _WORD)
    if (position.preds[second, word] | position.succs[second, word]) & bit:
        return True
    if is_by_set:
        return False
    # It may also matter if they add to the same edge: sums of structures need not be associative.
    preds = succs = _ZERO
    for w in range(position.preds.shape[1]):
        preds |= position.preds[first, w] & position.preds[second, w]
        succs |= position.succs[first, w] & position.succs[second, w]
    return preds != _ZERO and succs != _ZERO


@compiled
def _step_forward(
    position: Any,
    tables: Any,
    log: Any,
    space: Any,
    walk: Any,
    swaps: Any,
    is_by_set: bool,
    place: int,
    k: int,
) -> Any:
    """Updates what is known of moving the vertex at k one place further, to the walker's place.

    Returns:
        How it ended and the number of unknown entries. Unless DONE, nothing has changed.
    """
    start, before = walk.marks[place], walk.digest[place]
    cost, size, digest, status, missing = _eliminate(
        position, tables, log, space, walk.order[k], start, before
    )
    second, change = 0, digest ^ before
    if status == DONE:
        second, size, digest, status, missing = _eliminate(
            position, tables, log, space, walk.order[place], size, digest
        )
    take_back(position, log, size, start)
    if status != DONE:
        return status, missing
    if max(cost, second) >= HUGE:
        regret = HUGE
    elif is_by_set or digest == walk.digest[place + 1] ^ swaps.change[k]:
        # The edges are the same after both vertices in either sequence: only their costs differ.
        regret = swaps.regret[k] + cost + second - walk.cost[place] - swaps.cost[k]
    else:
        # No change is below this slack, so the move is evaluated but not made.
        regret, _, status, missing = _try_move(
            position, tables, log, space, walk, is_by_set,
            place, k - place, False, float(2 * HUGE), -float(2 * HUGE),
        )  # fmt: skip
        if status != DONE:
            return status, missing
    swaps.regret[k], swaps.cost[k], swaps.change[k] = min(regret, HUGE), cost, change
    return DONE, 0


@compiled
def climb(
    position: Any, tables: Any, log: Any, space: Any, walk: Any, place: int, end: int
) -> None:
    """Moves the walker towards the end, eliminating vertices that were evaluated before.

    Args:
        position: The graph at `place`; changed.
        tables: The counting rule, with all entries that are needed.
        log: Edges that were overwritten up to there; long enough for the rest.
        space: Space to work in.
        walk: The order, evaluated; `marks` are filled in.
        place: The walker's place.
        end: The place to go to.
    """
    for k in range(place, end):
        _, size, _, _, _ = _eliminate(
            position, tables, log, space, walk.order[k], walk.marks[k], walk.digest[k]
        )
        walk.marks[k + 1] = size


@compiled
def _restore(swaps: Any, undo: Any, size: int, target: int) -> None:
    """Undoes the changes of `swaps` that have been noted beyond a given length."""
    for entry in range(size - 1, target - 1, -1):
        k = undo.place[entry]
        swaps.regret[k], swaps.cost[k] = undo.regret[entry], undo.cost[entry]
        swaps.change[k] = undo.change[entry]


@compiled
def _arrive(position: Any, log: Any, walk: Any, swaps: Any, place: int, noted: int) -> None:
    """Moves the walker from behind the vertex at `place` to before it."""
    take_back(position, log, walk.marks[place + 1], walk.marks[place])
    swaps.marks[place + 1] = noted
    swaps.regret[place], swaps.cost[place] = 0, walk.cost[place]
    swaps.change[place] = walk.digest[place] ^ walk.digest[place + 1]


@compiled
def _take_best(
    position: Any,
    tables: Any,
    log: Any,
    space: Any,
    walk: Any,
    swaps: Any,
    is_by_set: bool,
    place: int,
) -> Any:
    """Makes the move to the walker's place that lowers the cost most, if one does.

    Returns:
        The place behind the changed stretch, where the walker is then, or `place` if no move was
        made; how it ended; and the number of unknown entries.
    """
    best = place
    for k in range(place + 1, walk.order.size):
        if swaps.regret[k] < swaps.regret[best]:
            best = k
    if best == place:
        return place, DONE, 0
    _, stop, status, missing = _try_move(
        position, tables, log, space, walk, is_by_set,
        place, best - place, False, float(2 * HUGE), -1.0,
    )  # fmt: skip
    climb(position, tables, log, space, walk, place, stop)
    return stop, status, missing


@compiled
def descend(
    position: Any,
    tables: Any,
    log: Any,
    space: Any,
    walk: Any,
    swaps: Any,
    undo: Any,
    rows: Any,
    progress: Any,
    is_by_set: bool,
) -> Any:
    """Moves vertices forward while that lowers the cost of the order, and measures regrets.

    The walker goes from the end of the order to the beginning and keeps, for every vertex behind
    it, how much more the order would cost if that vertex were eliminated at the walker's place: its
    regret. A move that lowers the cost is made at once, and the walker goes on from behind the
    changed stretch. When it reaches the beginning, no forward move lowers the cost.

    Args:
        position: The graph at `progress.place`, at first behind the last vertex.
        tables: The counting rule.
        log: Edges that were overwritten up to there.
        space: Space to work in.
        walk: The order, evaluated.
        swaps: Regrets at the walker's place.
        undo: Their changes since places behind it.
        rows: The places at which regrets are wanted; filled in.
        progress: Where the descent is.
        is_by_set: Whether the edges depend only on the set of eliminated vertices.

    Returns:
        Where the descent is then, and how it ended: DONE at place 0, else MISSING, LOG_FULL or
        UNDO_FULL; it can go on from there.
    """
    place, k, noted, _ = progress
    while True:
        while k < walk.order.size:
            if swaps.regret[k] < HUGE and _meet(
                position, walk.order[place], walk.order[k], is_by_set
            ):
                if noted == undo.place.size:
                    return Descent(place, k, noted, 0), UNDO_FULL
                undo.place[noted], undo.regret[noted] = k, swaps.regret[k]
                undo.cost[noted], undo.change[noted] = swaps.cost[k], swaps.change[k]
                status, missing = _step_forward(
                    position, tables, log, space, walk, swaps, is_by_set, place, k
                )
                if status != DONE:
                    return Descent(place, k, noted, missing), status
                # Only now: a step that was interrupted is repeated and writes the entry again.
                noted += 1
            k += 1
        if place < walk.order.size:
            stop, status, missing = _take_best(
                position, tables, log, space, walk, swaps, is_by_set, place
            )
            if status != DONE:
                return Descent(place, k, noted, missing), status
            if stop > place:
                # From `stop` on the order is as it was, so the regrets known there still hold.
                _restore(swaps, undo, noted, swaps.marks[stop])
                place, noted = stop, swaps.marks[stop]
            elif rows.start[place] >= 0:
                first = rows.start[place]
                rows.regret[first : first + k - place] = swaps.regret[place:]
        if place == 0:
            return Descent(0, k, noted, 0), DONE
        place -= 1
        _arrive(position, log, walk, swaps, place, noted)
        k = place + 1
