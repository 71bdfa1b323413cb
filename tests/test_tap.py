"""Chapter T: the TAP free energy against the exact Gibbs free energy, and its fixed points."""
import pickle

import numpy as np
import pytest
from conftest import random_rbm
from numpy.testing import assert_allclose

from minife import RBM, tap
from minife.kernels import reference
from minife.parameters import flatten
from minife.rbm import exact
from minife.tap.solvers import lowest
from minife.units import Binary

ORDERS = (1, 2, 3)


def magnetisations(rng, rbm, n=4):
    return rng.uniform(0.1, 0.9, (n, rbm.n_visible)), rng.uniform(0.1, 0.9, (n, rbm.n_hidden))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", [(5, 4), (3, 3), (6, 3)])
def test_error_of_order_k_falls_as_coupling_to_the_k_plus_1(order, size, beta):
    """(T1) and (T3) to (T8): a wrong coefficient anywhere would show as a wrong slope"""
    rng = np.random.default_rng(sum(size) + order)
    rbm = random_rbm(rng, *size, beta=beta)
    m_v, m_h = magnetisations(rng, rbm, n=20)

    def error(s):
        weak = RBM(s * rbm.W, rbm.a, rbm.b, beta)
        return np.linalg.norm(tap.free_energy(weak, m_v, m_h, order) - tap.gibbs_free_energy(weak, m_v, m_h))

    scales = 2.0 ** -np.array([4, 5]) / beta
    slope = np.log2(error(scales[0]) / error(scales[1]))
    assert abs(slope - (order + 1)) < 0.1


def order_4(rbm, m_v, m_h):
    """Return the term of order 4 that the README states: edges and 4-cycles, term by term."""
    c_v, c_h, W = m_v - m_v**2, m_h - m_h**2, rbm.W
    total = np.zeros(len(m_v))
    for i in range(rbm.n_visible):
        for j in range(rbm.n_hidden):
            x, y = c_v[:, i], c_h[:, j]
            total -= W[i, j] ** 4 * x * y * (1 - 6 * x - 6 * y + 30 * x * y) / 24
            for k in range(i + 1, rbm.n_visible):
                for l in range(j + 1, rbm.n_hidden):
                    total -= W[i, j] * W[k, j] * W[k, l] * W[i, l] * x * c_v[:, k] * y * c_h[:, l]
    return rbm.beta**3 * total


def test_order_4_is_what_is_left_out(beta):
    """The error of order 3 minus the term of order 4 falls as the coupling to the fifth"""
    rng = np.random.default_rng(5)
    rbm = random_rbm(rng, 5, 4, beta=beta)
    m_v, m_h = magnetisations(rng, rbm, n=20)

    def error(s):
        weak = RBM(s * rbm.W, rbm.a, rbm.b, beta)
        gamma = tap.free_energy(weak, m_v, m_h, 3) + order_4(weak, m_v, m_h)
        return np.linalg.norm(gamma - tap.gibbs_free_energy(weak, m_v, m_h))

    assert abs(np.log2(error(0.25 / beta) / error(0.125 / beta)) - 5) < 0.15


def test_derivatives_in_the_coupling(beta):
    """(T3) at lambda = 0: the terms (T5), (T6), (T7) are the derivatives of the exact Gamma over 1!, 2! and 3!"""
    rng = np.random.default_rng(6)
    rbm = random_rbm(rng, 3, 3, beta=beta)
    m_v, m_h = magnetisations(rng, rbm)
    step = 0.05 / beta
    values = [tap.gibbs_free_energy(RBM(k * step * rbm.W, rbm.a, rbm.b, beta), m_v, m_h) for k in range(-4, 5)]
    series = np.polynomial.polynomial.polyfit(step * np.arange(-4, 5), values, 8)      # (9, n): Taylor coefficients
    gammas = [tap.free_energy(rbm, m_v, m_h, order) for order in ORDERS]
    free = tap.free_energy(RBM(0 * rbm.W, rbm.a, rbm.b, beta), m_v, m_h, 1)
    for order, term in zip(ORDERS, np.diff([free, *gammas], axis=0)):
        assert_allclose(series[order], term, rtol=1e-4, atol=1e-9)


