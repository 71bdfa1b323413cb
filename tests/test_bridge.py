"""Chapter C: iterations as layers, backprop as a response, and the differences of free energies behind it."""
import warnings

import numpy as np
import pytest
from conftest import random_rbm
from numpy.testing import assert_allclose, assert_array_equal

from minife import MLP, RBM, tap
from minife.backprop import BinaryCrossEntropy, CategoricalCrossEntropy, SquaredError, train
from minife.descent import SGD, Adam, NormConstraint
from minife.descent.loop import descend
from minife.bridge.clamped import ClampedMachine
from minife.bridge.equilibrium import ClampedNetwork
from minife.bridge.layered import LayeredMeanField
from minife.bridge.relaxation import relax, relax_backward
from minife.bridge.tied import TiedClassifier
from minife.bridge.unrolled import forgetting_rate, unroll
from minife.data import load_digits
from minife.gradcheck import numerical_gradient
from minife.kernels import reference
from minife.parameters import flatten
from minife.rbm import exact
from minife.units import Binary, Potts, Spin

LOSSES = [SquaredError(Binary()), BinaryCrossEntropy()]
PRECISE = {"tol": 1e-14}
each_order = pytest.mark.parametrize("order", [1, 2])
each_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)


def cosine(one, other):
    one, other = flatten(one), flatten(other)
    return one @ other / np.linalg.norm(one) / np.linalg.norm(other)


def distance(one, other):
    """Return |one - other| / |other| of two gradients."""
    one, other = flatten(one), flatten(other)
    return np.linalg.norm(one - other) / np.linalg.norm(other)


def slopes(errors, scales):
    """Return the slopes of log(error) against log(scale), between neighbours."""
    return np.diff(np.log(errors)) / np.diff(np.log(scales))


def kl(p, q):
    """Return the Kullback-Leibler divergence of binary units with means p from those with means q, summed: (n,)"""
    unit = Binary()
    return (unit.conjugate(p) - p * np.log(q) - (1 - p) * np.log1p(-q)).sum(axis=1)


def rows(rng, rbm, n=6):
    return rng.integers(2, size=(n, rbm.n_visible))


def random_network(rng, order=1, beta=1.0, loss=LOSSES[0], scale=0.8, sizes=(6, 5, 3), n=5):
    """Return a ClampedNetwork with weights of size `scale` and biases of 0.5, n binary rows and targets."""
    W, U = (scale * rng.standard_normal(shape) for shape in (sizes[:2], sizes[1:]))
    network = ClampedNetwork(W, U, 0.5 * rng.standard_normal(sizes[1]), 0.5 * rng.standard_normal(sizes[2]), beta,
                             order, loss)
    return network, rng.integers(2, size=(n, sizes[0])), rng.integers(2, size=(n, sizes[2]))


# Iterations are layers

def test_n_iterations_are_a_network_of_2n_plus_1_sigmoid_layers(rng):
    """(C1): bit for bit what an MLP computes whose weights are W, W^T, W, ... and biases b, a, b, ..."""
    rbm = random_rbm(rng, 7, 5)
    X = rng.random((20, 7))
    for n in (1, 2, 5):
        layers, mlp = unroll(rbm, n).forward(X), unroll(rbm, n).untie()
        assert mlp.depth == len(layers) == 2 * n + 1
        assert mlp.sizes == (7,) + (5, 7) * n + (5,)
        for layer, field in zip(layers, mlp.fields(X), strict=True):
            assert_array_equal(layer, Binary().mean(field))
        assert_array_equal(mlp.predict(X), layers[-1])
        for k in range(1, mlp.depth + 1):
            assert_array_equal(mlp.parameters[f"W{k}"], rbm.W if k % 2 else rbm.W.T)


def test_layers_are_the_half_steps_of_the_solver_bit_for_bit(rng, beta):
    """(C1): the solver's own half step, undamped; from 0, where its m + d (mean - m) rounds to the mean"""
    rbm = random_rbm(rng, 7, 5, beta)
    X = rows(rng, rbm).astype(float)
    layers, v = unroll(rbm, 3).forward(X), X
    for t in range(4):
        h = reference.sigmoid(reference.layer_field(v, None, rbm.W, rbm.b, beta, 1))
        assert_array_equal(layers[2 * t], h)
        if t < 3:
            v = reference.sigmoid(reference.layer_field(h, None, rbm.W.T, rbm.a, beta, 1))
            assert_array_equal(layers[2 * t + 1], v)


