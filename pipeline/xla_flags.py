"""Adds XLA flags that correct wrong numbers of the CPU compiler; loads no JAX.

Since jaxlib 0.10.2 XLA hands some CPU programs to YNNPACK, and some of those come out wrong
without a word: in 0.10.2 a batched product of a small matrix with vectors that is then summed
(jax issue 39103; up to 0.11.0 reductions of arrays with seven axes crash as well, jax issue
39257), and up to the newest version that was tried a `reduce_window` with base dilation (openxla
issue 48714). With an empty `--xla_cpu_experimental_ynn_fusion_type` XLA compiles these programs
itself.

XLA reads its flags once, at the first computation, and aborts the process at one that it does not
know. A flag is therefore added only to versions of jaxlib that it was tried on.
"""

import os
import re
from collections.abc import MutableMapping
from importlib.metadata import version

FIRST = (0, 10, 2)
"""The first version of jaxlib that uses YNNPACK unasked."""

LAST = (0, 12, 0, 1)
"""The last version of jaxlib that the flag was tried on."""

NAME = "--xla_cpu_experimental_ynn_fusion_type"


def correcting_flags(jaxlib: str, platforms: str) -> tuple[str, ...]:
    """Lists the flags that a version of jaxlib needs to compute right numbers.

    Args:
        jaxlib: Its version, such as "0.10.2".
        platforms: Where JAX may compute, as in the variable JAX_PLATFORMS: "cpu" or "cuda,cpu";
            empty for all there are.

    Returns:
        Words of XLA_FLAGS; none for other versions and where JAX does not compute on the CPU.
    """
    number = tuple(int(part) for part in re.findall(r"\d+", re.split(r"[^\d.]", jaxlib)[0]))
    on_cpu = not platforms or "cpu" in platforms.split(",")
    return (f"{NAME}=",) if on_cpu and FIRST <= number <= LAST else ()


def add_xla_flags(environment: MutableMapping[str, str] = os.environ) -> None:
    """Adds the correcting flags to XLA_FLAGS, for this process and those that it starts.

    Call it before JAX computes anything. A flag that XLA_FLAGS already sets keeps the user's
    value; calling it twice adds nothing. Where XLA_FLAGS names a file of flags, it stays as it is.

    Args:
        environment: The variables to read and change.
    """
    present = environment.get("XLA_FLAGS", "").strip()
    if present and not present.startswith("-"):
        return
    names = {word.partition("=")[0] for word in present.split()}
    flags = correcting_flags(version("jaxlib"), environment.get("JAX_PLATFORMS", ""))
    missing = [flag for flag in flags if flag.partition("=")[0] not in names]
    if missing:
        environment["XLA_FLAGS"] = " ".join([present, *missing]).strip()
