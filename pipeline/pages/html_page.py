"""What all HTML pages share; they load no scripts, fonts or pictures."""

import html
from collections.abc import Sequence
from typing import Any

from elimax.pipeline.console import cell

STYLE = """
:root {
  color-scheme: light dark; --faster: #1a7f37; --slower: #c02d2d; --line: #8884; --panel: #8881;
}
@media (prefers-color-scheme: dark) { :root { --faster: #4ac26b; --slower: #ff7b72; } }
* { box-sizing: border-box; }
body {
  font: 16px/1.5 system-ui, sans-serif; margin: 1.5rem auto; max-width: 76rem; padding: 0 1rem;
  background: Canvas; color: CanvasText; overflow-wrap: break-word;
}
h1, h2, h3 { font-weight: 600; line-height: 1.2; text-wrap: balance; }
h1 { font-size: 1.9rem; margin: 0 0 .75rem; }
h2 { font-size: 1.4rem; margin: 2.5rem 0 .5rem; padding-top: .75rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1.1rem; margin: 1.5rem 0 .4rem; }
p, ul { max-width: 46rem; margin: .5rem 0 .75rem; }
nav a { margin-right: 1.2rem; }
.wide { overflow-x: auto; margin: .5rem 0 1rem; }
table {
  border-collapse: separate; border-spacing: 0; font-size: 15px;
  font-variant-numeric: tabular-nums;
}
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: left; }
th { white-space: nowrap; vertical-align: bottom; }
td { white-space: nowrap; }
td.words { white-space: normal; min-width: 16rem; }
td.number, th.number { text-align: right; }
th:first-child, td:first-child {
  position: sticky; left: 0; background: Canvas; border-right: 1px solid var(--line);
}
@media (max-width: 40rem) {
  th:first-child, td:first-child { white-space: normal; min-width: 0; max-width: 52vw; }
  th, td { padding: .3rem .5rem; }
}
.faster { color: var(--faster); font-weight: 600; }
.slower { color: var(--slower); font-weight: 600; }
details { border: 1px solid var(--line); border-radius: 8px; margin: .6rem 0; padding: 0 .9rem; }
summary { cursor: pointer; font-weight: 600; margin: 0 -.9rem; padding: .55rem .9rem; }
.charts {
  display: grid; gap: 1.5rem 2rem; margin: 1rem 0;
  grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr));
}
.panels { display: grid; gap: 0; margin: 1rem 0;
  grid-template-columns: repeat(auto-fit, minmax(min(18rem, 100%), 1fr)); }
.panels svg { display: block; max-width: 24rem; margin: auto; }
.pieces { background: #fff; border-radius: 8px; padding: .5rem 0; }
.cards { display: grid; gap: 1rem; margin: 1.25rem 0;
  grid-template-columns: repeat(auto-fit, minmax(min(19rem, 100%), 1fr)); }
.card { background: var(--panel); border-radius: 8px; padding: .9rem 1.1rem; }
.card h3 { margin: 0 0 .3rem; font-size: 1rem; }
.card b { display: block; font-size: 1.9rem; line-height: 1.25; margin-top: .4rem; }
.card p { margin: 0; }
figure { margin: 0; min-width: 0; }
figcaption { font-weight: 600; margin-bottom: .3rem; }
svg { width: 100%; height: auto; }
.charts svg { max-width: 30rem; }
svg text { fill: currentColor; font-size: 16px; }
"""

WRAPPED_FROM = 45
"""Number of letters from which a cell may break into several lines."""


def page(title: str, sections: Sequence[str]) -> str:
    """Joins sections into a document.

    Args:
        title: Title and heading.
        sections: HTML text.

    Returns:
        A complete HTML document.
    """
    title = html.escape(title)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{title}</h1>\n" + "\n".join(sections) + "\n</body>\n</html>\n"
    )


def paragraph(text: str) -> str:
    """Makes a paragraph of plain text."""
    return f"<p>{html.escape(text)}</p>"


def folded(title: str, *sections: str) -> str:
    """Folds details away, to be opened by a click on their title.

    Args:
        title: What is in there, as plain text.
        *sections: HTML text.

    Returns:
        HTML text.
    """
    return f"<details><summary>{html.escape(title)}</summary>\n{''.join(sections)}</details>"


def figure(title: str, picture: str) -> str:
    """Puts a title above a picture.

    Args:
        title: The title.
        picture: An SVG element.

    Returns:
        HTML text.
    """
    return f"<figure><figcaption>{html.escape(title)}</figcaption>{picture}</figure>"


def _text(value: Any) -> str:
    """Writes a cell; numbers get thousands separators."""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.2f}" if isinstance(value, float) else cell(value)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], ratios: Sequence[str] = ()) -> str:
    """Formats a table whose first column stays visible while the others scroll.

    Args:
        columns: Headings.
        rows: Cells.
        ratios: Columns that are coloured by which side of 1 their values are on.

    Returns:
        HTML text; empty if there are no rows.
    """
    if not rows:
        return ""
    numeric = [any(isinstance(row[index], int | float) for row in rows)
               for index in range(len(columns))]  # fmt: skip
    head = "".join(
        f'<th class="{"number" if aligned else ""}">{html.escape(name)}</th>'
        for name, aligned in zip(columns, numeric, strict=True)
    )
    body = []
    for row in rows:
        cells = []
        for name, value, aligned in zip(columns, row, numeric, strict=True):
            text = _text(value)
            kinds = ["number"] if aligned else ["words"] if len(text) > WRAPPED_FROM else []
            if name in ratios and isinstance(value, float):
                kinds += ["faster"] if value > 1.02 else ["slower"] if value < 0.98 else []
            cells.append(f'<td class="{" ".join(kinds)}">{html.escape(text)}</td>')
        body.append(f"<tr>{''.join(cells)}</tr>")
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )
