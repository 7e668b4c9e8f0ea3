"""Policies and training states in files; the only module of this folder that touches files.

A file is one line of JSON, the header, followed by the arrays. It is either complete or absent, and
equal content gives equal bytes.
"""

import dataclasses
import importlib.resources
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import equinox as eqx
import jax
import numpy as np

from elimax.interpreter.atomic_files import write_atomically
from elimax.models.errors import PolicyFormatError
from elimax.models.features import LOCAL, POSITION, START, STRUCTURE
from elimax.models.lessons import Lesson
from elimax.models.optimisation import start_optimiser
from elimax.models.policy import Policy, PolicyConfig, make_policy
from elimax.models.training import TrainingState

POLICY_SCHEMA = 3

FEATURES = [*START, *LOCAL, *STRUCTURE, *POSITION]
"""Features that a policy reads; a stored one that reads others cannot be used."""

_POLICY, _TRAINING = "policy", "training state"

Tree = TypeVar("Tree")


def save_policy(path: Path, policy: Policy, metadata: Mapping[str, Any] | None = None) -> None:
    """Stores a policy.

    Args:
        path: File to write; its folder is made if needed.
        policy: The policy.
        metadata: JSON data about the policy, such as its origin.
    """
    _write(path, _header(_POLICY, policy.config) | {"metadata": dict(metadata or {})}, policy)


def load_policy(path: Path) -> tuple[Policy, dict[str, Any]]:
    """Reads a policy.

    Args:
        path: File that `save_policy` wrote.

    Returns:
        The policy and its metadata.

    Raises:
        PolicyFormatError: If the file is absent, truncated, or of another schema or architecture.
    """
    header, arrays = _read(path, _POLICY)
    policy, _ = _fill(path, _empty_policy(_config(path, header)), arrays)
    return policy, header.get("metadata", {})


def pretrained_policy() -> Policy:
    """Loads the policy that comes with elimax, from a checkout or an installed package.

    Returns:
        The policy, trained on programs that contain no task.

    Raises:
        PolicyFormatError: If the file is missing or damaged.
    """
    resource = importlib.resources.files("elimax.models").joinpath("pretrained.eqx")
    with importlib.resources.as_file(resource) as path:
        return load_policy(path)[0]


def save_training(path: Path, state: TrainingState) -> None:
    """Stores a training between two updates.

    Args:
        path: File to write; its folder is made if needed.
        state: The state.
    """
    header = _header(_TRAINING, state.policy.config) | {
        "seed": state.seed,
        "update": state.update,
        "step": state.step,
        "eliminations": state.eliminations,
        "evaluations": state.evaluations,
        # Infinity is not JSON.
        "best_value": repr(state.best_value),
        # Costs may exceed every integer type of an array.
        "lessons": [[number, lesson.cost] for number, lesson in state.lessons],
        "orders": {name: list(order) for name, order in state.orders.items()},
        "curve": list(state.curve),
    }
    trees = (state.policy, state.optimiser, state.average, state.best_policy)
    _write(path, header, trees, [array for _, x in state.lessons for array in _arrays(x)])


