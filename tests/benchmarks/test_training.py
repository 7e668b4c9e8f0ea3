"""How fast the policy learns, measured."""

import pytest

from benchmarks.subjects import Subject
from benchmarks.training import measure_training
from elimax.pipeline.checkout.files import Layout
from support.repository import ROOT

LAYOUT = Layout(ROOT)


@pytest.mark.slow
def test_training_is_measured() -> None:
    """Two updates of the shipped policy on a small graph."""
    graph = Subject.load("bratu_stencil", LAYOUT, []).graph
    result = measure_training(graph, LAYOUT.pretrained_policy, episodes=2, seconds=0.0)
    assert result["updates"] == 2 and result["episodes"] == 2
    assert result["eliminations_per_second"] > 0 and result["first_seconds"] > 0
