"""Cases from packages of quantum dynamics, circuits and wave functions."""

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.ecosystem.cases import Problem, case


@case("pennylane")
def variational_circuit() -> Problem:
    """Hessian of a circuit's energy with respect to its angles."""
    import pennylane as qml

    device = qml.device("default.qubit", wires=3)

    @qml.qnode(device, interface="jax", diff_method="backprop")
    def energy(angles):
        for wire in range(3):
            qml.RY(angles[wire], wires=wire)
        qml.CNOT(wires=[0, 1])
        qml.CRZ(angles[3], wires=[1, 2])
        qml.RX(angles[4], wires=2)
        return qml.expval(qml.PauliZ(0) @ qml.PauliX(2))

    angles = jnp.asarray(np.random.default_rng(0).uniform(0, 3, size=5))
    return Problem(energy, (angles,), hessian=True)


@case("dynamiqs")
def driven_qubit() -> Problem:
    """Expectation values of a damped, driven qubit with respect to drive and damping."""
    import dynamiqs as dq

    dq.set_precision("double")
    dq.set_progress_meter(False)

    def expectations(drive, damping):
        hamiltonian = drive[0] * dq.sigmax() + drive[1] * dq.sigmaz()
        result = dq.mesolve(
            hamiltonian,
            [jnp.sqrt(damping) * dq.sigmam()],
            dq.basis(2, 0),
            jnp.linspace(0.0, 1.0, 4),
            exp_ops=[dq.sigmaz()],
            method=dq.method.Tsit5(rtol=1e-8, atol=1e-8),
        )
        return result.expects.real

    return Problem(expectations, (jnp.array([1.0, 0.4]), jnp.array(0.3)), rtol=1e-6)


@case("dynamiqs")
def propagator_of_pulse() -> Problem:
    """Fidelity of a gate with respect to piecewise constant pulses, by matrix exponentials."""
    import dynamiqs as dq

    dq.set_precision("double")
    dq.set_progress_meter(False)

    def fidelity(pulse):
        hamiltonian = dq.pwc(jnp.linspace(0.0, 1.0, 5), pulse, dq.sigmax()) + 0.5 * dq.sigmaz()
        result = dq.sepropagator(hamiltonian, jnp.array([0.0, 1.0]))
        propagator = result.final_propagator.to_jax()
        return jnp.abs(jnp.trace(dq.sigmax().to_jax() @ propagator)) ** 2 / 4

    return Problem(fidelity, (jnp.array([0.3, 1.0, -0.4, 2.0]),))


@case("netket")
def restricted_boltzmann_machine() -> Problem:
    """Log amplitudes of a wave function with respect to its parameters."""
    import netket as nk

    model = nk.models.RBM(alpha=1, param_dtype=jnp.float64)
    spins = jnp.asarray(2.0 * np.random.default_rng(1).integers(0, 2, size=(4, 6)) - 1)
    parameters = model.init(jax.random.key(0), spins)
    return Problem(lambda parameters: model.apply(parameters, spins), (parameters,))


@case("netket")
def jastrow_local_energy() -> Problem:
    """Local energies of a transverse-field Ising chain with respect to a Jastrow factor."""
    import netket as nk

    space = nk.hilbert.Spin(s=0.5, N=5)
    hamiltonian = nk.operator.IsingJax(space, nk.graph.Chain(5), h=1.0)
    model = nk.models.Jastrow(param_dtype=jnp.float64)
    spins = space.all_states()[::7].astype(jnp.float64)
    parameters = model.init(jax.random.key(0), spins)
    connected, elements = hamiltonian.get_conn_padded(spins)

    def energies(parameters):
        ratio = model.apply(parameters, connected) - model.apply(parameters, spins)[:, None]
        return jnp.sum(elements * jnp.exp(ratio), axis=-1)

    return Problem(energies, (parameters,))