def load_training(path: Path, config: PolicyConfig, *, seed: int) -> TrainingState:
    """Reads a training in order to continue it.

    Args:
        path: File that `save_training` wrote.
        config: Size of the policy that is being trained.
        seed: Seed of the training.

    Returns:
        The state.

    Raises:
        PolicyFormatError: If the file is absent, truncated, of another schema or architecture, or
            of a training with another seed.
    """
    header, arrays = _read(path, _TRAINING)
    stored = _config(path, header)
    if stored != config or header.get("seed") != seed:
        raise PolicyFormatError(
            f"{path} holds a training of {stored} with seed {header.get('seed')}, expected "
            f"{config} with seed {seed}: delete the file to start again"
        )
    empty = _empty_policy(config)
    trees = (empty, jax.eval_shape(start_optimiser, empty), empty, empty)
    try:
        listed = [(int(number), int(cost)) for number, cost in header["lessons"]]
        (policy, optimiser, average, best_policy), found = _fill(
            path, trees, arrays, more=len(_arrays(_NOTHING)) * len(listed)
        )
        return TrainingState(
            seed=seed,
            update=int(header["update"]),
            step=int(header["step"]),
            eliminations=int(header["eliminations"]),
            evaluations=int(header["evaluations"]),
            policy=policy,
            optimiser=optimiser,
            average=average,
            best_policy=best_policy,
            best_value=float(header["best_value"]),
            lessons=tuple(
                (number, Lesson(nodes, cost, moves, regrets))
                for (number, cost), nodes, moves, regrets in zip(
                    listed, found[0::3], found[1::3], found[2::3], strict=True
                )
            ),
            orders={name: tuple(order) for name, order in header["orders"].items()},
            curve=tuple(header["curve"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(path, repr(error)) from error


def _empty_policy(config: PolicyConfig) -> Policy:
    """The shapes of a policy; drawing weights would take a compilation."""
    with jax.enable_x64(False):
        return jax.eval_shape(lambda: make_policy(config, seed=0))


def _arrays(lesson: Lesson) -> tuple[np.ndarray, ...]:
    return lesson.nodes, lesson.moves, lesson.regrets


_NOTHING = Lesson(np.zeros(0), 0, np.zeros(0), np.zeros(0))


def _header(what: str, config: PolicyConfig) -> dict[str, Any]:
    return {
        "schema": POLICY_SCHEMA,
        "what": what,
        "config": dataclasses.asdict(config),
        "features": FEATURES,
    }


def _write(
    path: Path, header: Mapping[str, Any], tree: Any, more: Sequence[np.ndarray] = ()
) -> None:
    content = io.BytesIO()
    content.write(json.dumps(header, sort_keys=True, separators=(",", ":")).encode() + b"\n")
    eqx.tree_serialise_leaves(content, tree)
    for array in more:
        np.save(content, array)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content.getvalue())


def _read(path: Path, what: str) -> tuple[dict[str, Any], io.BytesIO]:
    """The header, checked, and the bytes behind it."""
    try:
        content = io.BytesIO(Path(path).read_bytes())
    except OSError as error:
        raise PolicyFormatError(
            f"cannot read a {what} from {path} ({error.strerror}): train one first, or name "
            "another file"
        ) from error
    try:
        header = json.loads(content.readline())
    except ValueError as error:
        raise _damaged(path, "its first line is not JSON") from error
    if not isinstance(header, dict) or header.get("what") != what:
        given = header.get("what") if isinstance(header, dict) else None
        raise PolicyFormatError(f"{path} holds a {given!r}, expected a {what!r}: name another file")
    if header.get("schema") != POLICY_SCHEMA:
        raise PolicyFormatError(
            f"{path} has schema {header.get('schema')!r}, expected schema {POLICY_SCHEMA}: train "
            "it again with this version of elimax"
        )
    return header, content


def _config(path: Path, header: Mapping[str, Any]) -> PolicyConfig:
    """The size of the stored policy, if this version of elimax can build it."""
    try:
        config = PolicyConfig(**header["config"])
    except (KeyError, TypeError, ValueError) as error:
        raise _other_architecture(path, str(error)) from error
    if header.get("features") != FEATURES:
        raise _other_architecture(path, "it reads other features of the vertices")
    return config


def _fill(
    path: Path, empty: Tree, arrays: io.BytesIO, more: int = 0
) -> tuple[Tree, list[np.ndarray]]:
    """Reads arrays into a tree of given shapes, and `more` arrays after them."""
    try:
        # The caller may be tracing a function, as `jacve(order="policy")` does under `jax.jit`.
        with jax.ensure_compile_time_eval(), jax.enable_x64(False):
            tree = eqx.tree_deserialise_leaves(arrays, empty)
        others = [np.load(arrays) for _ in range(more)]
    except (ValueError, EOFError, OSError, RuntimeError, TypeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise _damaged(path, reason) from error
    if arrays.read(1):
        raise _damaged(path, "there is more after the last array")
    return tree, others


def _damaged(path: Path, reason: str) -> PolicyFormatError:
    return PolicyFormatError(f"{path} is damaged ({reason}): delete it and train again")


def _other_architecture(path: Path, reason: str) -> PolicyFormatError:
    return PolicyFormatError(
        f"{path} holds a policy of another architecture ({reason}): train it again with this "
        "version of elimax"
    )
