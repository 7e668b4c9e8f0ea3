"""What is held out is listed in the package `benchmarks`."""

import support.benchmarks_package  # noqa: F401
