"""Chapter R: exact sums against brute force over all states, sampling against the conditionals."""
import numpy as np
import pytest
from conftest import BETAS, random_rbm
from numpy.testing import assert_allclose

from minife import RBM, kernels
from minife.rbm import exact
from minife.rbm.gibbs import Draws, gibbs_chain, sample_hidden, sample_visible
from minife.rbm.training import PersistentContrastiveDivergence

SIZES = ((1, 1), (5, 4), (3, 7), (10, 8))


class BruteForce:
    """Every quantity of chapter R from the table of all joint states, with nothing summed by hand."""

    def __init__(self, rbm):
        n = rbm.n_visible
        s = (np.arange(2 ** (n + rbm.n_hidden))[:, None] >> np.arange(n + rbm.n_hidden) & 1).astype(float)
        self.v, self.h, self.beta = s[:, :n], s[:, n:], rbm.beta
        self.E = -self.v @ rbm.a - self.h @ rbm.b - ((self.v @ rbm.W) * self.h).sum(axis=1)        # (R1)
        weight = np.exp(-rbm.beta * (self.E - self.E.min()))
        self.log_z = np.log(weight.sum()) - rbm.beta * self.E.min()
        self.p = weight / weight.sum()                                                              # (R2)

    def mean(self, x):
        return np.tensordot(self.p, x, axes=1)

    def log_p(self, v):
        return np.log(self.p[(self.v == v).all(axis=1)].sum())


@pytest.fixture(scope="module", params=[(size, beta) for size in SIZES for beta in BETAS], ids=str)
def case(request):
    (size, beta), rng = request.param, np.random.default_rng(2024)
    rbm = random_rbm(rng, *size, beta=beta)
    return rbm, BruteForce(rbm), rng.integers(2, size=(6, size[0]))


def test_log_partition_function(case):
    """(R7)"""
    rbm, brute, _ = case
    assert_allclose(exact.log_partition_function(rbm), brute.log_z, rtol=1e-12)
    assert_allclose(exact.log_partition_function(rbm.swapped()), brute.log_z, rtol=1e-12)


def test_moments(case):
    """(R10)"""
    rbm, brute, _ = case
    moments = exact.moments(rbm)
    assert_allclose(moments.v, brute.mean(brute.v), rtol=1e-12)
    assert_allclose(moments.h, brute.mean(brute.h), rtol=1e-12)
    assert_allclose(moments.vh, (brute.v * brute.p[:, None]).T @ brute.h, rtol=1e-12)


def test_free_energy_and_likelihood(case):
    """(R5) and (R6): p(v) = e^(-beta F(v)) / Z"""
    rbm, brute, X = case
    log_p = np.array([brute.log_p(v) for v in X])
    assert_allclose(-rbm.beta * rbm.free_energy(X), log_p + brute.log_z, rtol=1e-12, atol=1e-12)
    assert_allclose(exact.log_likelihood(rbm, X), log_p.mean(), rtol=1e-12)


def test_likelihood_gradient(case):
    """(R9): moments at the data minus moments of the model, both by brute force"""
    rbm, brute, X = case
    data = {"W": 0, "a": 0, "b": 0}
    for x in X:
        rows = (brute.v == x).all(axis=1)
        p = brute.p[rows] / brute.p[rows].sum()                                                     # p(h | x)
        mean_h = p @ brute.h[rows]
        for name, value in (("W", np.outer(x, mean_h)), ("a", x), ("b", mean_h)):
            data[name] = data[name] + value / len(X)
    model = {"W": (brute.v * brute.p[:, None]).T @ brute.h, "a": brute.mean(brute.v), "b": brute.mean(brute.h)}
    gradient = exact.log_likelihood_gradient(rbm, X)
    for name, value in gradient.items():
        expected = rbm.beta * (data[name] - model[name])
        assert_allclose(value, expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max())


