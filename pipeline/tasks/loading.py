"""Makes a task from a user's own function."""

import difflib
import importlib
import inspect
import os
import sys
from types import ModuleType
from typing import Any

import jax
import numpy as np

from elimax.pipeline.errors import PipelineError
from elimax.pipeline.tasks.task import Task


class UnknownTaskError(PipelineError):
    """No task and no function has the given name."""


class InvalidTaskError(PipelineError):
    """A user's function was found but cannot be used as a task."""


def load_user_function(specification: str) -> Task:
    """Makes a task from a function after checking everything it needs.

    Args:
        specification: `package.module:function`, in the working directory or installed.

    Returns:
        The task, called `package.module.function`.

    Raises:
        UnknownTaskError: If there is no such module or function.
        InvalidTaskError: If the module fails, or the function lacks example inputs that fit.
    """
    module_name, _, function_name = specification.partition(":")
    if not module_name or not function_name.isidentifier():
        raise UnknownTaskError(
            f"{specification!r} does not name a function: write it as package.module:function"
        )
    module = _import_user_module(module_name)
    function = getattr(module, function_name, None)
    if function is None:
        names = [key for key, value in vars(module).items() if callable(value)]
        near = difflib.get_close_matches(function_name, names, n=3)
        guess = f", did you mean {' or '.join(near)}?" if near else ""
        raise UnknownTaskError(f"module {module_name!r} has no function {function_name!r}{guess}")
    if not callable(function):
        raise InvalidTaskError(
            f"{specification!r} is of type {type(function).__name__} but must be a function"
        )
    example_inputs = _find_example_inputs(module, function_name)
    try:
        inputs = example_inputs()
    except Exception as error:
        raise InvalidTaskError(
            f"the example inputs of {specification!r} fail: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(inputs, tuple) or not inputs:
        raise InvalidTaskError(
            f"the example inputs of {specification!r} are of type {type(inputs).__name__} but must "
            "be a tuple with one entry for each argument"
        )
    _check_call(specification, function, inputs)
    argnums = getattr(module, f"{function_name}_argnums", tuple(range(len(inputs))))
    _check_argnums(specification, argnums, inputs)
    text = (getattr(function, "__doc__", None) or "").strip() or function_name
    return Task(
        name=f"{module_name}.{function_name}",
        function=function,
        example_inputs=example_inputs,
        argnums=tuple(argnums),
        title=text.splitlines()[0],
        source=f"module {module_name}",
    )


def _import_user_module(name: str) -> ModuleType:
    """Imports a module that may be in the working directory."""
    here = os.getcwd()
    if here not in sys.path:
        # Console scripts start without the working directory, unlike `python -m`.
        sys.path.insert(0, here)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise UnknownTaskError(
                f"there is no module {name!r}: looked in {here} and among the installed packages"
            ) from None
        raise InvalidTaskError(f"module {name!r} cannot be imported: {error}") from error
    except Exception as error:
        kind = type(error).__name__
        raise InvalidTaskError(f"module {name!r} fails on import: {kind}: {error}") from error


def _find_example_inputs(module: ModuleType, function_name: str) -> Any:
    """Returns the callable that makes the arguments of a user's function."""
    own = f"{function_name}_example_inputs"
    for name in (own, "example_inputs"):
        found = getattr(module, name, None)
        if callable(found):
            return found
        if found is not None:
            raise InvalidTaskError(
                f"{name!r} in module {module.__name__!r} is of type {type(found).__name__} but "
                "must be a function that returns the tuple of arguments"
            )
    raise InvalidTaskError(
        f"module {module.__name__!r} has no example inputs for {function_name!r}: define {own}() "
        "or example_inputs() there, which returns the tuple of arguments"
    )


def _check_call(specification: str, function: Any, inputs: tuple[Any, ...]) -> None:
    """Checks that a function can be called with its example inputs and nothing else."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # Some functions written in C have no signature.
        return
    try:
        signature.bind(*inputs)
    except TypeError as error:
        raise InvalidTaskError(
            f"{specification!r} cannot be called with its {len(inputs)} example inputs ({error}): "
            "give one for each argument, and bind keyword-only arguments with functools.partial"
        ) from None


def _check_argnums(specification: str, argnums: Any, inputs: tuple[Any, ...]) -> None:
    """Checks that argnums names arguments, at least one of which holds floating point numbers."""
    positions = range(len(inputs))
    if (
        not isinstance(argnums, tuple | list)
        or not argnums
        or len(set(argnums)) < len(argnums)
        or any(type(position) is not int or position not in positions for position in argnums)
    ):
        raise InvalidTaskError(
            f"the argnums of {specification!r} are {argnums!r} but must be a tuple of distinct "
            f"positions from 0 to {len(inputs) - 1}"
        )
    leaves = jax.tree.leaves([inputs[position] for position in argnums])
    if not any(np.issubdtype(np.asarray(leaf).dtype, np.inexact) for leaf in leaves):
        raise InvalidTaskError(
            f"no argument of {specification!r} in argnums {tuple(argnums)} holds floating point "
            "numbers: a Jacobian needs at least one, write 1.0 instead of 1"
        )