def test_exact_gibbs_free_energy_is_least_at_the_exact_moments(rng, beta):
    """(T1) and (T2): its minimum is F = -log Z / beta, and it is convex"""
    rbm = random_rbm(rng, beta=beta)
    moments = exact.moments(rbm)
    F = -exact.log_partition_function(rbm) / beta
    assert_allclose(tap.gibbs_free_energy(rbm, moments.v[None], moments.h[None]), F, rtol=1e-13)
    m, n = magnetisations(rng, rbm), magnetisations(rng, rbm)
    ends, middle = [tap.gibbs_free_energy(rbm, *x) for x in (m, n)], [(x + y) / 2 for x, y in zip(m, n)]
    assert (tap.gibbs_free_energy(rbm, *middle) <= sum(ends) / 2).all()
    assert (np.concatenate(ends) > F).all()


def test_zero_coupling_is_exact_at_every_order(rng, beta):
    """(T4)"""
    rbm = random_rbm(rng, beta=beta, scale=0.0)
    m = magnetisations(rng, rbm)
    for order in ORDERS:
        assert_allclose(tap.free_energy(rbm, *m, order), tap.gibbs_free_energy(rbm, *m), rtol=1e-12)
        assert_allclose(tap.fixed_point(rbm, order).free_energy, -exact.log_partition_function(rbm) / beta, rtol=1e-13)


def test_two_units_by_hand():
    """(T5), (T6), (T7) at m = 1/2: W/4, W^2/32 and nothing, since a fair coin has no third cumulant

    p(1, 1) = p(0, 0) = x / 2 and e^W = (x / (1 - x))^2, so the exact Gibbs free energy is in closed form."""
    W = 0.4
    rbm, half = RBM([[W]], [0.0], [0.0]), np.array([[0.5]])
    free = -2 * np.log(2)
    assert_allclose(tap.free_energy(rbm, half, half, 1), free - W / 4, rtol=1e-14)
    assert_allclose(tap.free_energy(rbm, half, half, 2), free - W / 4 - W**2 / 32, rtol=1e-14)
    assert_allclose(tap.free_energy(rbm, half, half, 3), free - W / 4 - W**2 / 32, rtol=1e-14)
    x = 1 / (1 + np.exp(-W / 2))
    gibbs = -W * x / 2 + x * np.log(x / 2) + (1 - x) * np.log((1 - x) / 2)
    assert_allclose(tap.gibbs_free_energy(rbm, half, half), gibbs, rtol=1e-13)


def test_one_by_one_machine_by_hand():
    """The example of the README: weights 18 : 3 : 3 : 1, so F = -log(25/18) at means 0.16, with the table's numbers"""
    rbm, m = RBM([[np.log(2)]], [-np.log(6)], [-np.log(6)]), np.array([[0.16]])
    assert_allclose(tap.gibbs_free_energy(rbm, m, m), -np.log(25 / 18), rtol=1e-13)
    table = {1: (-0.323721, -0.323797, 0.156678, 0.024548), 2: (-0.328061, -0.328061, 0.159900, 0.038076),
             3: (-0.328524, -0.328524, 0.160046, 0.040148)}
    for order, row in table.items():
        star = tap.fixed_point(rbm, order)
        vh = -tap.free_energy_gradient(rbm, star.m_v, star.m_h, order)["W"][0, 0]
        found = (tap.free_energy(rbm, m, m, order)[0], star.free_energy[0], star.m_v[0, 0], vh)
        assert_allclose(found, row, atol=6e-7)


def test_order_1_is_an_upper_bound_everywhere(rng, beta):
    """(T13): Gamma_1 is the free energy of a product distribution, so its minimum lies above F"""
    for _ in range(20):
        rbm = random_rbm(rng, beta=beta, scale=2.0)
        m = magnetisations(rng, rbm)
        assert (tap.free_energy(rbm, *m, 1) >= tap.gibbs_free_energy(rbm, *m)).all()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", [(5, 4), (10, 8)])
def test_stationary_at_a_fixed_point(order, size, rng, beta):
    """(T9), (T10) and (T12)"""
    rbm = random_rbm(rng, *size, beta=beta)
    state = tap.fixed_point(rbm, order, *magnetisations(rng, rbm))
    assert state.converged.all() and (state.residual <= 1e-10).all()
    for slope in tap.stationarity(rbm, state.m_v, state.m_h, order):
        assert np.abs(slope).max() < 1e-9
    assert_allclose(state.free_energy, tap.free_energy(rbm, state.m_v, state.m_h, order))


