"""The table of `make ecosystem`: one row per case, the worst first."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.ecosystem.stages import MODES, REFERENCES

SMALLEST_MEMORY = 2.0**14
"""Bytes below which temporary memory counts as this much: a buffer more or less means nothing."""

SAME_TIME = 1.2
"""Of two JAX modes whose run times differ by less than this factor, the smaller one is better."""

SHORT = {"auto": "auto", "forward": "fwd", "reverse": "rev", "structured": "struct"}
COLUMNS = ("case", "package", *SHORT.values(), "error", "better", "trace s", "compile s")
RATIOS = ("trace", "compile", "run", "memory")

Row = dict[str, Any]


def row_of(name: str, package: str, stages: Mapping[str, Row]) -> Row:
    """Sums up a case.

    Args:
        name: Name of the case.
        package: Its package.
        stages: What `runner.run_case` returns.

    Returns:
        `status` ("right", "wrong" or "failed" by elimax; "broken" if no JAX mode works or they
        contradict each other), `modes` (the status of each), `error` (the largest one), `better`
        (the better JAX mode, None without one), `ratios` of order "auto" to it by `RATIOS`, None
        where one is missing, and `stages` as they are.
    """
    modes = {mode: stages.get(mode, {}).get("status", "failed") for mode in MODES}
    better = better_reference(stages)
    contradict = any(stages.get(r, {}).get("status") == "wrong" for r in REFERENCES)
    if better is None or contradict:
        status = "broken"
    else:
        status = next((s for s in ("failed", "wrong") if s in modes.values()), "right")
    errors = [stages[mode]["error_size"] for mode in MODES if "error_size" in stages.get(mode, {})]
    return {
        "name": name,
        "package": package,
        "status": status,
        "modes": modes,
        "error": max(errors, default=None),
        "better": better,
        "ratios": ratios_of(stages.get("auto", {}), stages.get(better or "", {})),
        "stages": dict(stages),
    }


def better_reference(stages: Mapping[str, Row]) -> str | None:
    """The JAX mode that runs faster, or needs less memory where both are about as fast.

    Args:
        stages: What is known of each stage.

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
        The rows in that sequence.
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
    cells = [[*COLUMNS, *(f"x {key}" for key in RATIOS)], *map(_cells, rows)]
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
    """Counts and mean ratios.

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
    return [
        f"{len(rows)} cases of {packages} packages: {counts}",
        f'"auto" against the better JAX mode, geometric means: {", ".join(means) or "none"}',
    ]


def _cells(row: Row) -> list[str]:
    auto, ratios = row["stages"].get("auto", {}), row["ratios"]
    marks = {"right": "ok", "wrong": "WRONG", "failed": "FAILED"}
    return [
        row["name"],
        row["package"],
        *(marks[row["modes"][mode]] for mode in SHORT),
        "-" if row["error"] is None else f"{row['error']:.0e}",
        row["better"] or "NEITHER",
        *(f"{auto[key]:.1f}" if key in auto else "-" for key in ("trace", "compile")),
        *("-" if ratios[key] is None else f"{ratios[key]:.2f}" for key in RATIOS),
    ]
