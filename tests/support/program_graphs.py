"""What the programs that the policy learns from have in common."""

from elimax.interpreter.graph.computational_graph import ComputationalGraph


def reached(starts: set[int], edges: list[tuple[int, int]]) -> set[int]:
    """The starts and all nodes that edges lead to from them."""
    after: dict[int, list[int]] = {}
    for pred, succ in edges:
        after.setdefault(pred, []).append(succ)
    found, waiting = set(starts), list(starts)
    while waiting:
        for node in after.get(waiting.pop(), ()):
            if node not in found:
                found.add(node)
                waiting.append(node)
    return found


def assert_whole(graph: ComputationalGraph) -> None:
    """Asserts that every node with an edge lies on a path; in scalar graphs, every vertex."""
    inputs = set(range(graph.num_inputs))
    edges = list(graph.edges)
    from_inputs = reached(inputs, edges)
    to_outputs = reached(set(graph.output_nodes), [(succ, pred) for pred, succ in edges])
    nodes = {node for edge in edges for node in edge}
    if not any(graph.node_shapes):
        nodes |= set(range(graph.num_inputs, graph.num_nodes))
    assert nodes <= from_inputs & to_outputs
