"""Whether a linear function drops part of what it is applied to, as the rule of relu does.

The rule of `jax.nn.relu` maps a tangent t to select(x > 0, t, 0): what is not chosen has no effect,
even if it is infinite. So the zeros of its slope exclude (see `algebra.masks`), unlike those
of a rule that multiplies t by 0 or 1.
"""

from elimax.interpreter.tracing.program import Program

PASSED_ON = frozenset(
    ("add", "add_any", "broadcast_in_dim", "convert_element_type", "copy", "div", "mul", "neg")
    + ("reshape", "select_n", "squeeze", "sub", "transpose")
)
"""Linear primitives that compute an entry from one entry of each operand, so that zeros stay."""


def drops_by_select(program: Program, num_still: int) -> bool:
    """Whether every path from what moves to an output leads through a selection.

    Args:
        program: A function that is linear in its last inputs.
        num_still: Number of inputs before those.

    Returns:
        True if so, and if all primitives on the paths are in `PASSED_ON`.
    """
    drops = dict.fromkeys(range(num_still, program.num_inputs), False)
    for equation in program.equations:
        moving = [x for x in equation.operands if isinstance(x, int) and x in drops]
        if not moving:
            continue
        if equation.name not in PASSED_ON:
            return False
        # A case that does not move is 0, or the function would not be linear.
        is_selected = equation.name == "select_n" and len(moving) < len(equation.operands) - 1
        drops[equation.results[0]] = is_selected or all(drops[operand] for operand in moving)
    moving_outputs = [x for x in program.outputs if isinstance(x, int) and x in drops]
    return bool(moving_outputs) and all(drops[output] for output in moving_outputs)
