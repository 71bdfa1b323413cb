"""Every hand-derived derivative of the package, one line each, against finite differences.

A line of the table: the derivative, the tags of the equations that it proves, the check, and the
cases of the check. All in float64."""
import importlib
import inspect
import itertools
import pkgutil
from fnmatch import fnmatch

import numpy as np
import pytest
from conftest import BETAS, random_network, random_rbm

import minife
from minife import MLP, RBM, landscape, tap, units
from minife.backprop import (BinaryCrossEntropy, CategoricalCrossEntropy, SquaredError,
                             hessian_vector_product, layers, two_layer)
from minife.bridge import (ClampedNetwork, CopiedUnits, LayeredMeanField, Pyramid, TiedClassifier,
                           unroll)
from minife.bridge.nudges import loss_gradient, loss_value
from minife.bridge.relaxation import relax, relax_backward
from minife.bridge.vae import VAE
from minife.descent import SGD
from minife.estimators.watch import PenalisedLoss, WeightedLoss
from minife.gradcheck import check_gradient
from minife.parameters import norm
from minife.rbm import ClassificationRBM, GaussianRBM, exact, training
from minife.rbm.centering import Centering
from proofs import proves

X = np.array([[0, 1, 1, 0, 1], [1, 1, 0, 0, 0], [0, 0, 1, 1, 1], [1, 0, 1, 0, 1]], dtype=np.uint8)
M_V = np.random.default_rng(1).uniform(0.1, 0.9, (3, 5))
M_H = np.random.default_rng(2).uniform(0.1, 0.9, (3, 4))
FIELDS = np.array([-3.1, -0.7, 0.2, 1.4, 2.9])           # away from the kinks at 0
MEANS = np.array([0.1, 0.3, 0.45, 0.7, 0.9])
POINTS = np.array([[0.3, -1.2, 0.8], [2.0, 0.1, -0.4]])
TARGETS = np.array([[0.5, 0.2, 0.3], [0.0, 1.0, 0.0]])
H_SLOPE = np.random.default_rng(7).standard_normal((4, 4))
V_SLOPE = np.random.default_rng(8).standard_normal((4, 5))
AT = [np.random.default_rng(k).uniform(0.1, 0.9, (4, n)) for k, n in ((9, 3), (10, 2))]
H, W, D_X = (np.random.default_rng(k).standard_normal(shape)
             for k, shape in enumerate([(4, 2), (2, 3), (4, 3)]))
UNITS = [units.Binary(), units.Spin(), units.Gaussian(), units.Rectified(),
         units.LeakyRectified(0.1)]
LOSSES = [SquaredError(), SquaredError(units.Binary()), BinaryCrossEntropy(),
          CategoricalCrossEntropy()]


def slope(f, derivative, at=FIELDS):
    """Check derivative(x) = df/dx, elementwise."""
    x = at.copy()
    check_gradient(lambda p: f(p["x"]).sum(), {"x": x}, {"x": derivative(x)})


def potts_covariance():
    for k in range(3):
        x = POINTS.copy()
        check_gradient(lambda p: units.Potts().mean(p["x"])[:, k].sum(), {"x": x},
                       {"x": units.Potts().variance(x)[:, k, :]})


def weights_and_biases(f, gradient, beta, **order):
    """Check gradient(rbm) = df(rbm)/d(W, a, b)."""
    rbm = random_rbm(np.random.default_rng(3), beta=beta)
    check_gradient(lambda p: f(RBM(**p, beta=beta), **order), rbm.parameters,
                   gradient(rbm, **order))


def exact_learning(beta):
    """What a step descends, with the model's means summed exactly, is the loss's gradient."""
    rbm = random_rbm(np.random.default_rng(3), beta=beta)
    direction = training.descent_direction(rbm, rbm.rows(X, "X"), training.ExactEnumeration(), None)
    check_gradient(lambda _: -exact.log_likelihood(rbm, X), rbm.parameters, direction)


def centered_learning(beta):
    """In W, a + W lambda and b + mu W as coordinates; the step in these, told in W, a and b."""
    rbm, centering = random_rbm(np.random.default_rng(3), beta=beta), Centering()
    centering.mu, centering.lam = np.linspace(0.1, 0.9, 5), np.linspace(0.8, 0.2, 4)
    mu, lam, W = centering.mu, centering.lam, rbm.W
    step = centering.direction(exact.log_likelihood_gradient(rbm, X))
    theta = {"W": W.copy(), "a": rbm.a + W @ lam, "b": rbm.b + mu @ W}

    def likelihood(p):
        return exact.log_likelihood(
            RBM(p["W"], p["a"] - p["W"] @ lam, p["b"] - mu @ p["W"], beta), X)
    check_gradient(likelihood, theta, {"W": step["W"], "a": step["a"] + step["W"] @ lam,
                                       "b": step["b"] + mu @ step["W"]})


