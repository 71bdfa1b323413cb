"""Mean-field iterations as layers: they descend a free energy, forget their input, and have a
backward pass."""
import warnings

import numpy as np
import pytest
from conftest import random_rbm
from numpy.testing import assert_allclose, assert_array_equal
from proofs import proves

from minife import RBM, tap
from minife.backprop import BinaryCrossEntropy, SquaredError
from minife.bridge.claims.claim import cosine, distance
from minife.bridge.relaxation import relax, relax_backward
from minife.bridge.unrolled import forgetting_rate, unroll
from minife.kernels import reference
from minife.rbm import GaussianRBM, exact
from minife.units import Binary

each_order = pytest.mark.parametrize("order", [1, 2])


def kl(p, q):
    """Return the Kullback-Leibler divergence of binary units with means p from those with means q,
    summed: (n,)"""
    unit = Binary()
    return (unit.conjugate(p) - p * np.log(q) - (1 - p) * np.log1p(-q)).sum(axis=1)


def rows(rng, rbm, n=6):
    return rng.integers(2, size=(n, rbm.n_visible))


@proves("C1")
def test_n_iterations_are_a_network_of_2n_plus_1_sigmoid_layers(rng):
    """(C1): bit for bit what an MLP computes whose weights are W, W^T, W, ... and biases b, a, b,
    ..."""
    rbm = random_rbm(rng, 7, 5)
    X = rng.random((20, 7))
    for n in (0, 1, 2, 5):
        layers, mlp = unroll(rbm, n).forward(X), unroll(rbm, n).untie()
        assert mlp.depth == len(layers) == 2 * n + 1
        assert mlp.sizes == (7,) + (5, 7) * n + (5,)
        for layer, field in zip(layers, mlp.fields(X), strict=True):
            assert_array_equal(layer, Binary().mean(field))
        assert_array_equal(mlp.predict(X), layers[-1])
        for k in range(1, mlp.depth + 1):
            assert_array_equal(mlp.parameters[f"W{k}"], rbm.W if k % 2 else rbm.W.T)


@proves("C1")
def test_layers_are_the_half_steps_of_the_solver_bit_for_bit(rng, beta):
    """(C1): the solver's own half step, undamped; from 0, where its m + d (mean - m) rounds to the
    mean"""
    rbm = random_rbm(rng, 7, 5, beta)
    X = rows(rng, rbm).astype(float)
    layers, v = unroll(rbm, 3).forward(X), X
    for t in range(4):
        h = reference.sigmoid(reference.layer_field(v, None, rbm.W, rbm.b, beta, 1))
        assert_array_equal(layers[2 * t], h)
        if t < 3:
            v = reference.sigmoid(reference.layer_field(h, None, rbm.W.T, rbm.a, beta, 1))
            assert_array_equal(layers[2 * t + 1], v)


@proves("C1", "C5")
@each_order
@pytest.mark.parametrize("step", [1.0, 0.5])
def test_layers_are_the_sweeps_of_the_solver(rng, order, step, beta):
    """(C1), (C5): a fixed_point that is stopped after n sweeps from x has v_n, and h_{n-1} one half
    step before"""
    rbm = random_rbm(rng, 7, 5, beta)
    X = rows(rng, rbm)
    for n in (1, 4):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", tap.NotConvergedWarning)
            swept = tap.fixed_point(rbm, order, m_v=X, step=step, tol=1e-300, max_iter=n)
        layers = unroll(rbm, n, order, step).forward(X)
        assert_allclose(layers[-2], swept.m_v, rtol=0, atol=1e-15)
        assert_allclose(layers[-3], swept.m_h, rtol=0, atol=1e-15)


def test_a_temperature_is_a_scale_of_the_untied_weights(rng, beta):
    rbm = random_rbm(rng, 7, 5, beta)
    X = rows(rng, rbm)
    mlp = unroll(rbm, 3).untie(BinaryCrossEntropy())
    assert_allclose(mlp.predict(X), unroll(rbm, 3).forward(X)[-1], rtol=1e-13)
    mlp.parameters["W3"][0, 0] += 1                             # its own copy, and no other layer's
    assert mlp.parameters["W1"][0, 0] == beta * rbm.W[0, 0] == mlp.parameters["W5"][0, 0]