@each_order
@pytest.mark.parametrize("step", [1.0, 0.5])
def test_layers_are_the_sweeps_of_the_solver(rng, order, step, beta):
    """(C1), (C5): fixed_point stopped after n sweeps from x has v_n, and h_{n-1} one half step before"""
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


# The forward pass runs downhill

def test_every_layer_lowers_the_free_energy_by_its_divergence(rng, beta):
    """(C2): at order 1 a half step lowers beta Gamma_1 by exactly KL(old means, new means), which is never negative"""
    for scale in (0.3, 1.0, 1.5):
        rbm = random_rbm(rng, 8, 6, beta, scale)
        X = exact.all_states(8)
        network = unroll(rbm, 12)
        layers, gamma = network.forward(X), network.free_energies(X)
        assert gamma.shape == (256, 25)
        assert_allclose(gamma[:, 0], rbm.free_energy(X), rtol=1e-13)
        assert np.diff(gamma, axis=1).max() < 1e-13 * np.abs(gamma).max()
        before = [X.astype(float), *layers]
        for k in range(1, 25):
            assert_allclose(beta * (gamma[:, k - 1] - gamma[:, k]), kl(before[k - 1], layers[k]), rtol=1e-8, atol=1e-12)


def test_the_whole_way_down_is_the_surprise_of_x_in_mean_field(rng, beta):
    """(C3): beta times the drop tends to -log p_MF(x); the first step is the cross entropy of the reconstruction"""
    rbm = random_rbm(rng, 8, 6, beta, 0.6)
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
    rises = [(np.diff(unroll(rbm, 10, 2, step).free_energies(X), axis=1) > 1e-12).mean() for step in (1.0, 0.5)]
    assert rises[0] > 0.1 > rises[1]


# The backward pass

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


def test_the_gradient_of_tied_weights_is_the_sum_over_layers(rng):
    """(C4): over the layers of the untied network; those with W^T give their share transposed"""
    tied = TiedClassifier(random_rbm(rng, 7, 5), 2, rng.standard_normal((5, 3)), rng.standard_normal(3))
    X, y = rng.random((9, 7)), rng.integers(3, size=9)
    mlp = tied.untie()
    assert mlp.sizes == (7, 5, 7, 5, 7, 5, 3)
    assert_array_equal(mlp.predict(X), tied.predict(X))
    own, shared = mlp.gradient(X, y), tied.gradient(X, y)
    assert_allclose(shared["W"], own["W1"] + own["W2"].T + own["W3"] + own["W4"].T + own["W5"], rtol=0, atol=1e-15)
    assert_allclose(shared["a"], own["b2"] + own["b4"], rtol=0, atol=1e-15)
    assert_allclose(shared["b"], own["b1"] + own["b3"] + own["b5"], rtol=0, atol=1e-15)
    assert_allclose(shared["U"], own["W6"], rtol=0, atol=1e-15)
    assert_allclose(shared["d"], own["b6"], rtol=0, atol=1e-15)


def test_gradients_are_averages_over_rows(rng):
    rbm = random_rbm(rng, 7, 5)
    X, d_h = rng.random((4, 7)), rng.standard_normal((4, 5))
    once, twice = (unroll(rbm, 2).gradient(np.tile(X, (k, 1)), np.tile(d_h, (k, 1))) for k in (1, 2))
    assert_allclose(flatten(once), flatten(twice), rtol=1e-13)
    network, X, y = random_network(rng)
    for gradient in (lambda X, y: network.backprop_gradient(X, y, 3), network.implicit_gradient,
                     network.equilibrium_propagation_gradient, network.contrastive_gradient):
        assert_allclose(flatten(gradient(X, y)), flatten(gradient(np.tile(X, (2, 1)), np.tile(y, (2, 1)))), rtol=1e-8)


# Forgetting

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
    """(C6): if beta s < 4, with s the largest singular value of W, any two inputs come together by (beta s / 4)^2"""
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
    assert len(np.unique(h.round(6), axis=0)) == 3              # up, down, and exactly half on, the saddle between


# A network at rest

def test_equilibrium_is_stationary(rng, beta):
    """(C7): and at order 2 too, of the machine of h and y whose hidden bias is b + x W"""
    for order in (1, 2):
        network, X, _ = random_network(rng, order, beta, scale=0.5)
        rest = network.equilibrium(X, **PRECISE)
        assert rest.converged and rest.residual <= 1e-14
        for x, m_h, m_y, gamma in zip(X, rest.m_h, rest.m_y, network.free_energy(X, rest.m_h, rest.m_y), strict=True):
            pair = RBM(network.pair.W, network.pair.a + x @ network.W, network.pair.b, beta)
            assert np.abs(np.concatenate(tap.stationarity(pair, m_h[None], m_y[None], order), axis=1)).max() < 1e-12
            assert_allclose(gamma, tap.free_energy(pair, m_h[None], m_y[None], order)[0], rtol=1e-12)


@each_order
def test_response_is_how_the_equilibrium_follows_a_field_on_the_output(rng, order, beta):
    """(C8): against the difference of two equilibria with fields of opposite sign"""
    network, X, _ = random_network(rng, order, beta, scale=0.5)
    field = rng.standard_normal((5, 3))
    rest = network.equilibrium(X, **PRECISE)
    p_h, p_y = network.response(rest.m_h, rest.m_y, field)
    up, down = (network.equilibrium(X, pull=lambda m_y: -step * field, **PRECISE) for step in (1e-4, -1e-4))
    assert_allclose(p_h, (up.m_h - down.m_h) / 2e-4, rtol=0, atol=1e-8)
    assert_allclose(p_y, (up.m_y - down.m_y) / 2e-4, rtol=0, atol=1e-8)


@each_order
@each_loss
def test_backprop_through_the_iterations_becomes_the_linear_response(rng, order, loss):
    """(C8), (C9): with an error like n rho^n at order 1"""
    network, X, y = random_network(rng, order, 1.3, loss, scale=0.5)
    exactly = network.implicit_gradient(X, y, **PRECISE)
    errors = [distance(network.backprop_gradient(X, y, n), exactly) for n in (1, 2, 4, 8, 16, 200)]
    assert errors == sorted(errors, reverse=True) and errors[0] > 0.05 and errors[-1] < 1e-13
    if order == 1:
        rest = network.equilibrium(X, **PRECISE)
        rho = forgetting_rate(network.pair, rest.m_h, rest.m_y).max()
        n, late = np.array([6, 9]), [distance(network.backprop_gradient(X, y, k), exactly) for k in (6, 9)]
        assert_allclose(np.diff(np.log(late / n))[0] / 3, np.log(rho), rtol=0.1)


def test_one_iteration_is_an_ordinary_network(rng, beta):
    """(C9): n = 1 is the forward and backward pass of an MLP with one hidden layer"""
    network, X, y = random_network(rng, beta=beta)
    mlp = MLP((6, 5, 3), Binary(), SquaredError(Binary()), rng)
    for k, (W, b) in enumerate((("W", "b"), ("U", "d")), start=1):
        mlp.parameters[f"W{k}"], mlp.parameters[f"b{k}"] = beta * network.parameters[W], beta * network.parameters[b]
    assert_allclose(network.layers(X, 1)[-1], mlp.predict(X), rtol=1e-13)
    one, mlp_gradient = network.backprop_gradient(X, y, 1), mlp.gradient(X, y)
    for name, other in (("W", "W1"), ("b", "b1"), ("U", "W2"), ("d", "b2")):
        assert_allclose(one[name], beta * mlp_gradient[other], rtol=1e-11, atol=1e-16)


@each_order
@each_loss
def test_the_loss_is_the_slope_of_the_free_energy_in_the_nudge(rng, order, loss):
    """(C10): d Gamma*(nudge) / d nudge = l at the nudged equilibrium, by five points"""
    network, X, y = random_network(rng, order, 0.8, loss)

    def nudged(nudge):
        rest = network.nudged(X, y, nudge, **PRECISE)
        return network.free_energy(X, rest.m_h, rest.m_y).mean() + nudge * network.loss_of(rest.m_y, y)

    values, step = [nudged(0.02 + k * 1e-3) for k in (-2, -1, 1, 2)], 1e-3
    slope = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step)
    assert_allclose(slope, network.loss_of(network.nudged(X, y, 0.02, **PRECISE).m_y, y), rtol=1e-10)