def test_each_order_improves_on_the_last_at_weak_coupling(rng):
    """(T8), (T11), (T13) and (T14): free energy, moments and likelihood of order k, over 20 machines"""
    errors = np.zeros((3, 3))
    for _ in range(20):
        rbm, X = random_rbm(rng, 6, 5, scale=0.03), rng.integers(2, size=(6, 6))
        F, model, slope = -exact.log_partition_function(rbm), exact.moments(rbm), exact.log_likelihood_gradient(rbm, X)
        for k, order in enumerate(ORDERS):
            state = tap.fixed_point(rbm, order)
            partial = tap.free_energy_gradient(rbm, state.m_v, state.m_h, order)
            errors[k] += (abs(state.free_energy[0] - F), np.linalg.norm(partial["W"] + model.vh),
                          np.linalg.norm(flatten(tap.log_likelihood_gradient(rbm, X, order)) - flatten(slope)))
            assert_allclose(tap.log_likelihood(rbm, X, order),
                            exact.log_likelihood(rbm, X) + state.free_energy[0] - F, rtol=1e-12)
    assert (errors[0] > 5 * errors[1]).all()
    assert (errors[1] > 2 * errors[2]).all()


def test_temperature_is_the_scale_of_all_parameters(rng, beta):
    """beta Gamma_k of (W, a, b; beta) is that of (beta W, beta a, beta b; 1)"""
    rbm = random_rbm(rng, beta=beta)
    scaled, m = RBM(beta * rbm.W, beta * rbm.a, beta * rbm.b), magnetisations(rng, rbm)
    for order in ORDERS:
        assert_allclose(beta * tap.free_energy(rbm, *m, order), tap.free_energy(scaled, *m, order), rtol=1e-13)


def test_layers_can_be_exchanged(rng, beta):
    rbm = random_rbm(rng, beta=beta)
    m_v, m_h = magnetisations(rng, rbm)
    for order in ORDERS:
        assert_allclose(tap.free_energy(rbm.swapped(), m_h, m_v, order), tap.free_energy(rbm, m_v, m_h, order))


@pytest.mark.parametrize("step", [1.0, 0.5, 0.1])
def test_order_1_sweeps_never_raise_the_free_energy(step, rng):
    """(T10): at order 1 each half step goes to the exact minimum over its layer, or towards it"""
    for _ in range(30):
        rbm = random_rbm(rng, 8, 6, scale=3.0)
        m_v, m_h = magnetisations(rng, rbm)
        values = [tap.free_energy(rbm, m_v, m_h, 1)]
        visible, hidden = reference.layer_of(m_v, 1), reference.layer_of(m_h, 1)
        for _ in range(20):
            reference.move_layer(reference.layer_sums(visible, [rbm.W]), rbm.b, 1.0, hidden, step)
            values.append(tap.free_energy(rbm, visible[0], hidden[0], 1))
            reference.move_layer(reference.layer_sums(hidden, [rbm.W.T]), rbm.a, 1.0, visible, step)
            values.append(tap.free_energy(rbm, visible[0], hidden[0], 1))
        assert (np.diff(values, axis=0) <= 1e-12 * np.abs(values[0])).all()


def test_ising_ferromagnet_has_two_fixed_points_and_the_lowest_counts():
    """Order 1, all-on or all-off: their free energies differ by the field, and log_likelihood takes the lower"""
    rbm = RBM(np.full((4, 4), 2.0), np.full(4, -3.9), np.full(4, -3.9))
    starts = {"m_v": np.array([[0.05] * 4, [0.95] * 4]), "m_h": np.array([[0.05] * 4, [0.95] * 4])}
    state = tap.fixed_point(rbm, 1, **starts)
    assert state.m_v[0].max() < 0.1 and state.m_v[1].min() > 0.9
    assert state.free_energy[1] < state.free_energy[0]
    X = np.ones((1, 4), dtype=int)
    assert_allclose(tap.log_likelihood(rbm, X, 1, **starts), state.free_energy[1] - rbm.free_energy(X)[0])


def test_rows_are_solved_alone(rng):
    """A row's result does not depend on its neighbours, whichever of the two solvers takes the job"""
    rbm = random_rbm(rng, 130, 130, scale=0.05)
    m_v, m_h = magnetisations(rng, rbm, n=33)
    together, alone = tap.fixed_point(rbm, 2, m_v, m_h), tap.fixed_point(rbm, 2, m_v[3:4], m_h[3:4])
    assert_allclose(together.m_v[3:4], alone.m_v, rtol=1e-12)
    assert together.n_iter[3] == alone.n_iter[0]


