"""What all HTML pages share: no scripts, no fonts, no pictures from elsewhere."""

import html
from collections.abc import Sequence
from typing import Any

from elimax.pipeline.console import cell

STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem; }
h1, h2 { font-weight: 600; line-height: 1.2; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #8884; text-align: left; }
th { white-space: nowrap; position: sticky; top: 0; background: Canvas; }
td.number { text-align: right; }
td.faster { color: #1a7f37; font-weight: 600; }
td.slower { color: #c02d2d; font-weight: 600; }
.charts { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(22rem, 1fr)); }
figure { margin: 0; }
figcaption { font-weight: 600; }
svg { width: 100%; height: auto; }
.legend { font-size: 13px; }
svg text { fill: currentColor; font-size: 11px; }
"""


def page(title: str, sections: Sequence[str]) -> str:
    """Joins sections to a document.

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


def figure(title: str, picture: str) -> str:
    """Puts a title above a picture.

    Args:
        title: The title.
        picture: An SVG element.

    Returns:
        HTML text.
    """
    return f"<figure><figcaption>{html.escape(title)}</figcaption>{picture}</figure>"


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], ratios: Sequence[str] = ()) -> str:
    """Formats a table.

    Args:
        columns: Headings.
        rows: Cells.
        ratios: Columns that are coloured by which side of 1 their values are on.

    Returns:
        HTML text.
    """
    head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
    body = []
    for row in rows:
        cells = []
        for name, value in zip(columns, row, strict=True):
            kinds = ["number"] if isinstance(value, int | float) else []
            if name in ratios and isinstance(value, float):
                kinds += ["faster"] if value > 1.02 else ["slower"] if value < 0.98 else []
            cells.append(f'<td class="{" ".join(kinds)}">{html.escape(cell(value))}</td>')
        body.append(f"<tr>{''.join(cells)}</tr>")
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )
