"""What is the same on all devices and then is not."""

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

from elimax.interpreter.errors import TracingError
from elimax.interpreter.jacobian import jacve

MESH = jax.make_mesh((1,), ("d",), axis_types=(AxisType.Auto,))


def slope(jac, weight, pcast):
    """The slope of a product with what only this device has."""

    def on_device(x, weight):
        if pcast:
            weight = jax.lax.pcast(weight, "d", to="varying")
        return jac(lambda w: w * jnp.sum(x))(weight) * jnp.ones_like(x[:1])

    shards = jax.shard_map(on_device, mesh=MESH, in_specs=(P("d"), P()), out_specs=P("d"))
    return shards(jnp.arange(3.0), jnp.float32(weight))


def test_inputs_that_are_the_same_everywhere_are_refused():
    """JAX's two modes disagree there; the message names the axis and both ways out."""
    with pytest.raises(TracingError, match=r"devices of the axis 'd'.*pcast.*jax\.lax\.psum"):
        slope(jacve, 2.0, pcast=False)


def test_inputs_that_are_spread_before_are_not():
    """Every device has a Jacobian of its own."""
    for jac in (jacve, jax.jacfwd, jax.jacrev):
        assert slope(jac, 2.0, pcast=True).tolist() == [3.0]
