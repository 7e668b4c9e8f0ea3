"""What is asked of the machine."""

import numpy as np

from elimax.interpreter.native.machine import Machine, this_machine


def test_vectors_hold_twice_as_many_short_numbers():
    """At least two of the long ones."""
    machine = this_machine()
    lanes = machine.lanes(np.dtype(np.float64))
    assert lanes in (2, 4, 8) and machine.lanes(np.dtype(np.float32)) == 2 * lanes
    assert machine.threads >= 1


def test_only_functions_that_exist_are_named():
    """None for one that nobody has, and for all without the library."""
    machine = Machine()
    assert machine.vector_function("elimax", 1, np.dtype(np.float32)) is None
    name = machine.vector_function("sin", 1, np.dtype(np.float64))
    assert name is None or name.endswith("v_sin")
    machine.letter = ""
    assert machine.vector_function("sin", 1, np.dtype(np.float64)) is None
