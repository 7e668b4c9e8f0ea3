"""Where a kernel is called, and where the program that it was compiled from is run."""

import subprocess
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from elimax.interpreter.errors import NotScalarError
from elimax.interpreter.native import kernel
from elimax.interpreter.native.call import natively
from support.repository import ROOT

X = jnp.linspace(0.0, 1.0, 24).reshape(8, 3)


def plain(x: Any) -> Any:
    """A function of a vector (3,)."""
    return jnp.sin(x) * x[0]


NATIVE = jax.vmap(lambda x: natively(plain, [x]))
EXPECTED = jax.vmap(plain)(X)


def test_jit_and_no_jit():
    """Also where `jit` is switched off."""
    assert "elimax_" in jax.jit(NATIVE).lower(X).as_text()
    np.testing.assert_allclose(jax.jit(NATIVE)(X), EXPECTED, rtol=1e-6)
    np.testing.assert_allclose(NATIVE(X), EXPECTED, rtol=1e-6)
    with jax.disable_jit():
        np.testing.assert_allclose(NATIVE(X), EXPECTED, rtol=1e-6)


def test_export():
    """What leaves the process calls no kernel, however large the batch will be."""
    for shape in (X.shape, jax.export.symbolic_shape("b, 3")):
        exported = jax.export.export(jax.jit(NATIVE))(jax.ShapeDtypeStruct(shape, X.dtype))
        assert "elimax_" not in exported.mlir_module()
        np.testing.assert_allclose(exported.call(X), EXPECTED, rtol=1e-6)


@pytest.mark.parametrize("checks", [True, False])
def test_inside_of_shard_map(checks):
    """Every device computes its part without a kernel."""
    mesh = jax.make_mesh((1,), ("d",), axis_types=(AxisType.Auto,))
    mapped = jax.shard_map(NATIVE, mesh=mesh, in_specs=P("d"), out_specs=P("d"), check_vma=checks)
    assert "elimax_" not in jax.jit(mapped).lower(X).as_text()
    np.testing.assert_allclose(jax.jit(mapped)(X), EXPECTED, rtol=1e-6)


def assert_divided() -> None:
    """Asserts that a batch stays divided among two devices."""
    mesh = jax.make_mesh((2,), ("d",), axis_types=(AxisType.Auto,))
    x = jax.device_put(X, NamedSharding(mesh, P("d")))
    found = jax.jit(NATIVE)(x)
    assert found.sharding.spec == P("d") and len(found.addressable_shards) == 2
    np.testing.assert_allclose(found, EXPECTED, rtol=1e-6)
    np.testing.assert_allclose(jax.pmap(NATIVE)(X.reshape(2, 4, 3)).reshape(8, 3), EXPECTED, 1e-6)


def test_two_devices():
    """In a process of its own, because the number of devices is fixed when JAX starts."""
    code = (
        "import jax; jax.config.update('jax_num_cpu_devices', 2)\n"
        "from interpreter.native.test_kernel_primitive import assert_divided\n"
        "assert_divided()\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT / "tests", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_machine_that_takes_no_kernel(monkeypatch):
    """Computes without."""

    def refused(*_: Any) -> str:
        raise NotScalarError("this machine has no sin")

    monkeypatch.setattr(kernel, "target_name", refused)
    np.testing.assert_allclose(jax.jit(NATIVE)(X), EXPECTED, rtol=1e-6)


def test_a_traced_program_is_short():
    """It does not list what the kernel computes."""
    assert "call=9 statements, 8 points" in str(jax.make_jaxpr(NATIVE)(X))
