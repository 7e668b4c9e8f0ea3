"""The computational graph of a function: vertices, active edges and their structures."""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from elimax.interpreter.errors import GraphFormatError
from elimax.interpreter.graph.pair_structure import (
    Direction,
    OpaqueStructure,
    PairStructure,
    Part,
    Structure,
)
from elimax.interpreter.graph.structure import (
    EdgeStructure,
    Kind,
    Shape,
    edge_structure,
)

GRAPH_SCHEMA = 1


@dataclasses.dataclass(frozen=True)
class ComputationalGraph:
    """The nodes of a function and the active edges between them, without values.

    Nodes are the I input leaves, 0 to I-1, followed by the equation results in program order.
    Public vertices are numbered from 1 to V: vertex n is the n-th equation result. *Hidden* nodes
    stand between them, where an equation is applied to its joined operands or its joined results;
    as vertices they are numbered from V+1 on, after all public ones.

    Attributes:
        num_inputs: I, the number of input leaves, differentiated or not.
        node_shapes: Shape of every node.
        primitives: Name of the primitive behind every node that is not an input.
        outputs: Node of every output leaf, in order; -1 where an output is a constant.
        edges: Structure of every active edge, keyed by (predecessor node, successor node).
        hidden: Hidden nodes, ascending.
    """

    num_inputs: int
    node_shapes: tuple[Shape, ...]
    primitives: tuple[str, ...]
    outputs: tuple[int, ...]
    edges: Mapping[tuple[int, int], Structure]
    hidden: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.node_shapes) != self.num_inputs + len(self.primitives):
            raise GraphFormatError(
                f"a graph of {self.num_inputs} inputs and {len(self.primitives)} vertices needs a "
                f"shape for each of them, but {len(self.node_shapes)} shapes were given"
            )
        for node in self.outputs:
            if not -1 <= node < self.num_nodes:
                raise GraphFormatError(
                    f"output {node} is not a node of a graph with {self.num_nodes} nodes"
                )
        for (pred, succ), structure in self.edges.items():
            if not (0 <= pred < succ < self.num_nodes and succ >= self.num_inputs):
                raise GraphFormatError(
                    f"edge ({pred}, {succ}) does not lead from an earlier node to a later vertex "
                    f"of a graph with {self.num_nodes} nodes"
                )
            shapes = (structure.out_shape, structure.in_shape)
            if shapes != (self.node_shapes[succ], self.node_shapes[pred]):
                raise GraphFormatError(
                    f"edge ({pred}, {succ}) has shapes {shapes}, but its nodes have "
                    f"{(self.node_shapes[succ], self.node_shapes[pred])}"
                )

    @property
    def num_vertices(self) -> int:
        """V, the number of equation results."""
        return len(self.primitives) - len(self.hidden)

    @property
    def num_nodes(self) -> int:
        """I + V and the hidden nodes."""
        return len(self.node_shapes)

    def node(self, vertex: int) -> int:
        """The node of a vertex number."""
        return self._nodes[vertex - 1] if self.hidden else self.num_inputs + vertex - 1

    def vertex(self, node: int) -> int:
        """The vertex number of a node; not positive for an input."""
        if not self.hidden or node < self.num_inputs:
            return node - self.num_inputs + 1
        return self._vertices[node]

    def primitive(self, vertex: int) -> str:
        """Name of the primitive behind a vertex."""
        return self.primitives[self.node(vertex) - self.num_inputs]

    @functools.cached_property
    def _nodes(self) -> tuple[int, ...]:
        """The node of every vertex, hidden ones last."""
        hidden = set(self.hidden)
        public = (x for x in range(self.num_inputs, self.num_nodes) if x not in hidden)
        return (*public, *self.hidden)

    @functools.cached_property
    def _vertices(self) -> dict[int, int]:
        return {node: vertex for vertex, node in enumerate(self._nodes, start=1)}

    @functools.cached_property
    def output_nodes(self) -> frozenset[int]:
        """Nodes that are outputs."""
        return frozenset(node for node in self.outputs if node >= 0)

    @functools.cached_property
    def eliminable(self) -> tuple[int, ...]:
        """All vertices that are not pure outputs, in program order.

        An order lists them all; hidden ones may be left out, and are then placed by `check_order`.
        """
        used = {pred for pred, _ in self.edges}
        return tuple(
            self.vertex(node)
            for node in range(self.num_inputs, self.num_nodes)
            if node not in self.output_nodes or node in used
        )

    @functools.cached_property
    def fingerprint(self) -> str:
        """Digest of everything that decides what an order means and costs (16 hex digits).

        Names of primitives are left out: two functions with the same graph share their orders.
        """
        content = self.to_dict()
        del content["primitives"]
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """The graph as plain JSON data, the same for the same graph on every machine."""
        # Graphs have few structures and many edges: each structure is written once.
        keys = {structure: _structure_key(structure) for structure in set(self.edges.values())}
        structures = sorted(keys.values())
        number = {key: index for index, key in enumerate(structures)}
        content = {
            "schema": GRAPH_SCHEMA,
            "num_inputs": self.num_inputs,
            "node_shapes": [list(shape) for shape in self.node_shapes],
            "primitives": list(self.primitives),
            "outputs": list(self.outputs),
            "structures": [json.loads(structure) for structure in structures],
            "edges": [
                [pred, succ, number[keys[self.edges[pred, succ]]]]
                for pred, succ in sorted(self.edges)
            ],
        }
        if self.hidden:
            content["hidden"] = list(self.hidden)
        return content

    @classmethod
    def from_dict(cls, content: Any) -> "ComputationalGraph":
        """Reads what `to_dict` wrote.

        Args:
            content: Plain JSON data.

        Returns:
            The graph.

        Raises:
            GraphFormatError: If the data is not a graph of this schema.
        """
        if not isinstance(content, dict) or content.get("schema") != GRAPH_SCHEMA:
            given = content.get("schema") if isinstance(content, dict) else type(content).__name__
            raise GraphFormatError(
                f"cannot read a graph of schema {given!r}; expected schema {GRAPH_SCHEMA}: "
                "extract the graph again with this version of elimax"
            )
        try:
            structures = dict(enumerate(map(_structure_from_dict, content["structures"])))
            return cls(
                num_inputs=content["num_inputs"],
                node_shapes=tuple(tuple(shape) for shape in content["node_shapes"]),
                primitives=tuple(content["primitives"]),
                outputs=tuple(content["outputs"]),
                edges={(pred, succ): structures[k] for pred, succ, k in content["edges"]},
                hidden=tuple(content.get("hidden", ())),
            )
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise GraphFormatError(
                f"cannot read the graph, an entry is missing or malformed ({error!r}): "
                "extract the graph again"
            ) from error


