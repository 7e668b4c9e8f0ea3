"""One case: what is compared, and what is measured."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import elimax
from benchmarks.ecosystem import measure
from benchmarks.ecosystem.cases import Problem
from benchmarks.ecosystem.measure import compare_stages, describe, error_of
from benchmarks.ecosystem.stages import FASTEST, MODES, REFERENCES


def told_by(problem: Problem, skip: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
    """What is told of each stage."""
    lines: list[dict[str, Any]] = []
    compare_stages(problem, skip, lines.append)
    begun = [line["begin"] for line in lines if "begin" in line]
    ended = {line["stage"]: line for line in lines if "stage" in line}
    assert begun == list(ended)
    return ended


def product(x: Any, y: Any) -> Any:
    """A function of two arrays."""
    return {"a": jnp.sin(x) * y, "b": jnp.sum(x)}


POINT = (np.arange(3.0) + 0.5, np.arange(3.0) - 4.0)


def test_all_stages_are_right() -> None:
    """Every mode equals both references, and the numbers are there."""
    with jax.enable_x64(True):
        stages = told_by(Problem(product, POINT))
    assert list(stages) == [*REFERENCES, *MODES]
    for told in stages.values():
        assert told["status"] == "right"
        assert told["error_size"] < 1e-12
        assert min(told["trace"], told["compile"], told["run"]) > 0 <= told["memory"]


def test_hessians() -> None:
    """By hessve, against both ways to differentiate a gradient."""
    with jax.enable_x64(True):
        problem = Problem(lambda x, y: jnp.sum(product(x, y)["a"]), POINT, hessian=True)
        stages = told_by(problem)
    assert all(told["status"] == "right" for told in stages.values())


def test_a_wrong_jacobian_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other numbers, nan, another shape, an exception."""
    right = elimax.jacve
    spoils = {
        "auto": lambda x: 1.001 * x,
        "forward": lambda x: x + np.nan,
        "reverse": lambda x: x[None],
        "structured": lambda x: 1 / 0,
    }

    def spoiled(fun: Any, argnums: Any, *, order: str, output: str) -> Any:
        stage = output if output == "structured" else order
        return lambda *args: jax.tree.map(spoils[stage], right(fun, argnums)(*args))

    monkeypatch.setattr(measure.elimax, "jacve", spoiled)
    with jax.enable_x64(True):
        stages = told_by(Problem(product, POINT))
    assert [stages[mode]["status"] for mode in MODES] == ["wrong", "wrong", "wrong", "failed"]
    assert stages["auto"]["error_size"] == pytest.approx(1e-3)
    assert stages["structured"]["error"] == "ZeroDivisionError: division by zero"


@pytest.mark.slow
def test_a_race() -> None:
    """What wins is right, and was timed beside both modes of JAX in the same rounds."""
    for hessian in (False, True):
        fun = (lambda x, y: jnp.sum(product(x, y)["a"] ** 2)) if hessian else product
        lines: list[dict[str, Any]] = []
        with jax.enable_x64(True):
            problem = Problem(fun, POINT, hessian=hessian)
            compare_stages(problem, (), lines.append, modes=(FASTEST,))
        told = {line["stage"]: line for line in lines if "stage" in line}
        assert list(told) == [*REFERENCES, FASTEST]
        assert told[FASTEST]["status"] == "right"
        assert told[FASTEST]["winner"] in ("auto", "xla", "native", *REFERENCES)
        for key in ("ratio", "auto_ratio"):
            ratio = told[FASTEST][key]
            assert 0.0 < ratio["low"] <= ratio["median"] <= ratio["high"]


def test_without_a_reference_nothing_is_compared() -> None:
    """A case that JAX cannot differentiate says nothing about elimax."""

    def refuse(x: Any) -> Any:
        raise RuntimeError("no derivative")

    stages = told_by(Problem(refuse, (np.ones(2),)))
    assert list(stages) == list(REFERENCES)
    assert not told_by(Problem(refuse, (np.ones(2),)), skip=REFERENCES)


def test_a_stage_can_be_left_out() -> None:
    """As after a crash in it."""
    with jax.enable_x64(True):
        stages = told_by(Problem(product, POINT), skip=("jacfwd", "auto", "structured"))
    assert list(stages) == ["jacrev", "forward", "reverse"]


def test_error_of_blocks() -> None:
    """Relative to each block, but a block of rounding errors is not a block of errors."""
    one = {"a": np.array([2.0, 1.0]), "b": np.array([0.0])}
    assert error_of(one, one) == 0
    assert error_of({"a": np.array([2.2, 1.0]), "b": np.array([0.0])}, one) == pytest.approx(0.1)
    assert error_of({"a": one["a"], "b": np.array([1e-15])}, one) == pytest.approx(5e-10)
    assert error_of({"a": one["a"]}, one) == np.inf
    assert error_of({"a": one["a"], "b": np.float32([0.0])}, one) == np.inf


def test_errors_in_one_line() -> None:
    """Long texts are cut."""
    assert describe(ValueError("first\n second")) == "ValueError: first second"
    assert len(describe(ValueError("x" * 1000))) == 300
