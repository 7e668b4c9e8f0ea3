"""Finding tasks by name and functions of users by module."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import pytest

from elimax.interpreter.errors import ElimaxError
from elimax.pipeline.tasks import (
    InvalidTaskError,
    UnknownTaskError,
    load_task,
    task_names,
)
from support.compare import QUICK
from support.repository import ROOT
from support.task_probe import count_vertices

_MODULE = """
import numpy as np

not_a_function = 3
empty_argnums = ()
far_argnums = (0, 2)
twice_argnums = (0, 0)
second_argnums = [1]
whole_argnums = (1,)


def example_inputs():
    return 2.0, np.float32(3.0)


def product(x, y):
    \"\"\"Multiplies.

    More.
    \"\"\"
    return x * y


def integers(x, n):
    return x * n


def integers_example_inputs():
    return 1, 2


def whole(x, n):
    return x * n


def whole_example_inputs():
    return 1.0, 2


def listed(x):
    return x


def listed_example_inputs():
    return [1.0]


def keyword(x, *, y):
    return x * y


def keyword_example_inputs():
    return (1.0,)


def failing(x):
    return x


def failing_example_inputs():
    raise ValueError("no data")


empty = far = twice = second = product
"""


@pytest.fixture
def user_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Writes a user's module in a package of the working directory; returns its name."""
    name = "elimax_user_functions"
    package = tmp_path / name
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "good.py").write_text(_MODULE)
    (package / "bare.py").write_text("def product(x, y):\n    return x * y\n")
    (package / "odd.py").write_text("example_inputs = (1.0,)\n\ndef same(x):\n    return x\n")
    (package / "broken.py").write_text("1 / 0\n")
    (package / "needy.py").write_text("import no_such_package_of_elimax\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield name
    for module in [key for key in sys.modules if key.split(".")[0] == name]:
        del sys.modules[module]


def test_names_are_listed_in_order() -> None:
    """The fourteen tasks, those of the paper first."""
    assert task_names() == (
        "roe_flux_1d",
        "roe_flux_3d",
        "robot_arm_6dof",
        "human_heart_dipole",
        "propane_combustion",
        "black_scholes_hessian",
        "mlp",
        "transformer_encoder",
        "bundle_adjustment",
        "autoencoder_bottleneck",
        "bratu_stencil",
        "lstm_rollout",
        "kerr_metric",
        "planar_arm_20",
    )


def test_listing_names_does_not_import_jax() -> None:
    """Help and completion of the command line stay quick."""
    code = "import sys, elimax.pipeline.tasks as t; t.task_names(); sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("name", task_names())
def test_every_task_is_complete(name: str) -> None:
    """Names, texts, argnums and example inputs are as `Task` promises."""
    task = load_task(name)
    module = importlib.import_module(f"elimax.pipeline.tasks.{name}")
    assert task is module.TASK
    assert task.name == name
    assert task.function is getattr(module, name)
    assert task.title
    assert task.source
    assert task.about
    inputs = task.example_inputs()
    assert isinstance(inputs, tuple)
    assert task.argnums
    assert set(task.argnums) <= set(range(len(inputs)))
    for leaf in jax.tree.leaves(inputs):
        assert isinstance(leaf, np.ndarray | np.generic)
        assert leaf.dtype == np.float32


@pytest.mark.parametrize("name", task_names())
def test_every_task_has_finite_values_and_derivatives(name: str) -> None:
    """Outputs and Jacobians are finite float32 numbers, and not all derivatives are zero."""
    task = load_task(name)
    inputs = task.example_inputs()
    outputs = jax.jit(task.function, compiler_options=QUICK)(*inputs)
    jacobian = jax.jit(jax.jacrev(task.function, task.argnums), compiler_options=QUICK)
    blocks = jacobian(*inputs)
    for leaf in jax.tree.leaves((outputs, blocks)):
        assert leaf.dtype == np.float32
        assert np.isfinite(leaf).all()
    assert any(np.any(leaf) for leaf in jax.tree.leaves(blocks))


@pytest.mark.parametrize("name", task_names())
def test_every_task_gives_equal_inputs_twice(name: str) -> None:
    """Random weights come from a fixed seed."""
    task = load_task(name)
    first, second = task.example_inputs(), task.example_inputs()
    jax.tree.map(np.testing.assert_array_equal, first, second)


@pytest.mark.parametrize("name", task_names())
def test_every_graph_is_small(name: str) -> None:
    """No task has more than 300 vertices, so that all of them can be searched."""
    assert 0 < count_vertices(load_task(name)) <= 300


def test_unknown_names_are_met_with_near_ones() -> None:
    """The message gives what was given, near names, all names, and the way out, in one line."""
    with pytest.raises(UnknownTaskError) as caught:
        load_task("RoeFlux_1d")
    message = str(caught.value)
    assert isinstance(caught.value, ElimaxError)
    assert message.startswith("there is no task 'RoeFlux_1d', did you mean roe_flux_1d or ")
    assert ", ".join(task_names()) in message
    assert "package.module:function" in message
    assert "\n" not in message


def test_unknown_name_like_no_other_lists_all() -> None:
    """Without a near name the list of names is what helps."""
    with pytest.raises(UnknownTaskError, match="there is no task 'qqqq'; tasks: roe_flux_1d, "):
        load_task("qqqq")


def test_users_function_is_loaded(user_module: str) -> None:
    """A function in the working directory becomes a task of all its arguments."""
    task = load_task(f"{user_module}.good:product")
    assert task.name == f"{user_module}.good.product"
    assert task.argnums == (0, 1)
    assert task.title == "Multiplies."
    assert task.source == f"module {user_module}.good"
    assert task.function(*task.example_inputs()) == 6.0


def test_users_argnums_and_inputs_win(user_module: str) -> None:
    """`FUNCTION_argnums` and `FUNCTION_example_inputs` go before the defaults."""
    assert load_task(f"{user_module}.good:second").argnums == (1,)
    with pytest.raises(InvalidTaskError, match="holds floating point numbers"):
        load_task(f"{user_module}.good:integers")


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        ("elimax_no_such_module:f", "there is no module 'elimax_no_such_module': looked in "),
        ("{user}.missing:f", "there is no module '{user}.missing'"),
        ("{user}.good:prodct", "has no function 'prodct', did you mean product?"),
        ("{user}.good:", "does not name a function: write it as package.module:function"),
        (":f", "does not name a function: write it as package.module:function"),
    ],
)
def test_functions_that_are_not_there(user_module: str, specification: str, message: str) -> None:
    """A missing module or function is named, and what is near it."""
    with pytest.raises(UnknownTaskError) as caught:
        load_task(specification.format(user=user_module))
    assert message.format(user=user_module) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        ("good:not_a_function", "is of type int but must be a function"),
        ("bare:product", "define product_example_inputs() or example_inputs() there"),
        ("odd:same", "'example_inputs' in module '{user}.odd' is of type tuple but must be"),
        ("good:listed", "are of type list but must be a tuple with one entry for each argument"),
        ("good:failing", "fail: ValueError: no data"),
        # Python 3.12 calls it a "keyword-only argument".
        ("good:keyword", "cannot be called with its 1 example inputs (missing a required "),
        ("good:integers", "in argnums (0, 1) holds floating point numbers"),
        ("good:whole", "in argnums (1,) holds floating point numbers"),
        ("good:empty", "are () but must be a tuple of distinct positions from 0 to 1"),
        ("good:far", "are (0, 2) but must be a tuple of distinct positions from 0 to 1"),
        ("good:twice", "are (0, 0) but must be a tuple of distinct positions from 0 to 1"),
        ("broken:f", "module '{user}.broken' fails on import: ZeroDivisionError: division by zer"),
        ("needy:f", "cannot be imported: No module named 'no_such_package_of_elimax'"),
    ],
)
def test_functions_that_do_not_fit(user_module: str, specification: str, message: str) -> None:
    """What is wrong with a user's function is said in one line."""
    with pytest.raises(InvalidTaskError) as caught:
        load_task(f"{user_module}.{specification}")
    assert message.format(user=user_module) in str(caught.value)
    assert "\n" not in str(caught.value)
