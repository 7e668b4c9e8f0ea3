"""Command optimize: a plan that is right, timed and written."""

import json
from collections.abc import Callable

import jax
import numpy as np
import pytest

from elimax.interpreter.errors import JacobianMismatchError
from elimax.interpreter.jacobian import jacve
from elimax.interpreter.plan import Plan
from elimax.pipeline.checkout.files import Layout
from elimax.pipeline.command_line import cli, optimize
from elimax.pipeline.command_line.explain import explain_task
from elimax.pipeline.command_line.order_search import search_order
from elimax.pipeline.tasks import load_task

Call = Callable[..., str]


@pytest.fixture
def call(layout: Layout, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs a command line that ends well; returns what it prints."""

    def run(*arguments: str) -> str:
        with pytest.raises(SystemExit) as caught:
            cli.run(arguments)
        assert not caught.value.code, capsys.readouterr().err
        return capsys.readouterr().out

    return run


def test_the_whole_way(call: Call, layout: Layout, toy: str) -> None:
    """The plan in the file computes the Jacobian of JAX, and other commands take it."""
    path = layout.root / "plan.json"
    out = call("optimize", toy, "--seconds", "0.1", "--batch", "16", "--out", str(path))
    assert (
        "found by both in" in out
        and "within" in out
        and f"wrote {path}: elimax.jacve(f, argnums=(0, 1), order=" in out
    )
    task, made = load_task(toy), Plan.load(path)
    inputs = task.example_inputs()
    ours = jacve(task.function, task.argnums, order=made)(*inputs)
    theirs = jax.jacrev(task.function, task.argnums)(*inputs)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), ours, theirs)
    assert explain_task(layout, toy, str(path)).order == made.order
    compared = json.loads(call("compare", toy, "--order", str(path), "--json"))
    assert compared["orders"]["best"]["nontrivial"] == made.nontrivial


def test_json_has_all_of_it(call: Call, toy: str) -> None:
    """What was searched, how long each contender took, and the plan of the first of them."""
    found = json.loads(call("optimize", toy, "--method", "annealing", "--seconds", "0.1", "--json"))
    assert found["search"]["method"] == "annealing" and found["batch"] is None
    assert found["orders"]["found"]["nontrivial"] == found["search"]["nontrivial"]
    assert {found["winner"], "jacfwd", "jacrev"} <= set(found["seconds"])
    assert found["blocks"] >= 1 and found["max_error"] < 1e-10
    assert Plan.from_dict(found["plan"]).nontrivial >= found["search"]["bound"]


@pytest.mark.slow
def test_the_order_that_was_found_is_timed(layout: Layout) -> None:
    """It is a contender of its own where it is another one than jacve's."""
    found = optimize.optimize("kerr_metric", method="annealing", seconds=0.3)
    assert optimize.FOUND in found.raced.plans
    assert found.raced.plans[optimize.FOUND].order == found.order
    assert optimize.FOUND in found.raced.seconds


def test_a_wrong_jacobian_is_an_error(toy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written that was not checked."""

    def wrong(*arguments: object, **options: object) -> object:
        raise JacobianMismatchError("block [0] differs")

    monkeypatch.setattr(optimize, "check_against", wrong)
    with pytest.raises(JacobianMismatchError, match="block"):
        optimize.optimize(toy, method="portfolio")


def test_search_writes_a_plan(call: Call, layout: Layout, toy: str) -> None:
    """With the counts of the order, and the bound where it is about the same count."""
    path = layout.root / "plan.json"
    call("search", toy, "--method", "exact", "--count", "nontrivial", "--out", str(path))
    made, result = Plan.load(path), search_order(toy, "exact", "nontrivial")
    assert list(made.order.vertices) == result["order"] and made.order.name == "exact"
    assert made.optimal and made.bound == made.nontrivial == result["nontrivial"]
    call("search", toy, "--method", "portfolio", "--out", str(path))
    assert Plan.load(path).bound is None