def exact_thermodynamics(beta):
    """U = d(beta F)/d beta, S = -dF/dT and C = dU/dT, of one machine at many temperatures"""
    rbm, at = random_rbm(np.random.default_rng(3)), {"beta": np.array([beta])}

    def thermodynamics(beta):
        return exact.thermodynamics(RBM(rbm.W, rbm.a, rbm.b, float(beta)))
    now = thermodynamics(beta)
    check_gradient(lambda p: p["beta"][0] * thermodynamics(p["beta"][0]).F, at, {"beta": [now.U]})
    check_gradient(lambda p: thermodynamics(p["beta"][0]).F, at, {"beta": [now.S / beta**2]})
    check_gradient(lambda p: thermodynamics(p["beta"][0]).U, at, {"beta": [-now.C / beta**2]})


def decay(optimizer):
    """A first step goes against the slope of the loss with its penalty, weights alone."""
    theta = {"W": W.copy(), "b": np.array([0.4, -0.3])}
    slopes = {"W": np.cos(W), "b": np.cos(theta["b"])}
    before = {k: x.copy() for k, x in theta.items()}
    optimizer.step(theta, slopes)
    step = {name: (before[name] - theta[name]) / optimizer.rate() for name in theta}
    check_gradient(lambda p: (np.sin(p["W"]).sum() + optimizer.l1 * np.abs(p["W"]).sum()
                              + optimizer.l2 * (p["W"]**2).sum() / 2 + np.sin(p["b"]).sum()),
                   before, step)


def penalised_loss(weighted):
    """The loss of a network estimator: weighted rows, and alpha |W|^2 / 2 shared by them"""
    mlp, rows, y = random_network(2, units.Spin(), CategoricalCrossEntropy())
    h, y = mlp.check_rows(rows, y)
    weight = np.array([0.5, 1.5, 2.0, 0.0]) if weighted else None
    loss, all_rows = PenalisedLoss(mlp, h, y, weight, 0.3, True), np.arange(4)

    def value(_):
        squares = sum((mlp.parameters[f"W{k}"]**2).sum() for k in (1, 2))
        values = mlp.loss_function.value(mlp.forward(h)[0][2], y)
        return ((values * (1 if weight is None else weight)).sum() + 0.15 * squares) / 4
    check_gradient(value, mlp.parameters, loss.gradient(all_rows))
    x = POINTS.copy()
    alone = WeightedLoss(CategoricalCrossEntropy(), np.array([0.5, 2.0]) if weighted else None)
    alone.rows = np.arange(2)
    check_gradient(lambda p: alone.value(p["x"], TARGETS).sum(), {"x": x},
                   {"x": alone.gradient(x, TARGETS)})


def gaussian_machine(f, gradient, beta):
    """Check gradient(rbm) = df(rbm)/d(W, a, b) of real rows."""
    rbm = GaussianRBM(W.copy(), np.array([0.3, -0.2]), np.array([0.1, 0.5, -0.4]), beta)
    check_gradient(lambda _: f(rbm, H), rbm.parameters, gradient(rbm, H))


def labels_and_images(objective, rows, beta):
    """Binary and grey rows; a has no slope in p(y | x)."""
    rng, y = np.random.default_rng(4), np.array([2, 0, 1, 2])
    machine = ClassificationRBM(*(0.7 * rng.standard_normal(s) for s in ((5, 4), (3, 4), 5, 4, 3)),
                                beta)
    rows = {"binary": X, "grey": rng.random((4, 5))}[rows]
    check_gradient(lambda _: machine.log_likelihood(rows, y, objective, 0.3), machine.parameters,
                   machine.gradient(rows, y, objective, 0.3))


def magnetisations(order, beta):
    rbm = random_rbm(np.random.default_rng(3), beta=beta)
    d_v, d_h = tap.stationarity(rbm, M_V, M_H, order)
    check_gradient(lambda p: tap.free_energy(rbm, p["m_v"], p["m_h"], order).sum(),
                   {"m_v": M_V.copy(), "m_h": M_H.copy()}, {"m_v": d_v, "m_h": d_h})


def loss_slope(loss):
    """Check loss.gradient(x, y) = d loss.value / dx."""
    x = POINTS.copy()
    check_gradient(lambda p: loss.value(p["x"], TARGETS).sum(), {"x": x},
                   {"x": loss.gradient(x, TARGETS)})


