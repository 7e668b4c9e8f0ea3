"""One call of a function that is to be differentiated, with its pytrees flattened."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from elimax.interpreter.tracing.call_checks import (
    described,
    is_array,
    is_numeric,
    positions_of,
)


@dataclasses.dataclass(frozen=True)
class CallArguments:
    """The arguments of a call as a flat list.

    Attributes:
        leaves: Every leaf of every argument, keyword arguments last. Those that are differentiated
            are JAX arrays, all others are as they were passed.
        nodes: Numbers of the differentiated leaves, argument by argument as `argnums` lists them.
        names: Their names in messages, such as "argument 0['w']".
        tree: The tree of (positional arguments, keyword arguments).
        arg_trees: The trees of the differentiated arguments.
        is_single: Whether `argnums` is one position and not several.
    """

    leaves: tuple[Any, ...]
    nodes: tuple[int, ...]
    names: tuple[str, ...]
    tree: Any
    arg_trees: tuple[Any, ...]
    is_single: bool

    @classmethod
    def of(
        cls, args: Sequence[Any], kwargs: Mapping[str, Any], argnums: int | Sequence[int]
    ) -> "CallArguments":
        """Flattens the arguments of a call.

        Args:
            args: Positional arguments.
            kwargs: Keyword arguments.
            argnums: Position or positions of the differentiated arguments; negative ones count from
                the end.

        Returns:
            The arguments.

        Raises:
            TypeError: If anything but an array is to be differentiated, or a leaf has no value.
            ValueError: If a position is out of range, or there is nothing to differentiate.
        """
        positions = positions_of(argnums, len(args))
        paths, tree = jax.tree_util.tree_flatten_with_path((tuple(args), dict(kwargs)))
        leaves = [leaf for _, leaf in paths]
        owners = [path[1].idx if path[0].idx == 0 else None for path, _ in paths]
        nodes = [node for k in positions for node, owner in enumerate(owners) if owner == k]
        if not nodes:
            raise ValueError(
                f"argnums={argnums} asks for no array at all, so there is nothing to differentiate "
                "with respect to: choose arguments that hold arrays"
            )
        names = []
        for node in nodes:
            path = paths[node][0]
            names.append(f"argument {path[1].idx}{jax.tree_util.keystr(path[2:])}")
            if not is_numeric(leaves[node]):
                raise TypeError(
                    f"{names[-1]} is {described(leaves[node])}, which cannot be differentiated: "
                    "pass it in another argument, or close over it"
                )
        for leaf in leaves:
            if isinstance(leaf, jax.ShapeDtypeStruct):
                raise TypeError(
                    f"{leaf} has a shape but no values: for the shape of a Jacobian use "
                    "jax.eval_shape(jacve(f), ...), for the graph of f use trace(f, ...)"
                )
        for node in nodes:
            leaves[node] = jnp.asarray(leaves[node])
        trees = tuple(jax.tree.structure(args[k]) for k in positions)
        is_single = isinstance(argnums, int)
        return cls(tuple(leaves), tuple(nodes), tuple(names), tree, trees, is_single)

    @property
    def active(self) -> list[bool]:
        """Whether each leaf is differentiated."""
        return [node in self.nodes for node in range(len(self.leaves))]

    @property
    def traced(self) -> tuple[int, ...]:
        """Numbers of the differentiated leaves, ascending and each once."""
        return tuple(sorted(set(self.nodes)))

    @property
    def avals(self) -> list[Any]:
        """Shape and dtype of every leaf; anything but an array counts as a float32 scalar."""
        return [
            jax.ShapeDtypeStruct(leaf.shape, leaf.dtype)
            if is_array(leaf)
            else jax.ShapeDtypeStruct((), jnp.float32)
            for leaf in self.leaves
        ]

    @property
    def named(self) -> dict[str, Any]:
        """The differentiated leaves, by their names in messages."""
        return {name: self.leaves[k] for name, k in zip(self.names, self.nodes, strict=True)}

    def with_traced(self, values: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with other values for the differentiated leaves.

        Args:
            values: One value for each number of `traced`.

        Returns:
            Positional and keyword arguments.
        """
        leaves = list(self.leaves)
        for node, value in zip(self.traced, values, strict=True):
            leaves[node] = value
        return jax.tree.unflatten(self.tree, leaves)

    def unflatten_row(self, blocks: Sequence[Any]) -> Any:
        """One row of the Jacobian.

        Args:
            blocks: One block per differentiated leaf.

        Returns:
            The tree of the differentiated arguments with a block at every leaf.
        """
        remaining, parts = list(blocks), []
        for tree in self.arg_trees:
            parts.append(jax.tree.unflatten(tree, remaining[: tree.num_leaves]))
            remaining = remaining[tree.num_leaves :]
        return parts[0] if self.is_single else tuple(parts)


