"""A machine at rest: backprop through its iterations, its linear response, and nudges of any size
agree."""
import warnings

import numpy as np
import pytest
from conftest import check_along, random_rbm
from numpy.testing import assert_allclose
from proofs import proves

from minife import MLP, RBM, tap
from minife.backprop import BinaryCrossEntropy, CategoricalCrossEntropy, SquaredError
from minife.bridge import NudgeWarning, TiedClassifier, forgetting_rate, unroll
from minife.bridge.claims.claim import distance
from minife.bridge.clamped import ClampedMachine
from minife.bridge.equilibrium import ClampedNetwork
from minife.bridge.layered import LayeredMeanField
from minife.bridge.nudges import loss_gradient, minimum, pull
from minife.descent import SGD, Adam, NormConstraint
from minife.descent.loop import descend
from minife.gradcheck import check_gradient
from minife.parameters import flatten
from minife.units import Binary, Gaussian, LeakyRectified, Rectified, Spin

LOSSES = [SquaredError(Binary()), BinaryCrossEntropy()]
PRECISE = {"tol": 1e-13}
each_order = pytest.mark.parametrize("order", [1, 2])
each_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)


def slopes(errors, scales):
    """Return the slopes of log(error) against log(scale), between neighbours."""
    return np.diff(np.log(errors)) / np.diff(np.log(scales))


def random_network(rng, order=1, beta=1.0, loss=LOSSES[0], scale=0.8, sizes=(6, 5, 3), n=5):
    """Return a ClampedNetwork with weights of size `scale` and biases of 0.5, n binary rows and
    targets."""
    W, U = (scale * rng.standard_normal(shape) for shape in (sizes[:2], sizes[1:]))
    network = ClampedNetwork(W, U, 0.5 * rng.standard_normal(sizes[1]),
                             0.5 * rng.standard_normal(sizes[2]), beta,
                             order, loss)
    return network, rng.integers(2, size=(n, sizes[0])), rng.integers(2, size=(n, sizes[2]))


@proves("C7")
def test_equilibrium_is_stationary(rng, beta):
    """(C7): and at order 2 too, of the machine of h and y whose hidden bias is b + x W"""
    for order in (1, 2):
        network, X, _ = random_network(rng, order, beta, scale=0.5)
        rest = network.equilibrium(X, **PRECISE)
        assert rest.converged.all() and rest.residual.max() <= 1e-13
        for x, m_h, m_y, gamma in zip(X, rest.m_h, rest.m_y,
                                      network.free_energy(X, rest.m_h, rest.m_y), strict=True):
            pair = RBM(network.pair.W, network.pair.a + x @ network.W, network.pair.b, beta)
            assert np.abs(np.concatenate(tap.stationarity(pair, m_h[None], m_y[None], order),
                                         axis=1)).max() < 1e-12
            assert_allclose(gamma, tap.free_energy(pair, m_h[None], m_y[None], order)[0],
                            rtol=1e-12)


@proves("C8")
@each_order
def test_response_is_how_the_equilibrium_follows_a_field_on_the_output(rng, order, beta):
    """(C8): against the difference of two equilibria with fields of opposite sign"""
    network, X, _ = random_network(rng, order, beta, scale=0.5)
    field = rng.standard_normal((5, 3))
    rest = network.equilibrium(X, **PRECISE)
    p_h, p_y = network.response(rest.m_h, rest.m_y, field)
    up, down = (network.equilibrium(X, step * field, **PRECISE) for step in (1e-4, -1e-4))
    assert_allclose(p_h, (up.m_h - down.m_h) / 2e-4, rtol=0, atol=1e-8)
    assert_allclose(p_y, (up.m_y - down.m_y) / 2e-4, rtol=0, atol=1e-8)


@proves("C8", "C9")
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
        n, late = np.array([6, 9]), [distance(network.backprop_gradient(X, y, k), exactly)
                                     for k in (6, 9)]
        assert_allclose(np.diff(np.log(late / n))[0] / 3, np.log(rho), rtol=0.1)


@proves("C9")
def test_one_iteration_is_an_ordinary_network(rng, beta):
    """(C9): n = 1 is the forward and backward pass of an MLP with one hidden layer"""
    network, X, y = random_network(rng, beta=beta)
    mlp = MLP((6, 5, 3), Binary(), SquaredError(Binary()), rng)
    for k, (W, b) in enumerate((("W", "b"), ("U", "d")), start=1):
        mlp.parameters[f"W{k}"] = beta * network.parameters[W]
        mlp.parameters[f"b{k}"] = beta * network.parameters[b]
    assert_allclose(network.layers(X, 1)[-1], mlp.predict(X), rtol=1e-13)
    one, mlp_gradient = network.backprop_gradient(X, y, 1), mlp.gradient(X, y)
    for name, other in (("W", "W1"), ("b", "b1"), ("U", "W2"), ("d", "b2")):
        assert_allclose(one[name], beta * mlp_gradient[other], rtol=1e-11, atol=1e-16)


