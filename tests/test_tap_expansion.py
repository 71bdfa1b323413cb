"""Chapter T: the expansion against the exact Gibbs free energy, term by term, and its slopes."""
import json
from pathlib import Path

import numpy as np
import pytest
from conftest import magnetisations, random_rbm
from numpy.testing import assert_allclose
from proofs import proves

from minife import RBM, tap
from minife.gradcheck import check_gradient
from minife.kernels.reference import layer_field
from minife.parameters import flatten
from minife.rbm import GaussianRBM, exact
from minife.tap.expansion import pair_means

ORDERS = (1, 2, 3)
FORTY = json.loads((Path(__file__).parent / "data" / "forty_digits.json").read_text())


def machine(record):
    """Return the RBM of a record of forty_digits.json and the means at which its numbers stand."""
    names = ("W", "a", "b", "m_v", "m_h")
    W, a, b, m_v, m_h = (np.array(record[name], dtype=float) for name in names)
    return RBM(W, a, b, float(record["beta"])), m_v[None], m_h[None]


@proves("T3", "T4", "T5", "T6", "T7", "T8")
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", [(5, 4), (3, 3), (6, 3)])
def test_error_of_order_k_falls_as_coupling_to_the_k_plus_1(order, size, beta):
    """A wrong coefficient anywhere shows as a wrong slope of the error against the exact Gamma"""
    rng = np.random.default_rng(sum(size) + order)
    rbm = random_rbm(rng, *size, beta=beta)
    m_v, m_h = magnetisations(rng, rbm, n=20)

    def error(s):
        weak = RBM(s * rbm.W, rbm.a, rbm.b, beta)
        gamma = tap.free_energy(weak, m_v, m_h, order)
        return np.linalg.norm(gamma - tap.gibbs_free_energy(weak, m_v, m_h))

    scales = 2.0 ** -np.array([4, 5]) / beta
    slope = np.log2(error(scales[0]) / error(scales[1]))
    assert abs(slope - (order + 1)) < 0.1, f"order {order}, beta {beta}: slope {slope:.3f}"


def order_4(rbm, m_v, m_h):
    """Return the term of order 4 that EXCURSIONS.md states: edges and 4-cycles, term by term."""
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


@proves("T3", "T5", "T6", "T7")
def test_the_terms_are_taylor_coefficients_in_the_coupling(beta):
    """(T3) at lambda = 0: the terms are the derivatives of the exact Gamma over 1!, 2! and 3!"""
    rng = np.random.default_rng(6)
    rbm = random_rbm(rng, 3, 3, beta=beta)
    m_v, m_h = magnetisations(rng, rbm)
    step = 0.05 / beta
    values = [tap.gibbs_free_energy(RBM(k * step * rbm.W, rbm.a, rbm.b, beta), m_v, m_h)
              for k in range(-4, 5)]
    series = np.polynomial.polynomial.polyfit(step * np.arange(-4, 5), values, 8)      # (9, n)
    gammas = [tap.free_energy(rbm, m_v, m_h, order) for order in ORDERS]
    free = tap.free_energy(RBM(0 * rbm.W, rbm.a, rbm.b, beta), m_v, m_h, 1)
    for order, term in zip(ORDERS, np.diff([free, *gammas], axis=0), strict=True):
        which = f"order {order}, beta {beta}"
        assert_allclose(series[order], term, rtol=1e-4, atol=1e-9, err_msg=which)


@proves("T4")
def test_without_coupling_every_order_is_exact(rng, beta):
    rbm = random_rbm(rng, beta=beta, scale=0.0)
    m = magnetisations(rng, rbm)
    F = -exact.log_partition_function(rbm) / beta
    for order in ORDERS:
        assert_allclose(tap.free_energy(rbm, *m, order), tap.gibbs_free_energy(rbm, *m), rtol=1e-12)
        assert_allclose(tap.fixed_point(rbm, order).free_energy, F, rtol=1e-13)


@proves("T5", "T6", "T7")
def test_two_units_by_hand():
    """At m = 1/2: W/4, W^2/32 and nothing, since a fair coin has no third cumulant

    p(1, 1) = p(0, 0) = x / 2 and e^W = (x / (1 - x))^2, so the exact Gamma is in closed form."""
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
    """The README's example: weights 18 : 3 : 3 : 1, F = -log(25/18) at means 0.16, and its table"""
    rbm, m = RBM([[np.log(2)]], [-np.log(6)], [-np.log(6)]), np.array([[0.16]])
    assert_allclose(tap.gibbs_free_energy(rbm, m, m), -np.log(25 / 18), rtol=1e-13)
    table = {1: (-0.323721, -0.323797, 0.156678, 0.024548),
             2: (-0.328061, -0.328061, 0.159900, 0.038076),
             3: (-0.328524, -0.328524, 0.160046, 0.040148)}
    for order, row in table.items():
        star = tap.fixed_point(rbm, order)
        vh = -tap.free_energy_gradient(rbm, star.m_v, star.m_h, order)["W"][0, 0]
        found = (tap.free_energy(rbm, m, m, order)[0], star.free_energy[0], star.m_v[0, 0], vh)
        assert_allclose(found, row, atol=6e-7)


