"""The names of the classical orders as a type, for static type checkers."""

from typing import Literal

OrderName = Literal[
    "forward",
    "reverse",
    "markowitz",
    "markowitz_high",
    "markowitz_nontrivial",
    "markowitz_nontrivial_high",
    "relative_markowitz",
    "relative_markowitz_high",
    "relative_markowitz_nontrivial",
    "relative_markowitz_nontrivial_high",
    "lowest_fill_in",
    "lowest_fill_in_high",
    "lowest_fill_in_nontrivial",
    "lowest_fill_in_nontrivial_high",
    "lmmd",
    "lmmd_high",
    "lmmd_nontrivial",
    "lmmd_nontrivial_high",
    "momr",
    "momr_high",
    "momr_nontrivial",
    "momr_nontrivial_high",
    "single_use_forward",
    "single_use_reverse",
]
"""The keys of the portfolio. Each greedy rule appears with both counts and both tie-breaks."""
