"""Chapter R, exact sums and exact samples of machines with a small layer, against the table of all
states."""
import numpy as np
import pytest
from brute_force import BruteForce
from conftest import BETAS, random_rbm
from numpy.testing import assert_allclose
from proofs import proves

from minife import RBM, kernels
from minife.kernels import reference
from minife.rbm import ClassificationRBM, GaussianRBM, exact

SIZES = ((1, 1), (5, 4), (3, 7), (10, 8))


@pytest.fixture(scope="module", params=[(size, beta) for size in SIZES for beta in BETAS], ids=str)
def case(request):
    (size, beta), rng = request.param, np.random.default_rng(2024)
    rbm = random_rbm(rng, *size, beta=beta)
    return rbm, BruteForce(rbm), rng.integers(2, size=(6, size[0]))


@proves("R2", "R7")
def test_log_partition_function(case):
    rbm, brute, _ = case
    assert_allclose(exact.log_partition_function(rbm), brute.log_z, rtol=1e-12)
    assert_allclose(exact.log_partition_function(rbm.swapped()), brute.log_z, rtol=1e-12)


@proves("R6")
def test_likelihood(case):
    """p(v) = e^(-beta F(v)) / Z, averaged as a logarithm"""
    rbm, brute, X = case
    assert_allclose(exact.log_likelihood(rbm, X), np.mean([brute.log_p(v) for v in X]), rtol=1e-12)


@proves("R9")
def test_likelihood_gradient(case):
    """beta times (moments at the data minus moments of the model), both by brute force"""
    rbm, brute, X = case
    data = dict(zip("abW", brute.moments_at(X), strict=True))
    model = {"W": (brute.v * brute.p[:, None]).T @ brute.h, "a": brute.mean(brute.v),
             "b": brute.mean(brute.h)}
    for name, value in exact.log_likelihood_gradient(rbm, X).items():
        expected = rbm.beta * (data[name] - model[name])
        assert_allclose(value, expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max(),
                        err_msg=f"slope in {name}")


@proves("R2", "R10")
def test_moments(case):
    rbm, brute, _ = case
    moments = exact.moments(rbm)
    assert_allclose(moments.v, brute.mean(brute.v), rtol=1e-12)
    assert_allclose(moments.h, brute.mean(brute.h), rtol=1e-12)
    assert_allclose(moments.vh, (brute.v * brute.p[:, None]).T @ brute.h, rtol=1e-12)


@proves("R11")
def test_thermodynamics(case):
    """(R11): F = U - T S, U and C as mean and variance of the energy"""
    rbm, brute, _ = case
    thermo = exact.thermodynamics(rbm)
    U = brute.mean(brute.E)
    assert_allclose(thermo.U, U, rtol=1e-12, atol=1e-12)
    assert_allclose(thermo.F, thermo.U - thermo.S / rbm.beta, rtol=1e-12)
    assert_allclose(thermo.S, -brute.mean(np.log(brute.p)), rtol=1e-12)
    assert_allclose(thermo.C, rbm.beta**2 * brute.mean((brute.E - U) ** 2), rtol=1e-10)


@proves("R11")
def test_entropy_is_minus_the_slope_of_F_in_temperature(rng):
    """(R11): S = -dF/dT and C = dU/dT >= 0"""
    rbm, T, step = random_rbm(rng), 0.8, 1e-4
    low, middle, high = (exact.thermodynamics(RBM(**rbm.parameters, beta=1 / t))
                         for t in (T - step, T, T + step))
    assert_allclose(-(high.F - low.F) / (2 * step), middle.S, rtol=1e-7)
    assert_allclose((high.U - low.U) / (2 * step), middle.C, rtol=1e-6)


def test_exact_sums_of_a_float32_machine_are_float64(rng, beta):
    rbm = random_rbm(rng, beta=beta)
    single = RBM(*(array.astype(np.float32) for array in rbm.parameters.values()), beta)
    assert rbm.double() is rbm
    assert_allclose(exact.log_partition_function(single),
                    exact.log_partition_function(single.double()), rtol=1e-14)
    assert exact.moments(single).vh.dtype == np.float64
    assert_allclose(exact.log_partition_function(single), exact.log_partition_function(rbm),
                    rtol=1e-6)


def test_exact_sums_refuse_what_cannot_be_summed(rng):
    with pytest.raises(ValueError, match="at most 25 units.*got 30 visible and 26 hidden"):
        exact.log_partition_function(random_rbm(rng, 30, 26))


@proves("R7", "R10", "R11")
def test_exact_sums_do_not_depend_on_the_chunks(rng, beta, monkeypatch):
    """(R7), (R10) and (R11): 2^5 states in one piece and in four"""
    rbm = random_rbm(rng, 6, 5, beta=beta)
    log_z, moments = exact.log_partition_function(rbm), exact.moments(rbm)
    thermo = exact.thermodynamics(rbm)
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