@each_order
@each_loss
def test_equilibrium_propagation_errs_by_the_nudge_or_its_square(rng, order, loss):
    """(C10), (C11): a Maxwell relation; slopes 1 and 2, at both orders"""
    network, X, y = random_network(rng, order, 0.8, loss, scale=0.6)
    exactly = network.implicit_gradient(X, y, **PRECISE)
    nudges = np.array([0.02, 0.01, 0.005])
    for symmetric, slope in ((False, 1), (True, 2)):
        errors = [distance(network.equilibrium_propagation_gradient(X, y, nudge, symmetric, **PRECISE), exactly)
                  for nudge in nudges]
        assert_allclose(slopes(errors, nudges), slope, atol=0.1)


@each_order
def test_three_gradients_by_hand(order):
    """(C8), (C11): one unit of each kind, all fields zero at the means 1/2; the README has the fractions"""
    network = ClampedNetwork([[1.0]], [[2.0]], [-2.0], [-1.0], order=order)
    X = y = np.array([[1.0]])
    expected = {1: [1 / 12, 1 / 8, 1 / 12, 1 / 6], 2: [1 / 21, 1 / 12, 1 / 21, 5 / 42]}[order]
    for gradient in (network.implicit_gradient(X, 1 - y, **PRECISE), network.backprop_gradient(X, 1 - y, 100)):
        assert_allclose(flatten(gradient), expected, rtol=1e-12)
    assert_allclose(flatten(network.equilibrium_propagation_gradient(X, 1 - y, 0.001, **PRECISE)), expected, rtol=1e-6)
    assert forgetting_rate(network.pair, np.array([[0.5]]), np.array([[0.5]])) == pytest.approx(1 / 4)


# What it is not

def test_the_gradient_of_a_loss_is_not_that_of_the_free_energy():
    """(C12): over 200 random machines 6-5-3; near for the contrastive gradient, unrelated for that of Gamma*"""
    cosines = {"free energy": [], "contrastive": [], "one pass": []}
    for seed in range(200):
        network, X, y = random_network(np.random.default_rng([seed, 0]))
        entropic, *_ = random_network(np.random.default_rng([seed, 0]), loss=BinaryCrossEntropy())
        rest = network.equilibrium(X)
        exactly = network.implicit_gradient(X, y)
        cosines["free energy"].append(cosine(exactly, network.free_energy_gradient(X, rest.m_h, rest.m_y)))
        cosines["contrastive"].append(cosine(entropic.implicit_gradient(X, y), entropic.contrastive_gradient(X, y)))
        cosines["one pass"].append(cosine(exactly, network.backprop_gradient(X, y, 1)))
    mean = {name: np.mean(values) for name, values in cosines.items()}
    assert -0.35 < mean["free energy"] < -0.1 and 0.2 < np.std(cosines["free energy"]) < 0.45
    assert 0.94 < mean["contrastive"] < 0.99 and min(cosines["contrastive"]) < 0.9
    assert 0.85 < mean["one pass"] < 0.95 and min(cosines["one pass"]) < 0.7


def test_descending_the_free_energy_in_the_weights_runs_away(rng):
    """(C12): plain descent of Gamma* has no minimum; likelihood must raise it away from the data"""
    rbm = random_rbm(rng, 6, 5, scale=0.1)
    values = []
    for _ in range(300):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", tap.NotConvergedWarning)
            star = tap.fixed_point(rbm, order=1, step=1.0, tol=1e-6)
        values.append(star.free_energy[0])
        for name, slope in tap.free_energy_gradient(rbm, star.m_v, star.m_h, 1).items():
            rbm.parameters[name][...] -= 0.1 * slope
    assert values[0] > -10 and values[-1] < -1000 and np.all(np.diff(values) < 0)


# Where the loss is a free energy

