"""`make ecosystem`: checks and times `jacve` on functions of other packages.

Prints a table, the worst rows first; the exit status is 1 unless every case is right in all modes.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.ecosystem.cases import Case, all_cases
from benchmarks.ecosystem.environment import prepare, versions
from benchmarks.ecosystem.report import row_of, text_of
from benchmarks.ecosystem.runner import command_for, run_case
from benchmarks.ecosystem.stages import FASTEST, MODES


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line.

    Args:
        arguments: Its arguments; those of the process if None.

    Returns:
        The options; `cases` are the chosen ones.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ecosystem", description=__doc__)
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="cases or packages; by default all")
    add("--jobs", type=int, default=2, help="cases at a time; use 1 for reliable times")
    add("--seconds", type=float, default=120.0, help="time limit of one stage of a case")
    add("--gigabytes", type=float, default=12.0, help="address space of one process, in GiB")
    add(
        "--python",
        type=Path,
        help="an interpreter that has the packages, instead of installing them",
    )
    add("--json", type=Path, default=Path(".state/ecosystem.json"), help="where the result goes")
    add("--fastest", action="store_true", help="only race on every case")
    add("--list", action="store_true", help="print the cases and stop")
    options = parser.parse_args(arguments)
    if options.jobs < 1 or options.seconds <= 0 or options.gigabytes <= 0:
        parser.error("--jobs, --seconds and --gigabytes must be positive")
    known = all_cases()
    unknown = set(options.names) - set(known) - {case.package for case in known.values()}
    if unknown:
        parser.error(f"no case or package {', '.join(sorted(unknown))}: --list shows all")
    options.cases = [
        case
        for case in known.values()
        if not options.names or {case.name, case.package} & set(options.names)
    ]
    return options


def run_cases(cases: Sequence[Case], options: argparse.Namespace) -> list[dict[str, Any]]:
    """Runs cases, several at a time.

    Args:
        cases: The cases.
        options: The options; the interpreter `python` has the packages.

    Returns:
        A row for each, in the same order.
    """
    modes = (FASTEST,) if options.fastest else MODES

    def run(case: Case) -> dict[str, Any]:
        start = time.monotonic()
        words = command_for(options.python, case, options.gigabytes, fastest=options.fastest)
        stages = run_case(words, options.seconds)
        row = row_of(case.name, case.package, stages, modes)
        took = time.monotonic() - start
        print(f"{case.name}: {row['status']}, {took:.0f} s", file=sys.stderr, flush=True)
        return row

    with ThreadPoolExecutor(options.jobs) as pool:
        return list(pool.map(run, cases))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: Command-line arguments; those of the process if None.

    Returns:
        The exit status: 1 if a case is not right, 2 if the packages cannot be installed.
    """
    options = parse(arguments)
    if options.list:
        print("\n".join(f"{case.name} ({case.package})" for case in options.cases))
        return 0
    start = time.monotonic()
    try:
        options.python = options.python or prepare()
    except subprocess.CalledProcessError as error:
        print(
            f"the packages cannot be installed (exit status {error.returncode}): packages.txt is "
            "for Python 3.11; see the lines above, or give --python an environment of your own",
            file=sys.stderr,
        )
        return 2
    found = versions(options.python)
    rows = run_cases(options.cases, options)
    names = {"jax", *(case.package for case in options.cases)}
    result = {"versions": {name: found.get(name) for name in sorted(names)}, "cases": rows}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(result, indent=1) + "\n")
    print(text_of(rows))
    print(" ".join(f"{name} {version}" for name, version in result["versions"].items()))
    print(f"{time.monotonic() - start:.0f} s, details in {options.json}")
    return int(any(row["status"] != "right" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
