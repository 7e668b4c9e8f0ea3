"""The page of `elimax explain`."""

import dataclasses
import re
import xml.etree.ElementTree as ElementTree

import pytest

from elimax.interpreter.orders import PORTFOLIO, forward_order, reverse_order
from elimax.interpreter.tracing.call import trace
from elimax.pipeline.command_line.explain import explain_order
from elimax.pipeline.command_line.explain_html import cost_chart, explanation_page
from elimax.pipeline.errors import PipelineError
from support.traced_tasks import task_graph


def test_a_page_has_three_states_and_every_step() -> None:
    """Before, in the middle, after; it needs nothing from elsewhere."""
    graph = task_graph("kerr_metric")
    explained = explain_order("kerr <metric>", graph, forward_order(graph))
    text = explanation_page(explained)
    assert "kerr &lt;metric&gt;" in text and "<metric>" not in text
    assert len(re.findall(r"<svg ", text)) == 4
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", text)
    assert (
        captions[0] == "the graph, after 0 of 38 eliminations: 75 edges, 0 multiplications so far"
    )
    assert captions[1].startswith("after 19 of 38 eliminations: ")
    assert captions[2].startswith("the Jacobian, after 38 of 38 eliminations: ")
    assert captions[2].endswith("223 multiplications so far")
    assert not re.search(r"<script|<link|<img|src=|@import|url\(", text)
    body = text[text.index("<body>") : text.index("</html>")]
    ElementTree.fromstring(body)


def test_the_middle_can_be_chosen() -> None:
    """Any number of eliminations; beyond the last one is an error."""
    graph = task_graph("kerr_metric")
    explained = explain_order("kerr_metric", graph, forward_order(graph))
    assert "after 7 of 38 eliminations" in explanation_page(explained, 7)
    assert explanation_page(explained, 0).count("<svg ") == 3
    with pytest.raises(PipelineError, match=r"step is 39, but forward .* from 0 to 38"):
        explanation_page(explained, 39)


def test_costs_add_up_in_the_chart() -> None:
    """One curve for the order and one for each rival."""
    graph = task_graph("kerr_metric")
    explained = explain_order("kerr_metric", graph, forward_order(graph))
    assert cost_chart(explained).count("<polyline") == 1 + len(explained.rivals)
    namesake = dataclasses.replace(forward_order(graph), name="reverse")
    explained = explain_order("kerr_metric", graph, namesake)
    assert "reverse" in explained.rivals
    assert cost_chart(explained).count("<polyline") == 1 + len(explained.rivals)


def test_nothing_to_eliminate() -> None:
    """A page of one picture."""
    graph = trace(lambda x: x * 2.0, 1.0)
    text = explanation_page(explain_order("twice", graph, forward_order(graph)))
    assert "after 0 of 0 eliminations" in text
    assert "There is nothing to eliminate." in text


def test_sections_are_not_empty() -> None:
    """Where reverse mode is the best classic order, there is nothing to compare it with."""
    graph = task_graph("mlp")
    text = explanation_page(explain_order("mlp", graph, reverse_order(graph)))
    assert "Where the gain is" not in text and "; ." not in text
    assert "with 284 multiplications (all).</p>" in text


def test_equal_costs_are_said() -> None:
    """An order that differs from reverse mode and costs the same everywhere."""
    graph = task_graph("bratu_stencil")
    explained = explain_order("bratu_stencil", graph, PORTFOLIO["momr"](graph))
    text = explanation_page(explained)
    assert "as many as reverse, the best classic order: 1,584; every vertex costs" in text
    assert "12 of 12 eliminations: 1 edge, 1,584" in text
