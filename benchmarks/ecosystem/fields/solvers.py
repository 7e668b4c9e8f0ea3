"""Cases from packages of differentiable solvers, optimal transport and Lie groups."""

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.ecosystem.cases import Problem, case


@case("diffrax")
def neural_ode_through_adjoint() -> Problem:
    """Gradient of a neural ODE's loss with respect to its weights, default adjoint, PID steps."""
    import diffrax

    rng = np.random.default_rng(0)
    weights = (jnp.asarray(rng.normal(size=(8, 2))), jnp.asarray(rng.normal(size=(2, 8)) / 3))

    def loss(weights, y0):
        first, second = weights
        term = diffrax.ODETerm(lambda t, y, args: second @ jnp.tanh(first @ y))
        solution = diffrax.diffeqsolve(
            term,
            diffrax.Tsit5(),
            0.0,
            1.0,
            0.1,
            y0,
            saveat=diffrax.SaveAt(ts=jnp.linspace(0.0, 1.0, 5)),
            stepsize_controller=diffrax.PIDController(rtol=1e-6, atol=1e-6),
            max_steps=256,
        )
        assert solution.ys is not None
        return jnp.sum(solution.ys**2)

    return Problem(loss, (weights, jnp.array([1.0, 0.5])))


@case("diffrax")
def stiff_ode_kvaerno() -> Problem:
    """Sensitivity of Robertson's stiff reaction to its rates, by an implicit method."""
    import diffrax

    def final(rates):
        def field(t, y, args):
            a = rates[0] * y[0]
            b = rates[1] * y[1] * y[2]
            c = rates[2] * y[1] ** 2
            return jnp.stack([-a + b, a - b - c, c])

        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(field),
            diffrax.Kvaerno5(),
            0.0,
            10.0,
            1e-3,
            jnp.array([1.0, 0.0, 0.0]),
            stepsize_controller=diffrax.PIDController(rtol=1e-6, atol=1e-8),
            max_steps=512,
            adjoint=diffrax.DirectAdjoint(),
        )
        assert solution.ys is not None
        return solution.ys[-1]

    return Problem(final, (jnp.array([0.04, 1e2, 3e3]),), rtol=1e-6)


@case("lineax")
def linear_solve_gmres() -> Problem:
    """Solution of a system by GMRES with respect to its matrix and its right-hand side."""
    import lineax

    rng = np.random.default_rng(1)

    def solve(matrix, vector):
        operator = lineax.MatrixLinearOperator(matrix)
        solver = lineax.GMRES(rtol=1e-12, atol=1e-12)
        return lineax.linear_solve(operator, vector, solver).value

    matrix = 5 * np.eye(8) + rng.normal(size=(8, 8))
    return Problem(solve, (jnp.asarray(matrix), jnp.asarray(rng.normal(size=8))), rtol=1e-6)


@case("lineax")
def least_squares_svd() -> Problem:
    """A least-squares solution with respect to the matrix and the observations."""
    import lineax

    rng = np.random.default_rng(2)

    def solve(matrix, vector):
        operator = lineax.MatrixLinearOperator(matrix)
        return lineax.linear_solve(operator, vector, lineax.SVD()).value

    args = (jnp.asarray(rng.normal(size=(12, 5))), jnp.asarray(rng.normal(size=12)))
    return Problem(solve, args)


@case("optimistix")
def implicit_root() -> Problem:
    """A root of nonlinear equations with respect to their parameters, implicitly."""
    import optimistix

    def root(parameters):
        def residual(y, p):
            return jnp.tanh(p @ y) + y - jnp.arange(1.0, 5.0) / 4

        solver = optimistix.Newton(rtol=1e-10, atol=1e-10)
        return optimistix.root_find(residual, solver, jnp.zeros(4), parameters).value

    rng = np.random.default_rng(3)
    return Problem(root, (jnp.asarray(rng.normal(size=(4, 4)) / 3),))


@case("optimistix")
def fitted_curve() -> Problem:
    """Parameters of a curve fitted by Levenberg-Marquardt with respect to the data."""
    import optimistix

    times = jnp.linspace(0.0, 2.0, 15)

    def fit(data):
        def residual(p, observed):
            return p[0] * jnp.exp(-p[1] * times) + p[2] - observed

        solver = optimistix.LevenbergMarquardt(rtol=1e-10, atol=1e-10)
        start = jnp.array([1.0, 1.0, 0.0])
        return optimistix.least_squares(residual, solver, start, data).value

    data = 2.0 * jnp.exp(-1.3 * times) + 0.5 + 0.01 * jnp.sin(40 * times)
    return Problem(fit, (data,), rtol=1e-6)


