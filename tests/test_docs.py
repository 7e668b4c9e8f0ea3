"""The documentation: its snippets run, its links lead somewhere, its reference is complete."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import pytest

import elimax
from support.repository import ROOT

FENCE = re.compile(
    r"(?:^<!--(?P<comment>[^\n]*)-->\n)?^```(?P<language>[^\n]*)\n(?P<text>.*?)^```$",
    flags=re.DOTALL | re.MULTILINE,
)
NOT_RUN = re.compile(r" not run: .*\w.* ")
LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")


class Snippet(NamedTuple):
    """A block of Python on a page.

    Attributes:
        text: The program, behind as many empty lines as stand above it on the page, so that a
            traceback names the line of the page.
        is_run: Whether it is run; `<!-- not run: reason -->` above it says that it is not.
    """

    text: str
    is_run: bool


def snippets(page: str) -> Iterator[Snippet]:
    """Yields the blocks of Python of a page, in order.

    Args:
        page: The text of the page, in Markdown.
    """
    for match in FENCE.finditer(page):
        if match["language"] == "python":
            above = page.count("\n", 0, match.start("text"))
            is_run = NOT_RUN.fullmatch(match["comment"] or "") is None
            yield Snippet("\n" * above + match["text"], is_run)


# Four groups, as `make test` runs all cases of a test that has fewer than six.
@pytest.mark.parametrize(
    "pages", ["README.md", "docs/*.md", "docs/howto/*.md", "docs/explanation/*.md"]
)
def test_snippets_run(pages: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All blocks of a page, one after the other in one namespace, in a folder of its own."""
    paths = sorted(ROOT.glob(pages))
    assert paths
    for path in paths:
        folder = tmp_path / path.stem
        folder.mkdir()
        monkeypatch.chdir(folder)
        names: dict[str, Any] = {"__name__": path.stem}
        # What a user has who sets nothing.
        with jax.numpy_dtype_promotion("standard"):
            for snippet in snippets(path.read_text()):
                if snippet.is_run:
                    exec(compile(snippet.text, path, "exec"), names)


def test_a_snippet_is_left_out_with_a_reason_only() -> None:
    """And an error in one is told with its line of the page."""
    page = (
        "# Page\n\n<!-- not run: slow -->\n```python\n1\n```\n\n<!-- not run: -->\n```python\n2\n"
    )
    page += "```\n\n```\n3\n```\n\n```python\n1 / 0\n```\n"
    first, second, third = snippets(page)
    assert [first.is_run, second.is_run, third.is_run] == [False, True, True]
    with pytest.raises(ZeroDivisionError) as caught:
        exec(compile(third.text, "page.md", "exec"), {})
    assert caught.traceback[-1].lineno == page.split("\n").index("1 / 0")


def markdown_files() -> list[Path]:
    """The Markdown files that are in git, or would be."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def anchors(page: str) -> set[str]:
    """The names by which the headings of a page are linked.

    Args:
        page: The text of the page, in Markdown.
    """
    headings = re.findall(r"^#+ +(.+?) *$", FENCE.sub("", page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_to_files_and_headings() -> None:
    """In every Markdown file, links within the repository have a target."""
    broken = []
    for path in markdown_files():
        for match in LINK.finditer(FENCE.sub("", path.read_text())):
            name, _, anchor = match["target"].partition("#")
            if ":" in name:
                continue  # An address
            target = path.parent / name if name else path
            is_there = target.exists() and ROOT in target.resolve().parents
            if is_there and anchor:
                is_there = anchor in anchors(target.read_text())
            if not is_there:
                broken.append(f"{path.relative_to(ROOT)}: {match['target']}")
    assert not broken


def test_reference_has_every_public_name() -> None:
    """What `elimax` exports stands in docs/reference.md once, and nothing else does."""
    page = (ROOT / "docs/reference.md").read_text()
    described = re.findall(r"^\.\. auto\w+:: elimax\.(\w+)$", page, flags=re.MULTILINE)
    assert sorted(described) == [name for name in dir(elimax) if name != "__version__"]


def test_lock_of_the_docs_has_hashes_and_names_no_host() -> None:
    """Packages that are in both locks have the same versions."""
    lock = (ROOT / "docs/requirements.lock").read_text()
    assert "://" not in lock and "--index-url" not in lock and "--find-links" not in lock
    entries = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)[1:]
    assert entries
    assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)
    pins = re.findall(r"^(jax|jaxlib|numpy|numba|typer)==(\S+)", lock, flags=re.MULTILINE)
    shared = (ROOT / "requirements.lock").read_text()
    assert pins
    assert all(f"\n{name}=={pinned} " in shared for name, pinned in pins)


def test_pages_of_the_site_need_no_network() -> None:
    """No extension, script or font of the documentation comes from elsewhere."""
    conf = (ROOT / "docs/conf.py").read_text()
    assert "intersphinx" not in conf and "://" not in conf
