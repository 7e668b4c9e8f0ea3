"""The results as Markdown: figures, and no judgement except of wrong values."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from benchmarks.measuring import COVERAGE, NULL_TOLERANCE, NULL_WIDTH, TOLERANCE
from elimax.pipeline.pages.report_tables import Table, better_rival, markdown_table
from elimax.pipeline.stages.rivals import RIVALS

Results = Mapping[str, Mapping[str, Any]]
"""Contents of the files of all tasks, by task."""
_KEY = ("task", "dtype", "layout", "batch")
_FACTS = ("flops", "temp_bytes", "output_bytes")


def markdown_text(tasks: Results, where: Mapping[str, Any]) -> str:
    """Writes all tables.

    Args:
        tasks: What `records.collect` returned.
        where: What `records.environment` returned.

    Returns:
        The text, which ends with a newline.
    """
    versions = ", ".join(f"{name} {number}" for name, number in where["versions"].items())
    parts = [
        f"# Jacobians on {where['machine']}",
        f"{versions}; commit {where['commit'] or 'unknown'}, code {where['code']}; driver "
        f"{where['driver'] or 'none'}; precision of products {where['matmul_precision']}; "
        f"XLA_FLAGS {where['xla_flags'] or 'none'}.",
    ]
    for make, text in _SECTIONS.items():
        columns, rows = make(tasks)
        if rows:
            parts += [text, markdown_table(columns, rows)]
    if notes := list(_notes(tasks)):
        parts += ["## Not measured or not reported", "\n".join(f"- {note}" for note in notes)]
    return "\n\n".join(parts) + "\n"


def _check_table(tasks: Results) -> Table:
    """Errors in float64, one row per task."""
    rows = []
    for task, case in _jacobians(tasks):
        if "wrong" not in case:
            continue
        errors = case["errors"]
        ours = [name for name in errors if name not in (*RIVALS, "hessian")]
        worst = [_worst(errors[name].get(rival) for name in ours) for rival in RIVALS]
        verdict = f"NO: {', '.join(case['wrong'])}" if case["wrong"] else "yes"
        if case["unchecked"]:
            verdict += f"; not compared: {', '.join(case['unchecked'])}"
        between = _worst([errors.get("jacrev", {}).get("jacfwd")])
        rows.append([task, case["batch"], *worst, between, verdict])
    columns = ["task", "batch", "against jacfwd", "against jacrev", "jacrev against jacfwd"]
    return [*columns, "correct"], rows


def _run_table(tasks: Results) -> Table:
    """Run times and ratios, one row per case that is reported."""
    names = _names(tasks)
    rows = []
    for task, case in _jacobians(tasks):
        if (rival := better_rival(case)) is None:
            continue
        seconds, ratios = case["seconds"], case["ratios"][rival]
        row = [*_key(task, case)]
        row += [_microseconds(seconds.get(name)) for name in (*RIVALS, case["ours"])]
        rows.append([*row, *(_ratio(ratios.get(name)) for name in names), _ratio(case["null"])])
    return [*_KEY, *(f"{name} us" for name in (*RIVALS, "ours")), *names, "null"], rows


def _means_table(tasks: Results) -> Table:
    """Geometric means over the tasks, by dtype, layout and wanted batch."""
    names = _names(tasks)
    groups: dict[tuple[Any, ...], dict[str, list[float]]] = {}
    for _, case in _jacobians(tasks):
        if (rival := better_rival(case)) is None:
            continue
        group = groups.setdefault((case["dtype"], case["layout"], case["wanted"]), {})
        for name, ratio in case["ratios"][rival].items():
            group.setdefault(name, []).append(math.log(ratio["median"]))
    rows = []
    for key, group in groups.items():
        means = {name: math.exp(math.fsum(x) / len(x)) for name, x in group.items()}
        rows.append([*key, max(map(len, group.values())), *map(means.get, names)])
    return [*_KEY[1:], "tasks", *names], rows


def _program_table(tasks: Results) -> Table:
    """What was compiled, one row per case."""
    rows = []
    for task, case in _jacobians(tasks):
        timed = [mode for mode in RIVALS if mode in case["seconds"]]
        mode = min(timed, key=case["seconds"].__getitem__, default=None)
        pair, search = (mode, case["ours"]), case["search"].get(case["ours"])
        facts = [case["programs"].get(name, {}) for name in pair]
        flops, *sizes = ([fact.get(key) for fact in facts] for key in _FACTS)
        both = [None if None in sums else sum(sums) for sums in zip(*sizes, strict=True)]
        row = [*_key(task, case), mode, search and 1e3 * search["seconds"]]
        for key in ("trace_seconds", "compile_seconds"):
            row.append(_pair([case[key].get(name) for name in pair], 1e-3, 0))
        row += [case["builds"].get(case["ours"]), case["compilers"]]
        row += [_pair([fact.get("kernels") for fact in facts], 1, 0)]
        rows.append([*row, _pair(flops, 1e6, 2), _pair(both, 1e6, 2)])
    columns = [*_KEY, "mode", "search ms", "trace ms", "compile ms", "builds", "compilers"]
    return [*columns, "kernels", "Mflop", "MB"], rows


def _training_table(tasks: Results) -> Table:
    """How fast the policy learns, one row per task and number of games."""
    keys = ["episodes", "updates", "first_seconds", "update_seconds", "eliminations_per_second"]
    keys += ["played_per_second", "played_in_one_thread"]
    rows = [
        [task, *(case[key] for key in keys)]
        for task, result in tasks.items()
        for case in result["cases"].values()
        if "eliminations_per_second" in case
    ]
    return ["task", *(key.replace("_", " ") for key in keys)], rows


_SECTIONS: Mapping[Callable[[Results], Table], str] = {
    _check_table: "## Values in float64\n\n"
    "Largest relative error of a block against `jax.jacfwd` and `jax.jacrev` over all orders; "
    f"wrong above {TOLERANCE:g}.",
    _run_table: "## Run times\n\n"
    "A ratio is (time of the better of vmap(jacfwd f) and vmap(jacrev f)) / (time of this "
    f"contender), the median of paired rounds with its {COVERAGE:.0%} bootstrap interval: above 1 "
    "this contender is faster. `null` is the first order against a second compilation of itself; "
    f"where its interval is further than {NULL_TOLERANCE:g} from 1 or wider than {NULL_WIDTH:g} no "
    "ratio is reported. Times are of one call, including the wait for the device.",
    _means_table: "## Geometric means of the ratios",
    _program_table: "## Programs\n\n"
    "The better mode of JAX / ours in the first order: median times of tracing and of compiling, "
    "launches, operations as XLA estimates them, bytes of temporaries and results. With more than "
    "one compiler, compile times are those of a busy machine.",
    _training_table: "## Training of the policy\n\n"
    "Eliminations per second: of whole updates; of their games alone, which all threads play; of "
    "games one by one in one thread. All three include the policy's choices. Games are played on "
    "the CPU; learning runs on the device.",
}


def _jacobians(tasks: Results) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Cases of Jacobians that were measured, similar ones together."""
    found = [
        (task, case)
        for task, result in tasks.items()
        for case in result["cases"].values()
        if "ratios" in case
    ]
    yield from sorted(
        found, key=lambda x: (x[1]["dtype"], x[1]["layout"] != "published", x[1]["wanted"])
    )


