"""Cases from packages of molecules, rigid bodies, fluids and neurons."""

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.ecosystem.cases import Problem, case


@case("jax-md")
def lennard_jones_forces() -> Problem:
    """Force constants of atoms in a periodic box: the Hessian of Lennard-Jones energies."""
    from jax_md import energy, space

    rng = np.random.default_rng(0)
    displacement, _ = space.periodic(3.0)
    potential = energy.lennard_jones_pair(displacement, sigma=0.8, r_onset=1.0, r_cutoff=1.4)
    grid = np.stack(np.meshgrid([0.5, 1.5, 2.5], [0.5, 1.5], [0.5]), -1).reshape(-1, 3)
    return Problem(
        potential, (jnp.asarray(grid + 0.1 * rng.normal(size=grid.shape)),), hessian=True
    )


@case("jax-md")
def morse_with_neighbours() -> Problem:
    """Forces of a Morse potential over a neighbour list, with respect to positions."""
    from jax_md import energy, space

    rng = np.random.default_rng(1)
    displacement, _ = space.periodic(4.0)
    neighbours, potential = energy.morse_neighbor_list(
        displacement, 4.0, sigma=1.0, epsilon=1.0, alpha=2.0, r_onset=1.5, r_cutoff=1.9
    )
    positions = jnp.asarray(rng.uniform(0, 4, size=(12, 3)))
    listed = neighbours.allocate(positions)
    return Problem(lambda x: potential(x, neighbor=listed), (positions,))


@case("jax-md")
def stillinger_weber() -> Problem:
    """Energy of a three-body potential of silicon with respect to positions."""
    from jax_md import energy, space

    displacement, _ = space.periodic(10.8)
    potential = energy.stillinger_weber(displacement)
    corners = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    cell = np.concatenate([corners, corners + 0.25]) * 5.4
    moved = cell + 0.1 * np.random.default_rng(2).normal(size=cell.shape)
    return Problem(potential, (jnp.asarray(moved),))


@case("jax-md")
def nose_hoover_step() -> Problem:
    """A step of a thermostat with respect to positions and temperature."""
    from jax_md import energy, simulate, space

    displacement, shift = space.free()
    potential = energy.soft_sphere_pair(displacement, sigma=1.2)
    init, apply = simulate.nvt_nose_hoover(potential, shift, 1e-2, 0.5)
    positions = jnp.asarray(np.random.default_rng(3).uniform(0, 2, size=(5, 2)))

    def final(positions, temperature):
        state = init(jax.random.key(0), positions, kT=0.5)
        return apply(state, kT=temperature).position

    return Problem(final, (positions, jnp.array(0.7)), rtol=1e-6)


@case("brax")
def body_places_and_velocities() -> Problem:
    """Positions and velocities of the links of an arm, with respect to its joints."""
    from brax import kinematics

    system = _brax_system("reacher")

    def places(q, qd):
        transform, motion = kinematics.forward(system, q, qd)
        return transform.pos, motion.ang, motion.vel

    rng = np.random.default_rng(4)
    q = system.init_q + 0.1 * rng.normal(size=system.init_q.shape)
    return Problem(places, (q, jnp.asarray(rng.normal(size=system.qd_size()))))


@case("brax")
def pendulum_step() -> Problem:
    """One step of a pendulum on a cart in generalised coordinates."""
    from brax.generalized import pipeline

    system = _brax_system("inverted_pendulum")

    def step(q, qd, action):
        state = pipeline.step(system, pipeline.init(system, q, qd), action)
        return state.q, state.qd

    return Problem(step, (jnp.array([0.1, 0.2]), jnp.array([0.3, -0.1]), jnp.array([0.1])))


def _brax_system(name: str):
    """One of brax's environments, in float64."""
    import importlib.resources

    import brax
    from brax.io import mjcf

    path = importlib.resources.files(brax) / "envs" / "assets" / f"{name}.xml"
    return jax.tree.map(_float64, mjcf.load(str(path)))


def _float64(leaf):
    is_float = isinstance(leaf, (jax.Array, np.ndarray)) and jnp.issubdtype(
        leaf.dtype, jnp.floating
    )
    return jnp.asarray(leaf, jnp.float64) if is_float else leaf


PENDULUM = """
<mujoco>
  <option timestep="0.01" iterations="4" ls_iterations="6"><flag contact="disable"/></option>
  <worldbody>
    <body pos="0 0 1">
      <joint name="first" type="hinge" axis="0 1 0" damping="0.1"/>
      <geom type="capsule" fromto="0 0 0 0 0 -0.5" size="0.04"/>
      <body pos="0 0 -0.5">
        <joint name="second" type="hinge" axis="1 0 0" damping="0.1"/>
        <geom type="capsule" fromto="0 0 0 0.3 0 -0.3" size="0.04"/>
      </body>
    </body>
  </worldbody>
  <actuator><motor joint="first"/><motor joint="second"/></actuator>
</mujoco>
"""


