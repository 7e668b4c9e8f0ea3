"""Checks all of params.yaml at once: every section against the config that reads it."""

import copy
import json
from collections.abc import Mapping
from typing import Any

from elimax.pipeline.checkout.configs import PARAMS_FILE, unknown_name
from elimax.pipeline.checkout.context import StageContext
from elimax.pipeline.checkout.params import TASK_OVERRIDES, section, task_list
from elimax.pipeline.errors import ParamsError
from elimax.pipeline.stages.evaluate_timings import EvaluateConfig
from elimax.pipeline.stages.finetune import finetune_config
from elimax.pipeline.stages.pretrain import pretrain_config
from elimax.pipeline.stages.search import SearchConfig

PER_TASK = ("finetune", "search", "evaluate")
"""Sections that a task may change."""


def checked_params(context: StageContext, task: str | None = None) -> dict[str, Any]:
    """Checks the parameters of every stage and every task.

    Args:
        context: The parameters.
        task: Merge the values of this task into the sections; None leaves them beside.

    Returns:
        The parameters.

    Raises:
        ParamsError: If anything is unknown, missing or of the wrong type.
    """
    task_list(context.params)
    _ = context.seed
    pretrain_config(context)
    tasks = context.params.get(TASK_OVERRIDES) or {}
    for name in (None, *tasks):
        finetune_config(context, name)
        context.config(SearchConfig, "search", name)
        context.config(EvaluateConfig, "evaluate", name)
        for key in (tasks[name] or {}) if name is not None else ():
            if key not in PER_TASK:
                where = f"{PARAMS_FILE}: {TASK_OVERRIDES}.{name} has the unknown section"
                raise ParamsError(unknown_name(where, key, PER_TASK))
    params = copy.deepcopy(dict(context.params))
    if task is not None:
        params |= {name: section(params, name, task) for name in PER_TASK}
        del params[TASK_OVERRIDES]
    return params


def as_yaml(content: Mapping[str, Any], indent: int = 0) -> str:
    """Writes nested mappings as YAML; lists and scalars stand on one line.

    Args:
        content: Plain JSON data.
        indent: Spaces in front of each line.

    Returns:
        The text, each line closed by a newline.
    """
    lines = []
    for key, value in content.items():
        if isinstance(value, dict) and value:
            lines.append(f"{' ' * indent}{key}:\n{as_yaml(value, indent + 2)}")
        else:
            text = value if isinstance(value, str) else json.dumps(value)
            lines.append(f"{' ' * indent}{key}: {text}\n")
    return "".join(lines)
