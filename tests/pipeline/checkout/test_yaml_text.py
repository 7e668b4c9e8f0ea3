"""Reading YAML, and replacing a list in it."""

import pytest

from elimax.pipeline.checkout.yaml_text import parse_yaml, replace_list
from elimax.pipeline.errors import ParamsError
from support.repository import ROOT


def test_broken_text_names_the_line() -> None:
    """The message has the source and the line."""
    assert parse_yaml("a: 1e-3", "x.yaml") == {"a": 0.001}
    with pytest.raises(ParamsError, match=r"x\.yaml cannot be read at line 3: "):
        parse_yaml("a: 1\nb: [1\nc: 2", "x.yaml")


def test_only_the_list_changes() -> None:
    """All comments and the layout of params.yaml stay, and the way back gives the same bytes."""
    text = (ROOT / "params.yaml").read_text()
    changed = replace_list(text, "seeds", [0, 1, 2])
    assert changed == text.replace("\nseeds: [0]\n", "\nseeds: [0, 1, 2]\n")
    assert changed != text
    assert replace_list(changed, "seeds", [0]) == text


def test_list_on_several_lines() -> None:
    """A list in block style is replaced whole, with its comments before and after kept."""
    text = "# Before\nseeds:\n- 0\n- 1\n\n# After\ncount: all\n"
    assert replace_list(text, "seeds", [3]) == "# Before\nseeds: [3]\n\n# After\ncount: all\n"


def test_json_stays_json() -> None:
    """The parameters in the copy of a profile are JSON."""
    text = '{\n "seeds": [0],\n "count": "all"\n}\n'
    changed = replace_list(text, "seeds", [0, 1])
    assert parse_yaml(changed, "") == {"seeds": [0, 1], "count": "all"}
