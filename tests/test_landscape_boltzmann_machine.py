"""Chapter L: the mean-field Boltzmann machine against enumeration, finite differences and two
toy problems."""
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from proofs import proves

from minife import tap
from minife.descent.optimizers import SGD, linear_decay
from minife.data import line_symmetry, xor
from minife.gradcheck import check_gradient
from minife.landscape import BoltzmannMachine
from minife.landscape.boltzmann_machine import unit

X = np.array([[0, 1, 1], [1, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1]])
Y = np.array([[0, 1], [1, 1], [1, 0], [0, 0], [0, 1]])


def random_machine(rng, n_units=7, beta=1.0, scale=0.6, field=0.5, **shape):
    """Return a machine with couplings of standard deviation `scale` between all pairs."""
    J = np.triu(scale * rng.standard_normal((n_units, n_units)), 1)
    return BoltzmannMachine(J + J.T, field * rng.standard_normal(n_units), beta, **shape)


def all_spins(n):
    return 2.0 * (np.arange(2**n)[:, None] >> np.arange(n) & 1) - 1


def exact_free_energy(machine):
    """Return -T log sum_s e^(-beta E(s)), by summing all states."""
    s = all_spins(machine.n_units)
    energy = -((s @ machine.J) * s).sum(axis=1) / 2 - s @ machine.b
    return -np.logaddexp.reduce(-machine.beta * energy) / machine.beta


@proves("L8")
def test_free_energy_is_that_of_independent_spins(rng, beta):
    """(L8): <E> - T S of the product distribution with these means, summed over all states"""
    machine, m = random_machine(rng, beta=beta), rng.uniform(-0.9, 0.9, (3, 7))
    s = all_spins(7)
    q = ((1 + m[:, None] * s) / 2).prod(axis=2)  # (3, 2^7)
    energy = -((s @ machine.J) * s).sum(axis=1) / 2 - s @ machine.b
    assert_allclose(
        machine.free_energy(m), q @ energy + (q * np.log(q)).sum(axis=1) / beta, rtol=1e-12
    )
    assert_allclose(
        machine.free_energy(s), energy, rtol=1e-12
    )  # no entropy where nothing is in doubt


@proves("L8")
def test_stationarity_is_the_slope(rng, beta):
    """(L8): by finite differences, and zero at a fixed point, where m = tanh(beta (J m + b))"""
    machine, m = random_machine(rng, beta=beta), rng.uniform(-0.9, 0.9, (3, 7))
    check_gradient(
        lambda p: machine.free_energy(p["m"]).sum(),
        {"m": m},
        {"m": machine.stationarity(m)},
        tolerance=1e-9,
    )
    star = machine.fixed_point(m)
    assert repr(star) == "SpinFixedPoint(3 rows of 7 spins, 3 converged)"
    assert star.converged.all() and np.abs(machine.stationarity(star.m)).max() < 1e-9
    assert_allclose(star.m, np.tanh(beta * (star.m @ machine.J + machine.b)), atol=1e-10)
    assert_allclose(star.free_energy, machine.free_energy(star.m))


@pytest.mark.filterwarnings("ignore::minife.tap.NotConvergedWarning")
@pytest.mark.parametrize("scale", [0.6, 3.0])
def test_no_move_raises_the_free_energy(scale, rng, beta):
    """Each falls by T times the divergence of the old spin from the new one; a sweep makes these
    moves in order"""
    machine, m = random_machine(rng, beta=beta, scale=scale), rng.uniform(-0.9, 0.9, (20, 7))
    for _ in range(10):
        swept = machine.fixed_point(m, max_iter=1).m
        for i in range(7):
            old, before = m[:, i].copy(), machine.free_energy(m)
            theta = beta * (m @ machine.J[:, i] + machine.b[i])
            m[:, i] = np.tanh(theta)
            divergence = (
                unit.conjugate(old) - theta * old + unit.potential(theta)
            )  # log p(s) = theta s - A(theta)
            assert_allclose(before - machine.free_energy(m), divergence / beta, atol=1e-11)
            assert (divergence >= -1e-14).all()
        assert_allclose(swept, m, rtol=1e-12)