@proves("C10")
@each_order
@each_loss
def test_the_loss_is_the_slope_of_the_free_energy_in_the_nudge(rng, order, loss):
    """(C10): d Gamma*(nudge) / d nudge = l at the nudged equilibrium, by five points"""
    network, X, y = random_network(rng, order, 0.8, loss)

    def nudged(nudge):
        rest = network.nudged(X, y, nudge, **PRECISE)
        gamma = network.free_energy(X, rest.m_h, rest.m_y).mean()
        return gamma + nudge * network.loss_of(rest.m_y, y)

    values, step = [nudged(0.02 + k * 1e-3) for k in (-2, -1, 1, 2)], 1e-3
    slope = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step)
    assert_allclose(slope, network.loss_of(network.nudged(X, y, 0.02, **PRECISE).m_y, y),
                    rtol=1e-10)


@proves("C10", "C11")
@each_order
@each_loss
def test_equilibrium_propagation_errs_by_the_nudge_or_its_square(rng, order, loss):
    """(C10), (C11): a Maxwell relation; slopes 1 and 2, at both orders"""
    network, X, y = random_network(rng, order, 0.8, loss, scale=0.6)
    exactly = network.implicit_gradient(X, y, **PRECISE)
    nudges = np.array([0.02, 0.01, 0.005])
    for symmetric, slope in ((False, 1), (True, 2)):
        errors = [distance(network.equilibrium_propagation_gradient(X, y, nudge, symmetric,
                                                                    **PRECISE), exactly)
                  for nudge in nudges]
        assert_allclose(slopes(errors, nudges), slope, atol=0.1)


@proves("C8", "C11")
@each_order
def test_three_gradients_by_hand(order):
    """(C8), (C11): one unit of each kind, all fields zero at the means 1/2; the README has the
    fractions"""
    network = ClampedNetwork([[1.0]], [[2.0]], [-2.0], [-1.0], order=order)
    X = y = np.array([[1.0]])
    expected = {1: [1 / 12, 1 / 8, 1 / 12, 1 / 6], 2: [1 / 21, 1 / 12, 1 / 21, 5 / 42]}[order]
    for gradient in (network.implicit_gradient(X, 1 - y, **PRECISE),
                     network.backprop_gradient(X, 1 - y, 100)):
        assert_allclose(flatten(gradient), expected, rtol=1e-12)
    assert_allclose(flatten(network.equilibrium_propagation_gradient(X, 1 - y, 0.001, **PRECISE)),
                    expected, rtol=1e-6)
    assert forgetting_rate(network.pair, np.array([[0.5]]),
                           np.array([[0.5]])) == pytest.approx(1 / 4)


@proves("C12")
@each_order
def test_contrastive_gradient_is_exact(rng, order):
    """(C12): of Gamma*(y clamped) - Gamma*(free), whose two parts are minima"""
    network, X, y = random_network(rng, order, 1.2, scale=0.5)
    assert network.contrastive_loss(X, y, **PRECISE) > 0
    gradient, step = network.contrastive_gradient(X, y, **PRECISE), 1e-4
    network.W[0, 0] += step
    above = network.contrastive_loss(X, y, **PRECISE)
    network.W[0, 0] -= 2 * step
    assert_allclose((above - network.contrastive_loss(X, y, **PRECISE)) / (2 * step),
                    gradient["W"][0, 0], atol=1e-8)


def test_gradients_are_averages_over_rows(rng):
    rbm = random_rbm(rng, 7, 5)
    X, d_h = rng.random((4, 7)), rng.standard_normal((4, 5))
    once, twice = (unroll(rbm, 2).gradient(np.tile(X, (k, 1)), np.tile(d_h, (k, 1)))
                   for k in (1, 2))
    assert_allclose(flatten(once), flatten(twice), rtol=1e-13)
    network, X, y = random_network(rng)
    for gradient in (lambda X, y: network.backprop_gradient(X, y, 3), network.implicit_gradient,
                     network.equilibrium_propagation_gradient, network.contrastive_gradient):
        assert_allclose(flatten(gradient(X, y)),
                        flatten(gradient(np.tile(X, (2, 1)), np.tile(y, (2, 1)))), rtol=1e-8)


