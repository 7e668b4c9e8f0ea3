"""Products and sums of edge Jacobians with values."""
