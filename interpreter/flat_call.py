"""One call of a function that is to be differentiated, with its pytrees taken apart."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

from interpreter.call_checks import described, is_array, is_numeric, positions_of

# What JAX raises where a function asks for a value that is not there while it is traced.
_WITHOUT_VALUES = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)


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
            TypeError: If something else than an array is to be differentiated.
            ValueError: If a position is out of range, or there is nothing to differentiate.
        """
        self._fun, self._has_aux, self._args = fun, has_aux, args
        self._is_single = isinstance(argnums, int)
        positions = positions_of(argnums, len(args))
        leaves, self._in_tree = jax.tree.flatten((args, kwargs))
        owners = [k for k, arg in enumerate(args) for _ in jax.tree.leaves(arg)]
        owners += [-1] * (len(leaves) - len(owners))
        self._arg_trees = [jax.tree.structure(args[k]) for k in positions]
        self.active = [owner in positions for owner in owners]
        self.nodes = [node for k in positions for node, owner in enumerate(owners) if owner == k]
        if not self.nodes:
            raise ValueError(
                f"argnums={argnums} asks for no array at all, so there is nothing to differentiate "
                "with respect to: choose arguments that hold arrays"
            )
        leaves, self._static = split_static(leaves, self.active)
        for node in self.nodes:
            if not is_numeric(leaves[node]):
                raise TypeError(
                    f"{self._names[node]} is {described(leaves[node])}, which cannot be "
                    "differentiated: pass it in another argument, or close over it"
                )
        for leaf in leaves:
            if isinstance(leaf, jax.ShapeDtypeStruct):
                raise TypeError(
                    f"{leaf} has a shape but no values: for the shape of a Jacobian use "
                    "jax.eval_shape(jacve(f), ...), for its graph trace(f, ...)"
                )
        self._known = {
            node: leaf
            for node, leaf in enumerate(leaves)
            if not (self.active[node] or node in self._static or isinstance(leaf, jax.core.Tracer))
        }
        self.leaves = [jnp.asarray(leaf) for leaf in leaves]
        self.num_outputs = 0

    @functools.cached_property
    def _names(self) -> list[str]:
        """What a user calls the leaves of positional arguments."""
        paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(self._args)]
        return [f"argument {path[0].idx}{jax.tree_util.keystr(path[1:])}" for path in paths]

    @property
    def active_leaves(self) -> dict[str, jax.Array]:
        """The differentiated leaves, by what a user calls them."""
        return {self._names[node]: self.leaves[node] for node in self.nodes}

    def named_outputs(self, outputs: Sequence[Any]) -> dict[str, Any]:
        """The differentiated output leaves, by what a user calls them.

        Args:
            outputs: The output leaves.

        Returns:
            For every name the leaf.
        """
        tree = jax.tree.unflatten(self._out_tree, outputs[: self.num_outputs])
        named = jax.tree_util.tree_leaves_with_path(tree)
        return {f"output{jax.tree_util.keystr(path)}": leaf for path, leaf in named}

    def flat_fun(self, *leaves: Any) -> list[Any]:
        """The function on flat inputs and outputs; auxiliary outputs come last.

        Args:
            *leaves: One array per leaf.

        Returns:
            The output leaves.

        Raises:
            TypeError: If an output is no array, or the function should return a pair and does not.
            ValueError: If there is no output.
        """
        out, aux = self._call(leaves), ()
        if self._has_aux:
            if not (isinstance(out, tuple | list) and len(out) == 2):
                raise TypeError(
                    "has_aux=True wants a function that returns a pair (output, auxiliary data), "
                    f"but it returned {described(out)}"
                )
            out, aux = out
        flat, self._out_tree = jax.tree.flatten(out)
        self.num_outputs = len(flat)
        self._check_returned(out, flat)
        # Auxiliary data may be anything; what JAX has not computed comes back as it is.
        flat_aux, self._aux_tree = jax.tree.flatten(aux)
        self._static_aux = {
            k: leaf for k, leaf in enumerate(flat_aux) if not isinstance(leaf, jax.Array)
        }
        return [*flat, *(leaf for leaf in flat_aux if isinstance(leaf, jax.Array))]

    def _call(self, leaves: Sequence[Any]) -> Any:
        replaced = [self._static.get(node, leaf) for node, leaf in enumerate(leaves)]
        args, kwargs = jax.tree.unflatten(self._in_tree, replaced)
        try:
            return self._fun(*args, **kwargs)
        except _WITHOUT_VALUES as error:
            if self._known:
                # As under jax.jacrev, what is not differentiated has values to steer by.
                self._static, self._known = self._static | self._known, {}
                return self._call(leaves)
            error.add_note(
                "elimax: jacve traces a function without its values, as jax.jit does and "
                "jax.jacrev does not. Choose with jnp.where or jax.lax.cond instead of if, and "
                "pass what steers the program as Python values in arguments of their own"
            )
            raise

    def _check_returned(self, out: Any, flat: Sequence[Any]) -> None:
        if not flat:
            raise ValueError(
                f"the function returned {out!r:.60}, so there is nothing to differentiate: return "
                "at least one array (is a return statement missing?)"
            )
        for name, leaf in self.named_outputs(flat).items():
            if not is_numeric(leaf):
                raise TypeError(
                    f"{name} of the function is {described(leaf)}, but outputs must be arrays: "
                    "leave it out, or return it as auxiliary data with has_aux=True"
                )

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
        computed = iter(outputs[self.num_outputs :])
        leaves = [
            self._static_aux[k] if k in self._static_aux else next(computed)
            for k in range(self._aux_tree.num_leaves)
        ]
        return out, jax.tree.unflatten(self._aux_tree, leaves)

    def unflatten_jacobian(self, rows: Sequence[Sequence[Any]]) -> Any:
        """The Jacobian as `jax.jacrev` would return it.

        Args:
            rows: For every output leaf one block per differentiated leaf.

        Returns:
            The tree of the outputs with the tree of the differentiated arguments at every leaf.
        """
        leaves = [self.leaves[node] for node in self.nodes]
        return jax.tree.unflatten(
            self._out_tree,
            [self.unflatten_row([*map(with_weak_type_of, row, leaves)]) for row in rows],
        )

    def unflatten_row(self, blocks: Sequence[Any]) -> Any:
        """One row of the Jacobian.

        Args:
            blocks: One block per differentiated leaf.

        Returns:
            The tree of the differentiated arguments with a block at every leaf.
        """
        remaining, parts = list(blocks), []
        for tree in self._arg_trees:
            parts.append(jax.tree.unflatten(tree, remaining[: tree.num_leaves]))
            remaining = remaining[tree.num_leaves :]
        return parts[0] if self._is_single else tuple(parts)


def with_weak_type_of(block: Any, leaf: jax.Array) -> Any:
    """Makes a block as weakly typed as the input that it belongs to, as `jax.jacrev` does.

    Args:
        block: An array; anything else is returned as it is.
        leaf: The input.

    Returns:
        The block. A weak type gives way in arithmetic: Python numbers have it.
    """
    if not (leaf.weak_type and isinstance(block, jax.Array) and block.dtype == leaf.dtype):
        return block
    # The function of this name would make the type strong.
    return jax.lax.convert_element_type_p.bind(
        block, new_dtype=block.dtype, weak_type=True, sharding=None
    )


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
        if not is_active and not is_array(leaf)
    }
    return [np.float32(0) if node in static else leaf for node, leaf in enumerate(leaves)], static
