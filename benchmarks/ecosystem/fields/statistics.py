"""Cases from packages of probabilistic programming, sampling, flows and Gaussian processes."""

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.ecosystem.cases import Problem, case


@case("numpyro")
def eight_schools_potential() -> Problem:
    """Hessian of a hierarchical model's potential energy in unconstrained coordinates."""
    import numpyro
    import numpyro.distributions as dist
    from numpyro.infer.util import potential_energy

    observed = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
    error = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])

    def model():
        mean = numpyro.sample("mean", dist.Normal(0.0, 5.0))
        spread = numpyro.sample("spread", dist.HalfCauchy(5.0))
        with numpyro.plate("schools", 8):
            effect = numpyro.sample("effect", dist.Normal(mean, spread))
            numpyro.sample("observed", dist.Normal(effect, error), obs=observed)

    def energy(mean, spread, effect):
        point = {"mean": mean, "spread": spread, "effect": effect}
        return potential_energy(model, (), {}, point)

    effects = jnp.asarray(np.random.default_rng(0).normal(size=8))
    return Problem(energy, (jnp.array(1.0), jnp.array(0.3), effects), hessian=True)


@case("numpyro")
def elbo_of_guide() -> Problem:
    """An ELBO with respect to the parameters of an automatic guide."""
    import numpyro
    import numpyro.distributions as dist
    from numpyro.infer import SVI, Trace_ELBO
    from numpyro.infer.autoguide import AutoMultivariateNormal

    rng = np.random.default_rng(1)
    x = rng.normal(size=(20, 3))
    labels = (rng.uniform(size=20) < 0.5).astype(np.int32)

    def model():
        weights = numpyro.sample("weights", dist.Normal(jnp.zeros(3), 1.0).to_event(1))
        rate = numpyro.sample("rate", dist.Gamma(2.0, 1.0))
        numpyro.sample("labels", dist.Bernoulli(logits=rate * x @ weights), obs=labels)

    svi = SVI(model, AutoMultivariateNormal(model), numpyro.optim.Adam(1e-2), Trace_ELBO(4))
    state = svi.init(jax.random.key(0))
    key = jax.random.key(1)

    def loss(parameters):
        return svi.loss.loss(key, parameters, svi.model, svi.guide)

    return Problem(loss, (svi.get_params(state),))


@case("numpyro")
def hidden_markov_likelihood() -> Problem:
    """Forward algorithm of a hidden Markov model, with respect to its tables."""
    import numpyro.distributions as dist
    from jax.scipy.special import logsumexp

    observed = jnp.asarray(np.random.default_rng(2).normal(size=15))

    def likelihood(transition, means):
        log_transition = jax.nn.log_softmax(transition)

        def step(alpha, y):
            emission = dist.Normal(means, 0.7).log_prob(y)
            return logsumexp(alpha[:, None] + log_transition, axis=0) + emission, None

        alpha, _ = jax.lax.scan(step, jnp.zeros(3), observed)
        return logsumexp(alpha)

    return Problem(likelihood, (jnp.eye(3), jnp.array([-1.0, 0.0, 1.0])))


@case("blackjax")
def hmc_trajectory() -> Problem:
    """End of a Hamiltonian trajectory with respect to its start."""
    import blackjax.mcmc.integrators as integrators
    from blackjax.mcmc import metrics

    def density(x):
        return -0.5 * jnp.sum(x**2) - 0.1 * jnp.sum(x[1:] * jnp.sin(x[:-1]))

    metric = metrics.default_metric(jnp.ones(4))
    step = integrators.velocity_verlet(density, metric.kinetic_energy)

    def end(position, momentum):
        state = integrators.new_integrator_state(density, position, momentum)
        state = jax.lax.fori_loop(0, 10, lambda _, state: step(state, 0.1), state)
        return state.position, state.momentum

    start = jnp.asarray(np.random.default_rng(3).normal(size=4))
    return Problem(end, (start, start[::-1]))


@case("tinygp")
def quasiseparable_likelihood() -> Problem:
    """Likelihood of a celerite-like process, in linear time, with respect to its parameters."""
    import tinygp

    rng = np.random.default_rng(4)
    times = jnp.sort(jnp.asarray(rng.uniform(0, 10, size=25)))
    observed = jnp.sin(times) + 0.1 * jnp.asarray(rng.normal(size=25))

    def likelihood(parameters):
        sigma, scale, noise = jnp.exp(parameters)
        kernel = sigma**2 * tinygp.kernels.quasisep.Matern32(scale)
        return tinygp.GaussianProcess(kernel, times, diag=noise).log_probability(observed)

    return Problem(likelihood, (jnp.array([0.0, 0.5, -2.0]),), hessian=True)


