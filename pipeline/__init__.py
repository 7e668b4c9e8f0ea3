"""From a function to an order, to a measured Jacobian: tasks, stages, report and command line."""