def test_units_that_share_no_coupling_move_at_once_as_if_one_by_one(rng):
    """A layered machine, against the same machine in which couplings of 1e-300 forbid moving
    together"""
    machine = BoltzmannMachine.initialise(3, 4, 2, rng)
    whisper = BoltzmannMachine(
        machine.J + 1e-300 * ~machine.bonds * ~np.eye(9, dtype=bool), machine.b
    )
    m = rng.uniform(-1, 1, (6, 9))
    states = [x.fixed_point(m, machine.inputs) for x in (machine, whisper)]
    assert_allclose(states[0].m, states[1].m, rtol=1e-12)
    assert (states[0].n_iter == states[1].n_iter).all()


@proves("L9")
def test_zero_field_theorem(rng):
    """The paramagnet m = 0 is the only minimum if T >= lambda_max(J); below, it is none and
    minima come in pairs"""
    for n_units in (2, 3, 5, 8, 12) * 2:
        machine = random_machine(rng, n_units, field=0)
        top, starts = np.linalg.eigvalsh(machine.J)[-1], rng.uniform(-1, 1, (10, n_units))
        warm, cold = (BoltzmannMachine(machine.J, machine.b, 1 / (T * top)) for T in (1.05, 0.95))
        assert np.abs(warm.fixed_point(starts).m).max() < 1e-8
        marginal = BoltzmannMachine(machine.J, machine.b, 1 / top)
        assert (marginal.free_energy(starts) > marginal.free_energy(np.zeros((1, n_units)))).all()
        states = [cold.fixed_point(x, max_iter=20000) for x in (starts, -starts)]
        assert np.abs(states[0].m).max(axis=1).min() > 1e-2  # no start ends at 0
        assert (states[0].free_energy < cold.free_energy(np.zeros((1, n_units)))).all()
        assert_allclose(states[0].m, -states[1].m, atol=1e-6)


def test_warm_machine_has_one_minimum_in_any_field(rng):
    """Gamma is strictly convex where T > lambda_max(J): annealing may start anywhere"""
    machine = random_machine(rng, 8)
    machine = BoltzmannMachine(machine.J, machine.b, 0.9 / np.linalg.eigvalsh(machine.J)[-1])
    m = machine.fixed_point(rng.uniform(-1, 1, (20, 8))).m
    assert_allclose(m, np.broadcast_to(m[0], m.shape), atol=1e-8)


def test_cold_minima_are_the_one_flip_stable_states(rng):
    """As T goes to 0: each end of a descent is one, and each one is the end of a descent"""
    for _ in range(5):
        machine = random_machine(rng, 10, beta=1e4, scale=1.0)
        s = all_spins(10)
        stable = s[(s * (s @ machine.J + machine.b) > 0).all(axis=1)]  # no flip pays
        assert_allclose(machine.fixed_point(0.9 * stable).m, stable, atol=1e-3)
        ends = machine.fixed_point(rng.uniform(-1, 1, (20, 10))).m
        assert np.abs(ends[:, None] - stable).max(axis=2).min(axis=1).max() < 1e-3


@proves("L8")
def test_upper_bound_of_the_exact_free_energy(rng, beta):
    """(L8): Gamma is the free energy of a product distribution, so Gamma* >= F, and exact
    without couplings"""
    for scale in (0.0, 0.3, 1.0, 3.0):
        machine = random_machine(rng, 8, beta=beta, scale=scale)
        star = machine.fixed_point(rng.uniform(-1, 1, (10, 8)), max_iter=20000)
        assert (star.free_energy >= exact_free_energy(machine) - 1e-12).all()
        if scale == 0:
            assert_allclose(star.free_energy, exact_free_energy(machine), rtol=1e-12)


def test_annealing_finds_lower_minima(rng):
    """From the paramagnet down, against a quench: the mean over 10 glasses of 16 spins"""
    annealed, quenched = [], []
    for _ in range(10):
        machine, start = random_machine(rng, 16, beta=20.0, scale=1.0, field=0.1), np.zeros((1, 16))
        annealed.append(machine.fixed_point(start, n_temperatures=10, tol=1e-4).free_energy[0])
        quenched.append(machine.fixed_point(start).free_energy[0])
    assert np.mean(annealed) < np.mean(quenched) - 0.5