@case("tinygp")
def dense_process_likelihood() -> Problem:
    """Likelihood of a Gaussian process of 60 points with respect to three parameters."""
    import tinygp

    rng = np.random.default_rng(5)
    points = jnp.asarray(rng.uniform(0, 5, size=(60, 2)))
    observed = jnp.asarray(rng.normal(size=60))

    def likelihood(parameters):
        scale, amplitude, noise = jnp.exp(parameters)
        kernel = amplitude * tinygp.kernels.ExpSquared(scale)
        return tinygp.GaussianProcess(kernel, points, diag=noise).log_probability(observed)

    return Problem(likelihood, (jnp.array([0.0, 0.1, -1.0]),))


@case("gpjax")
def sparse_process_bound() -> Problem:
    """Collapsed bound of a sparse Gaussian process with respect to inducing points."""
    import gpjax as gpx

    rng = np.random.default_rng(6)
    x = jnp.asarray(rng.uniform(-3, 3, size=(40, 1)))
    data = gpx.Dataset(X=x, y=jnp.sin(2 * x) + 0.1 * jnp.asarray(rng.normal(size=(40, 1))))

    def bound(inducing, scale):
        kernel = gpx.kernels.RBF(lengthscale=scale)
        prior = gpx.gps.Prior(kernel=kernel, mean_function=gpx.mean_functions.Zero())
        likelihood = gpx.likelihoods.Gaussian(obs_stddev=0.3)
        family = gpx.variational_families.CollapsedVariationalGaussian(
            prior * likelihood, inducing_inputs=inducing
        )
        return gpx.objectives.collapsed_elbo(family, data)

    return Problem(bound, (jnp.linspace(-2.5, 2.5, 6)[:, None], jnp.array(0.8)))


@case("jaxoplanet")
def transit_light_curve() -> Problem:
    """A transit with limb darkening with respect to orbit and star."""
    from jaxoplanet.light_curves import limb_dark_light_curve
    from jaxoplanet.orbits.transit import TransitOrbit

    times = jnp.linspace(-0.12, 0.12, 11)

    def flux(parameters):
        period, duration, impact, ratio, u1, u2 = parameters
        orbit = TransitOrbit(
            period=period,
            duration=duration,
            time_transit=0.003,
            impact_param=impact,
            radius_ratio=ratio,
        )
        return limb_dark_light_curve(orbit, jnp.stack([u1, u2]))(times)

    return Problem(flux, (jnp.array([3.4, 0.2, 0.3, 0.1, 0.4, 0.2]),))


@case("flowjax")
def spline_flow_density() -> Problem:
    """Density of a rational-quadratic spline flow with respect to its weights."""
    import equinox as eqx
    from flowjax.bijections import RationalQuadraticSpline
    from flowjax.distributions import Normal
    from flowjax.flows import coupling_flow

    flow = coupling_flow(
        jax.random.key(0),
        base_dist=Normal(jnp.zeros(3)),
        transformer=RationalQuadraticSpline(knots=5, interval=4),
        flow_layers=2,
        nn_width=8,
    )
    weights, static = eqx.partition(flow, eqx.is_inexact_array)
    points = jax.random.normal(jax.random.key(1), (6, 3))

    def loss(weights):
        return -jnp.mean(eqx.combine(weights, static).log_prob(points))

    return Problem(loss, (weights,))


@case("flowjax")
def masked_autoregressive_flow() -> Problem:
    """Density of a masked autoregressive flow with respect to the point."""
    from flowjax.distributions import Normal
    from flowjax.flows import masked_autoregressive_flow as autoregressive

    flow = autoregressive(
        jax.random.key(2), base_dist=Normal(jnp.zeros(4)), flow_layers=2, nn_width=8
    )
    point = jax.random.normal(jax.random.key(3), (4,))
    return Problem(lambda x: flow.log_prob(x), (point,), hessian=True)


@case("distreqx")
def mixture_log_prob() -> Problem:
    """Log density of a mixture of transformed normals with respect to everything."""
    from distreqx import distributions

    def density(logits, location, scale, x):
        normals = [
            distributions.MultivariateNormalDiag(m, jnp.exp(s))
            for m, s in zip(location, scale, strict=True)
        ]
        terms = jnp.stack([normal.log_prob(x) for normal in normals])
        return jax.nn.logsumexp(jax.nn.log_softmax(logits) + terms)

    rng = np.random.default_rng(7)
    sizes = ((3,), (3, 4), (3, 4), (4,))
    return Problem(density, tuple(jnp.asarray(rng.normal(size=size)) for size in sizes))
