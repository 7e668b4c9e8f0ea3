"""Exact Jacobians in JAX by vertex elimination, in orders that cost little.

```python
import elimax

elimax.jacve(f)(x)  # what jax.jacrev(f)(x) returns
```

The public names are those of `elimax.api`. They are loaded when one is used, so that the version is
known without loading JAX.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from elimax.api import *  # noqa: F403
else:
    # Type checkers do not see it: for them a module with it has every attribute.
    def __getattr__(name: str) -> Any:
        """Finds a public name, or the list of them, in `elimax.api`."""
        if name == "__all__":
            return __dir__()
        if not name.startswith("_"):
            value = vars(importlib.import_module("elimax.api")).get(name)
            if value is not None:
                globals()[name] = value
                return value
        raise AttributeError(f"module 'elimax' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Lists the public names, loaded or not."""
    names = vars(importlib.import_module("elimax.api"))
    return sorted([*(name for name in names if not name.startswith("_")), "__version__"])
