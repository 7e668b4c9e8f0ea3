"""Makes the package `benchmarks` importable when this is imported.

The benchmarks are not part of the package, and the tests do not have the repository on their path.
"""

import importlib.util
import sys

from support.repository import ROOT

_PACKAGE = ROOT / "benchmarks"
_SPEC = importlib.util.spec_from_file_location(
    "benchmarks", _PACKAGE / "__init__.py", submodule_search_locations=[str(_PACKAGE)]
)
assert _SPEC is not None and _SPEC.loader is not None
if "benchmarks" not in sys.modules:
    sys.modules["benchmarks"] = importlib.util.module_from_spec(_SPEC)
    _SPEC.loader.exec_module(sys.modules["benchmarks"])
