"""Files are complete or absent, equal for equal content, and refuse what does not fit."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from elimax.interpreter.errors import ElimaxError
from elimax.models import checkpoint
from elimax.models import policy as policy_module
from elimax.models.checkpoint import (
    FEATURES,
    POLICY_SCHEMA,
    load_policy,
    load_training,
    save_policy,
    save_training,
)
from elimax.models.errors import PolicyFormatError
from elimax.models.lessons import Lesson
from elimax.models.optimisation import start_optimiser
from elimax.models.policy import PolicyConfig, make_policy
from elimax.models.training import TrainingState, start_training
from support.repository import ROOT
from support.training import SMALL, same_arrays, small_policy, times_compiled

SIZE = dataclasses.asdict(SMALL)


def lesson(seed: int, moves: int, positions: int, cost: int) -> Lesson:
    """A lesson of made-up numbers."""
    rng = np.random.default_rng(seed)
    regrets = rng.choice([0.0, 0.125, 2.0, np.inf], (positions, moves)).astype(np.float16)
    chosen = np.sort(rng.choice(moves, positions, replace=False)).astype(np.int32)
    return Lesson(rng.permutation(moves).astype(np.int32), cost, chosen, regrets)


def training_state(seed: int = 4) -> TrainingState:
    """A state as after two updates; no two parts of it are alike."""
    optimiser = start_optimiser(small_policy())
    return dataclasses.replace(
        start_training(small_policy(1), seed=seed),
        update=2,
        step=100,
        eliminations=77,
        evaluations=12_345,
        optimiser=changed(optimiser),
        average=small_policy(3),
        best_policy=small_policy(2),
        lessons=((5, lesson(0, 4, 2, 31)), (0, lesson(1, 6, 3, 1 << 80)), (5, lesson(2, 3, 0, 0))),
        orders={"best": (3, 1, 2), "greedy": ()},
        curve=({"losses/policy": 0.1}, {"losses/policy": 1 / 3, "charts/update": 2}),
    )


def changed(tree: Any) -> Any:
    """The same arrays with other numbers in them."""
    leaves, form = jax.tree.flatten(tree)
    return jax.tree.unflatten(form, [leaf + leaf.dtype.type(k) for k, leaf in enumerate(leaves)])


def change_header(path: Path, **entries: Any) -> None:
    """Replaces entries of a file's header; None takes one away."""
    first, rest = path.read_bytes().split(b"\n", 1)
    header = json.loads(first) | entries
    header = {name: value for name, value in header.items() if value is not None}
    path.write_bytes(json.dumps(header).encode() + b"\n" + rest)


@pytest.fixture
def policy_file(tmp_path: Path) -> Path:
    """A stored policy."""
    save_policy(tmp_path / "policy.eqx", small_policy(), {"task": "f"})
    return tmp_path / "policy.eqx"


@pytest.fixture
def state_file(tmp_path: Path) -> Path:
    """A stored training."""
    save_training(tmp_path / "state", training_state())
    return tmp_path / "state"


def test_policy_comes_back(tmp_path):
    """With its size and its metadata, from a folder that did not exist."""
    path = tmp_path / "new" / "policy.eqx"
    save_policy(path, small_policy(3), {"task": "f"})
    policy, metadata = load_policy(path)
    assert same_arrays(policy, small_policy(3))
    assert (policy.config, metadata) == (SMALL, {"task": "f"})
    assert [file.name for file in path.parent.iterdir()] == ["policy.eqx"]


def test_policy_without_metadata(tmp_path):
    """It has none then."""
    save_policy(tmp_path / "policy", small_policy())
    assert load_policy(tmp_path / "policy")[1] == {}


def test_reading_compiles_nothing(policy_file, state_file):
    """The shapes of a policy are enough, so one of another size is read as quickly."""
    before = times_compiled(policy_module._draw)
    change_header(policy_file, config=SIZE | {"head_width": 5})
    with pytest.raises(PolicyFormatError, match="is damaged"):
        load_policy(policy_file)
    load_training(state_file, SMALL, seed=4)
    assert times_compiled(policy_module._draw) == before


