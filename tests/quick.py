"""What `make test` spares beside slow tests."""

from collections.abc import Callable
from typing import Any

import hypothesis

SHARE = 3
"""One in so many random examples is drawn."""

# Hypothesis has no public way to scale what a test asks for. Where it renames this attribute,
# `make test` takes longer and a test of this module says why.
_SETTINGS = "_hypothesis_internal_use_settings"


def draw_fewer_examples(function: Callable[..., Any]) -> None:
    """Divides the number of examples of a Hypothesis test; other functions stay as they are.

    Args:
        function: A test, which is changed in place.
    """
    asked = getattr(function, _SETTINGS, None)
    if isinstance(asked, hypothesis.settings):
        fewer = max(2, asked.max_examples // SHARE)
        setattr(function, _SETTINGS, hypothesis.settings(asked, max_examples=fewer))