@proves("L20")
def test_two_spins_by_hand():
    """The example of the README: e^(2J) = 3, so tanh J = 1/2 and p(y = x) = 3/4; a zero field
    splits at T = J"""
    J = np.log(3) / 2
    machine = BoltzmannMachine([[0, J], [J, 0]], [0, 0], n_inputs=1, n_outputs=1)
    assert_allclose(machine.contrastive_loss([[1]], [1]), np.log(4 / 3), rtol=1e-13)
    assert_allclose(machine.contrastive_loss([[1]], [0]), np.log(4), rtol=1e-13)
    assert_allclose(
        machine.contrastive_gradient([[1]], [1])["J"], [[0, -0.5], [-0.5, 0]], rtol=1e-13
    )
    assert_allclose(machine.contrastive_gradient([[1]], [1])["b"], [0, -0.5], rtol=1e-13)
    assert machine.predict([[1], [0]]).tolist() == [1, 0]
    J = 5 / 3 * np.log(2)  # m = tanh(J m) at m = 3/5, as artanh(3/5) = log 2
    m = BoltzmannMachine([[0, J], [J, 0]], [0, 0]).fixed_point([[0.1, 0.1]], tol=1e-13).m
    assert_allclose(m, [[0.6, 0.6]], rtol=1e-12)


@proves("L19")
def test_envelope(rng, beta):
    """(L19): at a fixed point dGamma*/dJ_ij = -m_i m_j for the pair, dGamma*/db_i = -m_i"""
    machine, start = random_machine(rng, 5, beta=beta), np.zeros((1, 5))
    pair = np.triu_indices(5, 1)
    m = machine.fixed_point(start, tol=1e-13).m[0]

    def value(p):
        J = np.zeros((5, 5))
        J[pair] = p["J"]
        return BoltzmannMachine(J + J.T, p["b"], beta).fixed_point(start, tol=1e-13).free_energy[0]

    check_gradient(
        value,
        {"J": machine.J[pair], "b": machine.b.copy()},
        {"J": -np.outer(m, m)[pair], "b": -m},
        tolerance=1e-9,
    )


@proves("L19", "L20")
@pytest.mark.parametrize("solver", [{}, {"n_temperatures": 3}], ids=["quenched", "annealed"])
def test_contrastive_gradient_through_the_solver(solver, rng, beta):
    """(L20): also its sum rules: symmetric, nothing for inputs, which are clamped in both phases"""
    machine = random_machine(rng, 6, beta=beta, n_inputs=3, n_outputs=2)
    pair = np.triu_indices(6, 1)
    gradient = machine.contrastive_gradient(X, Y, tol=1e-13, **solver)

    def loss(p):
        J = np.zeros((6, 6))
        J[pair] = p["J"]
        return BoltzmannMachine(J + J.T, p["b"], beta, 3, 2).contrastive_loss(
            X, Y, tol=1e-13, **solver
        )

    check_gradient(
        loss,
        {"J": machine.J[pair], "b": machine.b.copy()},
        {"J": gradient["J"][pair], "b": gradient["b"]},
        tolerance=1e-9,
    )
    assert (gradient["J"] == gradient["J"].T).all() and (np.diag(gradient["J"]) == 0).all()
    assert (gradient["J"][:3, :3] == 0).all() and (gradient["b"][:3] == 0).all()


@proves("L20")
def test_clamping_restricts_the_minimum(rng):
    """(L20): started from the clamped state the free phase can only go down, so this loss is
    never negative"""
    for scale in (0.5, 2.0):
        machine = random_machine(rng, 8, scale=scale, n_inputs=3, n_outputs=2)
        start = np.hstack([2.0 * X - 1, np.zeros((5, 3)), 2.0 * Y - 1])
        clamped = machine.fixed_point(start, machine.inputs | machine.outputs, max_iter=20000)
        free = machine.fixed_point(clamped.m, machine.inputs, max_iter=20000)
        assert (clamped.m[:, machine.outputs] == start[:, machine.outputs]).all()
        assert (free.m[:, machine.inputs] == start[:, machine.inputs]).all()
        assert (clamped.free_energy >= free.free_energy).all()


