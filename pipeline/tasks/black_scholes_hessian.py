"""The gradient of the Black-Scholes price of a European call; its Jacobian is the Hessian.

The gradient is written out as reverse-mode differentiation writes it: every operation gives its
value and its local derivatives, then the adjoints are swept back. `jax.grad` of the same price
leaves out what folds or is never used, and numbers the rest differently. Written out, the graph is
the published `BlackScholes_Jacobian` vertex by vertex, dead vertices included, so that published
orders apply to it.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from jax import Array, lax

from elimax.pipeline.tasks.task import Task


class _NormalCdf(NamedTuple):
    """Value and local derivatives of N(x) = (1 + erf(x / sqrt 2)) / 2.

    Attributes:
        value: N(x), shape (1,).
        by_sum: Derivative of the last division by its numerator, 1/2.
        by_erf: Derivative of the error function at x / sqrt 2, shape (1,).
        by_x: Derivative of x / sqrt 2 by x, shape ().
        by_root: Derivative of x / sqrt 2 by sqrt 2, shape (1,).
    """

    value: Array
    by_sum: float
    by_erf: Array
    by_x: Array
    by_root: Array


class _Forward(NamedTuple):
    """What the backward sweep needs; shapes (1,) unless said otherwise.

    Attributes:
        growth: exp(rate x maturity).
        forward: Forward price F = spot x growth.
        moneyness_by: Derivatives of F / strike by both.
        log_by: Derivative of the logarithm of that ratio.
        half_variance: volatility^2 / 2.
        square_by: Derivative of volatility^2.
        root: Square root of maturity and its derivative.
        d1_by: Derivatives of d1 by its numerator and by volatility x root.
        root_again: The same root, computed anew for d2.
        minus_one: -1, the derivative of d2 = d1 - volatility x root by that product, shape ().
        minus_rate: -rate.
        rate_by: -1, the derivative of minus_rate, shape ().
        discount: exp(-rate x maturity).
        cdf1: N(d1).
        cdf2: N(d2).
        payoff: F N(d1) - strike N(d2).
        payoff_by: -1, the derivative of payoff by its subtrahend, shape ().
    """

    growth: Array
    forward: Array
    moneyness_by: tuple[Any, Any]
    log_by: Array
    half_variance: Array
    square_by: Array
    root: tuple[Array, Array]
    d1_by: tuple[Any, Any]
    root_again: tuple[Array, Array]
    minus_one: Array
    minus_rate: Array
    rate_by: Array
    discount: Array
    cdf1: _NormalCdf
    cdf2: _NormalCdf
    payoff: Array
    payoff_by: Array


def black_scholes_hessian(
    spot: Array, strike: Array, rate: Array, volatility: Array, maturity: Array
) -> tuple[Array, Array, Array, Array, Array]:
    """Computes the derivatives of a call's price by all five arguments.

    Price = exp(-r T) (F N(d1) - K N(d2)) with F = S exp(r T), d2 = d1 - sigma sqrt T and
    d1 = (log(F / K) + sigma^2 T / 2) / (sigma sqrt T).

    Args:
        spot: S, price of the asset now, shape (1,), in currency.
        strike: K, price at which the call may be exercised, shape (1,), in currency.
        rate: r, riskless interest rate, shape (1,), per year.
        volatility: sigma, shape (1,), per square root of a year.
        maturity: T, time to exercise, shape (1,), in years.

    Returns:
        The derivatives in the order of the arguments, each of shape (1,).
    """
    record = _evaluate(spot, strike, rate, volatility, maturity)
    # The seed is 1: the adjoint of the payoff is the discount, and vice versa.
    by_first = lax.mul(record.discount, 1.0)
    by_second = lax.mul(record.discount, record.payoff_by)
    by_strike = lax.mul(by_second, record.cdf2.value)
    by_d2 = _pull_back_cdf(lax.mul(by_second, strike), record.cdf2)
    by_forward = lax.mul(by_first, record.cdf1.value)
    by_d1 = _pull_back_cdf(lax.mul(by_first, record.forward), record.cdf1)

    by_exponent = lax.mul(record.payoff, record.discount)
    by_minus_rate = lax.mul(by_exponent, maturity)
    by_maturity = lax.mul(by_exponent, record.minus_rate)
    by_rate = lax.mul(by_minus_rate, record.rate_by)

    by_d1 = lax.add(lax.mul(by_d2, 1.0), by_d1)
    by_spread = lax.mul(by_d2, record.minus_one)
    by_volatility = lax.mul(by_spread, record.root_again[0])
    by_root = lax.mul(by_spread, volatility)
    by_maturity = lax.add(lax.mul(by_root, record.root_again[1]), by_maturity)

    by_numerator = lax.mul(by_d1, record.d1_by[0])
    by_spread = lax.mul(by_d1, record.d1_by[1])
    by_volatility = lax.add(lax.mul(by_spread, record.root[0]), by_volatility)
    by_root = lax.mul(by_spread, volatility)
    by_maturity = lax.add(lax.mul(by_root, record.root[1]), by_maturity)

    by_log = lax.mul(by_numerator, 1.0)
    by_drift = lax.mul(by_numerator, 1.0)
    by_half_variance = lax.mul(by_drift, maturity)
    by_maturity = lax.add(lax.mul(by_drift, record.half_variance), by_maturity)
    by_variance = lax.mul(by_half_variance, 0.5)
    by_volatility = lax.add(lax.mul(by_variance, record.square_by), by_volatility)

    by_ratio = lax.mul(by_log, record.log_by)
    by_forward = lax.add(lax.mul(by_ratio, record.moneyness_by[0]), by_forward)
    by_strike = lax.add(lax.mul(by_ratio, record.moneyness_by[1]), by_strike)
    by_growth = lax.mul(by_forward, spot)
    by_spot = lax.mul(by_forward, record.growth)
    by_exponent = lax.mul(by_growth, record.growth)
    by_rate = lax.add(lax.mul(by_exponent, maturity), by_rate)
    by_maturity = lax.add(lax.mul(by_exponent, rate), by_maturity)
    return by_spot, by_strike, by_rate, by_volatility, by_maturity


def _evaluate(
    spot: Array, strike: Array, rate: Array, volatility: Array, maturity: Array
) -> _Forward:
    """Computes the price forward and records every local derivative."""
    growth = lax.exp(lax.mul(rate, maturity))
    forward = lax.mul(growth, spot)
    ratio, by_forward, by_strike = _divide(forward, strike)
    logarithm, log_by = lax.log(ratio), lax.div(1.0, ratio)
    variance = lax.integer_pow(volatility, 2)
    square_by = lax.mul(2.0, lax.integer_pow(volatility, 1))
    half_variance, *_ = _divide(variance, 2.0)
    numerator = lax.add(logarithm, lax.mul(half_variance, maturity))
    root = _square_root(maturity)
    d1, by_numerator, by_spread = _divide(numerator, lax.mul(volatility, root[0]))
    root_again = _square_root(maturity)
    d2 = lax.sub(d1, lax.mul(volatility, root_again[0]))
    minus_one = lax.neg(1.0)
    minus_rate = lax.neg(rate)
    rate_by = lax.neg(1.0)
    discount = lax.exp(lax.mul(minus_rate, maturity))
    cdf1 = _normal_cdf(d1)
    gain = lax.mul(forward, cdf1.value)
    cdf2 = _normal_cdf(d2)
    payoff = lax.sub(gain, lax.mul(strike, cdf2.value))
    payoff_by = lax.neg(1.0)
    lax.mul(
        discount, payoff
    )  # the price, which is not returned but is a vertex of the published graph
    return _Forward(
        growth=growth,
        forward=forward,
        moneyness_by=(by_forward, by_strike),
        log_by=log_by,
        half_variance=half_variance,
        square_by=square_by,
        root=root,
        d1_by=(by_numerator, by_spread),
        root_again=root_again,
        minus_one=minus_one,
        minus_rate=minus_rate,
        rate_by=rate_by,
        discount=discount,
        cdf1=cdf1,
        cdf2=cdf2,
        payoff=payoff,
        payoff_by=payoff_by,
    )


def _divide(numerator: Array, denominator: Array | float) -> tuple[Array, Any, Array]:
    """Divides and gives the derivatives of x / y: 1 / y and -x / y^2."""
    quotient = lax.div(numerator, denominator)
    if isinstance(denominator, float):
        return quotient, 1.0 / denominator, lax.div(lax.neg(numerator), denominator**2)
    inverse = lax.div(1.0, denominator)
    negative = lax.neg(numerator)
    return quotient, inverse, lax.div(negative, lax.integer_pow(denominator, 2))


def _square_root(operand: Array | float) -> tuple[Array, Array]:
    """Computes sqrt x and its derivative 1 / (2 sqrt x)."""
    root = lax.sqrt(operand)
    return root, lax.div(0.5, root)


def _normal_cdf(operand: Array) -> _NormalCdf:
    """Computes the standard normal distribution function and its local derivatives."""
    root, _ = _square_root(2.0)
    root = lax.convert_element_type(root, operand.dtype)
    scaled, by_x, by_root = _divide(operand, root)
    error = lax.erf(scaled)
    bell = lax.mul(2.0, lax.exp(lax.neg(lax.integer_pow(scaled, 2))))
    by_erf = lax.div(bell, lax.convert_element_type(lax.sqrt(math.pi), operand.dtype))
    value, by_sum, _ = _divide(lax.add(1.0, error), 2.0)
    return _NormalCdf(value=value, by_sum=by_sum, by_erf=by_erf, by_x=by_x, by_root=by_root)


def _pull_back_cdf(adjoint: Array, cdf: _NormalCdf) -> Array:
    """Turns the adjoint of N(x) into that of x."""
    by_error = lax.mul(lax.mul(adjoint, cdf.by_sum), 1.0)
    by_scaled = lax.mul(by_error, cdf.by_erf)
    by_operand = lax.mul(by_scaled, cdf.by_x)
    lax.mul(by_scaled, cdf.by_root)  # the adjoint of the constant sqrt 2 ends here
    return by_operand


def example_inputs() -> tuple[np.ndarray, ...]:
    """Returns a call on a share at 100, struck at 105, for half a year."""
    return (
        np.array([100.0], np.float32),
        np.array([105.0], np.float32),
        np.array([0.03], np.float32),
        np.array([0.2], np.float32),
        np.array([0.5], np.float32),
    )


TASK = Task(
    name="black_scholes_hessian",
    function=black_scholes_hessian,
    example_inputs=example_inputs,
    argnums=(0, 1, 2, 3, 4),
    title="Hessian of the Black-Scholes call price: Jacobian of its reverse-mode gradient",
    source="F. Black and M. Scholes, J. Polit. Econ. 81 (1973) 637; task of arXiv 2406.05027",
    about=(
        "134 vertices, the same graph and numbering as BlackScholes_Jacobian of the paper, its "
        "dead and constant vertices included."
    ),
)