def loss_curvature(loss):
    """Check loss.hessian_product(x, y, r) = d (loss.gradient . r) / dx, as a Hessian is
    symmetric."""
    x, r = POINTS.copy(), np.cos(np.arange(6.0)).reshape(2, 3)
    check_gradient(lambda p: (r * loss.gradient(p["x"], TARGETS)).sum(), {"x": x},
                   {"x": loss.hessian_product(x, TARGETS, r)})


def activation(unit):
    x = POINTS.copy()
    check_gradient(lambda p: (TARGETS * layers.activate(p["x"], unit)).sum(), {"x": x},
                   {"x": layers.activate_backward(TARGETS.copy(), x, unit)})


def weights_of_a_layer():
    W_b = {"W": W.copy(), "b": np.ones(3)}
    check_gradient(lambda p: (D_X * layers.dense(H, p["W"], p["b"])).sum(), W_b,
                   dict(zip("Wb", layers.dense_backward(D_X, H), strict=True)))


def input_of_a_layer():
    check_gradient(lambda p: (D_X * layers.dense(p["h"], W, np.ones(3))).sum(), {"h": H.copy()},
                   {"h": layers.dense_backward_input(D_X, W)})


def two_layers():
    rng = np.random.default_rng(11)
    theta = {name: rng.standard_normal(shape)
             for name, shape in (("W", (5, 4)), ("b", 4), ("U", (4, 3)), ("d", 3))}
    y = rng.random((4, 3))
    check_gradient(lambda p: two_layer.loss(two_layer.forward(X, **p)[1], y), theta,
                   dict(zip(theta, two_layer.backward(X, y, *two_layer.forward(X, **theta),
                                                      theta["U"]), strict=True)))


def network(depth, unit, loss):
    """Return an MLP, rows and targets, at some distance from kinks, and with all layers alive."""
    mlp, rows, y = random_network(depth, unit, loss)
    distances = [np.abs(x).min() for x in mlp.fields(rows)[:-1]]
    # a field moves by a few steps of 0.001 or 0.002
    assert len(rows) == 4 and min(distances, default=1) > 0.05
    assert all(np.abs(slope).max() > 1e-4 for slope in mlp.gradient(rows, y).values())
    return mlp, rows, y


def network_gradient(**case):
    """Each parameter of networks of one to five layers of weights"""
    mlp, rows, y = network(**case)
    check_gradient(lambda _: mlp.loss(rows, y), mlp.parameters, mlp.gradient(rows, y))


def gradient_over_states(unit):
    """The same over rows of zeros and ones, whose products are row sums; smooth units, as nothing
    keeps off kinks"""
    mlp = MLP((5, 4, 3), unit, CategoricalCrossEntropy(), np.random.default_rng(3))
    y = np.array([2, 0, 1, 2])
    check_gradient(lambda _: mlp.loss(X, y), mlp.parameters, mlp.gradient(X, y))


def one_pass_backward(**case):
    """MLP.backward returns the output fields too, from the input as it is seen and the targets as
    rows"""
    mlp, rows, y = network(**case)
    h, y = mlp.check_rows(rows, y)
    check_gradient(lambda _: mlp.loss_function.value(mlp.backward(h, y)[1], y).mean(),
                   mlp.parameters, mlp.backward(h, y)[0])


def second_derivative(**case):
    """The gradient's own differences along a direction of length 1, at five points"""
    rng, step = np.random.default_rng(5), 1e-3
    mlp, rows, y = network(**case)
    v = {name: rng.standard_normal(array.shape) for name, array in mlp.parameters.items()}
    v = {name: array / norm(v) for name, array in v.items()}
    product, start = hessian_vector_product(mlp, rows, y, v), mlp.parameters
    slopes = []
    for t in (-2 * step, -step, step, 2 * step):
        mlp.parameters = {name: start[name] + t * v[name] for name in start}
        slopes.append(mlp.gradient(rows, y))
    for name in start:
        left2, left, right, right2 = (slope[name] for slope in slopes)
        numerical = (left2 - 8 * left + 8 * right - right2) / (12 * step)
        error = np.abs(product[name] - numerical).max() / np.abs(numerical).max()
        assert error <= 1e-7, f"Hessian times v, part {name}: relative error {error:.1e}"


def second_derivatives(order, beta):
    """Check each column of the Hessian as the slope of one component of the stationarity."""
    rbm = random_rbm(np.random.default_rng(3), beta=beta)
    H = tap.hessian(rbm, M_V, M_H, order)  # (n, N, N), visible units first
    for k in range(5 + 4):
        check_gradient(lambda p: np.hstack(tap.stationarity(rbm, p["m_v"], p["m_h"],
                                                            order))[:, k].sum(),
                       {"m_v": M_V.copy(), "m_h": M_H.copy()},
                       {"m_v": H[:, k, :5], "m_h": H[:, k, 5:]})


def couplings_and_fields(beta):
    """Check the contrastive gradient; J_ij = J_ji moves as one parameter."""
    J, pair = np.random.default_rng(4).normal(0, 0.6, (6, 6)), np.triu_indices(6, 1)

    def machine(p):
        J = np.zeros((6, 6))
        J[pair] = p["J"]
        return landscape.BoltzmannMachine(J + J.T, p["b"], beta, n_inputs=3, n_outputs=2)
    p = {"J": J[pair], "b": np.linspace(-0.5, 0.7, 6)}
    gradient = machine(p).contrastive_gradient(X[:, :3], X[:, 3:], tol=1e-13)
    check_gradient(lambda p: machine(p).contrastive_loss(X[:, :3], X[:, 3:], tol=1e-13), p,
                   {"J": gradient["J"][pair], "b": gradient["b"]})


def spin_magnetisations(beta):
    J, m = np.triu(np.random.default_rng(4).standard_normal((5, 5)), 1), 2 * M_V - 1
    machine = landscape.BoltzmannMachine(J + J.T, FIELDS, beta)
    check_gradient(lambda p: machine.free_energy(p["m"]).sum(), {"m": m},
                   {"m": machine.stationarity(m)})


def relaxation(**settings):
    """Each argument of a half step, at both orders, damped or not"""
    rng, names = np.random.default_rng(6), ("m_in", "m_out", "W", "field")
    arrays = dict(zip(names, (rng.random((4, 2)), rng.random((4, 3)), W.copy(), H @ W),
                      strict=True))
    slopes = relax_backward(D_X, relax(**arrays, **settings), *(arrays[name] for name in names[:3]),
                            **settings)
    check_gradient(lambda p: (D_X * relax(**p, **settings)).sum(), arrays,
                   dict(zip(names, slopes, strict=True)))


def unrolled(f, gradient, order, step, beta):
    """Check gradient(network) = df(network) in W, a and b, at both orders, damped or not."""
    network = unroll(random_rbm(np.random.default_rng(3), beta=beta), 2, order, step)
    check_gradient(lambda _: f(network), network.parameters, gradient(network))


def tied_classifier(loss):
    rbm = random_rbm(np.random.default_rng(3), beta=1.5)
    tied = TiedClassifier(rbm, 2, np.cos(np.arange(12.0)).reshape(4, 3), np.ones(3), loss)
    y = np.vstack([TARGETS, TARGETS])
    check_gradient(lambda _: tied.loss(X, y), tied.parameters, tied.gradient(X, y))


def clamped(f, gradient, order, beta, loss, **depth):
    """Check gradient(network, y) = df(network, y) in W, U, b and d, with solvers run to
    rounding."""
    rng = np.random.default_rng(4)
    network = ClampedNetwork(0.5 * rng.standard_normal((5, 3)), 0.5 * rng.standard_normal((3, 2)),
                             0.5 * rng.standard_normal(3), 0.5 * rng.standard_normal(2), beta,
                             order, loss, 0.8)
    y = rng.integers(2, size=(4, 2))
    check_gradient(lambda _: f(network, y, **depth), network.parameters,
                   gradient(network, y, **depth))


def equilibrium_propagation(network, y):
    """The gradient for a nudge that goes to 0: the errors of nudge^2 and nudge^4 are extrapolated
    away."""
    coarse, fine, finest = (network.equilibrium_propagation_gradient(X, y, nudge, **PRECISE)
                            for nudge in (8e-3, 4e-3, 2e-3))
    return {name: (coarse[name] - 20 * fine[name] + 64 * finest[name]) / 45 for name in coarse}


def loss_in_the_means(loss):
    m, y = M_H[:2, :3].copy(), TARGETS
    np.testing.assert_allclose(loss_value(loss, m, y), loss.value(loss.unit.field(m), y),
                               rtol=1e-12)
    check_gradient(lambda p: loss.value(loss.unit.field(p["m"]), y).sum(), {"m": m},
                   {"m": loss_gradient(loss, m, y)})


def layered(feedback=0.1):
    """Return a LayeredMeanField over two hidden layers, rows and targets."""
    mlp, rows, y = random_network(3, units.Binary(), SquaredError(units.Binary()))
    return LayeredMeanField(mlp, feedback), rows, y