def test_float32_machines_are_solved_in_float64(rng):
    rbm = random_rbm(rng)
    single = RBM(*(array.astype(np.float32) for array in rbm.parameters.values()))
    state = tap.fixed_point(single, 3)
    assert state.converged.all() and state.m_v.dtype == np.float64
    assert_allclose(state.m_v, tap.fixed_point(rbm, 3).m_v, rtol=1e-5)


def test_saturated_units_converge(rng):
    """(T12): a unit that rounding pins to 0 or 1 is not asked for more digits than it has"""
    rbm = RBM(rng.normal(0, 0.5, (5, 4)), np.array([40.0, -40.0, 20.0, -20.0, 0.0]), np.zeros(4))
    assert tap.fixed_point(rbm, 2).converged.all()


def test_no_convergence_is_a_warning_with_numbers():
    rbm = RBM([[12.0]], [-6.0], [-6.0])
    with pytest.warns(tap.NotConvergedWarning, match="1 fixed-point iterations stopped after 3 sweeps") as record:
        state = tap.fixed_point(rbm, 1, max_iter=3)
    assert not state.converged.any() and state.n_iter[0] == 3
    assert record[0].message.residual == state.residual.max() and record[0].message.n_iter == 3


def test_starts(rng):
    """Without a start: free visible units, then the hidden means at them"""
    rbm = random_rbm(rng)
    with pytest.warns(tap.NotConvergedWarning):
        state = tap.fixed_point(rbm, 1, max_iter=1, step=1.0)
    m_v = Binary().mean(rbm.a)[None]
    assert_allclose(state.m_h, rbm.hidden_mean(m_v))
    assert_allclose(state.m_v, rbm.visible_mean(rbm.hidden_mean(m_v)))


def test_order_2_is_the_default_everywhere(rng):
    rbm, X = random_rbm(rng), rng.integers(2, size=(4, 5))
    m = magnetisations(rng, rbm)
    assert_allclose(tap.free_energy(rbm, *m), tap.free_energy(rbm, *m, 2))
    assert_allclose(tap.stationarity(rbm, *m)[0], tap.stationarity(rbm, *m, 2)[0])
    assert_allclose(flatten(tap.free_energy_gradient(rbm, *m)), flatten(tap.free_energy_gradient(rbm, *m, 2)))
    assert_allclose(tap.fixed_point(rbm).free_energy, tap.fixed_point(rbm, 2).free_energy)
    assert_allclose(tap.log_likelihood(rbm, X), tap.log_likelihood(rbm, X, 2))
    assert_allclose(flatten(tap.log_likelihood_gradient(rbm, X)), flatten(tap.log_likelihood_gradient(rbm, X, 2)))
    assert tap.ExtendedMeanField().order == 2


@pytest.mark.filterwarnings("ignore::minife.tap.NotConvergedWarning")
def test_converged_says_whether_the_residual_is_below_the_tolerance(rng):
    rbm = random_rbm(rng)
    states = [tap.fixed_point(rbm, max_iter=n, tol=1e-8) for n in range(1, 60)]
    assert [bool(s.converged[0]) for s in states] == [bool(s.residual[0] <= 1e-8) for s in states]
    assert not states[0].converged[0] and states[-1].converged[0]


def test_lowest_prefers_rows_that_converged():
    m = np.full((3, 1), 0.5)

    def state(converged):
        return tap.FixedPoint(m, m, np.array([-1.0, -3.0, -2.0]), np.zeros(3), np.ones(3), np.array(converged))
    assert lowest(state([True, False, True])) == 2
    assert lowest(state([True, True, True])) == 1
    assert lowest(state([False, False, False])) == 1


@pytest.mark.filterwarnings("ignore::minife.tap.NotConvergedWarning")
def test_gradient_of_the_likelihood_is_at_the_lowest_fixed_point():
    """(T14): the second of two starts counts, as in log_likelihood"""
    rbm = RBM(np.full((4, 4), 2.0), np.full(4, -3.9), np.full(4, -3.9))
    low, high = np.full((1, 4), 0.05), np.full((1, 4), 0.95)
    X, both = np.ones((1, 4), dtype=int), np.vstack([low, high])
    slopes = [tap.log_likelihood_gradient(rbm, X, 1, m_v=m, m_h=m) for m in (both, high, low)]
    assert_allclose(flatten(slopes[0]), flatten(slopes[1]))
    assert np.abs(flatten(slopes[0]) - flatten(slopes[2])).max() > 0.1


