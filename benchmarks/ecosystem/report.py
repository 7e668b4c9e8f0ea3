"""The table of `make ecosystem`: one row per case, the worst first."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.ecosystem.stages import FASTEST, MODES, REFERENCES

SMALLEST_MEMORY = 2.0**14
"""Temporary memory of fewer bytes counts as this much: one buffer more or less means nothing."""

SAME_TIME = 1.2
"""If two JAX modes differ by less than this factor in time, the one with less memory is better."""

SHORT = {"forward": "fwd", "reverse": "rev", "structured": "struct"}
RATIOS = ("trace", "compile", "run", "memory")

PAIRED = ("ratio", "auto_ratio")
RATIO_TEXT = "{median:.2f} ({low:.2f} to {high:.2f})"

BELOW = 0.95
"""An interval that lies below this is a loss."""

Row = dict[str, Any]


def row_of(name: str, package: str, stages: Mapping[str, Row], modes: Sequence[str] = MODES) -> Row:
    """Summarises a case.

    Args:
        name: Name of the case.
        package: Its package.
        stages: What `runner.run_case` returns.
        modes: The modes that were compared; the first is the one that is timed.

    Returns:
        `status` ("right", "wrong" or "failed" for elimax; "broken" if no JAX mode works or they
        contradict each other), `modes` (the status of each), `error` (the largest one), `better`
        (the better JAX mode, None without one), `ratios` of the first mode to it by `RATIOS`, None
        where one is missing, and `stages` as they are.
    """
    found = {mode: stages.get(mode, {}).get("status", "failed") for mode in modes}
    better = better_reference(stages)
    contradict = any(stages.get(r, {}).get("status") == "wrong" for r in REFERENCES)
    if better is None or contradict:
        status = "broken"
    else:
        status = next((s for s in ("failed", "wrong") if s in found.values()), "right")
    errors = [stages[mode]["error_size"] for mode in modes if "error_size" in stages.get(mode, {})]
    return {
        "name": name,
        "package": package,
        "status": status,
        "modes": found,
        "error": max(errors, default=None),
        "better": better,
        "ratios": ratios_of(stages.get(modes[0], {}), stages.get(better or "", {})),
        "stages": dict(stages),
    }


def better_reference(stages: Mapping[str, Row]) -> str | None:
    """The JAX mode that runs faster, or needs less memory if both are about as fast.

    Args:
        stages: What is known about each stage.

    Returns:
        "jacfwd", "jacrev", or None if neither works.
    """
    working = [r for r in REFERENCES if stages.get(r, {}).get("status") == "right"]
    if not working:
        return None
    fastest = min(stages[r]["run"] for r in working)
    close = [r for r in working if stages[r]["run"] <= SAME_TIME * fastest]
    return min(close, key=lambda r: stages[r]["memory"])


def ratios_of(ours: Row, theirs: Row) -> dict[str, float | None]:
    """How much more elimax needs than JAX.

    Args:
        ours: The numbers of a mode.
        theirs: Those of a reference.

    Returns:
        By name the quotient; None where a number is missing.
    """
    found: dict[str, float | None] = {}
    for key in RATIOS:
        if key not in ours or key not in theirs:
            found[key] = None
            continue
        least = SMALLEST_MEMORY if key == "memory" else 1e-9
        found[key] = max(ours[key], least) / max(theirs[key], least)
    return found


def worst_first(rows: Sequence[Row]) -> list[Row]:
    """Sorts rows: broken, failed, wrong, right; then by the larger of run and memory ratio.

    Args:
        rows: What `row_of` returns.

    Returns:
        The rows in that order.
    """

    def rank(row: Row) -> tuple[int, float]:
        known = [x for x in (row["ratios"]["run"], row["ratios"]["memory"]) if x is not None]
        worst = max(known, default=math.inf)
        return ("broken", "failed", "wrong", "right").index(row["status"]), -worst

    return sorted(rows, key=rank)


def text_of(rows: Sequence[Row]) -> str:
    """The table, the errors below it and a summary.

    Args:
        rows: What `row_of` returns.

    Returns:
        Lines of text.
    """
    rows = worst_first(rows)
    modes = [SHORT.get(mode, mode) for mode in rows[0]["modes"]] if rows else []
    names = ["case", "package", *modes, "error", "better", "trace s", "compile s"]
    cells = [[*names, *(f"x {key}" for key in RATIOS), "won", "ratio", "auto"], *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in cells]
    for row in rows:
        lines += [
            f"{row['name']}, {stage}: {found['error']}"
            for stage, found in row["stages"].items()
            if "error" in found and (stage not in REFERENCES or row["better"] is None)
        ]
    return "\n".join([*lines, "", *summary_lines(rows)])


def summary_lines(rows: Sequence[Row]) -> list[str]:
    """Writes the counts and mean ratios.

    Args:
        rows: What `row_of` returns.

    Returns:
        Two lines: how many cases came out how; geometric means and maxima of the ratios.
    """
    statuses = [row["status"] for row in rows]
    counts = ", ".join(f"{statuses.count(s)} {s}" for s in ("right", "wrong", "failed", "broken"))
    means = []
    for key in RATIOS:
        known = [row["ratios"][key] for row in rows if row["ratios"][key] is not None]
        if known:
            mean = math.exp(sum(map(math.log, known)) / len(known))
            means.append(f"{key} {mean:.2f} (at most {max(known):.1f})")
    packages = len({row["package"] for row in rows})
    mode = next(iter(rows[0]["modes"])) if rows else MODES[0]
    return [
        f"{len(rows)} cases of {packages} packages: {counts}",
        f'"{mode}" against the better JAX mode, geometric means: {", ".join(means) or "none"}',
        *_race_lines([row["stages"].get(FASTEST, {}) for row in rows]),
    ]


def _race_lines(raced: Sequence[Row]) -> list[str]:
    """The results of the races: mean ratios, and how often each contender won."""
    raced = [stage for stage in raced if "ratio" in stage]
    if not raced:
        return []

    def mean(stages: Sequence[Row], key: str = "ratio") -> str:
        logs = [math.log(stage[key]["median"]) for stage in stages]
        return f"{math.exp(sum(logs) / len(logs)):.2f}" if logs else "none"

    winners = [stage["winner"] for stage in raced]
    won = ", ".join(f"{name} {winners.count(name)}" for name in sorted(set(winners)))
    others = [stage for stage in raced if stage["winner"] not in REFERENCES]
    below = sum(stage["ratio"]["high"] < BELOW for stage in raced)
    return [
        f"speed relative to JAX's better mode, in paired rounds: {mean(raced)}, without the races "
        f"that a mode of JAX won {mean(others)}; winners: {won}; wholly below {BELOW}: "
        f"{below}; plain jacve: {mean(raced, 'auto_ratio')}"
    ]


def _cells(row: Row) -> list[str]:
    first = next(iter(row["modes"]))
    ours, ratios = row["stages"].get(first, {}), row["ratios"]
    marks = {"right": "ok", "wrong": "WRONG", "failed": "FAILED"}
    return [
        row["name"],
        row["package"],
        *(marks[status] for status in row["modes"].values()),
        "-" if row["error"] is None else f"{row['error']:.0e}",
        row["better"] or "NEITHER",
        *(f"{ours[key]:.1f}" if key in ours else "-" for key in ("trace", "compile")),
        *("-" if ratios[key] is None else f"{ratios[key]:.2f}" for key in RATIOS),
        ours.get("winner", ""),
        *(RATIO_TEXT.format(**ours[key]) if key in ours else "" for key in PAIRED),
    ]