def layered_partials():
    network, rows, _ = layered()
    m = network.equilibrium(rows).m
    check_gradient(lambda _: network.free_energy(m).mean(), network.parameters,
                   network.free_energy_gradient(m))


def layered_limit():
    """(C19): the gradient of the network itself, for feedback and nudge that go to 0,
    extrapolated"""
    gradients, nudge = [], 1e-3
    for feedback in (0.02, 0.01, 0.005, 0.0025):
        network, rows, y = layered(feedback)
        gradients.append(network.equilibrium_propagation_gradient(rows, y, nudge, tol=1e-15))
    # each step takes one more power of the feedback away
    for power in (1, 2, 3):
        gradients = [{name: (2**power * g[name] - f[name]) / (2**power - 1) for name in f}
                     for f, g in zip(gradients[:-1], gradients[1:], strict=True)]
    check_gradient(lambda _: network.mlp.loss(rows, y), network.parameters, gradients[0],
                   tolerance=1e-4)


def layered_nudges(nudge):
    network, rows, y = layered()
    check_gradient(lambda _: network.contrastive_loss(rows, y, nudge), network.parameters,
                   network.contrastive_gradient(rows, y, nudge))


def copied_units(unit, copies, beta):
    rng = np.random.default_rng(12)
    machine = CopiedUnits(*(rng.standard_normal(shape) for shape in ((5, 3), (2, 3), (3,), (2,))),
                          copies, unit, beta)
    y = np.array([0, 1, 1, 0])
    check_gradient(lambda _: machine.loss(X, y), machine.parameters, machine.gradient(X, y))


def pyramids(copies):
    mlp, y = MLP((5, 3, 2, 2), rng=np.random.default_rng(13)), np.array([0, 1, 1, 0])
    network = Pyramid(mlp, copies)
    check_gradient(lambda _: network.loss(X, y), mlp.parameters, network.gradient(X, y))


def autoencoder(gradient, n_latent, rows):
    """At fixed noise, of pixels and of their probabilities"""
    rng = np.random.default_rng(11)
    rows = {"binary": X, "grey": rng.random((4, 5))}[rows]
    vae, noise = VAE(5, 4, n_latent, rng, X), rng.standard_normal((4, n_latent))
    check_gradient(lambda _: vae.free_energy(rows, noise).F.mean(), vae.parameters,
                   gradient(vae, rows, noise))


def show(value):
    """Return a value of a case as its id shows it: Rectified, SquaredError of Binary, 0.6"""
    if isinstance(value, SquaredError):
        return f"SquaredError of {type(value.unit).__name__}"
    if isinstance(value, (int, float)):
        return f"{value:g}"
    return value if isinstance(value, str) else type(value).__name__


def line(name, tags, check, **axes):
    """Return a line of the table, check(**case) for every case of the axes, as pytest parameters
    named by their case."""
    def said(case):
        return ", ".join(f"{axis}={show(value)}" for axis, value in case.items())

    cases = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    return [pytest.param(check, case, marks=proves(*tags.split()), id=f"{name}({said(case)})")
            for case in cases]


def unit_lines(unit):
    """Return the lines of an elementwise unit: its curvature, and how that changes."""
    name = f"units.{type(unit).__name__}"
    return [*line(f"{name}.mean", "U2", lambda: slope(unit.potential, unit.mean)),
            *line(f"{name}.field", "U5", lambda: slope(unit.conjugate, unit.field, MEANS)),
            *line(f"{name}.variance", "U3", lambda: slope(unit.mean, unit.variance)),
            *line(f"{name}.third_cumulant", "U8",
                  lambda: slope(unit.variance, unit.third_cumulant))]


