"""A case of every primitive of JAX, and the command that runs all of them."""

import jax
import numpy as np
import pytest

from elimax.interpreter.jacobian import jacve
from support import jax_comparison, jax_coverage
from support.jax_cases import all_cases, problems_of, smallest_cases
from support.jax_comparison import compare, run_case

with jax.enable_x64(True):
    CASES = {case.fullname: case for case in smallest_cases()}

LOOPS = ("igamma", "igammac", "random_gamma")
"""Groups whose case compiles for seconds, loop by loop; the others are beside them."""


@pytest.fixture(autouse=True)
def _as_the_command():
    """The cases promote dtypes as they like, and have 64-bit numbers among them."""
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        yield


def named(group):
    """The first case of a primitive, in half precision."""
    return next(case for case in all_cases() if case.group_name == group)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if case.group_name in LOOPS else name
        for name, case in CASES.items()
    ],
)
def test_smallest_case(name):
    """Equal to jacfwd or jacrev, or without a derivative in JAX."""
    outcome = run_case(CASES[name], seed=0)
    assert outcome.status not in jax_coverage.FAILURES, outcome.detail


def test_nearly_all_primitives_are_compared():
    """The list is not empty because something about it has changed."""
    assert len({case.group_name for case in CASES.values()}) > 100
    assert len(all_cases()) > 5000


def test_a_wrong_jacobian_is_found(monkeypatch):
    """Off by a factor, of another shape, nan in the wrong place."""
    (problem,) = problems_of(named("sin"), seed=0)
    for spoil in (lambda x: 1.2 * x, lambda x: x[None], lambda x: x.at[0].set(np.nan)):

        def spoiled(*args, spoil=spoil, **options):
            jacobian = jacve(*args, **options)
            return lambda *leaves: jax.tree.map(spoil, jacobian(*leaves))

        monkeypatch.setattr(jax_comparison, "jacve", spoiled)
        assert compare(problem).status == "wrong"


def test_zeros_on_the_diagonal_are_no_excuse(monkeypatch):
    """0 for a nan is right only where the output does not depend on the input."""
    case = next(case for case in all_cases() if case.fullname.startswith("acosh_shape_float32"))
    (problem,) = problems_of(case, seed=0)
    assert compare(problem).status == "passed"

    def zero(*args, **options):
        jacobian = jacve(*args, **options)
        return lambda *leaves: jax.tree.map(
            lambda x: jax.numpy.where(jax.numpy.isnan(x), 0, x), jacobian(*leaves)
        )

    monkeypatch.setattr(jax_comparison, "jacve", zero)
    assert compare(problem).status == "wrong"


def test_an_error_is_found(monkeypatch):
    """What jacve raises and JAX does not is unsupported, with the message."""

    def broken(*args, **options):
        raise ValueError("no such rule")

    monkeypatch.setattr(jax_comparison, "jacve", broken)
    outcome = run_case(named("sin"), seed=0)
    assert (outcome.status, outcome.detail) == ("unsupported", "ValueError: no such rule")


def test_large_cases_are_compared_in_part(monkeypatch):
    """A few entries of the inputs and outputs; the whole arrays still go through the function."""
    monkeypatch.setattr(jax_comparison, "LARGEST", 5_000)
    assert run_case(named("sin"), seed=0).status == "in part"


def test_points_depend_on_the_seed_and_the_case_only():
    """The same numbers whichever other cases run."""
    first, again = (problems_of(named("sin"), seed=1)[0].leaves[0] for _ in range(2))
    other = problems_of(named("sin"), seed=2)[0].leaves[0]
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_command_prints_a_table(capsys):
    """One line per primitive, the totals, and status 0."""
    assert jax_coverage.main(["--group", "sin", "--sample", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["primitive", "passed"]
    assert lines[1].split() == ["sin", "2", *["0"] * 6]
    assert lines[2].split() == ["total", "2", *["0"] * 6]
    assert lines[3].startswith("2 cases in")


def test_command_leaves_settings_alone(capsys):
    """64-bit numbers are for its cases only."""
    with jax.enable_x64(False):
        jax_coverage.main(["--group", "sin", "--sample", "1"])
        assert not jax.config.jax_enable_x64
    assert "1 cases" in capsys.readouterr().out


def test_command_fails_if_a_case_does(capsys, monkeypatch):
    """Status 1, and the name of the case."""
    monkeypatch.setattr(
        jax_coverage, "run_case", lambda *args: jax_coverage.Outcome("wrong", "block 0")
    )
    assert jax_coverage.main(["--group", "sin", "--sample", "1"]) == 1
    assert capsys.readouterr().out.startswith("wrong: sin_")