@proves("L20")
def test_one_free_unit_is_exact(rng, beta):
    """(L20): with no hidden units and one output the loss is the cross entropy -T log p(y | x)"""
    machine = random_machine(rng, 4, beta=beta, n_inputs=3, n_outputs=1)
    field = (2.0 * X - 1) @ machine.J[:3, 3] + machine.b[3]
    cross_entropy = np.log1p(np.exp(-2 * beta * field * (2 * Y[:, 0] - 1))).mean() / beta
    assert_allclose(machine.contrastive_loss(X, Y[:, 0]), cross_entropy, rtol=1e-12)


@proves("L20")
def test_weak_feedback_gives_backprop(rng, beta):
    """What the outputs tell the hidden units is backprop's delta, with an error that falls as
    the feedback"""
    machine = BoltzmannMachine.initialise(3, 4, 2, rng, beta=beta)
    hidden = ~(machine.inputs | machine.outputs)
    J, s, t = machine.J.copy(), 2.0 * X - 1, 2.0 * Y - 1

    def error(weakness):
        W, U = J[:3, hidden], weakness * J[hidden][:, machine.outputs]
        machine.J[...] = J
        machine.J[np.ix_(hidden, machine.outputs)], machine.J[np.ix_(machine.outputs, hidden)] = (
            U,
            U.T,
        )
        h = unit.mean(beta * s @ W)  # forward
        delta_y = unit.mean(beta * h @ U) - t  # of the matching loss, cross entropy
        delta_h = beta * (1 - h**2) * (delta_y @ U.T)  # backward
        d_W = machine.contrastive_gradient(X, Y)["J"][:3, hidden]
        return np.linalg.norm(d_W - s.T @ delta_h / len(s)) / np.linalg.norm(d_W)

    assert abs(np.log2(error(1e-3) / error(5e-4)) - 1) < 0.01


def learns(problem, n_hidden, seed, n_temperatures):
    """Return whether a machine answers every pattern right after learning, with the settings of
    the README."""
    x, y = problem
    machine = BoltzmannMachine.initialise(x.shape[1], n_hidden, 1, np.random.default_rng(seed))
    optimizer, solver = (
        SGD(linear_decay(0.5, 100), momentum=0.9),
        {"n_temperatures": n_temperatures, "tol": 1e-3},
    )
    for _ in range(100):
        optimizer.step(machine.parameters, machine.contrastive_gradient(x, y, **solver))
    assert (machine.J == machine.J.T).all() and not machine.J[~machine.bonds].any()
    return (machine.predict(x, **solver) == y).all()


def test_twenty_of_twenty_learn_xor():
    assert all(learns(xor(), 4, seed, n_temperatures=1) for seed in range(20))
    assert all(learns(xor(), 4, seed, n_temperatures=5) for seed in range(2))


def test_line_symmetry_is_learned():
    """20 of 20 in demos/l6_boltzmann_machine.py"""
    assert all(learns(line_symmetry(6), 12, seed, n_temperatures=1) for seed in range(2))


def test_clamping_row_by_row(rng):
    machine, m = random_machine(rng), rng.uniform(-1, 1, (4, 7))
    clamped = rng.random((4, 7)) < 0.5
    together = machine.fixed_point(m, clamped)
    for row in range(4):
        alone = machine.fixed_point(m[[row]], clamped[row])
        assert_allclose(together.m[row], alone.m[0], rtol=1e-12)
        assert together.n_iter[row] == alone.n_iter[0]
    assert (together.m[clamped] == m[clamped]).all()
    assert (machine.fixed_point(m, np.ones(7, dtype=bool)).m == m).all()