ORDERS, PRECISE, DEPTHS = (1, 2, 3), {"tol": 1e-14}, (1, 2, 3, 4, 5)
ELEMENTWISE = LOSSES[:3]
AT_REST = {"order": (1, 2), "beta": (0.6, 1.5), "loss": LOSSES[1:3]}
TABLE = [
    *(entry for unit in UNITS for entry in unit_lines(unit)),
    *line("units.Step.mean", "U6", lambda: slope(units.Step().potential, units.Step().mean)),
    *line("units.Step.variance", "U6", lambda: slope(units.Step().mean, units.Step().variance)),
    *line("units.Potts.variance", "U7", potts_covariance),

    *line("backprop.losses.SquaredError.gradient", "B7", loss_slope, loss=LOSSES[:2]),
    *line("backprop.losses.BinaryCrossEntropy.gradient", "B4 B5", loss_slope, loss=LOSSES[2:3]),
    *line("backprop.losses.CategoricalCrossEntropy.gradient", "B4 B5", loss_slope, loss=LOSSES[3:]),
    *line("backprop.losses.SquaredError.hessian_product", "B11", loss_curvature, loss=LOSSES[:2]),
    *line("backprop.losses.BinaryCrossEntropy.hessian_product", "B11", loss_curvature,
          loss=LOSSES[2:3]),
    *line("backprop.losses.CategoricalCrossEntropy.hessian_product", "B11", loss_curvature,
          loss=LOSSES[3:]),
    *line("backprop.layers.activate_backward", "B2 B9", activation, unit=UNITS),
    *line("backprop.layers.dense_backward", "B1 B8", weights_of_a_layer),
    *line("backprop.layers.dense_backward_input", "B9", input_of_a_layer),
    *line("backprop.two_layer.backward", "B4 B5 B8 B9", two_layers),
    *line("backprop.mlp.MLP.gradient", "B8 B9", network_gradient, depth=DEPTHS, unit=UNITS,
          loss=LOSSES),
    *line("backprop.mlp.MLP.gradient", "B8 B9 K1", gradient_over_states, unit=UNITS[:3]),
    *line("backprop.mlp.MLP.backward", "B8 B9", one_pass_backward, depth=(2,), unit=UNITS,
          loss=LOSSES),
    *line("backprop.curvature.hessian_vector_product", "B10 B11 B12", second_derivative,
          depth=DEPTHS, unit=UNITS, loss=LOSSES),

    *line("descent.optimizers.SGD.move", "D2", decay, optimizer=[
        SGD(0.1, l1=0.2, l2=0.3), SGD(0.1, momentum=0.5, l1=0.2, l2=0.3)]),
    *line("rbm.training.descent_direction", "R9", exact_learning, beta=BETAS),
    *line("rbm.centering.Centering.direction", "R17 R18", centered_learning, beta=BETAS),
    *line("rbm.exact.thermodynamics", "R11", exact_thermodynamics, beta=BETAS),
    *line("estimators.watch.PenalisedLoss.gradient", "B8", penalised_loss, weighted=(True, False)),
    *line("estimators.watch.WeightedLoss.gradient", "B8", penalised_loss, weighted=(True, False)),
    *line("rbm.model.Machine.free_energy_gradient", "R8", lambda beta: weights_and_biases(
        lambda r: r.free_energy(X).mean(), lambda r: r.free_energy_gradient(X), beta), beta=BETAS),
    *line("rbm.exact.log_likelihood_gradient", "R9 R10", lambda beta: weights_and_biases(
        lambda r: exact.log_likelihood(r, X), lambda r: exact.log_likelihood_gradient(r, X), beta),
          beta=BETAS),
    *line("rbm.gaussian.GaussianRBM.free_energy_gradient", "R21", lambda beta: gaussian_machine(
        lambda r, v: r.free_energy(v).mean(), lambda r, v: r.free_energy_gradient(v), beta),
          beta=BETAS),
    *line("rbm.exact.log_likelihood_gradient", "R9 R21", lambda beta: gaussian_machine(
        exact.log_likelihood, exact.log_likelihood_gradient, beta), beta=BETAS),
    *line("rbm.classification.ClassificationRBM.gradient", "R23 R24", labels_and_images,
          objective=("discriminative", "generative", "hybrid"), rows=("binary", "grey"),
          beta=BETAS),

    *line("tap.expansion.stationarity", "T9", magnetisations, order=ORDERS, beta=BETAS),
    *line("tap.expansion.free_energy_gradient", "T11", lambda **case: weights_and_biases(
        lambda r, order: tap.free_energy(r, M_V, M_H, order).mean(),
        lambda r, order: tap.free_energy_gradient(r, M_V, M_H, order), **case), order=ORDERS,
          beta=BETAS),
    *line("tap.stability.hessian", "T16", second_derivatives, order=ORDERS, beta=BETAS),
    *line("tap.likelihood.log_likelihood_gradient", "T14",
          lambda **case: weights_and_biases(  # through the solver
lambda r, order: tap.log_likelihood(r, X, order, n_starts=0, tol=1e-13),
lambda r, order: tap.log_likelihood_gradient(r, X, order, tol=1e-13), **case), order=ORDERS,
          beta=BETAS),

    *line("bridge.relaxation.relax_backward", "C4 C5", relaxation, order=(1, 2), step=(1.0, 0.6),
          beta=BETAS),
    *line("bridge.unrolled.UnrolledMeanField.gradient", "C4 C5", lambda **case: unrolled(
        lambda n: sum((n.forward(X)[k] * g).sum()
                      for k, g in ((-1, H_SLOPE), (-2, V_SLOPE))) / len(X),
        lambda n: n.gradient(X, H_SLOPE, V_SLOPE), **case), order=(1, 2), step=(1.0, 0.6),
          beta=(0.6, 1.5)),
    *line("bridge.unrolled.UnrolledMeanField.free_energy_gradient", "C22", lambda **case: unrolled(
        lambda n: n.free_energies(X)[:, -1].mean(), lambda n: n.free_energy_gradient(X), **case),
        order=(1, 2), step=(1.0, 0.6), beta=(0.6, 1.5)),
    *line("bridge.tied.TiedClassifier.gradient", "C4", tied_classifier, loss=LOSSES),
    *line("bridge.clamped.ClampedMachine.free_energy_gradient", "C7", lambda **case: clamped(
        lambda n, y: n.free_energy(X, *AT).mean(), lambda n, y: n.free_energy_gradient(X, *AT),
        **case), **AT_REST),
    *line("bridge.equilibrium.ClampedNetwork.contrastive_gradient", "C12", lambda **case: clamped(
        lambda n, y, nudge: n.contrastive_loss(X, y, nudge, **PRECISE),
        lambda n, y, nudge: n.contrastive_gradient(X, y, nudge, **PRECISE), **case),
          nudge=(0.5, np.inf), **AT_REST),
    *line("bridge.equilibrium.ClampedNetwork.backprop_gradient", "C9", lambda **case: clamped(
        lambda n, y, depth: n.loss_of(n.layers(X, depth)[-1], y), lambda n, y,
        depth: n.backprop_gradient(X, y, depth), **case), depth=(1, 2, 5), **AT_REST),
    *line("bridge.equilibrium.ClampedNetwork.implicit_gradient", "C8", lambda **case: clamped(
        lambda n, y: n.loss(X, y, **PRECISE), lambda n, y: n.implicit_gradient(X, y, **PRECISE),
        **case), **AT_REST),
    *line("bridge.equilibrium.ClampedNetwork.equilibrium_propagation_gradient", "C10 C11",
          lambda **case: clamped(
lambda n, y: n.loss(X, y, **PRECISE), equilibrium_propagation, loss=LOSSES[1], **case),
        order=(1, 2), beta=BETAS),
    *line("bridge.nudges.loss_gradient", "B4 B5 B7", loss_in_the_means, loss=ELEMENTWISE),
    *line("bridge.layered.LayeredMeanField.free_energy_gradient", "C19", layered_partials),
    *line("bridge.layered.LayeredMeanField.equilibrium_propagation_gradient", "C19", layered_limit),
    *line("bridge.layered.LayeredMeanField.contrastive_gradient", "C20", layered_nudges,
          nudge=(0.5, np.inf)),
    *line("bridge.copies.CopiedUnits.gradient", "C15 C16", copied_units, unit=UNITS[:3],
          copies=(1, 4), beta=BETAS),
    *line("bridge.pyramid.Pyramid.gradient", "C21", pyramids, copies=(1, 3)),
    *line("bridge.vae.VAE.gradient", "C26", lambda **case: autoencoder(
        lambda vae, rows, noise: vae.gradient(rows, noise), **case), n_latent=(1, 3),
          rows=("binary", "grey")),
    *line("bridge.vae.VAE.backward", "C26", lambda **case: autoencoder(
        lambda vae, rows, noise: vae.backward(*vae.check_rows(rows, noise))[1], **case),
        n_latent=(1, 3), rows=("binary", "grey")),

    *line("landscape.boltzmann_machine.BoltzmannMachine.stationarity", "L8", spin_magnetisations,
          beta=BETAS),
    *line("landscape.boltzmann_machine.BoltzmannMachine.contrastive_gradient", "L20",
          couplings_and_fields, beta=BETAS),
]