def test_thermodynamics(case):
    """(R11): F = U - T S, U and C as mean and variance of the energy"""
    rbm, brute, _ = case
    thermo = exact.thermodynamics(rbm)
    U = brute.mean(brute.E)
    assert_allclose(thermo.U, U, rtol=1e-12, atol=1e-12)
    assert_allclose(thermo.F, thermo.U - thermo.S / rbm.beta, rtol=1e-12)
    assert_allclose(thermo.S, -brute.mean(np.log(brute.p)), rtol=1e-12)
    assert_allclose(thermo.C, rbm.beta**2 * brute.mean((brute.E - U) ** 2), rtol=1e-10)


def test_entropy_is_minus_the_slope_of_F_in_temperature(rng):
    """(R11): S = -dF/dT and C = dU/dT >= 0"""
    rbm, T, step = random_rbm(rng), 0.8, 1e-4
    low, middle, high = (exact.thermodynamics(RBM(**rbm.parameters, beta=1 / t)) for t in (T - step, T, T + step))
    assert_allclose(-(high.F - low.F) / (2 * step), middle.S, rtol=1e-7)
    assert_allclose((high.U - low.U) / (2 * step), middle.C, rtol=1e-6)


def test_conditionals(case):
    """(R3) and (R4): fields and p(h_j = 1 | v), p(v_i = 1 | h)"""
    rbm, brute, X = case
    for x in X:
        rows = (brute.v == x).all(axis=1)
        p = brute.p[rows] / brute.p[rows].sum()
        assert_allclose(rbm.hidden_mean(x[None])[0], p @ brute.h[rows], rtol=1e-12)
        assert_allclose(rbm.hidden_field(x[None])[0], rbm.b + x @ rbm.W, rtol=1e-12, atol=1e-14)
    h = brute.h[-1]
    assert_allclose(rbm.visible_field(h[None])[0], rbm.a + rbm.W @ h, rtol=1e-12, atol=1e-14)
    rows = (brute.h == h).all(axis=1)
    assert_allclose(rbm.visible_mean(h[None])[0], brute.p[rows] / brute.p[rows].sum() @ brute.v[rows], rtol=1e-12)


def test_clamped_moments_are_those_of_the_free_energy(rng, beta):
    """(R8): F(v) falls with a weight as its two units are on together; grey rows take the dense product"""
    rbm = random_rbm(rng, beta=beta)
    X = rng.integers(2, size=(9, 5)).astype(np.uint8)
    binary, dense = rbm.clamped_moments(X), rbm.clamped_moments(np.vstack([X, 0.5 * np.ones((1, 5))])[:9] + 0.0)
    assert_allclose(binary.vh, X.T @ rbm.hidden_mean(X) / 9, rtol=1e-13)
    assert_allclose(dense.vh, binary.vh, rtol=1e-13)
    grey = rng.random((9, 5))
    assert_allclose(rbm.clamped_moments(grey).vh, grey.T @ rbm.hidden_mean(grey) / 9, rtol=1e-13)
    assert_allclose(rbm.hidden_field(grey), rbm.b + grey @ rbm.W, rtol=1e-13)
    grey_h = rng.random((9, 4))
    assert_allclose(rbm.visible_field(grey_h), rbm.a + grey_h @ rbm.W.T, rtol=1e-13)
    gradient = rbm.free_energy_gradient(X)
    assert_allclose(gradient["W"], -binary.vh)
    assert_allclose(gradient["a"], -binary.v)
    assert_allclose(gradient["b"], -binary.h)


def test_temperature_is_the_scale_of_all_parameters(rng, beta):
    """(D5): (W, a, b; beta) is (beta W, beta a, beta b; 1); scaling W alone is another machine"""
    rbm = random_rbm(rng, beta=beta)
    X = rng.integers(2, size=(9, 5))
    scaled = RBM(beta * rbm.W, beta * rbm.a, beta * rbm.b)
    assert_allclose(exact.log_likelihood(scaled, X), exact.log_likelihood(rbm, X), rtol=1e-13)
    only_W = RBM(1.5 * rbm.W, rbm.a, rbm.b, beta)
    assert abs(exact.log_likelihood(only_W, X) - exact.log_likelihood(RBM(**rbm.parameters, beta=1.5 * beta), X)) > 0.01