@pytest.mark.parametrize("n", [0, 1, 2])
def test_free_energy_as_loss_needs_no_backward_pass(n):
    """(C13): the explicit partials err by rho^n, with a pass backward by n rho^2n"""
    rng = np.random.default_rng([n, 4])
    rbm = random_rbm(rng, 8, 6, scale=0.6)
    X = exact.all_states(8)
    star = tap.fixed_point(rbm, order=1, step=1.0, tol=1e-13)
    rho = forgetting_rate(rbm, star.m_v, star.m_h)[0]
    exactly = tap.free_energy_gradient(rbm, star.m_v, star.m_h, 1)
    steps = np.array([5, 8])
    explicit, full = ([distance(unroll(rbm, k).free_energy_gradient(X, backward), exactly) for k in steps]
                      for backward in (False, True))
    assert_allclose(np.diff(np.log(explicit))[0] / 3, np.log(rho), rtol=0.05)
    assert_allclose(np.diff(np.log(full / steps))[0] / 3, np.log(rho**2), rtol=0.05)


def test_the_free_energy_that_a_pass_dissipates_is_a_loss_whose_gradient_is_that_of_mean_field_learning():
    """(C13): F(x) - Gamma_1(v_n, h_n); already n = 1, a tied autoencoder's cross entropy and one step more, is close"""
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


@each_order
def test_contrastive_gradient_is_exact(rng, order):
    """(C12): of Gamma*(y clamped) - Gamma*(free), whose two parts are minima"""
    network, X, y = random_network(rng, order, 1.2, scale=0.5)
    assert network.contrastive_loss(X, y, **PRECISE) > 0
    gradient, step = network.contrastive_gradient(X, y, **PRECISE), 1e-4
    network.W[0, 0] += step
    above = network.contrastive_loss(X, y, **PRECISE)
    network.W[0, 0] -= 2 * step
    assert_allclose((above - network.contrastive_loss(X, y, **PRECISE)) / (2 * step), gradient["W"][0, 0], atol=1e-8)


# Weights of their own

@pytest.mark.parametrize("hidden, loss", [(Binary(), SquaredError(Binary())), (Binary(), BinaryCrossEntropy()),
                                          (Spin(), SquaredError())])
def test_layered_free_energy_has_the_backprop_gradient_as_its_limit(hidden, loss):
    """(C14): the error of the difference of two equilibria falls like the feedback, and the cosine goes to 1"""
    rng = np.random.default_rng(8)
    mlp = MLP((5, 7, 6, 3), hidden, loss, rng)
    for name in mlp.parameters:
        mlp.parameters[name] *= 0.4                             # of the size that keeps one equilibrium at any feedback
    X, y = rng.standard_normal((8, 5)), rng.random((8, 3))
    feedback = np.array([0.03, 0.01, 0.003])
    found = [LayeredMeanField(mlp, f).equilibrium_propagation_gradient(X, y) for f in feedback]
    errors = [distance(gradient, mlp.gradient(X, y)) for gradient in found]
    assert_allclose(slopes(errors, feedback), 1, atol=0.1)
    assert errors[-1] < 0.02 and cosine(found[-1], mlp.gradient(X, y)) > 0.9998


@pytest.mark.parametrize("hidden, loss", [(Binary(), BinaryCrossEntropy()), (Spin(), SquaredError())])
def test_layered_equilibrium_is_stationary_and_starts_from_the_forward_pass(rng, hidden, loss):
    """(C14): no mean can move without raising Gamma; without feedback they are those of the network"""
    mlp = MLP((5, 4, 4, 3), hidden, loss, rng)
    X = rng.standard_normal((3, 5))
    network = LayeredMeanField(mlp, 0.2)
    m = network.equilibrium(X).m
    slopes, _ = numerical_gradient(lambda _: network.free_energy(m).sum(), dict(zip("123", m[1:], strict=True)))
    assert max(np.abs(slope).max() for slope in slopes.values()) < 1e-6
    assert network.free_energy([m[0], 0.99 * m[1], m[2], m[3]]).sum() > network.free_energy(m).sum()
    assert_allclose(LayeredMeanField(mlp, 1e-9).equilibrium(X).m[3], mlp.predict(X), rtol=1e-6)