def test_the_hidden_units_start_at_their_means(rng, beta):
    """At order 1 these are stationary already, so a damped sweep leaves them"""
    rbm = random_rbm(rng, beta=beta)
    with pytest.warns(tap.NotConvergedWarning):
        state = tap.fixed_point(rbm, 1, max_iter=1, step=0.3)
    assert_allclose(state.m_h, rbm.hidden_mean(Binary().mean(beta * rbm.a)[None]), rtol=1e-13)


def test_float32_free_energies_stay_float32(rng):
    rbm = random_rbm(rng)
    single, m = RBM(*(array.astype(np.float32) for array in rbm.parameters.values())), magnetisations(rng, rbm)
    assert tap.free_energy(single, *m, 3).dtype == tap.stationarity(single, *m, 3)[0].dtype == np.float32
    assert tap.free_energy_gradient(single, *m, 3)["W"].dtype == np.float32


def test_warning_tells_of_the_worst_row_and_counts_those_that_failed():
    rbm = RBM([[12.0]], [-6.0], [-6.0])
    m = np.array([[0.0025], [0.6], [0.55]])               # the first is next to its fixed point
    with pytest.warns(tap.NotConvergedWarning, match="2 fixed-point iterations stopped after 9 sweeps") as record:
        state = tap.fixed_point(rbm, 1, m, m, max_iter=9, tol=1e-1)
    assert state.converged.tolist() == [True, False, False]
    assert record[0].message.residual == state.residual.max() > state.residual.min()


def test_half_damping_is_the_default(rng):
    rbm = random_rbm(rng)
    assert tap.fixed_point(rbm).n_iter == tap.fixed_point(rbm, step=0.5).n_iter


def test_the_warning_survives_a_copy_to_another_process():
    warning = tap.NotConvergedWarning(0.5, 7, 3)
    again = pickle.loads(pickle.dumps(warning))
    assert str(again) == str(warning) and (again.residual, again.n_iter, again.n_rows) == (0.5, 7, 3)


def star(rbm, m_v, m_h):
    """Return the exact Gibbs free energy of a machine with one visible unit, a tree: unit terms and edge terms"""
    W, m_v, m_h = rbm.W[0], m_v.astype(np.longdouble), m_h.astype(np.longdouble)  # differences of tiny numbers follow
    K = np.expm1(rbm.beta * W)                            # p11 = p(1, 1) solves (1 + K) p01 p10 = p00 p11
    B = 1 + K * (m_v + m_h)
    p11 = 2 * (1 + K) * m_v * m_h / (B + np.sqrt(B**2 - 4 * K * (1 + K) * m_v * m_h))
    information = 0.0
    for p, q in ((p11, m_v * m_h), (m_v - p11, m_v * (1 - m_h)), (m_h - p11, (1 - m_v) * m_h),
                 (1 - m_v - m_h + p11, (1 - m_v) * (1 - m_h))):
        information = information + p * np.log(p / q)
    edges = (information / rbm.beta - W * p11).sum(axis=1)
    free = RBM(0 * rbm.W, rbm.a, rbm.b, rbm.beta)
    return tap.free_energy(free, m_v.astype(float), m_h.astype(float), 1) + edges.astype(float)


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="no floating-point type wider than float64")
@pytest.mark.parametrize("edge", [0.1, 1e-3, 1e-6, 1e-9])
def test_exact_gibbs_free_energy_of_a_tree_in_closed_form(edge, beta):
    """(T1): on a tree Gamma is a sum over units and edges, also where means come close to 0"""
    rng = np.random.default_rng(8)
    for n_hidden in (1, 2, 3, 4) * 10:
        rbm = random_rbm(rng, 1, n_hidden, beta=beta, scale=2.0)
        m_v, m_h = (np.where(rng.random((1, n)) < 0.5, edge, 0.5) for n in (1, n_hidden))
        assert_allclose(tap.gibbs_free_energy(rbm, m_v, m_h), star(rbm, m_v, m_h), rtol=1e-11, atol=1e-11)
