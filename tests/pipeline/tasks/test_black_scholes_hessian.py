"""Gradient of the Black-Scholes price."""

import math

import numpy as np

from elimax.pipeline.tasks.black_scholes_hessian import TASK
from support.published import published_graph
from support.task_probe import differing_vertices, evaluate, jacobian, list_task


def _parameters() -> tuple[float, float, float, float, float, float, float]:
    """Returns S, K, r, sigma, T of the example, and d1, d2."""
    spot, strike, rate, sigma, time = (float(value[0]) for value in TASK.example_inputs())
    spread = sigma * math.sqrt(time)
    d1 = (math.log(spot / strike) + (rate + sigma**2 / 2) * time) / spread
    return spot, strike, rate, sigma, time, d1, d1 - spread


def _cdf(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def _density(x: float) -> float:
    return math.exp(-x * x / 2.0) / math.sqrt(2.0 * math.pi)


def test_outputs_are_the_greeks() -> None:
    """Delta, the derivative by strike, rho, vega and minus theta have their textbook values."""
    spot, strike, rate, sigma, time, d1, d2 = _parameters()
    discounted = strike * math.exp(-rate * time)
    theta = spot * _density(d1) * sigma / (2.0 * math.sqrt(time)) + rate * discounted * _cdf(d2)
    expected = [
        _cdf(d1),
        -discounted / strike * _cdf(d2),
        time * discounted * _cdf(d2),
        spot * _density(d1) * math.sqrt(time),
        theta,
    ]
    outputs = evaluate(TASK)
    assert [output.shape for output in outputs] == [(1,)] * 5
    np.testing.assert_allclose(np.ravel(outputs), expected, rtol=1e-12)


def test_jacobian_is_a_hessian() -> None:
    """The Jacobian is symmetric and holds gamma, vanna and volga."""
    spot, _, _, sigma, time, d1, d2 = _parameters()
    hessian = np.array(jacobian(TASK)).reshape(5, 5)
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-10)
    vega = spot * _density(d1) * math.sqrt(time)
    np.testing.assert_allclose(hessian[0, 0], _density(d1) / (spot * sigma * math.sqrt(time)))
    np.testing.assert_allclose(hessian[0, 3], -_density(d1) * d2 / sigma)
    np.testing.assert_allclose(hessian[3, 3], vega * d1 * d2 / sigma)


def test_graph_is_the_published_one() -> None:
    """All 134 vertices agree with the published graph, constants included."""
    ours, published = list_task(TASK), published_graph("BlackScholes_Jacobian")
    assert ours["inputs"] == published["inputs"]
    assert ours["outputs"] == published["outputs"]
    assert differing_vertices(ours, published) == {}


def test_graph_size() -> None:
    """Dead vertices are traced as well: the graph has 134."""
    assert len(list_task(TASK)["vertices"]) == 134
