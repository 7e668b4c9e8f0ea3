"""Checks all of params.yaml at once, and tells where the values of one task come from."""

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from elimax.models.finetuning import FinetuneConfig
from elimax.pipeline.checkout.configs import PARAMS_FILE, build, unknown_name
from elimax.pipeline.checkout.context import StageContext
from elimax.pipeline.checkout.overrides import (
    AUTO,
    DEFAULT,
    PER_TASK,
    TASK_VALUES,
    override_keys,
    task_value,
)
from elimax.pipeline.checkout.params import section, task_list, task_section
from elimax.pipeline.errors import ParamsError
from elimax.pipeline.stages.evaluate_timings import EvaluateConfig
from elimax.pipeline.stages.pretrain import pretrain_config
from elimax.pipeline.stages.search import SearchConfig
from elimax.pipeline.tasks import task_names

CONFIGS = {"finetune": FinetuneConfig, "search": SearchConfig, "evaluate": EvaluateConfig}
PROFILES = "profiles"


def checked_params(context: StageContext, task: str | None = None) -> dict[str, Any]:
    """Checks the parameters of every stage and every task.

    Args:
        context: The parameters.
        task: Fill in the values of this task; None leaves `auto` and the section `task`.

    Returns:
        The parameters; those of one task without the sections `task` and `profiles`.

    Raises:
        ParamsError: If anything is unknown, missing, of the wrong type or out of its range, or
            there is no such task.
    """
    listed = task_list(context.params)
    _ = context.seed, context.seeds, context.count
    pretrain_config(context)
    own = context.params.get(TASK_VALUES) or {}
    for name in (None, *(name for name in own if name != DEFAULT)):
        _check_task(context, name)
    params = copy.deepcopy(dict(context.params))
    if task is None:
        return params
    known = dict.fromkeys((*listed, *task_names()))
    if ":" not in task and task not in known:
        raise ParamsError(unknown_name(f"{PARAMS_FILE} has no task", task, known))
    params |= {name: section(params, name, task) for name in PER_TASK}
    return {key: value for key, value in params.items() if key not in (TASK_VALUES, PROFILES)}


def value_sources(
    params: Mapping[str, Any], task: str, overrides: Sequence[str] = ()
) -> dict[str, str]:
    """Tells where each value of a task comes from.

    Args:
        params: The parameters, overrides applied, `auto` not filled in.
        task: Name of the task.
        overrides: The overrides.

    Returns:
        By dotted key "-S", "task.NAME", "task.default", "section NAME", or "params.yaml" for a
        value outside of the sections.
    """
    overridden = [tuple(override_keys(override)) for override in overrides]
    sources = {}
    for path, value in _leaves(params):
        if path[0] in (TASK_VALUES, PROFILES):
            continue
        place, source = path, PARAMS_FILE if len(path) == 1 else f"section {path[0]}"
        if value == AUTO:
            source, _ = task_value(params, path, task)
            place = (*source.split(".", 1), *path)
        if any(place[: len(keys)] == keys for keys in overridden):
            source = "-S"
        sources[".".join(path)] = source
    return sources


def as_yaml(content: Mapping[str, Any], sources: Mapping[str, str], path: str = "") -> str:
    """Writes parameters as YAML, each list on one line, each source as a comment.

    Args:
        content: Nested mappings.
        sources: Where values come from, by dotted key.
        path: Dotted key of the content, with a dot at the end; empty for the whole.

    Returns:
        Lines, each closed by a newline.
    """
    indent = "  " * path.count(".")
    lines = []
    for key, value in content.items():
        if isinstance(value, dict) and value:
            lines.append(f"{indent}{key}:\n{as_yaml(value, sources, f'{path}{key}.')}")
            continue
        text = f"{indent}{key}: {value if isinstance(value, str) else json.dumps(value)}"
        source = sources.get(f"{path}{key}")
        lines.append(f"{text}  # {source}\n" if source else f"{text}\n")
    return "".join(lines)


def _check_task(context: StageContext, name: str | None) -> None:
    """Checks what a task uses, and what it would use if its sections said `auto`."""
    owner = name or DEFAULT
    for section_name, config in CONFIGS.items():
        values = section(context.params, section_name, name)
        build(config, values, section_name)
        own = task_section(context.params, owner, section_name)
        build(config, _merged(values, own), f"{TASK_VALUES}.{owner}.{section_name}")


def _merged(values: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a section overlaid with the values of a task, at any depth."""
    merged = dict(values)
    for key, value in own.items():
        old = values.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            value = _merged(old, value)
        merged[key] = value
    return merged


def _leaves(
    values: Mapping[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yields every value that is not a mapping, with its path of keys."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value