@proves("C2")
def test_every_layer_lowers_the_free_energy_by_its_divergence(rng, beta):
    """(C2): at order 1 a half step lowers beta Gamma_1 by exactly KL(old means, new means), which
    is never negative"""
    for scale in (0.3, 1.0, 1.5):
        rbm = random_rbm(rng, 8, 8, beta, scale)         # only numbers tell the layers apart
        X = exact.all_states(8)
        network = unroll(rbm, 12)
        layers, gamma = network.forward(X), network.free_energies(X)
        assert gamma.shape == (256, 25)
        assert_allclose(gamma[:, 0], rbm.free_energy(X), rtol=1e-13)
        assert np.diff(gamma, axis=1).max() < 1e-13 * np.abs(gamma).max()
        before = [X.astype(float), *layers]
        for k in range(1, 25):
            assert_allclose(beta * (gamma[:, k - 1] - gamma[:, k]), kl(before[k - 1], layers[k]),
                            rtol=1e-8, atol=1e-12)


@proves("C3")
def test_the_whole_way_down_is_the_surprise_of_x_in_mean_field(rng, beta):
    """(C3): beta times the drop tends to -log p_MF(x); the first step is the cross entropy of the
    reconstruction"""
    rbm = random_rbm(rng, 8, 8, beta, 0.5)
    X = exact.all_states(8)
    network = unroll(rbm, 80)
    gamma, v_1 = network.free_energies(X), network.forward(X)[1]
    star = tap.fixed_point(rbm, order=1, step=1.0, tol=1e-12)
    log_p_mf = beta * (star.free_energy - rbm.free_energy(X))
    log_p = -beta * rbm.free_energy(X) - exact.log_partition_function(rbm)
    assert_allclose(beta * (gamma[:, 0] - gamma[:, -1]), -log_p_mf, rtol=1e-12)
    reconstruction = -(X * np.log(v_1) + (1 - X) * np.log1p(-v_1)).sum(axis=1)
    assert_allclose(beta * (gamma[:, 0] - gamma[:, 1]), reconstruction, rtol=1e-12)
    assert np.all(log_p < log_p_mf) and np.all(log_p_mf < -reconstruction)


def test_order_2_climbs_where_damping_is_too_small():
    """(C5): units that overshoot raise Gamma_2, undamped; half steps of a half lower it here"""
    rng = np.random.default_rng(7)
    rbm = random_rbm(rng, 8, 6, scale=1.5)
    X = exact.all_states(8)
    rises = [(np.diff(unroll(rbm, 10, 2, step).free_energies(X), axis=1) > 1e-12).mean()
             for step in (1.0, 0.5)]
    assert rises[0] > 0.1 > rises[1]


@proves("C4", "C5")
@each_order
@pytest.mark.parametrize("step", [1.0, 0.6])
def test_backward_of_a_layer_by_complex_step(rng, order, step, beta):
    """(C4), (C5): Im f(x + i eps)/eps, which has no rounding from a difference"""
    W, field = rng.standard_normal((4, 3)), rng.standard_normal((5, 3))
    arrays = {"m_in": rng.random((5, 4)), "m_out": rng.random((5, 3)), "W": W, "field": field}
    weights = rng.standard_normal((5, 3))
    new = relax(**arrays, beta=beta, order=order, step=step)
    claimed = dict(zip(("m_in", "m_out", "W", "field"), relax_backward(
        weights, new, arrays["m_in"], arrays["m_out"], W, beta, order, step), strict=True))
    for name, array in arrays.items():
        for index in np.ndindex(array.shape):
            moved = array.astype(complex)
            moved[index] += 1e-30j
            out = relax(**(arrays | {name: moved}), beta=beta, order=order, step=step)
            assert abs((weights * out).sum().imag / 1e-30 - claimed[name][index]) < 1e-14


@proves("C6")
def test_the_unclamped_network_forgets_its_input_at_the_predicted_rate(rng, beta):
    """(C6): the spread of h_n over all inputs shrinks by rho an iteration, down to rounding"""
    rbm = random_rbm(rng, 8, 6, beta, 0.6 / beta)
    layers = unroll(rbm, 60).forward(exact.all_states(8))
    star = tap.fixed_point(rbm, order=1, step=1.0, tol=1e-13)
    rho = forgetting_rate(rbm, star.m_v, star.m_h)[0]
    spread = np.array([h.std(axis=0).max() for h in layers[::2]])
    assert spread[0] > 0.05 and spread[60] < 1e-14
    assert_allclose((spread[10] / spread[6]) ** (1 / 4), rho, rtol=0.02)


def test_weak_couplings_forget_everything(rng, beta):
    """(C6): if beta s < 4, with s the largest singular value of W, any two inputs come together by
    (beta s / 4)^2"""
    rbm = random_rbm(rng, 8, 6, beta)
    rbm.W *= 3.9 / beta / np.linalg.norm(rbm.W, 2)
    layers = unroll(rbm, 5).forward(exact.all_states(8))[::2]
    for before, after in zip(layers[:-1], layers[1:], strict=True):
        apart, then = (np.linalg.norm(h[:, None] - h[None], axis=2) for h in (before, after))
        assert np.all(then <= (3.9 / 4) ** 2 * apart + 1e-15)