def test_equal_content_gives_equal_bytes(tmp_path):
    """Written twice, policies and training states are the same files."""
    for name in ("a", "b"):
        save_policy(tmp_path / f"{name}.eqx", small_policy(), {"z": 1, "a": 2})
        save_training(tmp_path / f"{name}.state", training_state())
    save_training(tmp_path / "c.state", dataclasses.replace(training_state(), step=101))
    for kind in ("eqx", "state"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()
    assert (tmp_path / "c.state").read_bytes() != (tmp_path / "a.state").read_bytes()


def test_training_state_comes_back(state_file, tmp_path):
    """All of it: every field, lessons with costs beyond 64 bits, an infinite best value."""
    state, expected = load_training(state_file, SMALL, seed=4), training_state()
    for field in dataclasses.fields(TrainingState):
        ours, theirs = getattr(state, field.name), getattr(expected, field.name)
        if field.name in ("policy", "optimiser", "average", "best_policy"):
            assert same_arrays(ours, theirs), field.name
        elif field.name != "lessons":
            assert ours == theirs, field.name
    assert len(state.lessons) == len(expected.lessons)
    for (number, ours), (other, theirs) in zip(state.lessons, expected.lessons, strict=True):
        assert (number, ours.cost) == (other, theirs.cost)
        for a, b in ((ours.nodes, theirs.nodes), (ours.moves, theirs.moves)):
            assert a.dtype == b.dtype == np.int32 and np.array_equal(a, b)
        assert ours.regrets.dtype == np.float16 and np.array_equal(ours.regrets, theirs.regrets)
    save_training(tmp_path / "again", state)
    assert (tmp_path / "again").read_bytes() == state_file.read_bytes()


@pytest.mark.parametrize("value", [float("inf"), 1.0 / 3.0, 300.0])
def test_best_values_come_back(tmp_path, value):
    """To the last bit."""
    save_training(tmp_path / "state", dataclasses.replace(training_state(), best_value=value))
    assert load_training(tmp_path / "state", SMALL, seed=4).best_value == value


def test_absent_files(tmp_path):
    """One line that says what to do."""
    said = r"cannot read a policy from .*none \(No such file .*train one first, or name another"
    with pytest.raises(PolicyFormatError, match=said):
        load_policy(tmp_path / "none")
    with pytest.raises(PolicyFormatError, match=r"cannot read a training state from .*none"):
        load_training(tmp_path / "none", SMALL, seed=4)


@pytest.mark.parametrize("keep", [0, 10, 500, 1500, -100, -1])
def test_truncated_files(policy_file, state_file, keep):
    """Wherever a file was cut, reading it is a clear error of one line."""
    for path in (policy_file, state_file):
        path.write_bytes(path.read_bytes()[:keep])
        with pytest.raises(
            PolicyFormatError, match=r"is damaged \(.*delete it and train again"
        ) as e:
            if path is policy_file:
                load_policy(path)
            else:
                load_training(path, SMALL, seed=4)
        assert "\n" not in str(e.value) and str(path) in str(e.value)


def test_longer_files(policy_file, state_file):
    """What is behind the last array is not ignored."""
    for path in (policy_file, state_file):
        path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(PolicyFormatError, match="there is more after the last array"):
        load_policy(policy_file)
    with pytest.raises(PolicyFormatError, match="there is more after the last array"):
        load_training(state_file, SMALL, seed=4)


def test_files_that_are_something_else(tmp_path):
    """No JSON in the first line, or JSON that is not a header."""
    path = tmp_path / "file"
    path.write_bytes(b"\x93NUMPY\n")
    with pytest.raises(PolicyFormatError, match="its first line is not JSON"):
        load_policy(path)
    path.write_bytes(b"[1]\n")
    with pytest.raises(PolicyFormatError, match="holds a None, expected a 'policy': name another"):
        load_policy(path)


@pytest.mark.parametrize("schema", [1, 99, None])
def test_other_schema(policy_file, state_file, schema):
    """Files of other versions are refused."""
    said = rf"has schema {schema}, expected schema {POLICY_SCHEMA}: train it again with this"
    for path in (policy_file, state_file):
        change_header(path, schema=schema)
    with pytest.raises(PolicyFormatError, match=said):
        load_policy(policy_file)
    with pytest.raises(PolicyFormatError, match=said):
        load_training(state_file, SMALL, seed=4)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"config": SIZE | {"width": 7}}, "width must be a multiple of"),
        ({"config": SIZE | {"layers": 3}}, "unexpected keyword argument 'layers'"),
        ({"config": None}, "'config'"),
        ({"features": ["a"]}, "it reads other features of the vertices"),
        ({"features": FEATURES[::-1]}, "it reads other features of the vertices"),
        ({"features": None}, "it reads other features of the vertices"),
    ],
)
def test_other_architecture(policy_file, state_file, entry, reason):
    """What this version cannot build is refused, and so are policies that see something else."""
    said = rf"holds a policy of another architecture \(.*{reason}.*train it again with this version"
    for path in (policy_file, state_file):
        change_header(path, **entry)
    with pytest.raises(PolicyFormatError, match=said):
        load_policy(policy_file)
    with pytest.raises(PolicyFormatError, match=said):
        load_training(state_file, SMALL, seed=4)