@pytest.mark.parametrize("symmetric, slope", [(False, 1), (True, 2)])
def test_another_energy_whose_free_phase_is_the_forward_pass(rng, symmetric, slope):
    """(C15): |h - sigma(x W + b)|^2/2 + |y - sigma(h U + d)|^2/2 + nudge l(y) needs small nudges only"""
    mlp = MLP((4, 5, 3), Binary(), SquaredError(Binary()), rng)
    W, b, U, d = (mlp.parameters[name] for name in ("W1", "b1", "W2", "b2"))
    X, target, unit = rng.standard_normal((6, 4)), rng.random((6, 3)), Binary()

    def partials(nudge):
        h = up = unit.mean(X @ W + b)
        for _ in range(200):                                    # at rest: dE/dy = dE/dh = 0
            g = unit.mean(h @ U + d)
            y = (g + nudge * target) / (1 + nudge)
            pulled = (y - g) * (g - g**2)
            h = up + pulled @ U.T
        d_x = -(h - up) * (up - up**2) / len(X)
        return {"W1": X.T @ d_x, "b1": d_x.sum(axis=0), "W2": -h.T @ pulled / len(X), "b2": -pulled.mean(axis=0)}

    nudges, errors = np.array([0.04, 0.02, 0.01]), []
    for nudge in nudges:
        up, down = partials(nudge), partials(-nudge if symmetric else 0)
        width = 2 * nudge if symmetric else nudge
        errors.append(distance({name: (up[name] - down[name]) / width for name in up}, mlp.gradient(X, target)))
    assert_allclose(slopes(errors, nudges), slope, atol=0.1)


# Learning, and the public door

def test_networks_start_with_centred_fields(rng):
    """(B13): of the hidden units over the data, with variance 1; of those above at means of 1/2"""
    X = rng.random((400, 30)) < rng.random(30)
    half = np.full((1, 200), 0.5)
    tied = TiedClassifier.initialise(30, 200, 3, 1, rng, X)
    network = ClampedNetwork.initialise(30, 200, 3, rng, X)
    for W, b in (tied.unrolled.rbm.W, tied.unrolled.rbm.b), (network.W, network.pair.a):
        fields = X @ W + b
        assert_allclose(fields.mean(axis=0), 0, atol=1e-12)
        assert_allclose(fields.var(axis=0).mean(), 1, rtol=0.2)
    assert_allclose(tied.unrolled.rbm.visible_field(half), 0, atol=1e-12)
    assert_allclose(half @ network.pair.W + network.pair.b, 0, atol=1e-12)


def test_residual_is_the_distance_to_the_undamped_value(rng):
    """(C7): a small share of the way is not taken for being near"""
    network, X, _ = random_network(rng, order=2)
    network.step = 0.01
    with pytest.warns(tap.NotConvergedWarning):
        rest = network.equilibrium(X, max_iter=1)
    m_h, m_y = network.layers(X, 1)
    assert rest.residual == pytest.approx(max(np.abs(rest.m_h - m_h).max(), np.abs(rest.m_y - m_y).max()) / 0.01)

def test_tied_and_untied_networks_learn_with_the_loop_of_chapter_b():
    digits = load_digits()
    X, y, rng = digits.X_train[:1000], digits.y_train[:1000], np.random.default_rng(0)
    tied = TiedClassifier.initialise(784, 20, 10, 1, rng, X, dtype=np.float32)
    untied, before = tied.untie(), tied.loss(X, y)
    assert before == pytest.approx(np.log(10)) and untied.loss(X, y) == pytest.approx(before)
    descend(tied, lambda r: tied.gradient(X[r], y[r]), len(X), Adam(0.005), 5, rng, batch_size=50)
    train(untied, X, y, Adam(0.005), 5, rng, batch_size=50)
    assert tied.loss(X, y) < 0.7 * before and untied.loss(X, y) < 0.8 * before
    assert all(array.dtype == np.float32 for array in tied.parameters.values())


