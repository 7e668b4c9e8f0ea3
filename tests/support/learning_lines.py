"""Made-up result lines of the learning benchmark."""

from typing import Any

from benchmarks.learning.lines import Line

WHERE: Line = {
    "machine": "Some CPU",
    "cores": 2,
    "versions": {"jax": "0.10.2", "python": "3.11.7"},
    "xla_flags": "",
    "commit": "abc",
    "policy": "0123",
}


def line(
    program: str, method: str, *trajectory: tuple[float, int], seed: int = 0, **fields: Any
) -> Line:
    """A line of a set named "small".

    Args:
        program: Name of the program.
        method: Name of the method.
        *trajectory: Pairs of seconds and cost; without any, the run failed.
        seed: The seed.
        **fields: Replace other fields.

    Returns:
        The line.
    """
    outcome: Line = {"failed": "StructureLimitError: too many"}
    if trajectory:
        seconds, cost = trajectory[-1]
        outcome = {"trajectory": [list(x) for x in trajectory], "cost": cost, "seconds": seconds}
        outcome["play_seconds"] = 2 * seconds
    return {
        "set": "small",
        "program": program,
        "method": method,
        "seed": seed,
        "count": "all",
        "budget": None,
        "fingerprint": "f00d",
        "vertices": 50,
        "arrays": False,
        **WHERE,
        **outcome,
        **fields,
    }


def one_shot() -> list[Line]:
    """Four programs with the best known cost 100; three rules find 120, all rules 110."""
    lines = []
    for k, name in enumerate("abcd"):
        lines += [
            line(name, "annealing_long", (9.0, 100)),
            line(name, "three_rules", (0.01, 120)),
            line(name, "all_rules", (0.02, 110)),
            line(name, "policy_greedy", (0.05, [100, 102, 104, 150][k])),
        ]
    return lines


def timed(program: str, with_policy: int, without: int, **fields: Any) -> list[Line]:
    """Runs of 10 s with the policy and without it, both at a cost of 200 after 0.1 s."""
    return [
        line(program, "policy_annealing", (0.1, 200), (1.0, with_policy), budget=10.0, **fields),
        line(program, "annealing", (0.1, 200), (1.0, without), budget=10.0, **fields),
        line(program, "annealing_long", (9.0, 100), **fields),
    ]