@case("mujoco-mjx")
def rigid_body_step() -> Problem:
    """Linearised dynamics of a double pendulum with respect to state and control."""
    import mujoco
    from mujoco import mjx

    model = mjx.put_model(mujoco.MjModel.from_xml_string(PENDULUM))
    model = jax.tree.map(_float64, model)
    empty = jax.tree.map(_float64, mjx.make_data(model))

    def step(position, velocity, control):
        data = mjx.step(model, empty.replace(qpos=position, qvel=velocity, ctrl=control))
        return data.qpos, data.qvel

    return Problem(step, (jnp.array([0.3, -0.2]), jnp.array([0.5, 1.0]), jnp.array([0.1, 0.0])))


@case("mujoco-mjx")
def forward_kinematics() -> Problem:
    """Positions of the bodies of an arm with respect to its angles."""
    import mujoco
    from mujoco import mjx

    model = jax.tree.map(_float64, mjx.put_model(mujoco.MjModel.from_xml_string(PENDULUM)))
    empty = jax.tree.map(_float64, mjx.make_data(model))

    def places(position):
        return mjx.kinematics(model, empty.replace(qpos=position)).geom_xpos

    return Problem(places, (jnp.array([0.3, -0.2]),))


@case("jaxsim")
def mass_matrix() -> Problem:
    """Mass matrix and bias forces of an arm with respect to its joints."""
    import jaxsim.api as js

    links = "".join(
        f'<link name="l{k}"><pose relative_to="j{k}">0 0 0 0 0 0</pose><inertial><mass>1</mass>'
        "<pose>0 0 0.2 0 0 0</pose><inertia><ixx>0.1</ixx><iyy>0.1</iyy><izz>0.05</izz><ixy>0</ixy>"
        "<ixz>0</ixz><iyz>0</iyz></inertia></inertial></link>"
        for k in range(4)
    ).replace('<pose relative_to="j0">0 0 0 0 0 0</pose>', "")
    joints = "".join(
        f'<joint name="j{k + 1}" type="revolute"><pose relative_to="l{k}">0 0 0.4 0 0 0</pose>'
        f"<parent>l{k}</parent><child>l{k + 1}</child><axis><xyz>{(k + 1) % 2} {k % 2} 0</xyz>"
        "<limit><lower>-3</lower><upper>3</upper></limit></axis></joint>"
        for k in range(3)
    )
    sdf = f'<sdf version="1.10"><model name="arm">{links}{joints}</model></sdf>'
    model = js.model.JaxSimModel.build_from_model_description(sdf, is_urdf=False)

    def dynamics(position, velocity):
        data = js.data.JaxSimModelData.build(
            model, joint_positions=position, joint_velocities=velocity
        )
        mass = js.model.free_floating_mass_matrix(model, data)
        return mass, js.model.free_floating_bias_forces(model, data)

    return Problem(dynamics, (jnp.array([0.1, -0.4, 0.7]), jnp.array([0.2, 0.3, -0.1])))


@case("phiflow")
def fluid_step() -> Problem:
    """Advection and diffusion of a velocity field on a grid with respect to the field."""
    from phi.jax import flow
    from phiml import math

    math.set_global_precision(64)

    def advected(values):
        tensor = math.wrap(values, flow.spatial("x,y"))
        field = flow.CenteredGrid(tensor, flow.extrapolation.PERIODIC, x=6, y=6)
        wind = field * math.vec(x=1.0, y=0.5)
        moved = flow.advect.semi_lagrangian(field, wind, 0.3)
        return flow.diffuse.explicit(moved, 0.1, 0.1).values.native("x,y")

    return Problem(advected, (jnp.asarray(np.random.default_rng(5).normal(size=(6, 6))),))


@case("jaxley")
def neuron_voltage() -> Problem:
    """Voltage of a Hodgkin-Huxley cell with respect to its conductances."""
    import jaxley as jx
    from jaxley.channels import HH

    cell = jx.Cell(jx.Branch(jx.Compartment(), ncomp=2), parents=[-1, 0])
    cell.insert(HH())
    current = jx.step_current(i_delay=0.1, i_dur=0.5, i_amp=0.05, delta_t=0.025, t_max=1.0)
    cell.branch(0).comp(0).stimulate(current, verbose=False)
    cell.branch(1).comp(1).record(verbose=False)
    cell.make_trainable("HH_gNa", verbose=False)
    cell.make_trainable("HH_gK", verbose=False)
    parameters = jax.tree.map(jnp.float64, cell.get_parameters())

    def voltage(parameters):
        return jx.integrate(cell, params=parameters, delta_t=0.025)[0, ::10]

    return Problem(voltage, (parameters,), rtol=1e-7)