@pytest.mark.parametrize("check, case", TABLE)
def test_derivative(check, case):
    check(**case)


NOT_DERIVATIVES = {
    "bridge.claims.*": "claims, which measure", "data.*": "rows and labels", "plots.*": "pictures",
    "validation.*": "checks", "models.*": "files", "gradcheck.*": "the judge",
    "kernels.*": "compared with their twins in test_kernels*.py",
    "estimators.*": "learn by the trainers above",
    "descent.*": "steps, files and progress: test_descent_*.py", "parameters.*": "norms",
    "evaluation.*": "estimates; (E15) of exact_chain.lag in test_exact_chain.py",
    "landscape.*": "values, minima and counts: test_landscape_*.py", "*.initialise": "starts",
    "*.state": "memory", "*.restore": "memory", "*.starts": "starts", "*.train": "loops",
    "*.predict": "means", "*.free_energ*": "values", "*.loss*": "values", "*.value": "values",
    "*.potential": "values", "*.conjugate": "values", "*.targets": "checks", "*.check*": "checks",
    "*.words": "words", "*.settings": "words", "*.run_kind": "words",
    "*.moments": "means of states", "*.sample*": "draws", "*.draw*": "draws", "*.Draws.*": "draws",
    "*.gibbs_chain": "draws", "*.random_states": "draws", "*.states*": "checks and draws",
    "*.rows": "checks", "*.hidden_rows": "checks", "*.pairs": "checks", "*.log_*": "values",
    "*.energy*": "values", "*.hidden_*": "fields and means", "*.visible_*": "fields and means",
    "*.clamped_moments": "means", "*.averages": "means", "*.bias_of": "starts",
    "*.double": "the same machine", "*.swapped": "the same machine", "*.given_label": "a machine",
    "*.at_share": "a machine", "*.limit": "a network", "*.untie": "a network",
    "*.unroll": "a network", "*.machine": "a machine", "*.copy_layers": "weights",
    "*.shares": "arguments", "*.by_parameter": "names", "*.forward": "values",
    "*.fields": "values", "*.layers": "values", "*.activate": "values", "*.dense": "values",
    "*.relax": "a half step", "*.normalise_input": "a scale",
    "*.moments_in_normal_field": "integrals", "*.sigmoid": "values", "*.x_log_x": "values",
    "*.equilibrium": "a point of rest", "*.nudged": "a point of rest",
    "*.fixed_point": "a point of rest", "*_fixed_point": "a point of rest",
    "*.sweeps": "a point of rest", "*.ascent": "the gradient of ClassificationRBM.gradient",
    "*.response": "inside implicit_gradient", "*.begin": "offsets", "*.follow": "offsets",
    "*.swap_neighbours": "draws", "*.chains": "draws",
    "*.pair_means": "minus free_energy_gradient's W", "*.bilinear": "values",
    "*.cumulants": "values", "*.scaled_*": "of the Hessian",
    "*.smallest_eigenvalue": "of the Hessian", "*.spectral_trust": "a bound",
    "*.forgetting_rate": "a rate", "*.worst": "a residual", "*.lowest": "a choice",
    "*.distinct": "a choice", "*.look_around": "a search", "*.encode": "means",
    "*.decode": "means", "*.noise": "draws", "*.elbo": "values", "*.parts": "values",
    "*.LayeredMeanField.unit": "a unit", "*.dual": "values", "*.largest_dual": "a search",
    "*.residual": "a residual", "units.Potts.mean": "in potts_covariance",
    "units.Potts.field": "in test_units.py", "*.label_energies": "values",
    "*.contrastive_loss": "values", "*.nudges.*": "points of rest",
    "*.copied_free_energy": "values", "*.gibbs_free_energy": "values",
}


