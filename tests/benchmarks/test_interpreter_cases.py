"""The cases of one task: layouts, batch sizes, orders."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from benchmarks import interpreter_cases
from benchmarks.interpreter_cases import Settings, batch_sizes, measure_task
from benchmarks.interpreter_measure import Limits
from elimax.interpreter.jacobian import resolve_order
from elimax.interpreter.orders import reverse_order
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.checkout.files import Layout, write_json
from elimax.pipeline.errors import FileError
from elimax.pipeline.tasks import load_task

SETTINGS = Settings(batches=(1, 4), limits=Limits(builds=2, rounds=3, seconds=0.01))


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Stands for measurements, which take seconds: lists what was to be measured."""
    cases: list[dict[str, Any]] = []

    def measure(makers: Any, arguments: Any, axes: Any, limits: Limits) -> dict[str, Any]:
        del axes
        cases.append({"makers": set(makers), "arguments": arguments, "builds": limits.builds})
        return {}

    monkeypatch.setattr(interpreter_cases, "measure_case", measure)
    return cases


def test_every_layout_and_batch_is_measured(toy: str, measured: list[dict[str, Any]]) -> None:
    """Traces and compilations are repeated at one batch size only."""
    said: list[str] = []
    result = measure_task(toy, SETTINGS, said.append)
    cases = [(case["layout"], case["batch"]) for case in result["cases"]]
    assert cases == [("published", 1), ("packed", 1), ("published", 4), ("packed", 4)]
    assert said == [f"{toy} {layout} batch {batch}" for layout, batch in cases]
    assert [case["builds"] for case in measured] == [1, 1, 2, 2]
    assert result["device"]["platform"] == "cpu"
    published, packed = measured[2:]
    assert published["makers"] == {"jacfwd", "jacrev", "dense", "structured"}
    assert packed["makers"] == {*published["makers"], "assembled"}
    assert [array.shape for array in published["arguments"]] == [(4,), (4,)]
    assert packed["arguments"][0].shape == (4, 2)


@pytest.mark.usefixtures("measured")
def test_order_search_stands_apart(toy: str) -> None:
    """Each layout has a graph of its own, whose tracing and order are timed beside the rest."""
    search = measure_task(toy, SETTINGS, print)["search"]
    assert set(search) == {"published", "packed"}
    for entry in search.values():
        assert entry["graph_seconds"] > 0 and entry["order_seconds"] > 0
    task = load_task(toy)
    chosen = resolve_order(
        trace(task.function, *task.example_inputs(), argnums=task.argnums), "auto"
    )
    assert search["published"]["order"] == getattr(chosen, "name", None)
    # Two scalars out of a vector, and two results put together, are more vertices.
    assert search["packed"]["vertices"] > search["published"]["vertices"]


@pytest.mark.usefixtures("measured")
def test_best_order_comes_from_search(toy: str, layout: Layout) -> None:
    """`--orders best` reads data/orders, and says which command writes what is missing."""
    settings = dataclasses.replace(
        SETTINGS, layouts=("published",), batches=(1,), orders="best", root=layout.root
    )
    with pytest.raises(FileError, match=f"elimax search {toy}"):
        measure_task(toy, settings, lambda text: None)
    task = load_task(toy)
    graph = trace(task.function, *task.example_inputs(), argnums=task.argnums)
    order = {"order": list(reverse_order(graph).vertices), "fingerprint": graph.fingerprint}
    write_json(layout.order(toy), order)
    assert measure_task(toy, settings, print)["search"]["published"]["order"] == "best"


def test_whole_numbers_do_not_fit_a_vector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that cannot be packed is measured as it stands, and the reason is told."""
    text = """
import numpy as np
def counted(x, n):
    return x * x * n.astype(x.dtype)
def example_inputs():
    return np.float32(0.5), np.int32(3)
"""
    (tmp_path / "counted_functions.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    settings = dataclasses.replace(SETTINGS, layouts=("packed",))
    result = measure_task("counted_functions:counted", settings, print)
    assert result["cases"] == []
    assert "whole numbers" in result["absent"]["packed"]


def test_batches_that_do_not_fit_are_measured_once() -> None:
    """614,656 entries of four bytes: 128 Jacobians are the largest power of two in 0.5 GB."""
    task = load_task("autoencoder_bottleneck")
    assert batch_sizes(task, Settings()) == [1, 128]
    assert batch_sizes(task, Settings(dtype="float64")) == [1, 64]


@pytest.mark.slow
def test_double_precision(toy: str) -> None:
    """In float64 the Jacobians agree far better than in float32, ours in every form."""
    limits = dataclasses.replace(SETTINGS.limits, builds=1)
    settings = Settings(layouts=("packed",), batches=(2,), dtype="float64", limits=limits)
    (case,) = measure_task(toy, settings, print)["cases"]
    assert set(case["errors"]) == {"dense", "assembled", "structured"}
    assert max(case["errors"].values()) < 1e-14
