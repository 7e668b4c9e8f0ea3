"""Builds the config of a stage from plain data, and says what is wrong with it."""

import dataclasses
import difflib
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypeVar

from elimax.models.ranges import Range
from elimax.pipeline.errors import ParamsError

PARAMS_FILE = "params.yaml"

Config = TypeVar("Config")


def build(config_class: type[Config], values: Mapping[str, Any], where: str) -> Config:
    """Builds a config dataclass from one section and checks names, types and ranges.

    Args:
        config_class: A dataclass whose fields are typed with int, float, bool, str, tuples, lists,
            `X | None`, Literal, `Annotated[X, Range(...)]`, or other such dataclasses.
        values: The section.
        where: Name of the section, for error messages.

    Returns:
        An instance of the dataclass.

    Raises:
        ParamsError: If a key is unknown or missing, a value is of another type or out of its range,
            or the class refuses a value.
    """
    fields = {field.name: field for field in dataclasses.fields(config_class) if field.init}  # pyright: ignore[reportArgumentType]
    hints = typing.get_type_hints(config_class, include_extras=True)
    for key in values:
        if key not in fields:
            raise ParamsError(
                unknown_name(f"{PARAMS_FILE}: {where} has the unknown key", str(key), fields)
            )
    missing = dataclasses.MISSING
    for name, field in fields.items():
        if name not in values and field.default is missing and field.default_factory is missing:
            raise ParamsError(f"{PARAMS_FILE}: {where} lacks the key {name!r}; add it")
    arguments = {}
    for key, value in values.items():
        default = fields[key].default
        if isinstance(value, dict) and dataclasses.is_dataclass(default):
            # A nested section changes the default of this field, not that of its class.
            shallow = {
                field.name: getattr(default, field.name) for field in dataclasses.fields(default)
            }
            value = {**shallow, **value}
        arguments[key] = checked_value(value, hints[key], f"{where}.{key}")
    try:
        return config_class(**arguments)
    except (ValueError, TypeError) as error:
        raise ParamsError(f"{PARAMS_FILE}: {where}: {one_line(str(error))}") from error


def unknown_name(start: str, name: str, known: Iterable[str]) -> str:
    """Writes a message about an unknown name, with near names or else all names.

    Args:
        start: What the name was meant to be, such as "params.yaml has no section".
        name: The unknown name.
        known: The names that exist.

    Returns:
        One line.
    """
    names = [str(entry) for entry in known]
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.65)
    if near:
        return f"{start} {name!r}; did you mean {' or '.join(map(repr, near))}?"
    return f"{start} {name!r}; choose one of {', '.join(sorted(names))}"


def checked_value(value: Any, annotation: Any, where: str) -> Any:
    """Checks one value against a type annotation, with the ranges in it.

    Args:
        value: The value.
        annotation: A type as in the fields of a config, see `build`.
        where: Name of the value, for error messages.

    Returns:
        The value; a list becomes a tuple if the type is one, an integer a float likewise.

    Raises:
        ParamsError: If the value is of another type or out of its range.
    """
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is Any:
        return value
    if origin is Annotated:
        kind, *extras = arguments
        value = checked_value(value, kind, where)
        for extra in extras:
            if isinstance(extra, Range) and not extra.holds(value):
                raise ParamsError(_must_be(value, extra.describe(kind), where))
        return value
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        other = next(entry for entry in arguments if entry is not type(None))
        return checked_value(value, other, where)
    if origin is typing.Literal:
        if value in arguments:
            return value
        *others, last = map(repr, arguments)
        choices = f"{', '.join(others)} or {last}" if others else last
        raise ParamsError(_must_be(value, choices, where))
    if origin in (tuple, list) and isinstance(value, list | tuple):
        return origin(checked_value(entry, arguments[0], where) for entry in value)
    if dataclasses.is_dataclass(annotation) and isinstance(value, dict):
        return build(typing.cast(type[Any], annotation), value, where)
    if annotation is float and is_number(value):
        return float(value)
    if type(value) is (origin or annotation):
        return value
    raise ParamsError(_must_be(value, type_name(origin or annotation), where))


def _must_be(value: Any, allowed: str, where: str) -> str:
    return f"{PARAMS_FILE}: {where} is {describe(value)} but must be {allowed}"


def is_number(value: Any) -> bool:
    """Whether a value is a number; true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def type_name(kind: Any) -> str:
    """Describes a type: "an integer"."""
    names = {int: "an integer", float: "a number", bool: "true or false", str: "a string"}
    names |= {list: "a list", tuple: "a list", dict: "a mapping"}
    return names.get(kind, getattr(kind, "__name__", str(kind)))


def describe(value: Any) -> str:
    """Describes a value: itself, or its type if it is a mapping or a list."""
    if value is None:
        return "empty"
    return f"a {type(value).__name__}" if isinstance(value, dict | list) else repr(value)


def one_line(text: str) -> str:
    """Joins the lines of a text."""
    return " ".join(text.split())