@proves("B13")
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


def test_residual_is_what_the_last_sweep_moved_over_the_variance(rng):
    """(C7), (T12): per row, and the same for a row alone as for a row among others"""
    network, X, _ = random_network(rng)
    m_h, m_y = network.layers(X, 1)
    with pytest.warns(tap.NotConvergedWarning):
        rest = network.equilibrium(X, max_iter=1)
    floor, ways = np.finfo(float).eps ** (1 / 3), [(rest.m_h, m_h), (rest.m_y, m_y)]
    expected = np.hstack([np.abs(new - m) / (m - m**2 + floor) for new, m in ways]).max(axis=1)
    assert_allclose(rest.residual, expected, rtol=1e-12)
    rest, alone = network.equilibrium(X), network.equilibrium(X[2:3])
    assert alone.n_iter[0] == rest.n_iter[2] and len(set(rest.n_iter)) > 1
    assert_allclose(alone.m_y[0], rest.m_y[2], rtol=1e-14)


@pytest.mark.parametrize("kind", ["equilibrium propagation", "backprop"])
def test_a_clamped_network_learns_xor_of_two_inputs(kind):
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    y, rng = np.array([[0], [1], [1], [0]]), np.random.default_rng(3)
    network = ClampedNetwork.initialise(2, 8, 1, rng, X, beta=1.5)
    gradient = {"backprop": lambda r: network.backprop_gradient(X[r], y[r], 6),
                "equilibrium propagation": lambda r: network.equilibrium_propagation_gradient(
                    X[r], y[r], 0.1, tol=1e-5)}[kind]
    descend(network, gradient, 4, Adam(0.03), 300, rng, batch_size=4,
            norm_constraint=NormConstraint(30, ceiling=True))
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
        assert not network.equilibrium(X, max_iter=2).converged.any()
    with pytest.warns(tap.NotConvergedWarning):
        LayeredMeanField(MLP((3, 4, 2), loss=SquaredError(Binary())),
                         0.5).equilibrium(rng.random((2, 3)), max_iter=1)