def test_one_by_one_machine_by_hand():
    """The example of the README: Boltzmann weights 1, 1/4, 1/2, 9/4 of (0, 0), (0, 1), (1, 0), (1, 1), so Z = 4"""
    rbm = RBM(W=[[np.log(18) / 2]], a=[-np.log(2) / 2], b=[-np.log(2)], beta=2)
    assert_allclose(np.exp(-2 * rbm.energy([[0], [0], [1], [1]], [[0], [1], [0], [1]])), [1, 1 / 4, 1 / 2, 9 / 4])
    assert_allclose(exact.log_partition_function(rbm), np.log(4), rtol=1e-15)
    assert_allclose(rbm.free_energy([[0], [1]]), [-np.log(5 / 4) / 2, -np.log(11 / 4) / 2], rtol=1e-14)
    moments, slope = exact.moments(rbm), exact.log_likelihood_gradient(rbm, [[1]])
    assert_allclose([*moments.v, *moments.h, *moments.vh[0]], [11 / 16, 10 / 16, 9 / 16], rtol=1e-14)
    assert_allclose([*slope["W"][0], *slope["a"], *slope["b"]], [45 / 88, 5 / 8, 17 / 44], rtol=1e-14)


def test_samples_follow_the_conditionals(rng, beta):
    """(R4), within five standard errors"""
    rbm = random_rbm(rng, beta=beta)
    n = 20000
    v, h = np.tile([[1, 0, 1, 1, 0]], (n, 1)), np.tile([[1, 0, 0, 1]], (n, 1))
    for sample, p in ((sample_hidden(rbm, v, rng), rbm.hidden_mean(v[:1])),
                      (sample_visible(rbm, h, rng), rbm.visible_mean(h[:1]))):
        assert sample.dtype == np.uint8
        assert (np.abs(sample.mean(axis=0) - p) < 5 * np.sqrt(p * (1 - p) / n)).all()


def test_gibbs_chain_keeps_the_distribution_of_the_model(rng, beta):
    """(R12): the visible marginal of long chains, all 2^4 states, within five standard errors"""
    rbm = random_rbm(rng, 4, 3, beta=beta)
    n = 40000
    v, h = gibbs_chain(rbm, rng.integers(2, size=(n, 4)), 60, rng)
    joint = np.bincount((v @ [1, 2, 4, 8]) + 16 * (h @ [1, 2, 4]), minlength=128) / n
    p = BruteForce(rbm).p                                 # state number: visible bits first
    assert (np.abs(joint - p) < 5 * np.sqrt(p * (1 - p) / n) + 1e-4).all()


def test_samples_depend_on_the_generator_alone(rng):
    rbm = random_rbm(rng, 9, 7)
    v = rng.integers(2, size=(20, 9))
    first, again = (gibbs_chain(rbm, v, 5, np.random.default_rng(7)) for _ in range(2))
    other = gibbs_chain(rbm, v, 5, np.random.default_rng(8))
    assert (first[0] == again[0]).all() and (first[1] == again[1]).all()
    assert (first[0] != other[0]).any()


def test_initialise_sets_the_visible_means_of_the_data(rng):
    X = (rng.random((500, 6)) < [0.0, 0.1, 0.4, 0.5, 0.9, 1.0]).astype(np.uint8)
    rbm = RBM.initialise(6, 4, rng, X)
    assert_allclose(rbm.visible_mean(np.zeros((1, 4)))[0], np.clip(X.mean(axis=0), 1 / 502, 501 / 502), rtol=1e-12)
    assert np.abs(rbm.W).max() < 0.1


def test_float32_stays_float32(rng):
    rbm = RBM.initialise(6, 4, rng, dtype=np.float32)
    v = rng.integers(2, size=(3, 6))
    assert RBM(rbm.W, np.zeros(6), np.zeros(4)).a.dtype == np.float32
    h, grey, grey_h = rng.integers(2, size=(3, 4)), rng.random((3, 6)), rng.random((3, 4))
    moments = rbm.clamped_moments(v), rbm.clamped_moments(grey)
    for array in (rbm.a, rbm.hidden_field(v), rbm.hidden_mean(v), rbm.free_energy(v), rbm.hidden_field(grey),
                  rbm.visible_field(h), rbm.visible_field(grey_h), *(m.v for m in moments), *(m.vh for m in moments)):
        assert array.dtype == np.float32


