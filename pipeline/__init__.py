"""From a function to an order and a measured Jacobian: tasks, stages, report and command line."""

from elimax.pipeline.xla_flags import add_xla_flags

# Every command, stage and benchmark imports this package before it loads JAX.
add_xla_flags()
