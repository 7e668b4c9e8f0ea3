"""Jacobians inside and around `shard_map`, compared with those of JAX."""

import jax
import jax.numpy as jnp
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from elimax.interpreter.hessian import hessve
from elimax.interpreter.jacobian import jacve
from support.compare import QUICK, assert_same_blocks

HESSIAN = {jacve: hessve, jax.jacrev: jax.hessian}
AXES = {"auto": AxisType.Auto, "explicit": AxisType.Explicit}


def function(x):
    """Constants of the program, constants as outputs, and a product."""
    return jnp.tanh(x @ jnp.ones((3, 3))) * x[0] * 2.0, jnp.ones(2)


def assert_same_on_devices(kind):
    """Asserts that both Jacobians agree on all devices of this process."""
    mesh = jax.make_mesh((len(jax.devices()),), ("d",), axis_types=(AXES[kind],))
    x = jax.device_put(jnp.arange(12.0).reshape(4, 3) / 7, NamedSharding(mesh, P("d")))
    scale = jnp.float32(0.3)

    def over_devices(f, **options):
        return jax.shard_map(f, mesh=mesh, in_specs=P("d"), out_specs=P("d"), **options)

    for use in (
        lambda jac: over_devices(jax.vmap(jac(function))),
        lambda jac: over_devices(jax.vmap(jac(function)), check_vma=False),
        lambda jac: over_devices(jax.vmap(jac(lambda x: jnp.sin(x) * scale))),
        lambda jac: over_devices(jax.vmap(jax.grad(lambda x: jac(jnp.sin)(x).sum()))),
        lambda jac: jac(over_devices(jax.vmap(function))),
        lambda jac: jax.vmap(jac(function)),
        lambda jac: over_devices(jax.vmap(HESSIAN[jac](lambda x: jnp.prod(jnp.sin(x))))),
        lambda jac: jac(over_devices(lambda x: x * jax.lax.psum(jnp.sum(jnp.sin(x)), "d"))),
    ):
        both = tuple(use(jac) for jac in (jacve, jax.jacrev))
        ours, theirs = jax.jit(lambda x, both=both: [f(x) for f in both], compiler_options=QUICK)(x)
        assert_same_blocks(ours, theirs, 1e-5, 1e-6)