@proves("L8")
@pytest.mark.parametrize("beta", [0.1, 0.6, 5.0])
def test_annealing_is_one_temperature_after_another(rng, beta):
    """(L8): in equal ratios down from twice lambda_max, ten sweeps at each; none if 1/beta is
    warmer"""
    machine, start = random_machine(rng, beta=beta, scale=0.4), rng.uniform(-1, 1, (4, 7))
    top = np.linalg.eigvalsh(machine.J)[-1]
    assert (1 / beta > 2 * top) == (beta == 0.1)
    m, n_iter = start, 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tap.NotConvergedWarning)
        for T in np.geomspace(max(2 * top, 1 / beta), 1 / beta, 4)[:-1]:
            state = BoltzmannMachine(machine.J, machine.b, 1 / T).fixed_point(m, max_iter=10)
            m, n_iter = state.m, n_iter + state.n_iter
    state, annealed = machine.fixed_point(m), machine.fixed_point(start, n_temperatures=4)
    assert_allclose(annealed.m, state.m, rtol=1e-10)
    assert annealed.n_iter.tolist() == (n_iter + state.n_iter).tolist()


def test_no_convergence_is_a_warning_with_numbers(rng):
    machine = random_machine(rng, scale=2.0)
    with pytest.warns(tap.NotConvergedWarning, match="stopped after 2 sweeps") as record:
        state = machine.fixed_point(np.full((3, 7), 0.1), max_iter=2)
    assert not state.converged.any() and record[0].message.residual == state.residual.max()
    assert state.n_iter.tolist() == [2, 2, 2]
    with pytest.warns(tap.NotConvergedWarning, match="stopped after 5 sweeps"):
        state = random_machine(rng).fixed_point(
            np.full((3, 7), 0.1), n_temperatures=3, tol=1e-12, max_iter=5
        )
    assert state.n_iter.tolist() == [25, 25, 25]  # ten at each warmer temperature


def test_the_residual_is_that_of_T12(rng, beta):
    """One sweep by hand: |tanh(theta) - m| / (1 - m^2 + eps^(1/3)), each unit just before it
    moves, the free ones only"""
    machine, m = random_machine(rng, beta=beta, n_inputs=2), rng.uniform(-0.9, 0.9, (5, 7))
    m[:, 3] = 1.0  # saturated: the floor counts
    with pytest.warns(tap.NotConvergedWarning):
        found = machine.fixed_point(m, machine.inputs, max_iter=1)
    residual = np.zeros(5)
    for i in range(2, 7):
        new = np.tanh(beta * (m @ machine.J[:, i] + machine.b[i]))
        residual = np.maximum(
            residual, np.abs(new - m[:, i]) / (1 - m[:, i] ** 2 + np.finfo(float).eps ** (1 / 3))
        )
        m[:, i] = new
    assert_allclose(found.residual, residual, rtol=1e-12)
    assert_allclose(found.m, m, rtol=1e-12)
    star = machine.fixed_point(m, machine.inputs, tol=1e-6)  # close to it, the error of theta
    theta = beta * (star.m @ machine.J + machine.b)
    error = np.abs(np.arctanh(star.m) - theta)[:, 2:].max(axis=1)
    assert (error < 1e-6).all() and star.converged.all()


def test_layers():
    """In the order inputs, hidden, outputs; no field, no bond across a layer or within one"""
    machine = BoltzmannMachine.initialise(2, 3, 1, np.random.default_rng(0), scale=0.5)
    assert (
        machine.bonds[:2, 2:5].all()
        and machine.bonds[2:5, 5].all()
        and machine.bonds.sum() == 2 * (6 + 3)
    )
    assert machine.inputs.tolist() == [True] * 2 + [False] * 4 and machine.outputs.tolist() == [
        False
    ] * 5 + [True]
    full = BoltzmannMachine.initialise(2, 3, 1, np.random.default_rng(0), layered=False)
    assert full.bonds.sum() == 6 * 5 - 2 and not full.bonds[:2, :2].any() and not machine.b.any()
    big = BoltzmannMachine.initialise(100, 100, 1, np.random.default_rng(0), scale=0.5)
    assert abs(big.J[:100, 100:200].std() - 0.5) < 0.02


def test_parameters_are_copies_and_are_changed_in_place(rng):
    J, b = np.zeros((2, 2)), np.zeros(2)
    machine = BoltzmannMachine(J, b)
    machine.parameters["J"][0, 1] = machine.parameters["b"][0] = 1
    assert machine.J[0, 1] == machine.b[0] == 1 and not J.any() and not b.any()


