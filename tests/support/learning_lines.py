"""Made-up lines of results of the learning benchmark."""

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
        *trajectory: Seconds and costs; without any the run failed.
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
