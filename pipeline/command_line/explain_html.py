"""The page of `elimax explain`: pictures of the graph, how the cost adds up, all eliminations."""

from elimax.interpreter.graph.explanation import edges_after
from elimax.pipeline.command_line.explain import Explanation
from elimax.pipeline.command_line.explain_tables import (
    headline,
    saving_table,
    step_table,
    verdict,
)
from elimax.pipeline.errors import PipelineError
from elimax.pipeline.pages.graph_svg import draw, lay_out, legend
from elimax.pipeline.pages.html_page import figure, page, paragraph, table
from elimax.pipeline.pages.svg import Line, line_chart


def explanation_page(explained: Explanation, step: int | None = None) -> str:
    """Renders an explanation.

    Args:
        explained: The explanation.
        step: Number of eliminations before the picture in the middle; None for half of them.

    Returns:
        A complete HTML document that needs no other file.

    Raises:
        PipelineError: If there are fewer eliminations than `step`.
    """
    eliminations = len(explained.steps)
    step = eliminations // 2 if step is None else step
    if not 0 <= step <= eliminations:
        raise PipelineError(
            f"step is {step}, but {explained.order.name} eliminates {eliminations} vertices of "
            f"{explained.task}: choose a number from 0 to {eliminations}"
        )
    verdicts = [verdict(explained, rival) for rival in explained.rivals]
    gains = [_savings(explained, rival) for rival in explained.rivals]
    sections = [
        paragraph(f"{'; '.join([headline(explained), *verdicts])}."),
        *(_state(explained, k) for k in dict.fromkeys((0, step, eliminations))),
        legend(),
        "<h2>How the cost adds up</h2>",
        f'<div class="charts">{figure(explained.task, cost_chart(explained))}</div>',
        # Reverse mode has no rival if it is itself the best classic order.
        *(["<h2>Where the gain is</h2>", *gains] if gains else []),
        "<h2>Every elimination</h2>",
        table(*step_table(explained)) or paragraph("There is nothing to eliminate."),
    ]
    return page(f"elimax: {explained.task}, {explained.order.name}", sections)


def cost_chart(explained: Explanation) -> str:
    """Draws the multiplications so far over the number of eliminations.

    Args:
        explained: The explanation.

    Returns:
        An SVG element.
    """
    lines = []
    # An order from a file may have the name of one of the portfolio without being it.
    rivals = [(name, explained.others[name]) for name in explained.rivals]
    for name, steps in [(explained.order.name, explained.steps), *rivals]:
        points = [(k, getattr(step.total, explained.count)) for k, step in enumerate(steps, 1)]
        lines.append(Line(name, [(0, 0), *points]))
    return line_chart(lines, x_label="eliminations")


def _state(explained: Explanation, step: int) -> str:
    """A picture of the graph after some eliminations."""
    graph, steps = explained.graph, explained.steps
    edges = edges_after(graph, explained.order, step)
    notes = {
        entry.vertex: f"elimination {number}, {getattr(entry.cost, explained.count):,} "
        f"multiplications ({explained.count})"
        for number, entry in enumerate(steps, start=1)
    }
    gone = [entry.vertex for entry in steps[:step]]
    coming = steps[step].vertex if step < len(steps) else None
    names = {0: "the graph", len(steps): "the Jacobian"}
    when = f"after {step} of {len(steps)} eliminations"
    title = f"{names[step]}, {when}" if step in names else when
    spent = getattr(steps[step - 1].total, explained.count) if step else 0
    noun = "edge" if len(edges) == 1 else "edges"
    picture = draw(lay_out(graph), edges, gone, coming, notes)
    return figure(
        f"{title}: {len(edges)} {noun}, {spent:,} multiplications so far",
        f'<div class="wide">{picture}</div>',
    )


def _savings(explained: Explanation, rival: str) -> str:
    rows = table(*saving_table(explained, rival))
    same = "" if rows else f"; every vertex costs the same as in {rival}"
    return paragraph(verdict(explained, rival) + same) + rows
