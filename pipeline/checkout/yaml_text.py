"""Reads YAML, and replaces a value in it without touching anything else."""

import io
from typing import Any

from elimax.pipeline.checkout.configs import one_line
from elimax.pipeline.errors import ParamsError
from elimax.pipeline.extras import MissingPackageError


def parse_yaml(text: str, source: str) -> Any:
    """Parses YAML 1.2, in which 1e-3 is a number.

    Args:
        text: The YAML text.
        source: Where the text is from, for error messages.

    Returns:
        Plain dicts, lists and scalars.

    Raises:
        ParamsError: If the text is not YAML.
        MissingPackageError: If no YAML reader is installed.
    """
    try:
        # A machine that only evaluates may have PyYAML instead.
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError

        load = YAML(typ="safe", pure=True).load
    except ImportError:
        try:
            from yaml import YAMLError  # pyright: ignore[reportMissingModuleSource]
            from yaml import safe_load as load  # pyright: ignore[reportMissingModuleSource]
        except ImportError:
            raise MissingPackageError("ruamel.yaml", f"reading {source}") from None
    try:
        return load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" at line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "not valid YAML"
        raise ParamsError(f"{source} cannot be read{line}: {one_line(problem)}") from None


def replace_list(text: str, key: str, values: list[int]) -> str:
    """Replaces a list at the top level of a YAML mapping; comments and layout are kept.

    Args:
        text: The YAML text, in which the key is present.
        key: The key of the list.
        values: The new entries, written on one line.

    Returns:
        The new text.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedSeq

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    content = yaml.load(text)
    new = CommentedSeq(values)
    new.fa.set_flow_style()
    old = content[key]
    if isinstance(old, CommentedSeq) and len(old) - 1 in old.ca.items:
        # In block style, what follows the list (the comment above the next key) belongs to its
        # last entry; now it belongs to the key.
        content.ca.items[key] = [None, None, old.ca.items[len(old) - 1][0], None]
    content[key] = new
    buffer = io.StringIO()
    yaml.dump(content, buffer)
    return buffer.getvalue()
