"""Smallest separators in a graph, by maximum flow with capacities on the vertices."""

import collections
from collections.abc import Callable, Collection, Iterable, Sequence


def smallest_separator(
    neighbours: Sequence[Collection[int]],
    first: Iterable[int],
    ends: Collection[int],
    weight: Callable[[int], int],
) -> int:
    """The least weight of a set of nodes that meets every path from some first nodes to some ends.

    First nodes and ends may be in the separator themselves. By the weighted form of Menger's
    theorem this is the maximum flow from the first nodes to the ends if no node lets through more
    than its weight; it is found along shortest augmenting paths.

    Args:
        neighbours: For every node, the nodes that a path may go on to.
        first: Nodes where paths start.
        ends: Nodes where paths may end.
        weight: What it costs to take a node into the separator, at least 0.

    Returns:
        The weight of a lightest separator; 0 if no path leads to an end.

    Source: Edmonds & Karp, Journal of the ACM 19 (1972), with every node split in two.
    """
    chosen = set(first)
    # A path of one node leaves no choice. These nodes cut all paths through them, so the search
    # goes around them.
    forced = {u for u in chosen if u in ends}
    total = sum(map(weight, forced))
    start = list(chosen - forced)
    if not start:
        return total
    through: dict[int, int] = collections.defaultdict(int)
    # Flow into each node, by the node that it comes from.
    entering: dict[int, dict[int, int]] = collections.defaultdict(dict)
    while True:
        came_from, goal = _search(neighbours, (start, forced, ends), weight, through, entering)
        if goal is None:
            return total
        total += _augment(goal, came_from, weight, through, entering)


def _search(
    neighbours: Sequence[Collection[int]],
    ways: tuple[list[int], Collection[int], Collection[int]],
    weight: Callable[[int], int],
    through: dict[int, int],
    entering: dict[int, dict[int, int]],
) -> tuple[dict[int, int], int | None]:
    """Breadth-first search in the residual network; 2u is the entrance of node u, 2u + 1 its exit.

    `ways` are three groups of nodes: paths lead from the first to the third, avoiding the second.
    """
    start, closed, ends = ways
    came_from = dict.fromkeys((2 * u for u in start), -1)
    waiting = collections.deque(came_from)
    while waiting:
        place = waiting.popleft()
        u = place >> 1
        if place & 1:
            if u in ends:
                return came_from, place
            onward = [2 * w for w in neighbours[u] if w not in closed]
            if through[u]:
                onward.append(2 * u)
        else:
            onward = [2 * w + 1 for w, flow in entering[u].items() if flow] if through[u] else []
            if through[u] < weight(u):
                onward.append(place + 1)
        for other in onward:
            if other not in came_from:
                came_from[other] = place
                waiting.append(other)
    return came_from, None


def _augment(
    goal: int,
    came_from: dict[int, int],
    weight: Callable[[int], int],
    through: dict[int, int],
    entering: dict[int, dict[int, int]],
) -> int:
    """Sends as much flow along a path as it can take; returns how much that is."""
    steps, place = [], goal
    while came_from[place] >= 0:
        steps.append((came_from[place], place))
        place = came_from[place]
    # Edges between nodes have no limit: only nodes do, and flow that is taken back must be there.
    room = []
    for place, other in steps:
        u, w = place >> 1, other >> 1
        if u == w:
            room.append(weight(u) - through[u] if other & 1 else through[u])
        elif other & 1:
            room.append(entering[u][w])
    amount = min(room)
    for place, other in steps:
        u, w = place >> 1, other >> 1
        if u == w:
            through[u] += amount if other & 1 else -amount
        elif other & 1:
            entering[u][w] -= amount
        else:
            entering[w][u] = entering[w].get(u, 0) + amount
    return amount
