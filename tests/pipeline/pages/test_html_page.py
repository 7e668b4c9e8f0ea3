"""Parts of HTML pages."""

import xml.etree.ElementTree as ElementTree

from elimax.pipeline.pages.html_page import figure, folded, page, paragraph, table


def test_a_page_is_whole_and_escaped() -> None:
    """Title and heading; sections as they are."""
    text = page("a < b", ["<p>one</p>", "<p>two</p>"])
    assert text.startswith("<!doctype html>") and text.endswith("</html>\n")
    assert text.count("a &lt; b") == 2 and "<p>one</p>\n<p>two</p>" in text


def test_tables_align_numbers_and_colour_ratios() -> None:
    """Only columns that are named, on either side of 1."""
    text = table(["name", "ratio"], [["<x>", 1.5], ["y", 0.5], ["z", 1.0], ["w", None]], ["ratio"])
    kinds = [cell.get("class") for cell in ElementTree.fromstring(text).iter("td")]
    assert kinds[1::2] == ["number faster", "number slower", "number", "number"]
    assert "&lt;x&gt;" in text


def test_figures_have_captions() -> None:
    """Escaped, above the picture."""
    assert figure("a & b", "<svg/>") == (
        "<figure><figcaption>a &amp; b</figcaption><svg/></figure>"
    )


def test_numbers_are_written_for_readers() -> None:
    """Thousands have separators, columns of numbers are aligned with their headings."""
    text = table(["name", "count"], [["a", 8141448], ["b", None], ["c", 1234.5]])
    assert ">8,141,448<" in text and ">1,234.50<" in text
    assert [cell.get("class") for cell in ElementTree.fromstring(text).iter("th")] == ["", "number"]
    assert [cell.get("class") for cell in ElementTree.fromstring(text).iter("td")][3] == "number"


def test_long_cells_may_break() -> None:
    """Lists of names, not numbers."""
    assert '<td class="words">' in table(["a"], [["name, " * 10]])


def test_no_rows_no_table() -> None:
    """A heading alone says nothing."""
    assert table(["a", "b"], []) == ""


def test_text_and_titles_are_escaped() -> None:
    """Sections within a fold stay as they are."""
    assert paragraph("a < b") == "<p>a &lt; b</p>"
    text = folded("a < b", "<p>one</p>")
    assert "<summary>a &lt; b</summary>" in text and "<p>one</p></details>" in text
