"""Packages that only some commands need, and the error where one is not installed.

`pip install elimax` installs what computes Jacobians and searches for orders of a function.
Training and the pipeline need more: the extras `learn` and `pipeline` of pyproject.toml.
"""

import importlib.util

from elimax.pipeline.errors import PipelineError

EXTRA = "pipeline"
"""The extra with everything that a command may need."""

OPTIONAL = {
    "dvc": "dvc",
    "equinox": "equinox",
    "optax": "optax",
    "rich": "rich",
    "ruamel": "ruamel.yaml",
    "wandb": "wandb",
    "wandb_workspaces": "wandb-workspaces",
}
"""By import name, the packages that a core installation lacks."""


class MissingPackageError(PipelineError):
    """Something needs a package of an extra that is not installed.

    Args:
        package: The package.
        user: Who needs it, such as "elimax run".
    """

    def __init__(self, package: str, user: str) -> None:
        super().__init__(
            f"{user} needs the package {package}, which is not installed: "
            f"pip install 'elimax[{EXTRA}]'"
        )


def missing_package(error: ModuleNotFoundError, user: str) -> MissingPackageError | None:
    """Turns a failed import into an error that says what to install.

    Args:
        error: What the import raised.
        user: Who needs the package.

    Returns:
        The error to show; None if the missing module is not one of an extra.
    """
    package = OPTIONAL.get((error.name or "").partition(".")[0])
    return None if package is None else MissingPackageError(package, user)


def is_installed(name: str) -> bool:
    """Whether a package is installed; does not load it.

    Args:
        name: Its import name.
    """
    return importlib.util.find_spec(name) is not None


def require_package(name: str, user: str) -> None:
    """Checks that an optional package is installed, without loading it.

    Args:
        name: Its import name, a key of `OPTIONAL`.
        user: Who needs the package.

    Raises:
        MissingPackageError: If it is not installed.
    """
    if not is_installed(name):
        raise MissingPackageError(OPTIONAL[name], user)
