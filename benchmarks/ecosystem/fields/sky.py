"""Cases from packages of astronomy and cosmology."""

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.ecosystem.cases import Problem, case


@case("jax-cosmo")
def matter_power_spectrum() -> Problem:
    """The linear power spectrum with respect to cosmological parameters."""
    import jax_cosmo as jc

    wavenumbers = jnp.logspace(-2, 0, 6)

    def spectrum(parameters):
        omega_c, sigma8, n_s = parameters
        cosmology = jc.Planck15(Omega_c=omega_c, sigma8=sigma8, n_s=n_s)
        return jc.power.linear_matter_power(cosmology, wavenumbers)

    return Problem(spectrum, (jnp.array([0.26, 0.81, 0.96]),))


@case("jax-cosmo")
def comoving_distance() -> Problem:
    """Distances to redshifts with respect to density, dark energy and the redshifts."""
    import jax_cosmo as jc

    def distance(parameters, redshifts):
        cosmology = jc.Planck15(Omega_c=parameters[0], w0=parameters[1])
        return jc.background.radial_comoving_distance(cosmology, 1 / (1 + redshifts))

    return Problem(distance, (jnp.array([0.26, -0.95]), jnp.array([0.2, 0.5, 1.0])))


@case("ripplegw")
def gravitational_waveform() -> Problem:
    """The waveform of a merger of black holes with respect to masses and spins."""
    import ripplegw

    model = ripplegw.waveform("IMRPhenomD", f_ref=20.0)
    frequencies = jnp.linspace(30.0, 60.0, 8)

    def strain(parameters):
        names = ("M_c", "eta", "s1_z", "s2_z", "d_L", "t_c", "phase_c", "iota")
        values = dict(zip(names, parameters, strict=True))
        plus = model(frequencies, values)["p"] * 1e21
        return jnp.stack([plus.real, plus.imag])

    return Problem(strain, (jnp.array([28.0, 0.24, 0.3, -0.2, 400.0, 0.0, 0.1, 0.5]),))


@case("s2fft")
def spherical_harmonic_transform() -> Problem:
    """Power on the sphere of a map with respect to its harmonic coefficients."""
    import s2fft

    bandlimit = 5
    rng = np.random.default_rng(0)

    def power(real, imaginary):
        coefficients = jax.lax.complex(real, imaginary)
        pixels = s2fft.inverse_jax(coefficients, bandlimit, sampling="mw")
        return jnp.abs(pixels) ** 2

    args = rng.normal(size=(2, bandlimit, 2 * bandlimit - 1))
    return Problem(power, (jnp.asarray(args[0]), jnp.asarray(args[1])))


@case("jax-galsim")
def galaxy_image() -> Problem:
    """Pixels of a sheared, convolved galaxy with respect to its shape."""
    import jax_galsim as galsim

    def pixels(parameters):
        radius, flux, g1, g2 = parameters
        galaxy = galsim.Exponential(half_light_radius=radius, flux=flux)
        galaxy = galaxy.shear(g1=g1, g2=g2)
        blurred = galsim.Convolve([galaxy, galsim.Gaussian(sigma=0.5)])
        params = galsim.GSParams(minimum_fft_size=64, maximum_fft_size=64)
        image = blurred.withGSParams(params).drawImage(nx=8, ny=8, scale=0.4)
        return image.array.astype(jnp.float64)

    # The package computes in single precision internally.
    return Problem(pixels, (jnp.array([0.8, 1.0, 0.1, -0.05]),), rtol=1e-5)


@case("harmonix")
def interferometric_visibilities() -> Problem:
    """Visibilities of a spotted star with respect to its map."""
    from harmonix.harmonix import Harmonix
    from jaxoplanet.starry.surface import Surface
    from jaxoplanet.starry.ylm import Ylm

    # Baselines in wavelengths that resolve a star of one milliarcsecond.
    u, v = 1e8 * jnp.array([0.3, 0.8, 1.5]), 1e8 * jnp.array([0.2, -0.5, 1.0])

    def amplitudes(coefficients):
        surface = Surface(y=Ylm.from_dense(jnp.concatenate([jnp.ones(1), coefficients])))
        values = Harmonix(surface, 1.0).model(u, v, 0.1)
        return jnp.abs(values)

    return Problem(amplitudes, (jnp.array([0.1, -0.2, 0.05]),))
