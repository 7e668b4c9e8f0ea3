"""The page of the report as a whole."""

import re
import xml.etree.ElementTree as ElementTree

from elimax.pipeline.pages.report_html import count_sections, render_page
from elimax.pipeline.stages.report import spread_of
from support.report_examples import collected, summary


def test_the_page_escapes_names_and_colours_losses() -> None:
    """Names are text, never markup."""
    page = render_page(collected("<i>"), "all")
    assert "<i>" not in page and "&lt;i&gt;" in page
    assert '<td class="number slower">0.50</td>' in page


def test_the_page_is_whole_and_needs_nothing_else() -> None:
    """Its body is well-formed; nothing is loaded."""
    page = render_page(collected(idea='<svg viewBox="0 0 9 3"><g/></svg>'), "all", "1a2b", "1 May")
    ElementTree.fromstring(page[page.index("<body>") : page.index("</html>")])
    assert not re.search(r"<script|<link|<img|src=|@import|url\(", page)
    targets = set(re.findall(r'href="#(\w+)"', page))
    assert targets == {"counts", "time", "learning", "idea"}
    assert all(f'id="{name}"' in page for name in targets)


def test_commit_and_date_are_all_that_changes() -> None:
    """Equal results give equal pages."""
    assert render_page(collected(), "all") == render_page(collected(), "all")
    page = render_page(collected(), "all", "1a2b", "1 May 2026")
    made = "<p>Made from commit 1a2b, 1 May 2026.</p>"
    assert made in page
    assert page.replace(f"{made}\n", "") == render_page(collected(), "all")
    assert "<p>Made from 1 May 2026.</p>" in render_page(collected(), "all", None, "1 May 2026")


def test_a_page_without_run_times() -> None:
    """Nothing is drawn, and the command that measures is named."""
    page = render_page(collected(timings={}), "all")
    assert "No run times for a: measure them with elimax evaluate TASK." in page
    assert "no run times yet" in page and "Geometric means" not in page


def test_counts_have_tables_of_their_own() -> None:
    """One for each count, the details folded."""
    text = "".join(count_sections(collected(), "all"))
    assert text.count("<table>") == 5 and text.count("<details>") == 3
    assert " / " not in text


def test_seeds_are_folded_where_there_are_several() -> None:
    """As a table of their spread."""
    spread = spread_of([7, 8, 12])
    assert "<summary>Seeds</summary>" not in render_page(collected(), "all")
    page = render_page(collected(summaries={"a": summary(seeds=spread)}), "all")
    assert "<summary>Seeds</summary>" in page