def _structure_key(structure: Structure) -> str:
    """One structure as JSON text, which also serves as a sortable key."""
    if isinstance(structure, EdgeStructure):
        return json.dumps(_part_to_dict(structure), sort_keys=True)
    return json.dumps({"parts": list(map(_part_to_dict, structure.parts))}, sort_keys=True)


def _part_to_dict(part: Part) -> dict[str, Any]:
    if isinstance(part, OpaqueStructure):
        return {
            "as_array": _part_to_dict(part.as_array),
            "cost": part.cost,
            "direction": part.direction.name,
            "is_joint": part.is_joint,
            "rounds": part.rounds,
        }
    return {
        "out_shape": part.out_shape,
        "in_shape": part.in_shape,
        "ties": part.ties,
        "carried": part.carried,
        "kind": part.kind.name.lower(),
    }


def _structure_from_dict(entry: dict[str, Any]) -> Structure:
    if "parts" not in entry:
        return _written_from_dict(entry)
    return PairStructure(tuple(map(_part_from_dict, entry["parts"])))


def _part_from_dict(entry: dict[str, Any]) -> Part:
    if "as_array" not in entry:
        return _written_from_dict(entry)
    as_array = _written_from_dict(entry["as_array"])
    direction = Direction[entry["direction"]]
    return OpaqueStructure(
        as_array, int(entry["cost"]), direction, bool(entry["is_joint"]), int(entry["rounds"])
    )


def _written_from_dict(entry: dict[str, Any]) -> EdgeStructure:
    return edge_structure(
        tuple(entry["out_shape"]),
        tuple(entry["in_shape"]),
        entry["ties"],
        entry["carried"],
        Kind[entry["kind"].upper()],
    )
