"""One call of a function that is to be differentiated, with its pytrees taken apart."""

import operator
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


class FlatCall:
    """A function and its arguments as flat lists of arrays.

    Attributes:
        leaves: Every array of every argument, keyword arguments last.
        active: For every leaf whether it is differentiated.
        nodes: Numbers of the differentiated leaves, argument by argument as `argnums` lists them.
        num_outputs: Number of differentiated output leaves; known once `flat_fun` has been traced.
    """

    def __init__(
        self,
        fun: Callable[..., Any],
        argnums: int | Sequence[int],
        has_aux: bool,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        """Takes the arguments apart.

        Args:
            fun: The function.
            argnums: Position or positions of the differentiated arguments, negative from the end.
            has_aux: Whether `fun` returns a pair (output, auxiliary data).
            args: Positional arguments.
            kwargs: Keyword arguments.

        Raises:
            ValueError: If a position is out of range.
        """
        self._fun, self._has_aux = fun, has_aux
        self._is_single = isinstance(argnums, int)
        positions = positions_of(argnums, len(args))
        leaves, self._in_tree = jax.tree.flatten((args, kwargs))
        owners = [k for k, arg in enumerate(args) for _ in jax.tree.leaves(arg)]
        owners += [-1] * (len(leaves) - len(owners))
        self._arg_trees = [jax.tree.structure(args[k]) for k in positions]
        self.active = [owner in positions for owner in owners]
        leaves, self._static = split_static(leaves, self.active)
        self.leaves = [jnp.asarray(leaf) for leaf in leaves]
        self.nodes = [node for k in positions for node, owner in enumerate(owners) if owner == k]
        self.num_outputs = 0

    @property
    def active_leaves(self) -> list[jax.Array]:
        """The differentiated leaves."""
        return [self.leaves[node] for node in self.nodes]

    def flat_fun(self, *leaves: Any) -> list[Any]:
        """The function on flat inputs and outputs; auxiliary outputs come last.

        Args:
            *leaves: One array per leaf.

        Returns:
            The output leaves.

        Raises:
            TypeError: If the function should return a pair and does not.
        """
        replaced = [self._static.get(node, leaf) for node, leaf in enumerate(leaves)]
        args, kwargs = jax.tree.unflatten(self._in_tree, replaced)
        out, aux = self._fun(*args, **kwargs), ()
        if self._has_aux:
            if not (isinstance(out, tuple) and len(out) == 2):
                raise TypeError(
                    "has_aux=True wants a function that returns a pair (output, auxiliary data), "
                    f"but it returned {type(out).__name__}"
                )
            out, aux = out
        flat, self._out_tree = jax.tree.flatten(out)
        flat_aux, self._aux_tree = jax.tree.flatten(aux)
        self.num_outputs = len(flat)
        return [*flat, *flat_aux]

    def unflatten_outputs(self, outputs: Sequence[Any]) -> Any:
        """What the function returned, from its leaves.

        Args:
            outputs: The output leaves.

        Returns:
            The output, or the pair (output, auxiliary data).
        """
        out = jax.tree.unflatten(self._out_tree, outputs[: self.num_outputs])
        if not self._has_aux:
            return out
        return out, jax.tree.unflatten(self._aux_tree, outputs[self.num_outputs :])

    def unflatten_jacobian(self, rows: Sequence[Sequence[Any]]) -> Any:
        """The Jacobian as `jax.jacrev` would return it.

        Args:
            rows: For every output leaf one block per differentiated leaf.

        Returns:
            The tree of the outputs with the tree of the differentiated arguments at every leaf.
        """
        return jax.tree.unflatten(self._out_tree, [self._row(row) for row in rows])

    def _row(self, blocks: Sequence[Any]) -> Any:
        remaining, parts = list(blocks), []
        for tree in self._arg_trees:
            parts.append(jax.tree.unflatten(tree, remaining[: tree.num_leaves]))
            remaining = remaining[tree.num_leaves :]
        return parts[0] if self._is_single else tuple(parts)


def positions_of(argnums: int | Sequence[int], num_args: int) -> list[int]:
    """Positions of arguments, counted from the front.

    Args:
        argnums: One position or several, negative from the end.
        num_args: Number of positional arguments.

    Returns:
        The positions as a list.

    Raises:
        ValueError: If one is out of range.
    """
    given = argnums if isinstance(argnums, Sequence) else (argnums,)
    positions = [operator.index(position) for position in given]
    for position in positions:
        if not -num_args <= position < num_args:
            raise ValueError(
                f"argnums={argnums} asks for argument {position}, but the function was called "
                f"with {num_args} positional arguments"
            )
    return [position % num_args for position in positions]


def split_static(leaves: Sequence[Any], active: Sequence[bool]) -> tuple[list[Any], dict[int, Any]]:
    """Sets Python values aside that are not differentiated, as `jax.jacrev` does.

    Functions may use them for control flow, as in `for _ in range(n)`; they keep their number.

    Args:
        leaves: The leaves of all arguments.
        active: For every leaf whether it is differentiated.

    Returns:
        The leaves with a zero in the place of every such value, and the values by leaf number.
    """
    static = {
        node: leaf
        for node, (leaf, is_active) in enumerate(zip(leaves, active, strict=True))
        if not is_active and not hasattr(leaf, "dtype")
    }
    return [np.float32(0) if node in static else leaf for node, leaf in enumerate(leaves)], static


def check_inputs(leaves: Sequence[jax.Array], holomorphic: bool, allow_int: bool) -> None:
    """Checks the dtypes of differentiated inputs, as `jax.jacrev` does.

    Args:
        leaves: The differentiated leaves.
        holomorphic: Whether complex inputs are wanted.
        allow_int: Whether integers are accepted.

    Raises:
        TypeError: If a dtype does not fit.
    """
    for leaf in leaves:
        if holomorphic and not jnp.issubdtype(leaf.dtype, jnp.complexfloating):
            raise TypeError(f"holomorphic=True wants complex inputs, but one is {leaf.dtype}")
        if holomorphic:
            continue
        if jnp.issubdtype(leaf.dtype, jnp.complexfloating):
            raise TypeError(
                f"inputs must be real, but one is {leaf.dtype}: pass holomorphic=True if the "
                "function is holomorphic"
            )
        if not jnp.issubdtype(leaf.dtype, jnp.floating) and not allow_int:
            raise TypeError(
                f"inputs must be floating point, but one is {leaf.dtype}: convert it, choose other "
                "argnums, or pass allow_int=True"
            )


def check_outputs(leaves: Sequence[jax.Array], holomorphic: bool) -> None:
    """Checks the dtypes of differentiated outputs, as `jax.jacrev` does.

    Args:
        leaves: The output leaves.
        holomorphic: Whether complex outputs are wanted.

    Raises:
        TypeError: If a dtype does not fit.
    """
    wanted = jnp.complexfloating if holomorphic else jnp.floating
    for leaf in leaves:
        if not jnp.issubdtype(leaf.dtype, wanted):
            kind = "complex with holomorphic=True" if holomorphic else "real floating point"
            raise TypeError(
                f"outputs must be {kind}, but one is {leaf.dtype}: convert it, or return it as "
                "auxiliary data with has_aux=True"
            )