@dataclasses.dataclass(frozen=True)
class CallResult:
    """What a function returned, as a flat list whose arrays are kept elsewhere.

    Attributes:
        tree: The tree of the outputs.
        aux_tree: The tree of the auxiliary data; None if the function does not return any.
        aux: The leaves of the auxiliary data that are not JAX arrays.
        is_array: Whether each leaf of the auxiliary data is a JAX array.
    """

    tree: Any
    aux_tree: Any = None
    aux: tuple[Any, ...] = ()
    is_array: tuple[bool, ...] = ()

    @classmethod
    def of(cls, returned: Any, has_aux: bool) -> tuple["CallResult", list[Any]]:
        """Flattens what a function returned.

        Args:
            returned: What it returned.
            has_aux: Whether that must be a pair (output, auxiliary data).

        Returns:
            The result, and its arrays: all outputs, then the arrays among the auxiliary data.

        Raises:
            TypeError: If an output is not an array, or a pair is required and was not returned.
            ValueError: If there is no output.
        """
        out, aux = returned, ()
        if has_aux:
            if not (isinstance(returned, tuple | list) and len(returned) == 2):
                raise TypeError(
                    "with has_aux=True the function must return a pair (output, auxiliary data), "
                    f"but it returned {described(returned)}"
                )
            out, aux = returned
        outputs, tree = jax.tree.flatten(out)
        if not outputs:
            raise ValueError(
                f"the function returned {out!r:.60}, so there is nothing to differentiate: return "
                "at least one array (is a return statement missing?)"
            )
        for name, leaf in cls(tree).named(outputs).items():
            if not is_numeric(leaf):
                raise TypeError(
                    f"{name} of the function is {described(leaf)}, but outputs must be arrays: "
                    "leave it out, or return it as auxiliary data with has_aux=True"
                )
        # Auxiliary data may be anything; what JAX has not computed comes back as it is.
        flat_aux, aux_tree = jax.tree.flatten(aux)
        arrays = tuple(isinstance(leaf, jax.Array) for leaf in flat_aux)
        rest = tuple(x for x, is_array in zip(flat_aux, arrays, strict=True) if not is_array)
        result = cls(tree, aux_tree if has_aux else None, rest, arrays)
        return result, [*outputs, *(x for x, y in zip(flat_aux, arrays, strict=True) if y)]

    @property
    def num_outputs(self) -> int:
        """Number of differentiated output leaves."""
        return self.tree.num_leaves

    def named(self, outputs: Sequence[Any]) -> dict[str, Any]:
        """The differentiated output leaves, by their names in messages.

        Args:
            outputs: The output leaves; auxiliary ones may follow.

        Returns:
            Every leaf by its name, such as "output[0]".
        """
        tree = jax.tree.unflatten(self.tree, outputs[: self.num_outputs])
        named = jax.tree_util.tree_leaves_with_path(tree)
        return {f"output{jax.tree_util.keystr(path)}": leaf for path, leaf in named}

    def unflatten(self, outputs: Sequence[Any]) -> Any:
        """What the function returned.

        Args:
            outputs: The output leaves, then the arrays among the auxiliary data.

        Returns:
            The output, or the pair (output, auxiliary data).
        """
        out = jax.tree.unflatten(self.tree, outputs[: self.num_outputs])
        if self.aux_tree is None:
            return out
        arrays, rest = iter(outputs[self.num_outputs :]), iter(self.aux)
        leaves = [next(arrays if is_array else rest) for is_array in self.is_array]
        return out, jax.tree.unflatten(self.aux_tree, leaves)


def unflatten_jacobian(
    arguments: CallArguments, result: CallResult, rows: Sequence[Sequence[Any]]
) -> Any:
    """The Jacobian as `jax.jacrev` would return it.

    Args:
        arguments: The arguments.
        result: What the function returned.
        rows: For every output leaf one block per differentiated leaf.

    Returns:
        The tree of the outputs with the tree of the differentiated arguments at every leaf.
    """
    leaves = [arguments.leaves[node] for node in arguments.nodes]
    return jax.tree.unflatten(
        result.tree,
        [arguments.unflatten_row([*map(with_weak_type_of, row, leaves)]) for row in rows],
    )


def with_weak_type_of(block: Any, leaf: jax.Array) -> Any:
    """Makes a block weakly typed if and only if its input is, as `jax.jacrev` does.

    Args:
        block: An array; anything else is returned as it is.
        leaf: The input.

    Returns:
        The block. A weak type gives way in arithmetic: Python numbers have it.
    """
    if not isinstance(block, jax.Array) or block.dtype != leaf.dtype:
        return block
    if block.weak_type == leaf.weak_type:
        return block
    # The function jax.lax.convert_element_type would make every type strong.
    return jax.lax.convert_element_type_p.bind(
        block, new_dtype=block.dtype, weak_type=leaf.weak_type, sharding=None
    )