@case("equinox")
def checkpointed_recurrence() -> Problem:
    """A GRU over a sequence in equinox's checkpointed scan, with respect to weights and inputs."""
    import equinox as eqx
    import equinox.internal as eqxi

    cell = eqx.nn.GRUCell(3, 5, key=jax.random.key(0))
    weights, static = eqx.partition(cell, eqx.is_inexact_array)
    inputs = jax.random.normal(jax.random.key(1), (12, 3))

    def final(weights, inputs):
        cell = eqx.combine(weights, static)
        step = lambda carry, x: (cell(x, carry), None)  # noqa: E731
        carry, _ = eqxi.scan(step, jnp.zeros(5), inputs, kind="checkpointed", checkpoints=4)
        return jnp.sum(carry**2)

    return Problem(final, (weights, inputs))


@case("jaxopt")
def ridge_hyperparameter() -> Problem:
    """A validation loss with respect to the regularisation, through an inner optimum."""
    import jaxopt

    rng = np.random.default_rng(4)
    x, y = jnp.asarray(rng.normal(size=(20, 4))), jnp.asarray(rng.normal(size=20))

    def inner(weights, log_penalty):
        return jnp.mean((x @ weights - y) ** 2) + jnp.sum(jnp.exp(log_penalty) * weights**2)

    def outer(log_penalty):
        solver = jaxopt.GradientDescent(inner, maxiter=2000, tol=1e-12, implicit_diff=True)
        weights = solver.run(jnp.zeros(4), log_penalty).params
        return jnp.mean((x[:5] @ weights - 1.0) ** 2)

    return Problem(outer, (jnp.array([-1.0, 0.0, 0.5, 1.0]),), rtol=1e-6)


@case("jaxopt")
def projection_on_simplex() -> Problem:
    """Sparse attention weights: projections on the simplex by sorting."""
    from jaxopt import projection

    scores = jnp.asarray(np.random.default_rng(5).normal(size=(4, 6)))
    return Problem(jax.vmap(projection.projection_simplex), (scores,))


@case("ott-jax")
def sinkhorn_divergence() -> Problem:
    """Entropic transport cost between two point clouds with respect to points and weights."""
    from ott.geometry import pointcloud
    from ott.solvers import linear

    rng = np.random.default_rng(6)

    def cost(x, y):
        geometry = pointcloud.PointCloud(x, y, epsilon=0.5)
        return linear.solve(geometry, max_iterations=60).reg_ot_cost

    return Problem(
        cost, (jnp.asarray(rng.normal(size=(7, 2))), jnp.asarray(rng.normal(size=(9, 2))))
    )


@case("jaxlie")
def pose_graph_residuals() -> Problem:
    """Residuals of relative poses with respect to tangent vectors of all poses."""
    import jaxlie

    rng = np.random.default_rng(8)
    measured = jaxlie.SE3.exp(jnp.asarray(rng.normal(size=(5, 6)) / 5))

    def residuals(tangents):
        poses = jaxlie.SE3.exp(tangents)
        first = jaxlie.SE3(poses.wxyz_xyz[:-1])
        second = jaxlie.SE3(poses.wxyz_xyz[1:])
        return (measured.inverse() @ first.inverse() @ second).log()

    return Problem(residuals, (jnp.asarray(rng.normal(size=(6, 6)) / 2),))


@case("signax")
def path_signature() -> Problem:
    """The signature of a path with respect to its points."""
    import signax

    path = jnp.asarray(np.random.default_rng(9).normal(size=(8, 2)))
    return Problem(lambda path: signax.signature(path, depth=3), (path,))


@case("quadax")
def adaptive_integral() -> Problem:
    """An adaptive quadrature with respect to the integrand's parameters."""
    import quadax

    def integral(parameters):
        integrand = lambda t: jnp.exp(-parameters[0] * t) * jnp.cos(parameters[1] * t)  # noqa: E731
        return quadax.quadgk(integrand, jnp.array([0.0, 2.0]), epsabs=1e-10, epsrel=1e-10)[0]

    return Problem(integral, (jnp.array([0.7, 5.0]),))


@case("interpax")
def cubic_spline() -> Problem:
    """A spline at query points with respect to knots' values and queries."""
    import interpax

    knots = jnp.linspace(0.0, 1.0, 10)
    queries = jnp.asarray(np.random.default_rng(10).uniform(0.05, 0.95, size=6))

    def values(f, queries):
        return interpax.interp1d(queries, knots, f, method="cubic2")

    return Problem(values, (jnp.sin(7 * knots), queries))
