"""The stages of each case, in this order; shared by the measuring process and its reader.

Every line on stdout of a measuring process that starts with `MARK` is a JSON object:
`{"begin": STAGE}` before a stage and `{"stage": STAGE, "status": ...}` after it.
"""

MARK = "@elimax "

REFERENCES = ("jacfwd", "jacrev")

MODES = ("auto", "forward", "reverse", "structured")
"""How `jacve` is called: three orders, and structured output with order "auto"."""

FASTEST = "fastest"
"""The mode of `--fastest`: the winner of a race, timed against JAX in paired rounds."""
