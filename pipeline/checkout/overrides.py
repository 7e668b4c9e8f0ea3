"""Overrides of params.yaml: `-S finetune.updates=3`, with the same grammar as `dvc exp run -S`."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from elimax.pipeline.checkout.configs import (
    PARAMS_FILE,
    describe,
    is_number,
    type_name,
    unknown_name,
)
from elimax.pipeline.checkout.yaml_text import parse_yaml
from elimax.pipeline.errors import ParamsError

AUTO = "auto"
"""In a section, stands for a value that each task has of its own."""

TASK_VALUES = "task"
"""The section with the values of single tasks."""

DEFAULT = "default"
"""The entry of that section for tasks without a value of their own."""

PER_TASK = ("finetune", "search", "evaluate")
"""Sections whose values may be `auto`."""


def apply_overrides(params: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Replaces values.

    Args:
        params: The mapping of params.yaml.
        overrides: Texts of the form `key.key=value`, the value in YAML; later ones win.

    Returns:
        A new mapping.

    Raises:
        ParamsError: If an override names an unknown key, gives a value of another type, or has no
            effect because its section does not say `auto`.
    """
    changed = copy.deepcopy(dict(params))
    for override in overrides:
        _apply(changed, override)
    for override in overrides:
        _refuse_without_effect(changed, override_keys(override))
    return changed


def override_keys(override: str) -> list[str]:
    """Returns the keys on the left of an override, ["finetune", "updates"].

    Raises:
        ParamsError: If the text is not of the form key.key=value.
    """
    name, separator, _ = override.partition("=")
    keys = name.strip().split(".")
    if not separator or not all(keys):
        raise ParamsError(f"-S {override!r} is not an override; write it as key.key=value")
    return keys


def task_value(params: Mapping[str, Any], path: Sequence[str], task: str | None) -> tuple[str, Any]:
    """Finds the value that `auto` stands for.

    Args:
        params: The mapping of params.yaml.
        path: Keys of the place that says `auto`, the section first.
        task: Name of the task, or None for the default.

    Returns:
        Where it was found, such as "task.mlp", and the value.

    Raises:
        ParamsError: If neither the task nor the default has a value.
    """
    name = ".".join(path)
    owners = [owner for owner in (task, DEFAULT) if owner is not None]
    for owner in owners:
        value: Any = params
        for key in (TASK_VALUES, owner, *path):
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None and value != AUTO:
            return f"{TASK_VALUES}.{owner}", value
    places = " nor ".join(f"{TASK_VALUES}.{owner}" for owner in owners)
    raise ParamsError(
        f"{PARAMS_FILE}: {name} is auto, but {'neither ' if len(owners) > 1 else ''}{places} has "
        f"{'a' if len(owners) > 1 else 'no'} value for it: add {TASK_VALUES}.{DEFAULT}.{name}"
    )


def _apply(params: dict[str, Any], override: str) -> None:
    """Replaces one value in place."""
    keys = override_keys(override)
    name, text = ".".join(keys), override.partition("=")[2]
    value = parse_yaml(text, f"the value of -S {name}")
    # The value of one task need not be in the file: the section has its name and type.
    path = _section_path(keys)
    old = _look_up(params, path, name)
    if old == AUTO:
        try:
            _, old = task_value(params, path, None)
        except ParamsError:  # No default to compare with; the config checks the type.
            old = None
    if value != AUTO or path[0] not in PER_TASK:
        _check_type(old, value, name)
    place = params
    for key in keys[:-1]:
        if path != keys and place.get(key) is None:
            place[key] = {}
        place = place[key]
    place[keys[-1]] = value


def _section_path(keys: list[str]) -> list[str]:
    """Returns where a value stands in its section: for task.mlp.finetune.x, finetune.x."""
    return keys[2:] if len(keys) > 3 and keys[0] == TASK_VALUES else keys


def _refuse_without_effect(params: Mapping[str, Any], keys: list[str]) -> None:
    """Refuses an override of one task where the section gives a value for all."""
    path = _section_path(keys)
    if path == keys:
        return
    value = _look_up(params, path, ".".join(keys))
    if value != AUTO and not isinstance(value, dict):
        name = ".".join(path)
        raise ParamsError(
            f"-S {'.'.join(keys)} has no effect because {name} is {describe(value)} for all tasks: "
            f"add -S {name}=auto, or set {name} itself"
        )


def _look_up(params: Mapping[str, Any], keys: Sequence[str], name: str) -> Any:
    """Returns the value at a path of keys, or names the first key that is wrong."""
    place: Any = params
    for depth, key in enumerate(keys):
        if not isinstance(place, dict) or key not in place:
            where = f"in {'.'.join(keys[:depth])}" if depth else f"in {PARAMS_FILE}"
            known = place if isinstance(place, dict) else ()
            if not known:
                raise ParamsError(f"-S {name}: there is no key {key!r} {where}")
            raise ParamsError(unknown_name(f"-S {name}: {where} there is no key", key, known))
        place = place[key]
    return place


def _check_type(old: Any, new: Any, name: str) -> None:
    """Refuses a value whose type differs from that in the file."""
    if old is None or (isinstance(old, float) and is_number(new)):
        return
    if type(old) is type(new):
        return
    if name == "seeds":
        example = list(range(new)) if type(new) is int and 0 < new < 100 else [0, 1, 2]
        text = ",".join(map(str, example))
        raise ParamsError(
            f"-S seeds is {describe(new)} but must be a list: write -S 'seeds=[{text}]'"
        )
    raise ParamsError(f"-S {name} is {describe(new)} but must be {type_name(type(old))}")
