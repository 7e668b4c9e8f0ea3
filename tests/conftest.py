"""Settings that all tests share."""

import os

# On a machine with a GPU too: tests are about results, which must not depend on the device.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Nor on what "auto" has found before on this machine, and no test leaves anything there.
os.environ["ELIMAX_CACHE_DIR"] = "off"
for variable in ("ELIMAX_ROOT", "ELIMAX_DEBUG", "DVC_STAGE"):
    os.environ.pop(variable, None)

import hypothesis  # noqa: E402
import jax  # noqa: E402

# An implicit promotion in the library would change dtypes behind a user's back.
jax.config.update("jax_numpy_dtype_promotion", "strict")

hypothesis.settings.register_profile("default", deadline=None, max_examples=30, print_blob=True)
hypothesis.settings.register_profile(
    "ci", hypothesis.settings.get_profile("default"), derandomize=True, database=None
)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "default")
