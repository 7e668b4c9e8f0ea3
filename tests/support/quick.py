"""What `make test` does to take less time, besides leaving slow tests out."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from typing import Any

import hypothesis
import pytest

from elimax.pipeline.xla_flags import BACKEND_OPTIONS

SHARE = 4
"""One in this many random examples is drawn, and one in this many cases of a test runs."""

MANY = 6
"""A test with fewer cases runs all of them."""

# Hypothesis has no public way to scale what a test asks for. If it renames this attribute,
# `make test` takes longer and a test of this module says why.
_SETTINGS = "_hypothesis_internal_use_settings"


COMPILER_FLAGS = (
    f"{BACKEND_OPTIONS}=xla_cpu_disable_new_fusion_emitters",
    "--xla_backend_optimization_level=0",
    "--xla_llvm_disable_expensive_passes=true",
)
"""With jaxlib 0.10, tests that mostly compile take two thirds of their time with them; newer
versions ignore the first one. Values are still compared with those of JAX under the same flags, and
`make test-all` runs with XLA's defaults."""


def compile_quickly(environment: MutableMapping[str, str] = os.environ) -> None:
    """Makes XLA compile in less time, for this process and those that it starts.

    Args:
        environment: The variables to change. Flags that XLA_FLAGS sets keep their values, and
            where it names a file of flags, it stays as it is.
    """
    present = environment.get("XLA_FLAGS", "").strip()
    if present and not present.startswith("-"):
        return
    names = {word.partition("=")[0] for word in present.split()}
    missing = [flag for flag in COMPILER_FLAGS if flag.partition("=")[0] not in names]
    environment["XLA_FLAGS"] = " ".join([present, *missing]).strip()


def draw_fewer_examples(function: Callable[..., Any]) -> None:
    """Divides the number of examples of a Hypothesis test; other functions stay as they are.

    Args:
        function: A test, which is changed in place.
    """
    asked = getattr(function, _SETTINGS, None)
    if isinstance(asked, hypothesis.settings):
        fewer = max(2, asked.max_examples // SHARE)
        setattr(function, _SETTINGS, hypothesis.settings(asked, max_examples=fewer))


def spare_cases(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """Returns the cases that are left out of tests with many of them.

    Of every four cases in a row one runs: the one whose parameter values have run least often so
    far, or the first of several such. So the very first case runs, a list is covered from end to
    end, and a parameter with few values, such as three dtypes of every function, takes all of them.
    Every run leaves out the same cases.

    Args:
        items: The tests that would run, in order.
    """
    tests: dict[tuple[Any, str], list[pytest.Function]] = {}
    for item in items:
        if isinstance(item, pytest.Function) and hasattr(item, "callspec"):
            tests.setdefault((item.parent, item.originalname), []).append(item)
    spared: list[pytest.Item] = []
    for cases in tests.values():
        if len(cases) >= MANY:
            spared += _all_but_a_share(cases)
    return spared


def _all_but_a_share(cases: Sequence[pytest.Function]) -> list[pytest.Function]:
    spared: list[pytest.Function] = []
    often: Counter[tuple[str, int]] = Counter()
    for start in range(0, len(cases), SHARE):
        row = list(cases[start : start + SHARE])
        chosen = min(row, key=lambda case: sum(often[value] for value in _values(case)))
        often.update(_values(chosen))
        row.remove(chosen)
        spared += row
    return spared


def _values(case: Any) -> list[tuple[str, int]]:
    """Names and identities of the values of a case; a value of several cases is one object."""
    return [(name, id(value)) for name, value in case.callspec.params.items()]
