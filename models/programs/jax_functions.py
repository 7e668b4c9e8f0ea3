"""Functions of jax.numpy, jax.nn, jax.scipy and jax.image."""

import jax
import jax.numpy as jnp
import jax.scipy
import jax.scipy.interpolate
import jax.scipy.ndimage
import jax.scipy.signal
import jax.scipy.stats
import numpy as np
from jax import Array

from elimax.models.programs.package_draws import layered, summed

stats, special, linalg = jax.scipy.stats, jax.scipy.special, jax.scipy.linalg

ACTIVATIONS = tuple(
    layered(f"jax.nn.{function.__name__}", function)
    for function in (
        *(jax.nn.celu, jax.nn.elu, jax.nn.selu, jax.nn.mish, jax.nn.hard_silu, jax.nn.leaky_relu),
        *(jax.nn.log_sigmoid, jax.nn.soft_sign, jax.nn.sparse_plus, jax.nn.squareplus),
        *(jax.nn.softmax, jax.nn.standardize),
    )
)

LIKELIHOODS = tuple(
    summed(f"jax.scipy.stats.{name}", function, operands)
    for name, function, operands in (
        ("norm.logpdf", stats.norm.logpdf, "Rrp"),
        ("norm.logcdf", stats.norm.logcdf, "Rrp"),
        (
            "truncnorm.logpdf",
            lambda x, loc, scale: stats.truncnorm.logpdf(x, -9, 9, loc, scale),
            "Rrp",
        ),
        ("t.logpdf", stats.t.logpdf, "Rprp"),
        ("cauchy.logpdf", stats.cauchy.logpdf, "Rrp"),
        ("laplace.logpdf", stats.laplace.logpdf, "Rrp"),
        ("logistic.logpdf", stats.logistic.logpdf, "Rrp"),
        ("gennorm.logpdf", stats.gennorm.logpdf, "Rp"),
        ("beta.logpdf", stats.beta.logpdf, "Upp"),
        ("gamma.logpdf", stats.gamma.logpdf, "Pp"),
        ("chi2.logpdf", stats.chi2.logpdf, "Pp"),
        ("expon.logpdf", lambda x, scale: stats.expon.logpdf(x, 0.0, scale), "Pp"),
        ("pareto.logpdf", lambda x, b: stats.pareto.logpdf(1.0 + x, b), "Pp"),
        ("vonmises.logpdf", stats.vonmises.logpdf, "Rp"),
        ("wrapcauchy.logpdf", stats.wrapcauchy.logpdf, "Uu"),
        ("poisson.logpmf", stats.poisson.logpmf, "Cp"),
        ("nbinom.logpmf", stats.nbinom.logpmf, "Cpu"),
        ("bernoulli.logpmf", stats.bernoulli.logpmf, "Bu"),
        (
            "dirichlet.logpdf",
            lambda x, a: stats.dirichlet.logpdf(x.T, a.reshape(-1, a.shape[-1])[0]),
            "Xp",
        ),
        ("multivariate_normal.logpdf", stats.multivariate_normal.logpdf, "Rrs"),
        (
            "gaussian_kde.logpdf",
            lambda x, y: stats.gaussian_kde(y.reshape(-1)).logpdf(x.reshape(-1)),
            "Rr",
        ),
    )
)

SPECIAL = tuple(
    summed(f"jax.scipy.special.{name}", function, operands)
    for name, function, operands in (
        ("betaln", special.betaln, "pp"),
        ("erfc", lambda x: special.erfc(x) * jnp.exp(x * x), "r"),
        ("gammaln", special.gammaln, "p"),
        ("digamma", special.digamma, "p"),
        ("xlogy", special.xlogy, "pp"),
        ("rel_entr", special.rel_entr, "xx"),
        ("kl_div", special.kl_div, "xX"),
        ("entr", special.entr, "x"),
        ("log_ndtr", special.log_ndtr, "r"),
        ("logit", special.logit, "u"),
        ("i0e", special.i0e, "r"),
        ("expi", special.expi, "p"),
        ("spence", special.spence, "p"),
        ("boxcox1p", special.boxcox1p, "pr"),
        ("multigammaln", lambda x: special.multigammaln(x + 2.0, 3), "p"),
        ("polygamma", lambda x: special.polygamma(1, x), "p"),
    )
)

MATRICES = tuple(
    summed(name, function, operands)
    for name, function, operands in (
        ("jax.numpy.linalg.slogdet", lambda a: jnp.linalg.slogdet(a)[1], "s"),
        ("jax.numpy.linalg.solve", lambda a, b: jnp.linalg.solve(a, b.T), "sr"),
        ("jax.numpy.linalg.matrix_power", lambda a: jnp.linalg.matrix_power(a, 5), "m"),
        ("jax.numpy.linalg.multi_dot", lambda a, b, c: jnp.linalg.multi_dot([a, b, c]), "mmm"),
        (
            "jax.scipy.linalg.cho_solve",
            lambda a, b: linalg.cho_solve(linalg.cho_factor(a), b.T),
            "sr",
        ),
        ("jax.scipy.linalg.solve_triangular", lambda a, b: linalg.solve_triangular(a, b.T), "sr"),
        (
            "jax.scipy.linalg.block_diag",
            lambda a, b: linalg.block_diag(a, b) @ linalg.block_diag(b, a),
            "mm",
        ),
        ("jax.numpy.linalg.qr", lambda a: jnp.linalg.qr(a)[1], "s"),
        ("jax.numpy.linalg.eigh", lambda a: jnp.linalg.eigh(a)[0], "s"),
    )
)

NUMPY = tuple(
    summed(f"jax.numpy.{name}", function, operands)
    for name, function, operands in (
        ("cov", jnp.cov, "m"),
        ("corrcoef", jnp.corrcoef, "m"),
        ("var", lambda x: jnp.var(x, axis=-1), "r"),
        ("kron", jnp.kron, "mr"),
        ("cross", lambda a, b: jnp.cross(_triples(a), _triples(b)), "rr"),
        ("convolve", lambda a, b: jnp.convolve(a.reshape(-1), b.reshape(-1), mode="same"), "rR"),
        ("gradient", lambda x: jnp.gradient(x, axis=-1), "r"),
        ("trapezoid", lambda y, x: jnp.trapezoid(y, jnp.cumsum(x, axis=-1)), "rp"),
        ("vander", lambda x: jnp.vander(x.reshape(-1), 4), "r"),
        ("average", lambda x, w: jnp.average(x, axis=-1, weights=w), "rp"),
        ("logaddexp", jnp.logaddexp, "rr"),
        ("sinc", jnp.sinc, "r"),
        ("hypot", jnp.hypot, "rr"),
        ("polymul", lambda a, b: jnp.polymul(a.reshape(-1), b.reshape(-1)), "rr"),
        (
            "interp",
            lambda x, f: jnp.interp(
                x.reshape(-1), np.arange(f.size, dtype=np.float32), f.reshape(-1)
            ),
            "rr",
        ),
        ("quantile", lambda x: jnp.quantile(x, 0.3, axis=-1), "r"),
    )
)


def _triples(x: Array) -> Array:
    """The entries of an array, repeated or cut to a last axis of three."""
    return jnp.resize(x, (*x.shape[:-1], 3))


ENTRIES = (*ACTIVATIONS, *LIKELIHOODS, *SPECIAL, *MATRICES, *NUMPY)