def _names(tasks: Results) -> list[str]:
    """Contenders with a ratio anywhere, ours in the first order first."""
    cases = [case for _, case in _jacobians(tasks) if case["ratios"]]
    found = {name for case in cases for ratios in case["ratios"].values() for name in ratios}
    return sorted(found, key=lambda name: (name not in {case["ours"] for case in cases}, name))


def _notes(tasks: Results) -> Iterator[str]:
    absent: dict[str, list[str]] = {}
    for task, result in tasks.items():
        for label, case in result["cases"].items():
            for name, why in case.get("failed", {}).items():
                yield f"{task}, {label}, {name}: {why}"
            if "refused" in case:
                yield f"{task}, {label}: {case['refused']}"
            if case.get("batch") != case.get("wanted"):
                yield f"{task}, {label}: batch {case['batch']} is the largest that fits"
            for name, why in case.get("absent", {}).items():
                absent.setdefault(f"{name}: {why}", []).append(task)
        for label, why in result["left_out"].items():
            yield f"{task}, {label}: {why}"
    for why, where in absent.items():
        yield f"{why} ({', '.join(dict.fromkeys(where))})"


def _key(task: str, case: Mapping[str, Any]) -> tuple[Any, ...]:
    return task, *(case[key] for key in _KEY[1:])


def _worst(errors: Iterable[float | str | None]) -> str | None:
    known = [error for error in errors if error is not None]
    texts = [error for error in known if isinstance(error, str)]
    return texts[0] if texts else f"{max(known):.1e}" if known else None


def _microseconds(seconds: float | None) -> str | None:
    return None if seconds is None else f"{seconds * 1e6:,.{0 if seconds >= 1e-3 else 1}f}"


def _ratio(ratio: Mapping[str, float] | None) -> str | None:
    return f"{ratio['median']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})" if ratio else None


def _pair(values: Sequence[float | None], unit: float, digits: int) -> str:
    return " / ".join("-" if x is None else f"{x / unit:,.{digits}f}" for x in values)
