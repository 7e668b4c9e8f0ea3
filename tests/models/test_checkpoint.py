"""Files are complete or absent, equal for equal content, and refuse what does not fit."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from elimax.interpreter.errors import ElimaxError
from elimax.models.checkpoint import (
    load_policy,
    load_training,
    pretrained_policy,
    save_policy,
    save_training,
)
from elimax.models.errors import PolicyFormatError
from elimax.models.policy import PolicyConfig, make_policy
from elimax.models.ppo import PPOConfig
from elimax.models.training import start_training
from support.model_graphs import TINY, tiny_policy
from support.repository import ROOT


def training_state(seed: int = 4):
    """A state as after two updates."""
    return dataclasses.replace(
        start_training(tiny_policy(1), PPOConfig(), 3, seed=seed),
        update=2,
        eliminations=77,
        average=tiny_policy(3),
        best_policy=tiny_policy(2),
        orders={"best": (3, 1, 2)},
        curve=({"losses/policy": 0.1}, {"losses/policy": 1 / 3}),
    )


def same_arrays(first, second) -> bool:
    """Whether two trees hold the same numbers."""
    pairs = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def change_header(path, **entries) -> None:
    """Replaces entries of a file's header."""
    first, rest = path.read_bytes().split(b"\n", 1)
    path.write_bytes(json.dumps(json.loads(first) | entries).encode() + b"\n" + rest)


def test_policy_comes_back(tmp_path):
    """With its size and its metadata, from a folder that did not exist."""
    path = tmp_path / "new" / "policy.eqx"
    save_policy(path, tiny_policy(3), {"task": "f"})
    policy, metadata = load_policy(path)
    assert same_arrays(policy, tiny_policy(3))
    assert (policy.config, metadata) == (TINY, {"task": "f"})
    assert [file.name for file in path.parent.iterdir()] == ["policy.eqx"]


def test_equal_content_gives_equal_bytes(tmp_path):
    """Written twice, policies and training states are the same files."""
    for name in ("a", "b"):
        save_policy(tmp_path / f"{name}.eqx", tiny_policy(), {"z": 1, "a": 2})
        save_training(tmp_path / f"{name}.state", training_state())
    for kind in ("eqx", "state"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_training_state_comes_back(tmp_path):
    """All of it, the infinite first best value included."""
    save_training(tmp_path / "state", training_state())
    state = load_training(tmp_path / "state", TINY, seed=4)
    assert same_arrays(state.policy, tiny_policy(1))
    assert same_arrays(state.average, tiny_policy(3))
    assert same_arrays(state.best_policy, tiny_policy(2))
    assert same_arrays(state.optimiser, training_state().optimiser)
    for field in ("seed", "update", "eliminations", "best_value", "orders", "curve"):
        assert getattr(state, field) == getattr(training_state(), field), field


def test_absent_file(tmp_path):
    """One line that says what to do."""
    with pytest.raises(PolicyFormatError, match=r"cannot read a policy from .*train one first"):
        load_policy(tmp_path / "none.eqx")


@pytest.mark.parametrize("keep", [0, 10, 500, -1])
def test_torn_file(tmp_path, keep):
    """Wherever the file was cut, reading it is a clear error of one line."""
    path = tmp_path / "policy.eqx"
    save_policy(path, tiny_policy())
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(PolicyFormatError, match=r"is damaged .*train again") as caught:
        load_policy(path)
    assert "\n" not in str(caught.value)


def test_longer_file(tmp_path):
    """What is behind the last array is not ignored."""
    path = tmp_path / "policy.eqx"
    save_policy(path, tiny_policy())
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(PolicyFormatError, match="more behind the last array"):
        load_policy(path)


def test_other_schema(tmp_path):
    """Files of other versions are refused."""
    path = tmp_path / "policy.eqx"
    save_policy(path, tiny_policy())
    change_header(path, schema=99)
    with pytest.raises(PolicyFormatError, match="has schema 99, expected schema 1"):
        load_policy(path)


@pytest.mark.parametrize(
    "entry",
    [{"config": {"width": 7, "heads_per_view": 2}}, {"config": {"layers": 3}}, {"features": ["a"]}],
)
def test_other_architecture(tmp_path, entry):
    """Policies that this version cannot build are refused."""
    path = tmp_path / "policy.eqx"
    save_policy(path, tiny_policy())
    change_header(path, **entry)
    with pytest.raises(PolicyFormatError, match="policy of another architecture"):
        load_policy(path)


def test_header_of_another_size_than_the_arrays(tmp_path):
    """The arrays must have the shapes that the header promises."""
    path = tmp_path / "policy.eqx"
    save_policy(path, tiny_policy())
    change_header(path, config=dataclasses.asdict(PolicyConfig()))
    with pytest.raises(PolicyFormatError, match="is damaged"):
        load_policy(path)


def test_a_policy_is_no_training_state(tmp_path):
    """And the other way round."""
    save_policy(tmp_path / "policy", tiny_policy())
    save_training(tmp_path / "state", training_state())
    with pytest.raises(PolicyFormatError, match="holds a 'policy', expected a 'training state'"):
        load_training(tmp_path / "policy", TINY, seed=4)
    with pytest.raises(PolicyFormatError, match="holds a 'training state', expected a 'policy'"):
        load_policy(tmp_path / "state")


@pytest.mark.parametrize(("config", "seed"), [(TINY, 5), (PolicyConfig(), 4)])
def test_state_of_another_training(tmp_path, config, seed):
    """A state is only good for the size and the seed that it was made with."""
    save_training(tmp_path / "state", training_state(seed=4))
    with pytest.raises(PolicyFormatError, match=r"with seed 4, wanted is .*delete the file"):
        load_training(tmp_path / "state", config, seed=seed)


def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    """A crash before the rename changes nothing and leaves nothing behind."""
    path = tmp_path / "policy.eqx"
    save_policy(path, tiny_policy(1))
    before = path.read_bytes()
    monkeypatch.setattr("os.replace", _fail)
    with pytest.raises(OSError, match="disk full"):
        save_policy(path, tiny_policy(2))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    assert issubclass(PolicyFormatError, ElimaxError)


def test_default_policy_file_is_small(tmp_path):
    """A pretrained policy weighs less than 300 kB."""
    save_policy(tmp_path / "policy.eqx", make_policy(PolicyConfig(), seed=0))
    assert (tmp_path / "policy.eqx").stat().st_size < 300_000


def _fail(*_) -> None:
    raise OSError("disk full")


def test_the_shipped_policy_is_that_of_the_pipeline() -> None:
    """The package leads to the file that pretraining writes."""
    policy, metadata = load_policy(ROOT / "data/policies/pretrained.eqx")
    assert metadata["stage"] == "pretrain"
    assert same_arrays(pretrained_policy(), policy)
