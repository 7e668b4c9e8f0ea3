"""The error classes."""

import inspect

import pytest

from elimax.interpreter import errors

CLASSES = [
    cls
    for _, cls in inspect.getmembers(errors, inspect.isclass)
    if cls.__module__ == "elimax.interpreter.errors" and not issubclass(cls, Warning)
]


def test_all_are_listed_here():
    """A new class shows up in these tests by itself; these are there at least."""
    assert {cls.__name__ for cls in CLASSES} >= {
        "ElimaxError",
        "GraphFormatError",
        "InvalidOrderError",
        "JacobianMismatchError",
        "StructureLimitError",
        "TracingError",
    }


@pytest.mark.parametrize("cls", CLASSES)
def test_one_base_class_catches_all(cls):
    """Every error is an ElimaxError, carries its message, and says in words what it means."""
    assert issubclass(cls, errors.ElimaxError)
    with pytest.raises(errors.ElimaxError, match="what to do"):
        raise cls("what to do")
    assert cls.__doc__


def test_warnings_are_for_users():
    """They are shown by default, and say in words what they mean."""
    assert issubclass(errors.RoundingWarning, UserWarning)
    assert errors.RoundingWarning.__doc__
