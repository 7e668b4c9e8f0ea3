"""Tasks with their graphs and orders."""

import json
from pathlib import Path

import pytest

from benchmarks.subjects import Subject
from elimax.interpreter.orders import named_order
from elimax.interpreter.orders.auto import auto_order
from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.errors import FileError, PipelineError
from support.repository import ROOT

LAYOUT = Layout(ROOT)


def test_orders_by_name() -> None:
    """Stored ones belong to the task's own graph; others are found for the graph of the layout."""
    subject = Subject.load("bratu_stencil", LAYOUT, ["auto", "best", "fewest_nontrivial"])
    assert set(subject.stored) == {"best", "fewest_nontrivial"}
    assert subject.order("best", packed=True) is subject.stored["best"]
    assert subject.order("reverse") == named_order(subject.graph, "reverse")
    assert subject.order("reverse", packed=True) == named_order(subject.packed_graph, "reverse")
    assert subject.order("auto").vertices == auto_order(subject.graph).vertices


def test_a_search_is_timed_once() -> None:
    """Asking again neither searches nor changes the time."""
    subject = Subject.load("mlp", LAYOUT, ["auto"])
    first = subject.order("auto")
    seconds = subject.found["auto", False][1]
    assert seconds > 0 and subject.order("auto") is first
    assert subject.found["auto", False][1] == seconds


def test_missing_orders_name_their_command(tmp_path: Path) -> None:
    """Only where stored orders are wanted; an unknown task is an error of one line."""
    assert Subject.load("mlp", Layout(tmp_path), ["auto", "forward"]).stored == {}
    with pytest.raises(FileError, match="elimax search mlp"):
        Subject.load("mlp", Layout(tmp_path), ["best"])
    content = json.loads(LAYOUT.order("mlp").read_text())
    path = Layout(tmp_path).order("mlp")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content | {"by_count": {}}))
    with pytest.raises(FileError, match="elimax search mlp"):
        Subject.load("mlp", Layout(tmp_path), ["fewest_nontrivial"])
    with pytest.raises(PipelineError, match="there is no task 'mpl'"):
        Subject.load("mpl", LAYOUT, ["auto"])


def test_batches_that_do_not_fit_become_powers_of_two() -> None:
    """614,656 entries of four bytes: 128 Jacobians are the most that fit in 0.5 GB."""
    subject = Subject.load("autoencoder_bottleneck", LAYOUT, [])
    assert subject.fitting_batch(1, "float32", 0.5) == 1
    assert subject.fitting_batch(65536, "float32", 0.5) == 128
    assert subject.fitting_batch(65536, "float64", 0.5) == 64