@proves("T4", "T5", "T6", "T7", "T8")
@pytest.mark.parametrize("record", FORTY, ids=["3 x 2", "2 x 3"])
@pytest.mark.parametrize("order", ORDERS)
def test_free_energy_to_forty_digits(record, order):
    """Couplings up to 6.5 and beta = 1.3, 0.6: the terms by moments of free units, with mpmath"""
    rbm, m_v, m_h = machine(record)
    expected = float(record["orders"][str(order)]["gamma"])
    assert_allclose(tap.free_energy(rbm, m_v, m_h, order)[0], expected, rtol=1e-14)


@proves("T9")
@pytest.mark.parametrize("record", FORTY, ids=["3 x 2", "2 x 3"])
@pytest.mark.parametrize("order", ORDERS)
def test_slopes_in_the_means_to_forty_digits(record, order):
    rbm, m_v, m_h = machine(record)
    expected = np.array(record["orders"][str(order)]["slopes"], dtype=float)
    found = np.hstack(tap.stationarity(rbm, m_v, m_h, order))[0]
    which = f"order {order}, beta {rbm.beta}"
    assert_allclose(found, expected, rtol=1e-13, atol=1e-14, err_msg=which)


@proves("T9", "T11")
@pytest.mark.parametrize("record", FORTY, ids=["3 x 2", "2 x 3"])
@pytest.mark.parametrize("order", ORDERS)
def test_fixed_point_and_its_slope_in_the_weights_to_forty_digits(record, order):
    """Found by Newton's method on numerical slopes; dGamma* / dW with the fixed point found anew"""
    rbm, _, _ = machine(record)
    expected = record["orders"][str(order)]
    star = np.array(expected["star"], dtype=float)[None]
    m_v, m_h = np.hsplit(star, [rbm.n_visible])
    for slope in tap.stationarity(rbm, m_v, m_h, order):
        assert np.abs(slope).max() < 2e-14 * np.abs(rbm.W).max() / (star - star**2).min()
    gamma = tap.free_energy(rbm, m_v, m_h, order)[0]
    assert_allclose(gamma, float(expected["gamma_star"]), rtol=1e-14)
    d_W = tap.free_energy_gradient(rbm, m_v, m_h, order)["W"]
    assert_allclose(d_W, np.array(expected["d_W"], dtype=float), rtol=1e-12, atol=1e-15)


@proves("T9")
@pytest.mark.parametrize("order", ORDERS)
def test_layer_field_by_hand(order):
    """m_in = 1/4, m = 1/3, W = 2, bias = -1, beta = 3: c_in = 3/16, skew_in = 3/64, c = 2/9"""
    terms = [3 * (-1 + 2 / 4), 9 * (1 / 2 - 1 / 3) * 4 * 3 / 16, 27 * (1 / 3 - 4 / 9) * 8 * 3 / 64]
    m_in, m, W, bias = np.array([[1 / 4]]), np.array([[1 / 3]]), np.array([[2.0]]), np.array([-1.0])
    assert_allclose(layer_field(m_in, m, W, bias, 3.0, order), [[sum(terms[:order])]], rtol=1e-14)


@proves("T11")
@pytest.mark.parametrize("order", ORDERS)
def test_pair_means_by_hand(order):
    """Two rows of one pair, W = 2, beta = 3: m m + beta W c c + ...; fair coins have no skew"""
    m_v, m_h, W, beta = np.array([[1 / 4], [1 / 2]]), np.array([[1 / 3], [1 / 2]]), 2.0, 3.0
    rows = [[1 / 12, 3 * 2 * (3 / 16) * (2 / 9), 2 * 9 * 4 * (3 / 64) * (1 / 27)],
            [1 / 4, 3 * 2 / 16, 0.0]]
    expected = np.mean([sum(row[:order]) for row in rows])
    rbm = RBM([[W]], [0.0], [0.0], beta)
    assert_allclose(pair_means(rbm, m_v, m_h, order), [[expected]], rtol=1e-14)


@proves("T11")
@pytest.mark.parametrize("order", [1, 2])
def test_slopes_of_the_minimum_in_the_parameters(order, beta):
    """The envelope theorem at strong coupling, by differences of the minimised free energy"""
    rbm = random_rbm(np.random.default_rng(3), beta=beta, scale=2.0)
    state = tap.fixed_point(rbm, order, method="block", tol=1e-13)

    def minimised(p):
        moved = RBM(**p, beta=beta)
        star = tap.fixed_point(moved, order, state.m_v, state.m_h, "block", tol=1e-13)
        return star.free_energy[0]

    slope = tap.free_energy_gradient(rbm, state.m_v, state.m_h, order)
    check_gradient(minimised, rbm.parameters, slope)