@pytest.mark.parametrize("kind", ["equilibrium propagation", "backprop"])
def test_a_clamped_network_learns_xor_of_two_inputs(kind):
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    y, rng = np.array([[0], [1], [1], [0]]), np.random.default_rng(3)
    network = ClampedNetwork.initialise(2, 8, 1, rng, X, beta=1.5)
    gradient = {"backprop": lambda r: network.backprop_gradient(X[r], y[r], 6),
                "equilibrium propagation": lambda r: network.equilibrium_propagation_gradient(
                    X[r], y[r], 0.1, tol=1e-5)}[kind]
    descend(network, gradient, 4, Adam(0.03), 300, rng, batch_size=4, norm_constraint=NormConstraint(30, ceiling=True))
    assert np.abs(network.predict(X) - y).max() < 0.2
    assert network.loss(X, y) < 0.02


def test_float32_stays_float32(rng):
    network, X, y = random_network(rng)
    single = ClampedNetwork(*(array.astype(np.float32) for array in network.parameters.values()))
    for gradient in (single.implicit_gradient(X, y, tol=1e-5), single.backprop_gradient(X, y, 3),
                     single.equilibrium_propagation_gradient(X, y, 0.5, tol=1e-5)):
        assert all(slope.dtype == np.float32 for slope in gradient.values())
    SGD().step(single.parameters, gradient)


def test_what_does_not_converge_says_so(rng):
    network, X, y = random_network(rng)
    with pytest.warns(tap.NotConvergedWarning, match="after 2 sweeps"):
        assert not network.equilibrium(X, max_iter=2).converged
    with pytest.warns(tap.NotConvergedWarning):
        LayeredMeanField(MLP((3, 4, 2), loss=SquaredError(Binary())), 0.5).equilibrium(rng.random((2, 3)), max_iter=1)


@pytest.mark.parametrize("call, message", [
    (lambda rbm: unroll(rbm, 0), "n_iterations must be a positive integer"),
    (lambda rbm: unroll(rbm, 2, order=3), "order must be one of 1, 2"),
    (lambda rbm: unroll(rbm, 2, step=0.0), "step must be a number in"),
    (lambda rbm: unroll(rbm, 2).forward(np.ones((3, 6))), r"X must have shape \(n, 5\)"),
    (lambda rbm: unroll(rbm, 2).gradient(np.ones((3, 5)), np.ones((2, 4))), r"output_gradient must have shape"),
    (lambda rbm: unroll(rbm, 2, order=2).untie(), "only order 1 without step is an MLP"),
    (lambda rbm: unroll(rbm, 2).untie(SquaredError()), "loss must have binary output units"),
    (lambda rbm: TiedClassifier(rbm, 1, np.ones((3, 2)), np.ones(2)), r"U and d must have shapes \(4, k\)"),
    (lambda rbm: ClampedMachine(rbm.W, np.ones((3, 2)), rbm.b, np.ones(2)), "a must have shape"),
    (lambda rbm: ClampedMachine(rbm.W, np.ones((3, 2)), np.ones(3), np.ones(2)), "W and U must have shapes"),
    (lambda rbm: ClampedMachine(rbm.W, rbm.W.T, rbm.b, rbm.a, order=3), "order must be one of 1, 2"),
    (lambda rbm: clamped(rbm).equilibrium(np.ones((3, 5)), tol=0), "tol must be a positive number"),
    (lambda rbm: clamped(rbm).loss(np.ones((3, 5)), np.ones((2, 5))), "same number of rows"),
    (lambda rbm: clamped(rbm).contrastive_gradient(np.ones((1, 5)), np.full((1, 5), 0.5)), "y must hold binary"),
    (lambda rbm: clamped(rbm).equilibrium_propagation_gradient(np.ones((1, 5)), np.ones((1, 5)), 0), "nudge must be"),
    (lambda rbm: LayeredMeanField(MLP((2, 2)), 0), "feedback|loss"),
])
def test_wrong_arguments_are_named(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call(random_rbm(np.random.default_rng(0)))


def clamped(rbm):
    return ClampedNetwork(rbm.W, rbm.W.T, rbm.b, rbm.a)


def test_losses_that_do_not_fit_are_refused():
    for loss in (SquaredError(), CategoricalCrossEntropy(), SquaredError(Potts())):
        with pytest.raises(TypeError, match="loss must be SquaredError"):
            ClampedNetwork(np.ones((2, 2)), np.ones((2, 2)), np.ones(2), np.ones(2), loss=loss)
    with pytest.raises(TypeError, match="whose output units are one by one"):
        LayeredMeanField(MLP((2, 2)), 0.1)
