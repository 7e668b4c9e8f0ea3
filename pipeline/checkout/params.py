"""Reads params.yaml, the one file with every number that a stage depends on.

The file is a mapping of sections, one for each stage, beside `tasks` (a list of names) and `task`
(per task: sections whose keys replace those of the section with the same name):

    tasks: [RoeFlux_1d]
    finetune: {updates: 40}
    task:
      RoeFlux_1d: {finetune: {updates: 60}}

`-S finetune.updates=3` on the command line replaces a value, as `dvc exp run -S` does.
"""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from elimax.pipeline.checkout.configs import (
    PARAMS_FILE,
    describe,
    is_number,
    one_line,
    type_name,
    unknown_name,
)
from elimax.pipeline.errors import ParamsError
from elimax.pipeline.extras import MissingPackageError

TASK_OVERRIDES = "task"


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
        problem = getattr(error, "problem", None) or "no valid YAML"
        raise ParamsError(f"{source} cannot be read{line}: {one_line(problem)}") from None


def load_params(path: Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Reads params.yaml and applies overrides.

    Args:
        path: The file to read.
        overrides: Texts of the form `key.key=value`, the value in YAML; later ones win.

    Returns:
        The mapping of the file with the overrides applied.

    Raises:
        ParamsError: If the file is missing or malformed, or an override names an unknown key or
            gives a value of another type than the file's.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ParamsError(
            f"no {path.name} in {path.parent.resolve()}: run this command in a checkout of elimax, "
            "or name one with ELIMAX_ROOT"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path.name} cannot be read: {error}") from None
    params = parse_yaml(text, path.name)
    if not isinstance(params, dict):
        raise ParamsError(f"{path.name} holds {describe(params)}, expected a mapping of sections")
    params = copy.deepcopy(params)
    for override in overrides:
        _apply_override(params, override)
    return params


def section(params: Mapping[str, Any], name: str, task: str | None = None) -> dict[str, Any]:
    """Returns one section with the values of one task merged over it.

    Args:
        params: The mapping that `load_params` returned.
        name: Name of the section, such as "finetune".
        task: Name of the task whose own values replace the section's, or None.

    Returns:
        The section as a new dict.

    Raises:
        ParamsError: If there is no such section, or the task sets a key that it lacks.
    """
    values = params.get(name)
    if values is None:
        raise ParamsError(unknown_name(f"{PARAMS_FILE} has no section", name, params))
    if not isinstance(values, dict):
        raise ParamsError(f"{PARAMS_FILE}: {name} is {describe(values)}, expected a mapping")
    if task is None:
        return copy.deepcopy(values)
    own = _child(_child(params, TASK_OVERRIDES, ""), task, TASK_OVERRIDES)
    changes = _child(own, name, f"{TASK_OVERRIDES}.{task}")
    for key in changes:
        if key not in values:
            where = f"{PARAMS_FILE}: {TASK_OVERRIDES}.{task}.{name} has the unknown key"
            raise ParamsError(unknown_name(where, str(key), values))
    return copy.deepcopy({**values, **changes})


def task_list(params: Mapping[str, Any], where: str = "tasks") -> tuple[str, ...]:
    """Returns the names of tasks under the key `tasks`.

    Args:
        params: The whole mapping, or a section.
        where: What the list is called in error messages.

    Raises:
        ParamsError: If `tasks` is no list of names.
    """
    tasks = params.get("tasks")
    if not isinstance(tasks, list) or not all(isinstance(name, str) for name in tasks):
        raise ParamsError(f"{PARAMS_FILE}: {where} is {describe(tasks)}, expected a list of names")
    return tuple(tasks)


def _apply_override(params: dict[str, Any], override: str) -> None:
    """Replaces one value in place."""
    name, separator, text = override.partition("=")
    keys = name.strip().split(".")
    if not separator or not all(keys):
        raise ParamsError(f"-S {override!r} is no override; write it as key.key=value")
    value = parse_yaml(text, f"the value of -S {name}")
    is_task_value = len(keys) == 4 and keys[0] == TASK_OVERRIDES
    # The value of one task need not be in the file: its section tells the name and the type.
    old = _look_up(params, keys[2:] if is_task_value else keys, name)
    _check_type(old, value, f"-S {name}")
    place = params
    for key in keys[:-1]:
        if is_task_value and place.get(key) is None:
            place[key] = {}
        place = place[key]
    place[keys[-1]] = value


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


def _check_type(old: Any, new: Any, where: str) -> None:
    """Refuses a value whose type is another one than the file's."""
    if old is None or (isinstance(old, float) and is_number(new)):
        return
    if type(old) is not type(new):
        raise ParamsError(f"{where} is {describe(new)}, expected {type_name(type(old))}")


def _child(mapping: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    """Returns a mapping inside a mapping; a missing or empty one is empty."""
    value = mapping.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        name = f"{where}.{key}" if where else key
        raise ParamsError(f"{PARAMS_FILE}: {name} is {describe(value)}, expected a mapping")
    return value