def test_strong_couplings_remember_which_basin():
    """(C6): two minima, two outputs, whatever n; and nothing else of x"""
    rbm = RBM(1.5 * np.ones((6, 6)), -4.5 * np.ones(6), -4.5 * np.ones(6))
    h = unroll(rbm, 200).forward(exact.all_states(6))[-1]
    assert len(np.unique(h.round(6),
                         axis=0)) == 3  # up, down, and exactly half on, the saddle between


@proves("C22")
@pytest.mark.parametrize("n", [0, 1, 2])
def test_free_energy_as_loss_needs_no_backward_pass(n):
    """(C22): the explicit partials err by rho^n, with a pass backward by n rho^2n"""
    rng = np.random.default_rng([n, 4])
    rbm = random_rbm(rng, 8, 6, scale=0.6)
    X = exact.all_states(8)
    star = tap.fixed_point(rbm, order=1, step=1.0, tol=1e-13)
    rho = forgetting_rate(rbm, star.m_v, star.m_h)[0]
    exactly = tap.free_energy_gradient(rbm, star.m_v, star.m_h, 1)
    steps = np.array([5, 8])
    explicit, full = ([distance(unroll(rbm, k).free_energy_gradient(X, backward), exactly)
                       for k in steps]
                      for backward in (False, True))
    assert_allclose(np.diff(np.log(explicit))[0] / 3, np.log(rho), rtol=0.05)
    assert_allclose(np.diff(np.log(full / steps))[0] / 3, np.log(rho**2), rtol=0.05)


@proves("C22")
def test_the_loss_that_a_pass_dissipates_has_the_gradient_of_mean_field_learning():
    """(C22): F(x) - Gamma_1(v_n, h_n); already n = 1, a tied autoencoder's cross entropy and one
    step more, is close"""
    rbm = random_rbm(np.random.default_rng(0), 8, 6, scale=0.6)
    X = exact.all_states(8)
    emf = tap.log_likelihood_gradient(rbm, X, 1, step=1.0, tol=1e-13)
    data = rbm.free_energy_gradient(X)

    def loss_gradient(n, backward):
        model = unroll(rbm, n).free_energy_gradient(X, backward)
        return {name: model[name] - data[name] for name in data}

    assert_allclose(cosine(loss_gradient(1, True), emf), 0.998, atol=5e-4)
    assert_allclose(distance(loss_gradient(6, True), emf), 4e-8, rtol=0.2)
    assert_allclose(distance(loss_gradient(6, False), emf), 2e-5, rtol=0.2)


@pytest.mark.parametrize("call, kind, message", [
    (lambda rbm: unroll(rbm.W, 1), TypeError, "rbm must be an RBM"),
    (lambda rbm: unroll(GaussianRBM(rbm.W, rbm.a, rbm.b), 1), TypeError, "rbm must be an RBM"),
    (lambda rbm: forgetting_rate(rbm.W, [[0.5]], [[0.5]]), TypeError, "rbm must be an RBM"),
    (lambda rbm: forgetting_rate(rbm, np.ones((1, 4)), np.ones((1, 4))), ValueError,
     r"m_v must have shape \(n, 5\)"),
    (lambda rbm: forgetting_rate(rbm, np.ones((1, 5)), np.full((1, 4), 2.0)), ValueError,
     "m_h must lie in"),
    (lambda rbm: forgetting_rate(rbm, np.ones((2, 5)), np.ones((1, 4))), ValueError,
     "same number of rows"),
    (lambda rbm: unroll(rbm, -1), ValueError, "n_iterations must be an integer of at least 0"),
    (lambda rbm: unroll(rbm, 2, order=3), ValueError, "order must be one of 1, 2"),
    (lambda rbm: unroll(rbm, 2, step=0.0), ValueError, "step must be a number in"),
    (lambda rbm: unroll(rbm, 2).forward(np.ones((3, 6))), ValueError,
     r"X must have shape \(n, 5\)"),
    (lambda rbm: unroll(rbm, 2).gradient(np.ones((3, 5)), np.ones((2, 4))), ValueError,
     "output_gradient must have shape"),
    (lambda rbm: unroll(rbm, 2, order=2).untie(), ValueError, "only order 1 with step 1 is an MLP"),
    (lambda rbm: unroll(rbm, 2).untie(SquaredError()), ValueError,
     "loss must have binary output units"),
])
def test_wrong_arguments_are_named(call, kind, message):
    with pytest.raises(kind, match=message):
        call(random_rbm(np.random.default_rng(0)))
