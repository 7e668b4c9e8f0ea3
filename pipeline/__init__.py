"""From a function to an order, to a measured Jacobian: tasks, stages, report and command line."""

from elimax.pipeline.xla_flags import add_xla_flags

# Every command, stage and benchmark passes here before it loads JAX.
add_xla_flags()