@pytest.mark.parametrize("call, message", [
    (lambda rbm: ClampedMachine(rbm.W, np.ones((3, 2)), rbm.b, np.ones(2)),
     "W, U, b and d must have shapes"),
    (lambda rbm: ClampedMachine(rbm.W, rbm.W.T, rbm.b, np.ones(2)),
     "W, U, b and d must have shapes"),
    (lambda rbm: ClampedMachine(rbm.W, rbm.W.T, rbm.b, rbm.a, order=3),
     "order must be one of 1, 2"),
    (lambda rbm: clamped(rbm).equilibrium(np.ones((3, 5)), tol=0), "tol must be a positive number"),
    (lambda rbm: clamped(rbm).equilibrium(np.ones((3, 5)), np.ones((2, 5))),
     "field must have shape"),
    (lambda rbm: clamped(rbm).equilibrium(np.ones((3, 5)), start=np.ones(3)),
     "start must be an Equilibrium"),
    (lambda rbm: clamped(rbm).equilibrium(np.ones((3, 5)),
                                          start=clamped(rbm).equilibrium(np.ones((2, 5)))),
     "start must have as many rows as X, 3, got 2"),
    (lambda rbm: clamped(rbm).response(np.ones((3, 5)), np.ones((3, 5)), np.ones((3, 5))),
     r"m_h must have shape"),
    (lambda rbm: clamped(rbm).response(np.ones((3, 4)), np.ones((2, 5)), np.ones((3, 5))),
     "same number of rows"),
    (lambda rbm: clamped(rbm).response(np.ones((3, 4)), np.ones((3, 5)), np.ones((2, 5))),
     "field must have the shape"),
    (lambda rbm: clamped(rbm).loss(np.ones((3, 5)), np.ones((2, 5))),
     "X and y must have the same number of rows"),
    (lambda rbm: clamped(rbm).loss_of(np.ones((3, 5)), np.ones((2, 5))),
     "m_y and y must have the same number"),
    (lambda rbm: clamped(rbm).loss_of(np.full((3, 5), 1.5), np.ones((3, 5))), "m_y must lie in"),
    (lambda rbm: clamped(rbm).contrastive_gradient(np.ones((1, 5)), np.full((1, 5), 0.5)),
     "y must hold binary"),
    (lambda rbm: clamped(rbm).nudged(np.ones((1, 5)), np.ones((1, 5)), np.nan),
     "nudge must be a number"),
    (lambda rbm: clamped(rbm).nudged(np.ones((1, 5)), np.ones((1, 5)), "1"),
     "nudge must be a number"),
    (lambda rbm: clamped(rbm).contrastive_loss(np.ones((1, 5)), np.ones((1, 5)), -1.0),
     "nudge must be a positive"),
    (lambda rbm: clamped(rbm).equilibrium_propagation_gradient(np.ones((1, 5)), np.ones((1, 5)), 0),
     "nudge must be"),
    (lambda rbm: clamped(rbm).equilibrium_propagation_gradient(np.ones((1, 5)), np.ones((1, 5)),
                                                               0.1, "no"),
     "symmetric must be True or False"),
    (lambda rbm: ClampedNetwork.initialise(5, 0, 3, np.random.default_rng(0), np.eye(5)),
     "n_hidden must be"),
    (lambda rbm: ClampedNetwork.initialise(5, 4, 3, np.random.default_rng(0), np.eye(5), dtype=int),
     "dtype must be"),
    (lambda rbm: ClampedNetwork.initialise(5, 4, 3, np.random.default_rng(0), np.ones((3, 5))),
     "rows that differ"),
])
def test_wrong_arguments_are_named(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call(random_rbm(np.random.default_rng(0)))


def clamped(rbm):
    return ClampedNetwork(rbm.W, rbm.W.T, rbm.b, rbm.a)


def test_losses_that_do_not_fit_are_refused():
    for loss in (SquaredError(), CategoricalCrossEntropy(), SquaredError(Spin())):
        with pytest.raises(TypeError, match="loss must be SquaredError"):
            ClampedNetwork(np.ones((2, 2)), np.ones((2, 2)), np.ones(2), np.ones(2), loss=loss)


# Nudges of any size

@proves("C12")
@each_order
@each_loss
def test_a_nudge_of_any_size_has_the_gradient_of_its_own_loss(order, loss):
    """(C12): the envelope theorem twice, with bounds, whatever the nudge; from backprop's loss to
    clamped minus free"""
    network, X, y = random_network(np.random.default_rng(5), order, 1.3, loss, 0.7, (3, 3, 2))
    free, below = network.loss(X, y, **PRECISE), np.inf
    for nudge in (0.1, 4.0, 100.0, np.inf):
        check_along(lambda: network.contrastive_loss(X, y, nudge, **PRECISE), network.parameters,
                    network.contrastive_gradient(X, y, nudge, **PRECISE))
        if nudge < np.inf:
            nudged = network.loss_of(network.nudged(X, y, nudge, **PRECISE).m_y, y)
            value = network.contrastive_loss(X, y, nudge, **PRECISE)
            assert nudged <= value <= free, (order, nudge, nudged, value, free)
            assert value < below, "the loss of a larger nudge is lower"
            below = value
    clamped, limit = (network.contrastive_loss(X, y, nudge, **PRECISE) * scale for nudge, scale in
                      ((np.inf, 1), (1e7, 1e7)))
    assert_allclose(limit, clamped, rtol=1e-4)
    small = network.contrastive_gradient(X, y, 1e-5, **PRECISE)
    assert distance(small, network.implicit_gradient(X, y, **PRECISE)) < 1e-4


@proves("C12")
def test_with_exact_sums_a_nudge_of_one_makes_cross_entropy(rng, beta):
    """(C12): -log <e^(-beta nudge l)> / (nudge beta) is -log p(y|x) / beta at nudge 1 and beta l =
    -log p(y | h, x)"""
    W, U, b, d = (rng.standard_normal(shape) for shape in ((3, 4), (4, 1), (4,), (1,)))
    x, states = rng.integers(2, size=3), np.indices((2,) * 4).reshape(4, -1).T

    def weights(label):
        return np.exp(beta * (states @ (b + x @ W) + (states @ U + d)[:, 0] * label))

    both = weights(0) + weights(1)  # the label summed out, h as it is then
    loss = -np.log(weights(1) / both) / beta                                # l(h), of the label 1
    mean = (both * np.exp(-beta * loss)).sum() / both.sum()                 # over the free machine
    assert_allclose(-np.log(mean) / beta, -np.log(weights(1).sum() / both.sum()) / beta, rtol=1e-12)


@each_order
@each_loss
def test_every_nudge_comes_to_rest(rng, order, loss):
    """(C10): the output goes to its exact minimum, so that no nudge is too large"""
    network, X, y = random_network(rng, order, 1.3, loss)
    last = np.inf
    for nudge in (0.1, 1.0, 4.0, 8.0, 64.0, 1e3, 1e6):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            rest = network.nudged(X, y, nudge)
        assert rest.converged.all() and rest.n_iter.max() < 60
        away = np.abs(rest.m_y - y).max()
        assert away <= last
        last = away
    assert last < 1e-4


@pytest.mark.parametrize("unit, loss", [(Binary(), SquaredError(Binary())),
                                        (Binary(), BinaryCrossEntropy()),
                                        (Spin(), SquaredError(Spin())),
                                        (Rectified(), SquaredError(Rectified())),
                                        (LeakyRectified(0.1), SquaredError(LeakyRectified(0.1))),
                                        (Gaussian(), SquaredError())],
                                        ids=lambda x: type(x).__name__)
def test_the_minimum_over_a_unit_is_where_no_force_is_left(rng, unit, loss):
    """(C10): t = x + reaction (1/2 - m) - nudge l'(m), for fields from -30 to 30 and nudges over 11
    decades"""
    x = rng.uniform(-30, 30, (400, 3))
    y = rng.random(x.shape) if isinstance(unit, Binary) else rng.standard_normal(x.shape)
    y[::2] = y[::2].round()
    for nudge in (1e-3, 0.3, 4.0, 1e3, 1e8):
        for reaction in (0.0, 3 * rng.random(x.shape)) if isinstance(unit, Binary) else (0.0,):
            m = minimum(unit, x, reaction, loss, y, nudge)
            assert np.isfinite(m).all()
            width = 1e-6 * unit.variance(unit.field(m))
            low, high = m - width, m + width
            t = [np.where(np.isfinite(t), t, x) for t in map(unit.field, (low, high))]
            force = [t_k - x - reaction * (0.5 - unit.mean(t_k)) + nudge
                     * pull(loss, unit, t_k, y)[0] for t_k in t]
            inside = (unit.variance(unit.field(m)) > 1e-4)
            assert np.all(force[0][inside] <= 1e-9 * nudge)
            assert np.all(force[1][inside] >= -1e-9 * nudge)


@proves("C10")
@each_loss
def test_the_pull_is_the_slope_of_the_loss_in_the_means(rng, loss):
    """(C10): as a function of the field t, with its own slope in t"""
    t, y = rng.standard_normal((4, 3)), rng.random((4, 3))
    assert_allclose(pull(loss, Binary(), t, y)[0], loss_gradient(loss, Binary().mean(t), y),
                    rtol=1e-12)
    check_gradient(lambda p: pull(loss, Binary(), p["t"], y)[0].sum(), {"t": t},
                   {"t": pull(loss, Binary(), t, y)[1]})


def test_a_nudge_below_zero_without_a_minimum_says_so():
    """(C11): cross entropy pulls with 1/m, which wins over the entropy where m is small"""
    network = ClampedNetwork([[1.0]], [[2.0]], [-2.0], [-9.0], loss=BinaryCrossEntropy())
    with pytest.warns(NudgeWarning, match="a smaller nudge may help"):
        rest = network.nudged([[1]], [[1]], -0.5)
    assert not rest.converged.any() and np.isnan(rest.m_y).all()
    with pytest.warns(NudgeWarning), pytest.raises(FloatingPointError,
                                                   match="1 of 1 nudged rows have no minimum"):
        network.equilibrium_propagation_gradient([[1]], [[1]], 0.5)
    network.equilibrium_propagation_gradient([[1]], [[1]], 0.5,
                                             symmetric=False)  # upwards there is always one


@proves("C9")
def test_feedback_contracts_in_the_norm_of_the_stiffness(rng, beta):
    """(C9): |J q| <= rho |q| with |q|^2 = sum q^2 / r_y; in the plain norm it may grow at first"""
    network, X, _ = random_network(rng, beta=beta)
    rest = network.equilibrium(X, **PRECISE)
    rho = forgetting_rate(network.pair, rest.m_h, rest.m_y)
    r_h, r_y = (beta * (m - m**2) for m in (rest.m_h, rest.m_y))
    for row in range(len(X)):
        U = network.pair.W
        J = np.diag(r_y[row]) @ U.T @ np.diag(r_h[row]) @ U
        q = rng.standard_normal((3, 1000))
        before, after = (np.sqrt((x**2 / r_y[row, :, None]).sum(axis=0)) for x in (q, J @ q))
        assert np.all(after <= rho[row] * before * (1 + 1e-12))
        assert_allclose(np.linalg.eigvals(J).real.max(), rho[row], rtol=1e-10)
