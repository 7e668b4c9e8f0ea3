"""Which scans are entered."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from support.gated_scans import XS, C, gated, scans


@pytest.mark.parametrize(
    ("step", "is_entered"),
    [
        (gated, True),
        (lambda h, x: 0.9 * h + 0.1 * x, False),
        (lambda h, x: jnp.outer(h, x).sum(1) + h[::-1], False),
        (lambda h, x: jnp.abs(lax.complex(jnp.cos(h), x) ** 2) + gated(h, x), False),
        (lambda h, x: jax.pure_callback(np.sin, x, x) * gated(h, x), False),
    ],
    ids=["gates", "average", "wide", "complex numbers", "callback"],
)
def test_only_long_bodies_with_a_narrow_carry_are_entered(step, is_entered):
    """Gates are; what is short, complex or calls out is not."""

    def function(c):
        return lax.scan(lambda h, x: (step(h, lax.stop_gradient(x)), None), c, XS)[0]

    (scan,) = scans(function, (C,))
    assert (scan.body is not None) == is_entered
