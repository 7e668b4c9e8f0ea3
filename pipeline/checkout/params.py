"""Reads params.yaml, the one file with every number that a stage depends on.

The file is a mapping of sections, one for each stage, next to `tasks` and `seeds` (lists) and
`task`. A value in a section holds for all tasks, unless it is `auto`: then each task takes its own
from the section `task`, and a task without one takes that of `task.default`:

    tasks: [roe_flux_1d, mlp]
    finetune: {updates: auto, episodes: 32}
    task:
      default: {finetune: {updates: 8}}
      roe_flux_1d: {finetune: {updates: 6}}

So `-S finetune.updates=3` on the command line, as with `dvc exp run -S`, is 3 for every task.
"""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from elimax.models.ranges import Range
from elimax.pipeline.checkout.configs import (
    PARAMS_FILE,
    checked_value,
    describe,
    unknown_name,
)
from elimax.pipeline.checkout.files import write_text
from elimax.pipeline.checkout.overrides import (
    AUTO,
    DEFAULT,
    PER_TASK,
    TASK_VALUES,
    apply_overrides,
    task_value,
)
from elimax.pipeline.checkout.yaml_text import parse_yaml, replace_list
from elimax.pipeline.errors import ParamsError

Seed = Annotated[int, Range(0, 2**31 - 1)]


def load_params(path: Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Reads params.yaml and applies overrides.

    Args:
        path: The file to read.
        overrides: Texts of the form `key.key=value`, the value in YAML; later ones win.

    Returns:
        The mapping of the file with the overrides applied.

    Raises:
        ParamsError: If the file is missing or malformed, or an override names an unknown key, gives
            a value of another type than that in the file, or has no effect.
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
    return apply_overrides(params, overrides)


def section(params: Mapping[str, Any], name: str, task: str | None = None) -> dict[str, Any]:
    """Returns one section, with the values of one task for each `auto`.

    Args:
        params: The mapping that `load_params` returned.
        name: Name of the section, such as "finetune".
        task: Name of the task, or None for the default values.

    Returns:
        The section as a new dict.

    Raises:
        ParamsError: If there is no such section, the task has a key that the section lacks, or
            there is no value for an `auto`.
    """
    values = params.get(name)
    if values is None:
        raise ParamsError(unknown_name(f"{PARAMS_FILE} has no section", name, params))
    if not isinstance(values, dict):
        raise ParamsError(f"{PARAMS_FILE}: {name} is {describe(values)} but must be a mapping")
    for owner in (DEFAULT, task):
        if owner is not None:
            own = task_section(params, owner, name)
            _check_keys(own, values, f"{TASK_VALUES}.{owner}.{name}")
    return _filled(params, values, (name,), task)


def task_section(params: Mapping[str, Any], task: str, name: str) -> Mapping[str, Any]:
    """Returns the values that a task has for one section, empty if there are none.

    Args:
        params: The mapping that `load_params` returned.
        task: Name of the task, or "default".
        name: Name of the section.

    Raises:
        ParamsError: If something that must be a mapping is not, or the task has a section that no
            task may have.
    """
    tasks = _child(params, TASK_VALUES, "")
    own = _child(tasks, task, TASK_VALUES)
    for key in own:
        if key not in PER_TASK:
            where = f"{PARAMS_FILE}: {TASK_VALUES}.{task} has the unknown section"
            raise ParamsError(unknown_name(where, str(key), PER_TASK))
    return _child(own, name, f"{TASK_VALUES}.{task}")


def task_list(params: Mapping[str, Any], where: str = "tasks") -> tuple[str, ...]:
    """Returns the names of tasks under the key `tasks`.

    Args:
        params: The whole mapping, or a section.
        where: What the list is called in error messages.

    Raises:
        ParamsError: If `tasks` is not a list of names.
    """
    tasks = params.get("tasks")
    if not isinstance(tasks, list) or not all(isinstance(name, str) for name in tasks):
        raise ParamsError(
            f"{PARAMS_FILE}: {where} is {describe(tasks)} but must be a list of names"
        )
    return tuple(tasks)


def seed_list(params: Mapping[str, Any]) -> tuple[int, ...]:
    """Returns the seeds of finetuning, the list under the key `seeds`.

    Args:
        params: The whole mapping.

    Raises:
        ParamsError: If `seeds` is not a list of distinct seeds with at least one entry.
    """
    seeds = params.get("seeds")
    if not isinstance(seeds, list) or not seeds:
        what = "empty" if seeds == [] else describe(seeds)
        raise ParamsError(
            f"{PARAMS_FILE}: seeds is {what} but must be a list of seeds, such as [0, 1, 2]"
        )
    checked = [checked_value(seed, Seed, "seeds") for seed in seeds]
    if len(set(checked)) < len(checked):
        raise ParamsError(f"{PARAMS_FILE}: seeds is {checked} but must name each seed once")
    return tuple(checked)


def write_seeds(path: Path, number: int) -> None:
    """Writes the seeds 0, 1, ... to params.yaml, whose comments and layout stay.

    Args:
        path: The file.
        number: How many seeds.

    Raises:
        ParamsError: If the file has no list of seeds.
        FileError: If it cannot be written.
    """
    if "seeds" not in load_params(path):
        raise ParamsError(f"{path.name} has no list of seeds: add the line seeds: [0]")
    text = path.read_text(encoding="utf-8")
    changed = replace_list(text, "seeds", list(range(number)))
    if changed != text:
        write_text(path, changed)


def _filled(
    params: Mapping[str, Any], values: Mapping[str, Any], path: tuple[str, ...], task: str | None
) -> dict[str, Any]:
    """Returns a section, or a mapping in it, without `auto`."""
    filled = {}
    for key, value in values.items():
        place = (*path, key)
        if value == AUTO:
            value = task_value(params, place, task)[1]
        elif isinstance(value, dict):
            value = _filled(params, value, place, task)
        filled[key] = copy.deepcopy(value)
    return filled


def _check_keys(own: Mapping[str, Any], known: Mapping[str, Any], where: str) -> None:
    """Refuses keys that the section lacks, because no stage would read them."""
    for key, value in own.items():
        if key not in known:
            raise ParamsError(
                unknown_name(f"{PARAMS_FILE}: {where} has the unknown key", str(key), known)
            )
        if isinstance(value, dict) and isinstance(known[key], dict):
            _check_keys(value, known[key], f"{where}.{key}")


def _child(mapping: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    """Returns a mapping inside a mapping; a missing or empty one is empty."""
    value = mapping.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        name = f"{where}.{key}" if where else key
        raise ParamsError(f"{PARAMS_FILE}: {name} is {describe(value)} but must be a mapping")
    return value
