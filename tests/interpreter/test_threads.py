"""Several threads at once, with nothing found, compiled or cached before."""

import os
import subprocess
import sys
import textwrap

import pytest

TWO_THREADS = textwrap.dedent(
    """
    import threading
    import numpy as np
    import jax
    import jax.numpy as jnp
    import elimax

    def function(x):
        for k in range(6):
            x = jnp.sin(x * jnp.roll(x, 1)) + x[k % 3] * x
        return x

    x, found, errors = jnp.linspace(0.1, 0.9, 3), {}, []
    barrier = threading.Barrier(2)

    def work(k):
        try:
            barrier.wait()
            found[k] = np.asarray(elimax.jacve(function)(x))
            found[k, "plan"] = elimax.plan(function, x).order
        except BaseException as error:
            errors.append(repr(error))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors
    expected = np.asarray(jax.jacrev(function)(x))
    for k in range(2):
        np.testing.assert_allclose(found[k], expected, rtol=1e-4, atol=1e-5)
    """
)


@pytest.mark.slow
def test_two_threads_with_cold_caches(tmp_path):
    """A fresh process with an empty plan cache and an empty cache of compiled code."""
    environment = {
        **os.environ,
        "ELIMAX_CACHE_DIR": str(tmp_path / "plans"),
        "NUMBA_CACHE_DIR": str(tmp_path / "numba"),
    }
    done = subprocess.run(
        [sys.executable, "-c", TWO_THREADS],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