@proves("R7")
@pytest.mark.parametrize("size", [(5, 4), (3, 6), (4, 4)], ids=str)
@pytest.mark.parametrize("block", [4, 2**16], ids=lambda block: f"block={block}")
def test_exact_samples_have_the_probabilities_of_the_model(size, block, beta, monkeypatch):
    """(R7) and (R4): all visible states, within five standard errors, from one block of hidden
    states and from many"""
    monkeypatch.setattr(exact, "BLOCK", block)
    rbm, n = random_rbm(np.random.default_rng(2), *size, beta=beta), 20000
    v = exact.sample(rbm, n, np.random.default_rng(4))
    assert v.shape == (n, size[0]) and v.dtype == np.uint8
    frequency = np.bincount(v @ (1 << np.arange(size[0])), minlength=2 ** size[0]) / n
    p = np.exp(-beta * rbm.free_energy(exact.all_states(size[0]))
               - exact.log_partition_function(rbm))
    assert (np.abs(frequency - p) < 5 * np.sqrt(p * (1 - p) / n) + 1e-4).all()


@proves("R15")
@pytest.mark.parametrize("scale", [0.1, 1, 5, 100])
@pytest.mark.parametrize("bias", [0.5, 200])
def test_log_z_without_exponentials_is_log_z(scale, bias, beta):
    """(R15): against the plain sum over hidden states, from weak couplings to where the factors
    leave their range"""
    rng = np.random.default_rng(6)
    for n_visible, n_hidden in ((1, 1), (30, 1), (9, 8), (130, 9), (7, 12)):
        rbm = RBM(scale * rng.standard_normal((n_visible, n_hidden)),
                  bias * rng.standard_normal(n_visible), bias * rng.standard_normal(n_hidden), beta)
        h = exact.all_states(n_hidden)
        log_weight = beta * (h @ rbm.b) + np.logaddexp(0, beta * (rbm.a + h @ rbm.W.T)).sum(axis=1)
        top = log_weight.max()
        assert_allclose(exact.log_partition_function(rbm),
                        top + np.log(np.exp(log_weight - top).sum()), rtol=1e-12)


def test_a_product_of_many_factors_is_cut_before_it_overflows():
    """(R15): 3000 terms of up to 600, of which one product holds one, and 3000 of 0.001, of which
    it holds all"""
    for x, y in ((350.0, 250.0), (-7.0, 0.0)):
        x, y = np.full((2, 3000), x), np.full((3000, 3), y)
        assert_allclose(kernels.softplus_product(x, y), reference.softplus_product(x, y),
                        rtol=1e-12)


def test_wrong_arguments_of_exact_samples(rng):
    with pytest.raises(ValueError, match="n must be a positive integer"):
        exact.sample(random_rbm(rng), 0, rng)
    with pytest.raises(TypeError, match="rng"):
        exact.sample(random_rbm(rng), 3, 7)
    with pytest.raises(ValueError, match="at most 25 units"):
        exact.sample(random_rbm(rng, 30, 26), 3, rng)


@proves("R7")
def test_the_weight_of_a_hidden_state(case):
    """log w(h) is the log of the sum over v; energy_given are mean and variance of E over the same
    sum  (R11)"""
    rbm, brute, _ = case
    for h in brute.h[:: max(1, len(brute.h) // 5)]:
        rows = (brute.h == h).all(axis=1)
        log_w = np.log(brute.p[rows].sum()) + brute.log_z
        p, E = brute.p[rows] / brute.p[rows].sum(), brute.E[rows]
        mean, variance = rbm.energy_given(h[None])
        assert_allclose([rbm.log_weights(h[None])[0], mean[0], variance[0]],
                        [log_w, p @ E, p @ (E - p @ E) ** 2], rtol=1e-11, atol=1e-12)


def test_wrong_arguments_are_named():
    rbm = RBM(np.zeros((3, 2)), np.zeros(3), np.zeros(2))
    for call in (exact.log_likelihood, exact.log_likelihood_gradient):
        with pytest.raises(ValueError, match=r"X must have shape \(n, 3\), got \(1, 2\)"):
            call(rbm, np.zeros((1, 2)))
        with pytest.raises(ValueError, match="X must hold binary states"):
            call(rbm, np.full((1, 3), 0.5))
    classifier = ClassificationRBM(np.zeros((3, 2)), np.zeros((2, 2)), np.zeros(3), np.zeros(2),
                                   np.zeros(2))
    for call in (exact.log_partition_function, exact.moments, exact.thermodynamics):
        with pytest.raises(TypeError, match="rbm must be a Machine, got ClassificationRBM"):
            call(classifier)
    for n_units in (-1, 0, 63, 2.0, True, "3"):
        with pytest.raises(ValueError, match="n_units must be an integer from 1 to 62"):
            exact.all_states(n_units)


@proves("R11", "R21")
def test_thermodynamics_of_gaussian_units(beta, rng):
    """U = d(beta F)/dbeta, C = dU/dT, F = U - T S, v integrated"""
    W, a, b = rng.standard_normal((3, 4)), rng.standard_normal(3), rng.standard_normal(4)
    T, step = 1 / beta, 1e-4
    low, middle, high = (exact.thermodynamics(GaussianRBM(W, a, b, 1 / t))
                         for t in (T - step, T, T + step))
    assert_allclose(-(high.F - low.F) / (2 * step), middle.S, rtol=1e-7)
    assert_allclose((high.U - low.U) / (2 * step), middle.C, rtol=1e-6)
    assert_allclose(middle.F, middle.U - T * middle.S, rtol=1e-12)