def test_header_of_another_size_than_the_arrays(policy_file):
    """The arrays must have the shapes that the header promises."""
    change_header(policy_file, config=SIZE | {"head_width": 9})
    with pytest.raises(PolicyFormatError, match="is damaged"):
        load_policy(policy_file)


@pytest.mark.parametrize(
    "entry",
    [
        {"update": None},
        {"best_value": "low"},
        {"lessons": [[5, 31]]},
        {"lessons": [[5, 31]] * 4},
        {"lessons": 3},
        {"lessons": [["x", 31]] * 3},
        {"orders": [1]},
        {"curve": None},
    ],
    ids=str,
)
def test_damaged_header_of_a_training(state_file, entry):
    """Entries that are missing or make no sense, and lessons that are not those of the arrays."""
    change_header(state_file, **entry)
    with pytest.raises(PolicyFormatError, match=r"is damaged \(.*delete it and train again"):
        load_training(state_file, SMALL, seed=4)


def test_a_policy_is_no_training_state(policy_file, state_file):
    """And the other way round."""
    with pytest.raises(PolicyFormatError, match="holds a 'policy', expected a 'training state'"):
        load_training(policy_file, SMALL, seed=4)
    with pytest.raises(PolicyFormatError, match="holds a 'training state', expected a 'policy'"):
        load_policy(state_file)


@pytest.mark.parametrize(("config", "seed"), [(SMALL, 5), (PolicyConfig(), 4)])
def test_state_of_another_training(state_file, config, seed):
    """A state is only good for the size and the seed that it was made with."""
    with pytest.raises(PolicyFormatError) as caught:
        load_training(state_file, config, seed=seed)
    assert str(caught.value) == (
        f"{state_file} holds a training of {SMALL} with seed 4, expected {config} with seed "
        f"{seed}: delete the file to start again"
    )


def test_failed_write_leaves_the_old_file(policy_file, monkeypatch):
    """A crash before the rename changes nothing and leaves nothing behind."""
    before = policy_file.read_bytes()

    def fail(*_) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        save_policy(policy_file, small_policy(2))
    assert policy_file.read_bytes() == before
    assert list(policy_file.parent.iterdir()) == [policy_file]
    assert issubclass(PolicyFormatError, ElimaxError)


def test_default_policy_file_is_small(tmp_path):
    """A policy of the default size weighs less than a megabyte."""
    form = jax.eval_shape(lambda: make_policy(PolicyConfig(), seed=0))
    policy = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), form)
    save_policy(tmp_path / "policy.eqx", policy)
    assert 100_000 < (tmp_path / "policy.eqx").stat().st_size < 1_000_000


def test_the_policy_that_comes_along(policy_file, monkeypatch):
    """It is read from the package's own file."""
    monkeypatch.setattr(checkpoint.importlib.resources, "files", lambda package: Named(policy_file))
    assert same_arrays(checkpoint.pretrained_policy(), small_policy())


class Named:
    """Stands for the folder of a package."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def joinpath(self, name: str) -> Path:
        """The one file that there is."""
        assert name == "pretrained.eqx"
        return self._path


def test_the_shipped_policy_is_that_of_the_pipeline() -> None:
    """The package leads to the file that pretraining writes."""
    policy, metadata = load_policy(ROOT / "data/policies/pretrained.eqx")
    assert metadata["stage"] == "pretrain"
    assert same_arrays(checkpoint.pretrained_policy(), policy)
