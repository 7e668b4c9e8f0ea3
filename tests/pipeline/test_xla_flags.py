"""Flags that turn wrong numbers of XLA right, added before JAX starts."""

import json
import os
import subprocess
import sys
from importlib.metadata import version

import pytest

from elimax.pipeline.xla_flags import (
    LAST,
    NAME,
    add_xla_flags,
    correcting_flags,
    with_flag_set,
)
from support.repository import ROOT

EXTRA, FUSION = "--xla_backend_extra_options", "xla_cpu_use_multi_output_fusion"
KNOWN = bool(correcting_flags(version("jaxlib"), "cpu"))

PROGRAMS = """
import json
import jax, jax.numpy as jnp, numpy as np

random = np.random.default_rng(0)
matrix = random.standard_normal((3, 3)).astype(np.float32)
rows = random.standard_normal((40000, 3)).astype(np.float32)
got = jax.jit(jax.vmap(lambda x: jnp.sum((matrix @ jnp.sin(x)) ** 2)))(rows)
exact = ((np.sin(rows.astype(np.float64)) @ matrix.T) ** 2).sum(axis=1)
product = np.abs(np.asarray(got) - exact).max() / exact.max()

image = random.standard_normal((64, 128)).astype(np.float32)
got = jax.lax.reduce_window(
    image, -jnp.inf, jax.lax.max, (2, 1), (2, 1), ((0, 0), (0, 0)), base_dilation=(1, 2)
)
dilated = np.full((64, 255), -np.inf, np.float32)
dilated[:, ::2] = image
window = np.mean(np.asarray(got) != np.maximum(dilated[::2], dilated[1::2]))
print(json.dumps({"product": float(product), "window": float(window)}))
"""
"""Prints the relative error of a batched product, and the share of wrong maxima."""


def run(program: str, flags: str = "") -> str:
    """Runs a program in a process whose XLA_FLAGS are those given, and returns what it prints."""
    variables = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def errors() -> tuple[dict[str, float], dict[str, float]]:
    """Errors of the programs as JAX comes, and after `pipeline` is imported."""
    return json.loads(run(PROGRAMS)), json.loads(run("import elimax.pipeline\n" + PROGRAMS))


@pytest.mark.parametrize("program", ["product", "window"])
def test_wrong_numbers_turn_right(
    errors: tuple[dict[str, float], dict[str, float]], program: str
) -> None:
    """What XLA computes wrong by default is right once the flags are there."""
    before, after = errors
    assert after[program] < 1e-5
    if before[program] < 1e-5:
        pytest.skip(f"jaxlib {version('jaxlib')} is right by default")


@pytest.mark.parametrize(
    ("jaxlib", "platforms", "added"),
    [
        ("0.10.1", "", False),
        ("0.10.2", "", True),
        ("0.10.2", "cpu", True),
        ("0.10.2", "cuda,cpu", True),
        ("0.10.2", "cuda", False),
        ("0.11.2.dev20260701+abc", "", True),
        (".".join(map(str, LAST)), "", True),
        (".".join(map(str, LAST)) + ".1", "", False),
        ("1.0", "", False),
    ],
)
def test_flags_depend_on_version_and_platform(jaxlib: str, platforms: str, added: bool) -> None:
    """Only versions that know the flag get it: XLA aborts the process at an unknown one."""
    assert correcting_flags(jaxlib, platforms) == ((f"{NAME}=",) if added else ())


@pytest.mark.skipif(not KNOWN, reason="this version of jaxlib needs no flag")
@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (None, f"{NAME}="),
        ("", f"{NAME}="),
        ("--xla_a=1  --xla_b='x  y'", f"--xla_a=1  --xla_b='x  y' {NAME}="),
        (f"--xla_a=1 {NAME}=dot", f"--xla_a=1 {NAME}=dot"),
        (f"{NAME}_more=1", f"{NAME}_more=1 {NAME}="),
        ("flags.txt", "flags.txt"),
    ],
)
def test_flags_of_the_user_stay(flags: str | None, expected: str) -> None:
    """Other flags are kept, a value of the user's own wins, and a file of flags is left alone."""
    variables = {} if flags is None else {"XLA_FLAGS": flags}
    add_xla_flags(variables)
    add_xla_flags(variables)
    assert variables == {"XLA_FLAGS": expected}


def test_importing_pipeline_adds_flags_without_loading_jax() -> None:
    """The flags come before JAX, the user's stay, and XLA starts with all of them."""
    program = (
        "import os, sys, pipeline\n"
        "assert 'jax' not in sys.modules\n"
        "import jax.numpy as jnp\n"
        "jnp.ones(2) + 1\n"
        "print(os.environ['XLA_FLAGS'])\n"
    )
    added = [f"{NAME}="] if KNOWN else []
    mine = "--xla_force_host_platform_device_count=2"
    assert run(program, mine).split() == [mine, *added]


@pytest.mark.parametrize(
    ("flags", "present", "expected"),
    [
        ("default", "", ""),
        ("fusion", "", f"{EXTRA}={FUSION}"),
        ("default", f"--a=1 {EXTRA}={FUSION}", "--a=1"),
        ("default", f"{EXTRA}={FUSION},b,{FUSION} --a=1", f"--a=1 {EXTRA}=b"),
        ("fusion", f"{EXTRA}=b --a=1", f"--a=1 {EXTRA}=b,{FUSION}"),
        ("fusion", "flags.txt", "flags.txt"),
    ],
)
def test_sets_of_flags(flags, present, expected):
    """Other flags of the user stay, and so does a file of them."""
    environment = {"XLA_FLAGS": present, "HOME": "here"}
    changed = with_flag_set(flags, environment)
    assert changed == {"XLA_FLAGS": expected, "HOME": "here"}
    assert environment["XLA_FLAGS"] == present
    assert with_flag_set(flags, changed) == changed
