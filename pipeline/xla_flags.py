"""XLA flags that correct wrong results of the CPU compiler, and sets to be timed; loads no JAX.

Since jaxlib 0.10.2 XLA hands some CPU programs to YNNPACK, which silently computes some of them
wrong: in 0.10.2 a batched product of a small matrix with vectors that is then summed
(jax issue 39103; up to 0.11.0 reductions of arrays with seven axes crash as well, jax issue
39257), and up to the newest version that was tried a `reduce_window` with base dilation (openxla
issue 48714). With an empty `--xla_cpu_experimental_ynn_fusion_type` XLA compiles these programs
itself.

XLA reads its flags once, at the first computation, and aborts the process if it does not know one.
A flag is therefore added only for versions of jaxlib that it was tried on.

Without multi-output fusion the CPU compiler copies cheap operations into each of their consumers,
so that shared values are computed repeatedly. Run times are therefore measured with two sets
of flags (`FLAG_SETS`), each in a process of its own. Training uses only the first one, because
another fusion rounds differently.
"""

import os
import re
from collections.abc import Mapping, MutableMapping
from typing import Literal

FIRST = (0, 10, 2)
"""The first version of jaxlib that uses YNNPACK by default."""

LAST = (0, 12, 0, 1)
"""The last version of jaxlib that the flag was tried on."""

NAME = "--xla_cpu_experimental_ynn_fusion_type"


BACKEND_OPTIONS = "--xla_backend_extra_options"

MULTI_OUTPUT_FUSION = "xla_cpu_use_multi_output_fusion"

FlagSet = Literal["default", "fusion"]

FLAG_SETS: tuple[FlagSet, ...] = ("default", "fusion")
"""The defaults of XLA, and those with multi-output fusion."""


added_flags: list[str] = []
"""What `add_xla_flags` has added in this process."""


def correcting_flags(jaxlib: str, platforms: str) -> tuple[str, ...]:
    """Lists the flags that a version of jaxlib needs to compute correctly.

    Args:
        jaxlib: Its version, such as "0.10.2".
        platforms: Where JAX may compute, as in the variable JAX_PLATFORMS: "cpu" or "cuda,cpu";
            empty for all devices.

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
    # The package jaxlib loads nothing but this; importlib.metadata takes ten times as long.
    from jaxlib.version import __version__ as version

    flags = correcting_flags(version, environment.get("JAX_PLATFORMS", ""))
    missing = [flag for flag in flags if flag.partition("=")[0] not in names]
    if missing:
        environment["XLA_FLAGS"] = " ".join([present, *missing]).strip()
        added_flags.extend(missing)


def with_flag_set(flags: FlagSet, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Returns the environment of a process whose XLA has one of the sets of flags.

    Args:
        flags: Name of the set.
        environment: The variables to start from; other flags of the user stay.

    Returns:
        A copy with XLA_FLAGS changed. Where XLA_FLAGS names a file of flags, it stays as it is.
    """
    changed = dict(environment)
    present = changed.get("XLA_FLAGS", "").strip()
    if present and not present.startswith("-"):
        return changed
    words, options = [], []
    for word in present.split():
        name, _, value = word.partition("=")
        if name == BACKEND_OPTIONS:
            options += [one for one in value.split(",") if one != MULTI_OUTPUT_FUSION]
        else:
            words.append(word)
    if flags == "fusion":
        options.append(MULTI_OUTPUT_FUSION)
    if options:
        words.append(f"{BACKEND_OPTIONS}={','.join(options)}")
    changed["XLA_FLAGS"] = " ".join(words)
    return changed