J3 = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0.0]])
BAD = {
    "not square": (
        dict(J=J3[:2]),
        ValueError,
        r"J must have shape \(3, 3\) to go with b \(3,\), got \(2, 3\)",
    ),
    "one-sided": (
        dict(J=np.triu(J3)),
        ValueError,
        "J and bonds must be symmetric: J_ij and J_ji are one coupling",
    ),
    "self-coupling": (
        dict(J=np.eye(3)),
        ValueError,
        "J must be 0 on the diagonal and where bonds is False",
    ),
    "off bonds": (
        dict(bonds=J3 == 2),
        ValueError,
        "J must be 0 on the diagonal and where bonds is False",
    ),
    "one-sided bonds": (dict(bonds=np.triu(J3) == 1), ValueError, "J and bonds must be symmetric"),
    "bonds of numbers": (dict(bonds=J3), TypeError, "bonds must be an array of bool, got float64"),
    "shape of bonds": (
        dict(bonds=J3[0] == 1),
        ValueError,
        r"bonds must have shape \(3, 3\), got \(3,\)",
    ),
    "beta": (dict(beta=0), ValueError, "beta must be a positive number, got 0"),
    "n_inputs": (
        dict(n_inputs=-1),
        ValueError,
        "n_inputs must be an integer of at least 0, got -1",
    ),
    "too many": (
        dict(n_inputs=2, n_outputs=2),
        ValueError,
        "2 inputs and 2 outputs are more than the 3 units",
    ),
    "nan": (dict(b=[0, np.nan, 0]), ValueError, "b must be finite, got nan"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_machines(name):
    changes, error, message = BAD[name]
    with pytest.raises(error, match=message):
        BoltzmannMachine(**({"J": J3, "b": np.zeros(3)} | changes))


def test_bad_arguments(rng):
    machine = random_machine(rng, n_inputs=3, n_outputs=2)
    m = np.zeros((1, 7))
    with pytest.raises(ValueError, match=r"m must lie in \[-1, 1\], got values from -2.0 to -2.0"):
        machine.free_energy(m - 2)
    with pytest.raises(ValueError, match=r"m must have shape \(n, 7\), got \(1, 6\)"):
        machine.stationarity(m[:, 1:])
    with pytest.raises(TypeError, match="clamped must be an array of bool, got int64"):
        machine.fixed_point(m, [0, 1, 2])
    with pytest.raises(ValueError, match=r"clamped must have shape \(7,\), got \(3,\)"):
        machine.fixed_point(m, [True] * 3)
    with pytest.raises(ValueError, match=r"clamped must have shape \(1, 7\), got \(2, 7\)"):
        machine.fixed_point(m, np.ones((2, 7), dtype=bool))
    with pytest.raises(ValueError, match="n_temperatures must be a positive integer, got 0"):
        machine.fixed_point(m, n_temperatures=0)
    with pytest.raises(ValueError, match=r"X must have shape \(n, 3\), got \(5, 2\)"):
        machine.predict(X[:, 1:])
    with pytest.raises(ValueError, match=r"y must hold binary states, 0 or 1, got 0.5"):
        machine.contrastive_loss(X, 0.5 * Y)
    with pytest.raises(ValueError, match=r"y must have shape \(n, 2\), got \(5, 1\)"):
        machine.contrastive_loss(X, Y[:, 0])
    with pytest.raises(ValueError, match="X and y must have the same number of rows, got 5 and 4"):
        machine.contrastive_gradient(X, Y[:4])
    with pytest.raises(TypeError, match="layered must be True or False, got 'no'"):
        BoltzmannMachine.initialise(2, 3, 1, rng, layered="no")
    with pytest.raises(TypeError, match="J must be an array of real numbers, got list of <U1"):
        BoltzmannMachine([["a"]], [0])
    assert repr(machine) == "BoltzmannMachine(7 spins, 3 of them inputs and 2 outputs, beta=1.0)"
    with pytest.raises(ValueError, match="n_hidden must be a positive integer, got 0"):
        BoltzmannMachine.initialise(2, 0, 1, rng)
    assert machine.predict(X).shape == (5, 2) and set(machine.predict(X).ravel()) <= {0, 1}
