"""From a call of a function to a program and its edge Jacobians."""
