"""Many games of a policy at once, and batches of positions to learn from them.

Games are played by compiled code in threads. Every game draws from a generator of its own, so the
games do not depend on the number of threads and processes, or on which of them finishes first.
"""

from collections.abc import Sequence

import numpy as np

from elimax.interpreter.errors import StructureLimitError
from elimax.models.batches import padded_size, stack_boards
from elimax.models.game import Game, Played
from elimax.models.optimisation import shareable
from elimax.models.played_policy import read_graph
from elimax.models.policy import Policy
from elimax.models.positions import Positions
from elimax.models.ppo import PPOBatch, PPOConfig, advantages
from elimax.models.processes import in_processes, in_threads


def play_games(
    policy: Policy,
    games: Sequence[Game],
    *,
    episodes: int,
    temperature: float,
    seed: Sequence[int],
    greedy: bool = False,
) -> list[list[Played] | None]:
    """Plays complete games.

    Args:
        policy: The policy.
        games: Graphs to play.
        episodes: Games of every graph.
        temperature: Divides the scores before a move is drawn.
        seed: Seed of the draws.
        greedy: Whether to play one more game of every graph first, at temperature 0.

    Returns:
        The games of every graph; None for a graph on which one met too many edge structures.
    """
    ready = [read_graph(policy, game.start) for game in games]
    wanted = [(g, k) for g in range(len(games)) for k in range(-1 if greedy else 0, episodes)]

    def play(place: tuple[int, int]) -> Played | None:
        g, k = place
        rng = np.random.default_rng((*seed, g, k)) if k >= 0 else None
        try:
            return games[g].play(ready[g], temperature=temperature if k >= 0 else 0.0, rng=rng)
        except StructureLimitError:
            return None

    by_graph: list[list[Played | None]] = [[] for _ in games]
    for (g, _), played in zip(wanted, in_processes(play, wanted), strict=True):
        by_graph[g].append(played)
    return [
        [played for played in of_game if played is not None] if None not in of_game else None
        for of_game in by_graph
    ]


def ppo_batches(
    games: Sequence[Game],
    played: Sequence[Sequence[Played]],
    best: Sequence[np.ndarray | None],
    config: PPOConfig,
    rng: np.random.Generator,
) -> list[PPOBatch]:
    """Draws positions from games and makes minibatches of them, for one epoch.

    Args:
        games: G graphs of one padded size.
        played: K games of each.
        best: For each graph the nodes of the best order so far, to be imitated; or None.
        config: Settings.
        rng: Source of randomness.

    Returns:
        The minibatches; each has positions of all graphs.
    """
    share = shareable(max(1, config.positions // (config.minibatches * len(games))))
    size = max(padded_size(len(game.start.nodes)) for game in games)
    boards = stack_boards([game.start for game in games])
    scaled = [
        advantages(np.stack([p.costs for p in of_game]).astype(float), config.best_weight)
        for of_game in played
    ]
    batches = []
    for _ in range(config.minibatches):
        rows = [
            _draw(games[g], played[g], scaled[g], best[g], share, size, rng)
            for g in range(len(games))
        ]
        positions = Positions(
            *(np.stack(arrays) for arrays in zip(*(row[0] for row in rows), strict=True))
        )
        nodes, log_probabilities, advantage, imitated = (
            np.stack(arrays) for arrays in zip(*(row[1:] for row in rows), strict=True)
        )
        weights = np.ones_like(advantage)
        batches.append(
            PPOBatch(boards, positions, nodes, log_probabilities, advantage, imitated, weights)
        )
    return batches


IMITATED = 8
"""One in this many positions is taken from the best order so far."""


def _draw(
    game: Game,
    played: Sequence[Played],
    scaled: np.ndarray,
    best: np.ndarray | None,
    share: int,
    size: int,
    rng: np.random.Generator,
) -> tuple[Positions, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Positions of one graph, and what was done there."""
    imitated = share // IMITATED if best is not None else 0
    flat = np.sort(rng.integers(scaled.size, size=share - imitated))
    which, moves = np.divmod(flat, scaled.shape[1])
    parts = [
        (played[k].nodes, moves[which == k], played[k].log_probabilities, scaled[k])
        for k in np.unique(which)
    ]
    if best is not None and imitated:
        drawn = np.sort(rng.integers(len(best), size=imitated))
        zeros = np.zeros(len(best), np.float32)
        parts.append((best, drawn, zeros, zeros))
    seen = in_threads(lambda part: game.positions(part[0], part[1].tolist(), size), parts)
    positions = Positions(*(np.concatenate(arrays) for arrays in zip(*seen, strict=True)))
    nodes = np.concatenate([part[0][part[1]] for part in parts]).astype(np.int32)
    log_probabilities = np.concatenate([part[2][part[1]] for part in parts])
    advantage = np.concatenate([part[3][part[1]] for part in parts])
    is_imitated = (np.arange(share) >= share - imitated).astype(np.float32)
    return positions, nodes, log_probabilities, advantage, is_imitated
