"""What a task is: a function, where it comes from, and inputs to differentiate it at."""

import dataclasses
from collections.abc import Callable
from typing import Any


@dataclasses.dataclass(frozen=True)
class Task:
    """One function whose Jacobian the pipeline computes.

    Attributes:
        name: Name on the command line and in file names, the same as its module's.
        function: The function to differentiate; any pytrees in and out, no batch axis.
        example_inputs: Returns the positional arguments, numpy arrays in float32 at physically
            sensible values.
        argnums: Positions of the arguments that the Jacobian is taken with respect to.
        title: One line that says what the function computes.
        source: Where the function comes from.
        about: How its graph relates to the published one, or why its order matters.
    """

    name: str
    function: Callable[..., Any]
    example_inputs: Callable[[], tuple[Any, ...]]
    argnums: tuple[int, ...]
    title: str
    source: str
    about: str = ""
