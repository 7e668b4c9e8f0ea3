"""Cases from packages of neural networks: losses with respect to weights and inputs."""

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.ecosystem.cases import Problem, case


@case("flax")
def transformer_block() -> Problem:
    """Attention, layer norm and a feed-forward network with respect to the weights."""
    from flax import linen as nn

    class Block(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = x + nn.MultiHeadDotProductAttention(num_heads=2)(nn.LayerNorm()(x))
            return x + nn.Dense(8)(nn.gelu(nn.Dense(12)(nn.LayerNorm()(x))))

    x = jnp.asarray(np.random.default_rng(0).normal(size=(5, 8)))
    block = Block()
    weights = jax.tree.map(jnp.float64, block.init(jax.random.key(0), x))
    return Problem(lambda weights: jnp.mean(block.apply(weights, x) ** 2), (weights,))


@case("flax")
def convolutional_classifier() -> Problem:
    """Cross entropy of a small convolutional network with pooling."""
    import optax
    from flax import linen as nn

    class Network(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.max_pool(nn.relu(nn.Conv(4, (3, 3))(x)), (2, 2), (2, 2))
            x = nn.avg_pool(nn.relu(nn.Conv(4, (3, 3))(x)), (2, 2), (2, 2))
            return nn.Dense(3)(x.reshape(len(x), -1))

    images = jnp.asarray(np.random.default_rng(1).normal(size=(3, 8, 8, 1)))
    network = Network()
    weights = jax.tree.map(jnp.float64, network.init(jax.random.key(1), images))
    labels = jnp.array([0, 2, 1])

    def loss(weights, images):
        logits = network.apply(weights, images)
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels))

    return Problem(loss, (weights, images))


@case("flax")
def recurrent_nnx() -> Problem:
    """An LSTM of flax.nnx over a sequence with respect to its inputs."""
    from flax import nnx

    cell = nnx.LSTMCell(3, 4, rngs=nnx.Rngs(0), param_dtype=jnp.float64)
    graph, state = nnx.split(cell)

    def outputs(inputs):
        def step(carry, x):
            return nnx.merge(graph, state)(carry, x)

        start = (jnp.zeros(4), jnp.zeros(4))
        return jax.lax.scan(step, start, inputs)[1][-1]

    return Problem(outputs, (jnp.asarray(np.random.default_rng(2).normal(size=(10, 3))),))


@case("dm-haiku")
def physics_informed_residual() -> Problem:
    """Residual of a partial differential equation by a network, with respect to its weights."""
    import haiku as hk

    network = hk.without_apply_rng(
        hk.transform(lambda x: hk.nets.MLP([8, 8, 1], activation=jnp.tanh)(x)[0])
    )
    weights = network.init(jax.random.key(0), jnp.zeros(2))
    points = jnp.asarray(np.random.default_rng(3).uniform(-1, 1, size=(6, 2)))

    def residuals(weights):
        def at(point):
            value = lambda p: network.apply(weights, p)  # noqa: E731
            hessian = jax.hessian(value)(point)
            return hessian[0, 0] + hessian[1, 1] - jnp.sin(point[0]) * value(point)

        return jax.vmap(at)(points)

    return Problem(residuals, (jax.tree.map(jnp.float64, weights),))


@case("dm-haiku")
def variational_autoencoder() -> Problem:
    """Evidence bound of an autoencoder with respect to its weights."""
    import haiku as hk

    def bound(x):
        mean, spread = jnp.split(hk.nets.MLP([10, 6])(x), 2, axis=-1)
        noise = jax.random.normal(hk.next_rng_key(), mean.shape)
        decoded = hk.nets.MLP([10, x.shape[-1]])(mean + jnp.exp(spread) * noise)
        divergence = 0.5 * jnp.sum(mean**2 + jnp.exp(2 * spread) - 2 * spread - 1)
        return jnp.sum((decoded - x) ** 2) + divergence

    x = jnp.asarray(np.random.default_rng(4).normal(size=(4, 7)))
    transformed = hk.transform(bound)
    weights = jax.tree.map(jnp.float64, transformed.init(jax.random.key(0), x))
    return Problem(lambda weights: transformed.apply(weights, jax.random.key(1), x), (weights,))