def test_each_order_improves_on_the_last_at_weak_coupling(rng):
    """Free energy, pair means and gradient of the likelihood of order k, over 20 machines"""
    errors = np.zeros((3, 3))
    for _ in range(20):
        rbm, X = random_rbm(rng, 6, 5, scale=0.03), rng.integers(2, size=(6, 6))
        F, model = -exact.log_partition_function(rbm), exact.moments(rbm)
        slope = exact.log_likelihood_gradient(rbm, X)
        for k, order in enumerate(ORDERS):
            state = tap.fixed_point(rbm, order)
            partial = tap.free_energy_gradient(rbm, state.m_v, state.m_h, order)
            estimate = tap.log_likelihood_gradient(rbm, X, order)
            errors[k] += (abs(state.free_energy[0] - F), np.linalg.norm(partial["W"] + model.vh),
                          np.linalg.norm(flatten(estimate) - flatten(slope)))
    assert (errors[0] > 5 * errors[1]).all(), errors
    assert (errors[1] > 2 * errors[2]).all(), errors


def test_temperature_is_the_scale_of_all_parameters(rng, beta):
    """beta Gamma_k of (W, a, b; beta) is that of (beta W, beta a, beta b; 1)"""
    rbm = random_rbm(rng, beta=beta)
    scaled, m = RBM(beta * rbm.W, beta * rbm.a, beta * rbm.b), magnetisations(rng, rbm)
    for order in ORDERS:
        gamma = tap.free_energy(rbm, *m, order)
        assert_allclose(beta * gamma, tap.free_energy(scaled, *m, order), rtol=1e-13)


def test_layers_can_be_exchanged(rng, beta):
    rbm = random_rbm(rng, beta=beta)
    m_v, m_h = magnetisations(rng, rbm)
    for order in ORDERS:
        gamma = tap.free_energy(rbm, m_v, m_h, order)
        assert_allclose(tap.free_energy(rbm.swapped(), m_h, m_v, order), gamma)


def test_float32_free_energies_stay_float32(rng):
    rbm = random_rbm(rng)
    single = RBM(*(array.astype(np.float32) for array in rbm.parameters.values()))
    m = magnetisations(rng, rbm)
    slopes = [*tap.stationarity(single, *m, 3), *tap.free_energy_gradient(single, *m, 3).values()]
    for array in (tap.free_energy(single, *m, 3), tap.hessian(single, *m, 3), *slopes):
        assert array.dtype == np.float32


def test_order_2_is_the_default_everywhere(rng):
    rbm, X = random_rbm(rng), rng.integers(2, size=(4, 5))
    m = magnetisations(rng, rbm)
    assert_allclose(tap.free_energy(rbm, *m), tap.free_energy(rbm, *m, 2))
    assert_allclose(tap.stationarity(rbm, *m)[0], tap.stationarity(rbm, *m, 2)[0])
    slopes = [tap.free_energy_gradient(rbm, *m, *order) for order in ((), (2,))]
    assert_allclose(flatten(slopes[0]), flatten(slopes[1]))
    assert_allclose(tap.fixed_point(rbm).free_energy, tap.fixed_point(rbm, 2).free_energy)
    assert_allclose(tap.log_likelihood(rbm, X), tap.log_likelihood(rbm, X, 2))
    slopes = [tap.log_likelihood_gradient(rbm, X, *order) for order in ((), (2,))]
    assert_allclose(flatten(slopes[0]), flatten(slopes[1]))
    assert tap.ExtendedMeanField().order == 2


MACHINES = {"a Gaussian machine": GaussianRBM(np.ones((5, 4)), np.zeros(5), np.zeros(4)),
            "a class": RBM, "a text": "rbm", "None": None, "a dict": {"W": np.ones((5, 4))}}
CALLS = {
    "free_energy": lambda r, m, X: tap.free_energy(r, *m),
    "stationarity": lambda r, m, X: tap.stationarity(r, *m),
    "free_energy_gradient": lambda r, m, X: tap.free_energy_gradient(r, *m),
    "gibbs_free_energy": lambda r, m, X: tap.gibbs_free_energy(r, *m),
    "fixed_point": lambda r, m, X: tap.fixed_point(r),
    "log_likelihood": lambda r, m, X: tap.log_likelihood(r, X),
    "log_likelihood_gradient": lambda r, m, X: tap.log_likelihood_gradient(r, X),
    "hessian": lambda r, m, X: tap.hessian(r, *m),
    "scaled_eigenvalues": lambda r, m, X: tap.scaled_eigenvalues(r, *m),
    "smallest_eigenvalue": lambda r, m, X: tap.smallest_eigenvalue(r, *m),
    "spectral_trust": lambda r, m, X: tap.spectral_trust(r, *m),
    "ExtendedMeanField": lambda r, m, X: tap.ExtendedMeanField().moments(r, X, None)}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("call", CALLS)
def test_other_machines_are_refused(call, machine, rng):
    X, m = rng.integers(2, size=(3, 5)), magnetisations(rng, random_rbm(rng))
    with pytest.raises(TypeError, match="rbm must be an RBM"):
        CALLS[call](MACHINES[machine], m, X)
