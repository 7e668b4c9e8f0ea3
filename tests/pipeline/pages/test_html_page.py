"""Parts of HTML pages."""

import xml.etree.ElementTree as ElementTree

from elimax.pipeline.pages.html_page import figure, page, table


def test_a_page_is_whole_and_escaped() -> None:
    """Title and heading; sections as they are."""
    text = page("a < b", ["<p>one</p>", "<p>two</p>"])
    assert text.startswith("<!doctype html>") and text.endswith("</html>\n")
    assert text.count("a &lt; b") == 2 and "<p>one</p>\n<p>two</p>" in text


def test_tables_align_numbers_and_colour_ratios() -> None:
    """Only columns that are named, on either side of 1."""
    text = table(["name", "ratio"], [["<x>", 1.5], ["y", 0.5], ["z", 1.0], ["w", None]], ["ratio"])
    kinds = [cell.get("class") for cell in ElementTree.fromstring(text).iter("td")]
    assert kinds[1::2] == ["number faster", "number slower", "number", ""]
    assert "&lt;x&gt;" in text


def test_figures_have_captions() -> None:
    """Escaped, above the picture."""
    assert figure("a & b", "<svg/>") == (
        "<figure><figcaption>a &amp; b</figcaption><svg/></figure>"
    )