@case("jraph")
def graph_convolution() -> Problem:
    """A graph convolution with respect to node features and weights."""
    import jraph

    rng = np.random.default_rng(5)
    senders, receivers = jnp.asarray(rng.integers(0, 9, size=(2, 24)))

    def outputs(nodes, first, second):
        for weights in (first, second):
            graph = jraph.GraphsTuple(
                nodes=nodes,
                edges=None,
                senders=senders,
                receivers=receivers,
                n_node=jnp.array([9]),
                n_edge=jnp.array([24]),
                globals=None,
            )
            layer = jraph.GraphConvolution(lambda x, weights=weights: jnp.tanh(x @ weights))
            nodes = layer(graph).nodes
        return jnp.sum(nodes**2, axis=1)

    sizes = ((9, 4), (4, 5), (5, 2))
    return Problem(outputs, tuple(jnp.asarray(rng.normal(size=size)) for size in sizes))


@case("jraph")
def graph_attention() -> Problem:
    """Attention over the edges of a graph: segment softmax and sums."""
    import jraph

    rng = np.random.default_rng(6)
    senders, receivers = jnp.asarray(rng.integers(0, 7, size=(2, 20)))

    def outputs(nodes, query):
        scores = jnp.sum(nodes[senders] * (nodes[receivers] @ query), axis=1)
        weights = jraph.segment_softmax(scores, receivers, 7)
        return jraph.segment_sum(weights[:, None] * nodes[senders], receivers, 7)

    return Problem(outputs, (jnp.asarray(rng.normal(size=(7, 3))), jnp.eye(3)))


@case("e3nn-jax")
def equivariant_message() -> Problem:
    """A message of spherical harmonics and tensor products with respect to positions."""
    import e3nn_jax as e3nn

    rng = np.random.default_rng(7)
    features = jnp.asarray(rng.normal(size=(5, 4)))

    def energy(positions):
        relative = positions[:, None] - positions[None]
        pairs = relative[jnp.triu_indices(5, 1)]
        harmonics = e3nn.spherical_harmonics("1o + 2e", e3nn.IrrepsArray("1o", pairs), True)
        node = e3nn.IrrepsArray("1x0e + 1x1o", features)[jnp.triu_indices(5, 1)[0]]
        product = e3nn.tensor_product(node, harmonics)
        radial = jnp.exp(-jnp.linalg.norm(pairs, axis=1))
        return jnp.sum(radial[:, None] ** 2 * product.array**2)

    return Problem(energy, (jnp.asarray(rng.normal(size=(5, 3))),))


@case("optax")
def ctc_alignment_loss() -> Problem:
    """Connectionist temporal classification with respect to the logits."""
    import optax

    rng = np.random.default_rng(8)
    labels = jnp.array([[1, 2, 3, 0], [2, 2, 0, 0]])
    padding = jnp.array([[0.0, 0, 0, 1], [0, 0, 1, 1]])

    def loss(logits):
        return optax.ctc_loss(logits, jnp.zeros((2, 9)), labels, padding)

    return Problem(loss, (jnp.asarray(rng.normal(size=(2, 9, 5))),))


@case("optax")
def unrolled_training() -> Problem:
    """A loss after five steps of Adam with respect to learning rate and start."""
    import optax

    rng = np.random.default_rng(9)
    x, y = jnp.asarray(rng.normal(size=(10, 3))), jnp.asarray(rng.normal(size=10))

    def loss(weights):
        return jnp.mean(optax.losses.huber_loss(jnp.tanh(x @ weights), y))

    def trained(rate, weights):
        optimiser = optax.adam(rate)
        state = optimiser.init(weights)
        for _ in range(5):
            updates, state = optimiser.update(jax.grad(loss)(weights), state)
            weights = optax.apply_updates(weights, updates)
        return loss(weights)

    return Problem(trained, (jnp.array(0.1), jnp.asarray(rng.normal(size=3))))


@case("equinox")
def mixed_network() -> Problem:
    """Convolution, group norm, attention and pooling of equinox with respect to the input."""
    import equinox as eqx

    first, second, third = jax.random.split(jax.random.key(3), 3)
    convolution = eqx.nn.Conv1d(2, 4, 3, padding=1, key=first)
    norm = eqx.nn.GroupNorm(2, 4)
    attention = eqx.nn.MultiheadAttention(2, 4, key=second)
    head = eqx.nn.MLP(4, 2, 8, 1, key=third)

    def outputs(x):
        hidden = jax.nn.swish(norm(convolution(x))).T
        hidden = hidden + attention(hidden, hidden, hidden)
        return head(jnp.max(hidden, axis=0))

    return Problem(outputs, (jax.random.normal(jax.random.key(4), (2, 9)),))