def public_callables():
    """Yield module.name of every public function and method of the package."""
    for info in pkgutil.walk_packages(minife.__path__, "minife."):
        if any(part.startswith("_") or part == "make_digits" for part in info.name.split(".")[1:]):
            continue
        for name, thing in vars(importlib.import_module(info.name)).items():
            if name.startswith("_") or getattr(thing, "__module__", None) != info.name:
                continue
            path = f"{info.name}.{name}".removeprefix("minife.")
            if inspect.isfunction(thing):
                yield path
            if inspect.isclass(thing):
                for method, inner in vars(thing).items():
                    if not method.startswith("_") and (inspect.isfunction(inner) or isinstance(
                            inner, (classmethod, staticmethod))):
                        yield f"{path}.{method}"


def test_every_public_callable_is_in_the_table_or_no_derivative():
    table = {entry.id.split("(")[0] for entry in TABLE}
    missing = [name for name in public_callables()
               if name not in table
               and not any(fnmatch(name, pattern) for pattern in NOT_DERIVATIVES)]
    assert not missing, f"neither in the table nor in NOT_DERIVATIVES: {missing}"
    assert table <= set(public_callables()), table - set(public_callables())
    looks = ("gradient", "_backward", ".hessian", "stationarity", "derivative", "variance")
    hidden = [name for name in public_callables() if name.endswith(looks) and name not in table
              and not name.startswith(("gradcheck.", "estimators."))]
    assert not hidden, f"named like a derivative, and not in the table: {hidden}"