def test_exact_sums_of_a_float32_machine_are_float64(rng, beta):
    rbm = random_rbm(rng, beta=beta)
    single = RBM(*(array.astype(np.float32) for array in rbm.parameters.values()), beta)
    assert rbm.double() is rbm
    assert_allclose(exact.log_partition_function(single), exact.log_partition_function(single.double()), rtol=1e-14)
    assert exact.moments(single).vh.dtype == np.float64
    assert_allclose(exact.log_partition_function(single), exact.log_partition_function(rbm), rtol=1e-6)


def test_exact_sums_refuse_what_cannot_be_summed(rng):
    with pytest.raises(ValueError, match="at most 25 units.*got 30 visible and 26 hidden"):
        exact.log_partition_function(random_rbm(rng, 30, 26))


def test_exact_sums_do_not_depend_on_the_chunks(rng, beta, monkeypatch):
    """(R7), (R10) and (R11): 2^5 states in one piece and in four"""
    rbm = random_rbm(rng, 6, 5, beta=beta)
    log_z, moments, thermo = exact.log_partition_function(rbm), exact.moments(rbm), exact.thermodynamics(rbm)
    monkeypatch.setattr(exact, "CHUNK", 8)
    assert_allclose(exact.log_partition_function(rbm), log_z, rtol=1e-13)
    for name in ("v", "h", "vh"):
        assert_allclose(getattr(exact.moments(rbm), name), getattr(moments, name), rtol=1e-13)
    for name in ("F", "U", "S", "C"):
        assert_allclose(getattr(exact.thermodynamics(rbm), name), getattr(thermo, name), rtol=1e-12)


def test_all_states_are_the_binary_numbers():
    assert exact.all_states(2).tolist() == [[0, 0], [1, 0], [0, 1], [1, 1]]
    assert exact.all_states(3, 3, 5).tolist() == [[1, 1, 0], [0, 0, 1]]


def test_the_largest_layer_that_can_be_summed(rng, monkeypatch):
    monkeypatch.setattr(exact, "LARGEST_LAYER", 4)
    exact.log_partition_function(random_rbm(rng, 7, 4))
    exact.log_partition_function(random_rbm(rng, 4, 7))
    with pytest.raises(ValueError, match="at most 4 units"):
        exact.log_partition_function(random_rbm(rng, 7, 5))


def test_a_chain_of_one_step_is_one_draw_of_each_layer(rng):
    """(R12): h of the first step is the draw that sample_hidden makes with the same generator"""
    rbm, v = random_rbm(rng), rng.integers(2, size=(50, 5))
    _, h = gibbs_chain(rbm, v, 1, np.random.default_rng(7))
    assert (h == sample_hidden(rbm, v, np.random.default_rng(7))).all()


def test_no_draw_of_a_chain_is_used_twice(rng, monkeypatch):
    """(R12) and (K3)"""
    draws, draw_units = [], kernels.draw_units
    monkeypatch.setattr(kernels, "draw_units", lambda *args: draws.append(args[1:]) or draw_units(*args))
    gibbs_chain(random_rbm(rng), rng.integers(2, size=(2, 5)), 3, rng)
    assert len(draws) == len(set(draws)) == 6 and len({key for key, _ in draws}) == 1
    draws.clear()
    PersistentContrastiveDivergence(2, 3).moments(random_rbm(rng), None, rng)
    assert len(draws) == len(set(draws)) == 7                          # the first h, of another key
    assert max(Draws(rng).key for _ in range(20)) > 2**60


def test_initialise_draws_weights_of_standard_deviation_0_01(rng):
    W = RBM.initialise(100, 100, rng).W
    assert abs(W.std() - 0.01) < 5 * 0.01 / np.sqrt(2 * W.size)
    assert abs(W.mean()) < 5 * 0.01 / np.sqrt(W.size)


def test_arrays_are_kept_where_their_type_allows():
    W, a, b = np.zeros((3, 2)), np.zeros(3), np.zeros(2)
    rbm = RBM(W, a, b)
    assert rbm.W is W and rbm.a is a and rbm.b is b
