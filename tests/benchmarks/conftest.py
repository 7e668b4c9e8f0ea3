"""The package `benchmarks` can be imported by the tests of this folder."""

import support.benchmarks_package  # noqa: F401
