"""How Sphinx builds the documentation: `make docs`. Nothing is fetched while it builds.

The sources are the repository's own Markdown files, docs/ and the READMEs, where they stand. So a
relative link is the same on a page, in an editor and in a clone.
"""

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator
from typer.testing import CliRunner

import elimax
from elimax.pipeline.command_line import cli

project = "elimax"
author = "The elimax authors"
version = release = elimax.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/index"
include_patterns = [
    "docs/**.md",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "benchmarks/README.md",
    "data/README.md",
    "interpreter/README.md",
    "interpreter/**/README.md",
    "models/README.md",
    "pipeline/README.md",
    "pipeline/tasks/README.md",
    "results/**/table.md",
    "tests/reference/README.md",
]
# The links in elimax/ lead to the same files again.
exclude_patterns = [".*", "docs/_build", "elimax", "wandb", "dvc_plots", "results/table.md"]
# Pictures in Mermaid are shown as text: drawing them takes a script from elsewhere. Tables of
# results have no title.
suppress_warnings = ["misc.highlighting_failure", "myst.header"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4

# Docstrings are Markdown: `name` is code, not a reference.
default_role = "code"
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
# As text: what stands before a colon there is not a type.
napoleon_custom_sections = ["Returns"]

html_theme = "furo"
html_title = f"elimax {release}"
html_copy_source = False
html_show_sourcelink = False
html_math_renderer = "mathml"


ALIASES = {
    r"Literal\['auto'.*?Sequence\[int\]": "Order",
    r"Literal\['dense'.*?\]": "Output",
}
"""Names by which types are shown that would fill a page, by patterns of what they stand for."""


class CommandLine(SphinxDirective):
    """`{command-line}`: what `elimax --help` prints, then a section for each command."""

    def run(self) -> list[nodes.Node]:
        """Asks the command line itself, so that the page cannot differ from it.

        Returns:
            The help of `elimax`, and one section a command.
        """
        found: list[nodes.Node] = [_printed()]
        for command in cli.app.registered_commands:
            name = command.name or getattr(command.callback, "__name__", "")
            section = nodes.section(ids=[f"elimax-{name}"])
            section += nodes.title(text=f"elimax {name}")
            section += _printed(name)
            found.append(section)
        return found


def _printed(*words: str) -> nodes.literal_block:
    """The help of a command as a block of text."""
    done = CliRunner().invoke(
        cli.app, [*words, "--help"], prog_name="elimax", env={"COLUMNS": "90"}
    )
    if done.exit_code:
        raise RuntimeError(f"elimax {' '.join(words)} --help ended with {done.exit_code}")
    return nodes.literal_block(done.output, done.output, language="text")


def _visit_math(translator: HTML5Translator, node: nodes.math) -> None:
    translator.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def _visit_math_block(translator: HTML5Translator, node: nodes.math_block) -> None:
    translator.body.append(tex2mathml(node.astext(), as_block=True))
    raise nodes.SkipNode


def _with_aliases(
    app: Sphinx,
    what: str,
    name: str,
    obj: object,
    options: object,
    signature: str | None,
    return_annotation: str | None,
) -> tuple[str | None, str | None]:
    """Shortens a signature."""
    for pattern, alias in ALIASES.items():
        signature = signature and re.sub(pattern, alias, signature)
    return signature, return_annotation


def _write_start_page(app: Sphinx, error: Exception | None) -> None:
    """Leads from the top of the built folder to the first page."""
    if error is None:
        page = '<!doctype html><meta http-equiv="refresh" content="0; url=docs/index.html">\n'
        Path(app.outdir, "index.html").write_text(page)


def setup(app: Sphinx) -> dict[str, Any]:
    """Adds the directive, and formulas as MathML: browsers show it without a script.

    Args:
        app: Sphinx.

    Returns:
        That both can be used in parallel.
    """
    app.add_directive("command-line", CommandLine)
    app.connect("autodoc-process-signature", _with_aliases)
    app.connect("build-finished", _write_start_page)
    app.add_html_math_renderer("mathml", (_visit_math, None), (_visit_math_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
