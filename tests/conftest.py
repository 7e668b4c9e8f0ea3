"""Settings that all tests share."""

import gc
import os
from collections.abc import Iterator

# On a machine with a GPU too: tests are about results, which must not depend on the device.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Nor on what "auto" has found before on this machine, and no test leaves anything there.
os.environ["ELIMAX_CACHE_DIR"] = "off"
for variable in ("ELIMAX_ROOT", "ELIMAX_DEBUG", "DVC_STAGE"):
    os.environ.pop(variable, None)

# Before JAX is imported: without them some JAX versions compute wrong numbers on the CPU.
from elimax.pipeline.xla_flags import add_xla_flags  # noqa: E402

add_xla_flags()

import hypothesis  # noqa: E402
import jax  # noqa: E402
import pytest  # noqa: E402

from support.quick import compile_quickly, draw_fewer_examples, spare_cases  # noqa: E402

# An implicit promotion in the library would change dtypes behind a user's back.
jax.config.update("jax_numpy_dtype_promotion", "strict")

hypothesis.settings.register_profile("default", deadline=None, max_examples=30, print_blob=True)
hypothesis.settings.register_profile(
    "ci", hypothesis.settings.get_profile("default"), derandomize=True, database=None
)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "default")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--quick`, with which `make test` runs."""
    parser.addoption(
        "--quick",
        action="store_true",
        help="leave slow tests out; run a quarter of the cases of a test with six or more, draw a "
        "quarter of the random examples, and let XLA optimise less",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Obeys `--quick` before JAX computes anything."""
    if config.getoption("--quick"):
        compile_quickly()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Obeys `--quick`."""
    if not config.getoption("--quick"):
        return
    out = {item for item in items if item.get_closest_marker("slow") is not None}
    out.update(spare_cases(item for item in items if item not in out))
    config.hook.pytest_deselected(items=[item for item in items if item in out])
    items[:] = [item for item in items if item not in out]
    for function in {item.obj for item in items if isinstance(item, pytest.Function)}:
        draw_fewer_examples(function)


@pytest.fixture(scope="module", autouse=True)
def _nothing_old_is_collected() -> Iterator[None]:
    """Looking for garbage among all that earlier modules left takes long in measurements."""
    gc.freeze()
    yield
    gc.unfreeze()
