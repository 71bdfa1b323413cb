"""Every hand-derived derivative of the package, one line each, against finite differences in float64."""
import importlib
import inspect
import itertools
import pkgutil

import numpy as np
import pytest
from conftest import BETAS, random_network, random_rbm

import minife
from minife import RBM, landscape, tap, units
from minife.backprop import (BinaryCrossEntropy, CategoricalCrossEntropy, SquaredError,
                             hessian_vector_product, layers)
from minife.bridge import ClampedNetwork, LayeredMeanField, TiedClassifier, unroll
from minife.bridge.equilibrium import loss_gradient
from minife.bridge.relaxation import relax, relax_backward
from minife.bridge.vae import VAE
from minife.gradcheck import GradientError, check_gradient, numerical_gradient
from minife.parameters import flatten, norm
from minife.rbm import ClassificationRBM, GaussianRBM, exact, gaussian

X = np.array([[0, 1, 1, 0, 1], [1, 1, 0, 0, 0], [0, 0, 1, 1, 1], [1, 0, 1, 0, 1]], dtype=np.uint8)
M_V, M_H = np.random.default_rng(1).uniform(0.1, 0.9, (3, 5)), np.random.default_rng(2).uniform(0.1, 0.9, (3, 4))
FIELDS = np.array([-3.1, -0.7, 0.2, 1.4, 2.9])  # away from the kinks at 0, where the rectified units have no slope
POINTS = np.array([[0.3, -1.2, 0.8], [2.0, 0.1, -0.4]])
TARGETS = np.array([[0.5, 0.2, 0.3], [0.0, 1.0, 0.0]])
H_SLOPE, V_SLOPE = np.random.default_rng(7).standard_normal((4, 4)), np.random.default_rng(8).standard_normal((4, 5))
AT = np.random.default_rng(9).uniform(0.1, 0.9, (4, 3)), np.random.default_rng(10).uniform(0.1, 0.9, (4, 2))
H, W, D_X = (np.random.default_rng(k).standard_normal(shape) for k, shape in enumerate([(4, 2), (2, 3), (4, 3)]))
UNITS = [units.Binary(), units.Spin(), units.Gaussian(), units.Rectified(), units.LeakyRectified(0.1)]
LOSSES = [SquaredError(), SquaredError(units.Binary()), BinaryCrossEntropy(), CategoricalCrossEntropy()]


def slope(f, derivative):
    """Check derivative(x) = df/dx, elementwise."""
    x = FIELDS.copy()
    check_gradient(lambda p: f(p["x"]).sum(), {"x": x}, {"x": derivative(x)})


def potts_covariance():
    for k in range(3):
        x = POINTS.copy()
        check_gradient(lambda p: units.Potts().mean(p["x"])[:, k].sum(), {"x": x},
                       {"x": units.Potts().variance(x)[:, k, :]})


def weights_and_biases(f, gradient):
    """Check gradient(rbm) = df(rbm)/d(W, a, b) at three temperatures."""
    for beta in BETAS:
        rbm = random_rbm(np.random.default_rng(3), beta=beta)
        check_gradient(lambda p: f(RBM(**p, beta=beta)), rbm.parameters, gradient(rbm))


def gaussian_machine(f, gradient):
    """Check gradient(rbm) = df(rbm)/d(W, a, b) of real rows, at three temperatures."""
    for beta in BETAS:
        rbm = GaussianRBM(W.copy(), np.array([0.3, -0.2]), np.array([0.1, 0.5, -0.4]), beta)
        check_gradient(lambda _: f(rbm, H), rbm.parameters, gradient(rbm, H))


def labels_and_images():
    """(R23), (R24): each objective, binary and grey rows, at three temperatures; a has no slope in p(y | x)"""
    rng, y = np.random.default_rng(4), np.array([2, 0, 1, 2])
    for beta in BETAS:
        machine = ClassificationRBM(*(0.7 * rng.standard_normal(s) for s in ((5, 4), (3, 4), 5, 4, 3)), beta)
        for rows in (X, rng.random((4, 5))):
            for objective in ("discriminative", "generative", "hybrid"):
                check_gradient(lambda _: machine.log_likelihood(rows, y, objective, 0.3), machine.parameters,
                               machine.gradient(rows, y, objective, 0.3))


def magnetisations(order):
    for beta in BETAS:
        rbm = random_rbm(np.random.default_rng(3), beta=beta)
        d_v, d_h = tap.stationarity(rbm, M_V, M_H, order)
        check_gradient(lambda p: tap.free_energy(rbm, p["m_v"], p["m_h"], order).sum(),
                       {"m_v": M_V.copy(), "m_h": M_H.copy()}, {"m_v": d_v, "m_h": d_h})


def loss_slope(*losses):
    """Check loss.gradient(x, y) = d loss.value / dx."""
    for loss in losses:
        x = POINTS.copy()
        check_gradient(lambda p: loss.value(p["x"], TARGETS).sum(), {"x": x}, {"x": loss.gradient(x, TARGETS)})


def loss_curvature(*losses):
    """Check loss.hessian_product(x, y, r) = d (loss.gradient . r) / dx, as a Hessian is symmetric."""
    for loss in losses:
        x, r = POINTS.copy(), np.cos(np.arange(6.0)).reshape(2, 3)
        check_gradient(lambda p: (r * loss.gradient(p["x"], TARGETS)).sum(), {"x": x},
                       {"x": loss.hessian_product(x, TARGETS, r)})


def activation():
    for unit in UNITS:
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


def networks(depth):
    """Yield every hidden unit with every loss, at some distance from kinks, and with all layers alive."""
    for unit in UNITS:
        for loss in LOSSES:
            mlp, rows, y = random_network(depth, unit, loss)
            distances = [np.abs(x).min() for x in mlp.fields(rows)[:-1]]
            assert len(rows) == 4 and min(distances, default=1) > 0.05  # a field moves by a few steps of 0.001 or 0.002
            assert all(np.abs(slope).max() > 1e-4 for slope in mlp.gradient(rows, y).values())
            yield mlp, rows, y


def every_network():
    """(B8), (B9): each parameter of networks of one to five layers of weights"""
    for depth in (1, 2, 3, 4, 5):
        for mlp, rows, y in networks(depth):
            check_gradient(lambda _: mlp.loss(rows, y), mlp.parameters, mlp.gradient(rows, y))


def one_pass_backward():
    """MLP.backward returns the output fields too, from the input as it is seen and the targets as rows"""
    for mlp, rows, y in networks(2):
        h, y = mlp.check_rows(rows, y)
        check_gradient(lambda _: mlp.loss_function.value(mlp.backward(h, y)[1], y).mean(), mlp.parameters,
                       mlp.backward(h, y)[0])


def every_second_derivative():
    """(B12): the gradient's own differences along a direction of length 1, at five points"""
    rng, step = np.random.default_rng(5), 1e-3
    for depth in (1, 2, 3, 4, 5):
        for mlp, rows, y in networks(depth):
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
                assert np.abs(product[name] - numerical).max() <= 1e-7 * np.abs(numerical).max(), (name, mlp.sizes)


def second_derivatives(order):
    """Check each column of the Hessian as the slope of one component of the stationarity."""
    for beta in BETAS:
        rbm = random_rbm(np.random.default_rng(3), beta=beta)
        H = tap.hessian(rbm, M_V, M_H, order)                                 # (n, N, N), visible units first
        for k in range(5 + 4):
            check_gradient(lambda p: np.hstack(tap.stationarity(rbm, p["m_v"], p["m_h"], order))[:, k].sum(),
                           {"m_v": M_V.copy(), "m_h": M_H.copy()}, {"m_v": H[:, k, :5], "m_h": H[:, k, 5:]})


def couplings_and_fields():
    """Check the contrastive gradient; J_ij = J_ji moves as one parameter."""
    J, pair = np.random.default_rng(4).normal(0, 0.6, (6, 6)), np.triu_indices(6, 1)

    def machine(p):
        J = np.zeros((6, 6))
        J[pair] = p["J"]
        return landscape.BoltzmannMachine(J + J.T, p["b"], beta, n_inputs=3, n_outputs=2)
    for beta in BETAS:
        p = {"J": J[pair], "b": np.linspace(-0.5, 0.7, 6)}
        gradient = machine(p).contrastive_gradient(X[:, :3], X[:, 3:], tol=1e-13)
        check_gradient(lambda p: machine(p).contrastive_loss(X[:, :3], X[:, 3:], tol=1e-13), p,
                       {"J": gradient["J"][pair], "b": gradient["b"]})


def spin_magnetisations():
    J, m = np.triu(np.random.default_rng(4).standard_normal((5, 5)), 1), 2 * M_V - 1
    for beta in BETAS:
        machine = landscape.BoltzmannMachine(J + J.T, FIELDS, beta)
        check_gradient(lambda p: machine.free_energy(p["m"]).sum(), {"m": m}, {"m": machine.stationarity(m)})


def relaxation():
    """(C4), (C5): each argument of a half step, at both orders, damped or not"""
    rng, names = np.random.default_rng(6), ("m_in", "m_out", "W", "field")
    for order, step, beta in itertools.product((1, 2), (1.0, 0.6), BETAS):
        arrays = dict(zip(names, (rng.random((4, 2)), rng.random((4, 3)), W.copy(), H @ W), strict=True))
        settings = {"beta": beta, "order": order, "step": step}
        slopes = relax_backward(D_X, relax(**arrays, **settings), *(arrays[name] for name in names[:3]), **settings)
        check_gradient(lambda p: (D_X * relax(**p, **settings)).sum(), arrays, dict(zip(names, slopes, strict=True)))


def unrolled(f, gradient):
    """Check gradient(network) = df(network) in W, a and b, at both orders, damped or not."""
    for order, step, beta in ((1, 1.0, 0.6), (1, 0.6, 1.5), (2, 1.0, 1.5), (2, 0.6, 0.6)):
        network = unroll(random_rbm(np.random.default_rng(3), beta=beta), 2, order, step)
        check_gradient(lambda _: f(network), network.parameters, gradient(network))


def tied_classifiers():
    for loss in LOSSES:
        rbm = random_rbm(np.random.default_rng(3), beta=1.5)
        tied = TiedClassifier(rbm, 2, np.cos(np.arange(12.0)).reshape(4, 3), np.ones(3), loss)
        y = np.vstack([TARGETS, TARGETS])
        check_gradient(lambda _: tied.loss(X, y), tied.parameters, tied.gradient(X, y))


def clamped(f, gradient, losses=(SquaredError(units.Binary()), BinaryCrossEntropy())):
    """Check gradient(network, y) = df(network, y) in W, U, b and d, at both orders, with solvers run to rounding."""
    rng = np.random.default_rng(4)
    for k, (order, beta) in enumerate(itertools.product((1, 2), BETAS)):
        loss = losses[k % len(losses)]
        network = ClampedNetwork(0.5 * rng.standard_normal((5, 3)), 0.5 * rng.standard_normal((3, 2)),
                                 0.5 * rng.standard_normal(3), 0.5 * rng.standard_normal(2), beta, order, loss, 0.8)
        y = rng.integers(2, size=(4, 2))
        check_gradient(lambda _: f(network, y), network.parameters, gradient(network, y))


def equilibrium_propagation(network, y):
    """The gradient for a nudge that goes to 0: the errors of nudge^2 and nudge^4 are extrapolated away."""
    coarse, fine, finest = (network.equilibrium_propagation_gradient(X, y, nudge, **PRECISE)
                            for nudge in (8e-3, 4e-3, 2e-3))
    return {name: (coarse[name] - 20 * fine[name] + 64 * finest[name]) / 45 for name in coarse}


def loss_in_the_means():
    for loss in (SquaredError(), SquaredError(units.Binary()), BinaryCrossEntropy()):
        m, y = M_H[:2, :3].copy(), TARGETS
        check_gradient(lambda p: loss.value(loss.unit.field(p["m"]), y).sum(), {"m": m},
                       {"m": loss_gradient(loss, m, y)})


def layered(feedback=0.1):
    """Return a LayeredMeanField over two hidden layers, rows and targets."""
    mlp, rows, y = random_network(3, units.Binary(), SquaredError(units.Binary()))
    return LayeredMeanField(mlp, feedback), rows, y


def layered_partials():
    network, rows, _ = layered()
    m = network.equilibrium(rows).m
    check_gradient(lambda _: network.free_energy(m).mean(), network.parameters, network.free_energy_gradient(m))


def layered_limit():
    """(C14): the gradient of the network itself, for feedback and nudge that go to 0, extrapolated"""
    gradients, nudge = [], 1e-3
    for feedback in (0.02, 0.01, 0.005, 0.0025):
        network, rows, y = layered(feedback)
        gradients.append(network.equilibrium_propagation_gradient(rows, y, nudge, tol=1e-15))
    for power in (1, 2, 3):                                     # each step takes one more power of the feedback away
        gradients = [{name: (2**power * g[name] - f[name]) / (2**power - 1) for name in f}
                     for f, g in zip(gradients[:-1], gradients[1:], strict=True)]
    check_gradient(lambda _: network.mlp.loss(rows, y), network.parameters, gradients[0], tolerance=1e-4)


def autoencoders(gradient):
    """(C20): at fixed noise, of pixels and of their probabilities"""
    rng = np.random.default_rng(11)
    for n_latent, rows in itertools.product((1, 3), (X, rng.random((4, 5)))):
        vae, noise = VAE(5, 4, n_latent, rng, X), rng.standard_normal((4, n_latent))
        check_gradient(lambda _: vae.free_energy(rows, noise).F.mean(), vae.parameters, gradient(vae, rows, noise))


PRECISE = {"tol": 1e-14}
TABLE = {
    "units.Binary.variance": lambda: slope(units.Binary().mean, units.Binary().variance),
    "units.Spin.variance": lambda: slope(units.Spin().mean, units.Spin().variance),
    "units.Gaussian.variance": lambda: slope(units.Gaussian().mean, units.Gaussian().variance),
    "units.LeakyRectified.variance": lambda: slope(units.LeakyRectified().mean, units.LeakyRectified().variance),
    "units.Rectified.variance": lambda: slope(units.Rectified().mean, units.Rectified().variance),
    "units.Step.variance": lambda: slope(units.Step().mean, units.Step().variance),
    "units.Potts.variance": potts_covariance,
    "units.Binary.third_cumulant": lambda: slope(units.Binary().variance, units.Binary().third_cumulant),  # (U8)
    "units.Spin.third_cumulant": lambda: slope(units.Spin().variance, units.Spin().third_cumulant),
    "units.Gaussian.third_cumulant": lambda: slope(units.Gaussian().variance, units.Gaussian().third_cumulant),
    "units.LeakyRectified.third_cumulant": lambda: slope(
        units.LeakyRectified().variance, units.LeakyRectified().third_cumulant),
    "units.Rectified.third_cumulant": lambda: slope(units.Rectified().variance, units.Rectified().third_cumulant),
    "backprop.losses.SquaredError.gradient": lambda: loss_slope(*LOSSES[:2]),                   # (B4), (B7)
    "backprop.losses.BinaryCrossEntropy.gradient": lambda: loss_slope(BinaryCrossEntropy()),
    "backprop.losses.CategoricalCrossEntropy.gradient": lambda: loss_slope(CategoricalCrossEntropy()),
    "backprop.losses.SquaredError.hessian_product": lambda: loss_curvature(*LOSSES[:2]),        # (B11)
    "backprop.losses.BinaryCrossEntropy.hessian_product": lambda: loss_curvature(BinaryCrossEntropy()),
    "backprop.losses.CategoricalCrossEntropy.hessian_product": lambda: loss_curvature(CategoricalCrossEntropy()),
    "backprop.layers.activate_backward": activation,                                            # (B9)
    "backprop.layers.dense_backward": weights_of_a_layer,                                       # (B8)
    "backprop.layers.dense_backward_input": input_of_a_layer,                                   # (B9)
    "backprop.mlp.MLP.gradient": every_network,
    "backprop.mlp.MLP.backward": one_pass_backward,
    "backprop.curvature.hessian_vector_product": every_second_derivative,
    "rbm.model.RBM.free_energy_gradient": lambda: weights_and_biases(
        lambda r: r.free_energy(X).mean(), lambda r: r.free_energy_gradient(X)),
    "rbm.exact.log_likelihood_gradient": lambda: weights_and_biases(
        lambda r: exact.log_likelihood(r, X), lambda r: exact.log_likelihood_gradient(r, X)),
    "rbm.gaussian.GaussianRBM.free_energy_gradient": lambda: gaussian_machine(                   # (R21)
        lambda r, v: r.free_energy(v).mean(), lambda r, v: r.free_energy_gradient(v)),
    "rbm.gaussian.log_likelihood_gradient": lambda: gaussian_machine(
        gaussian.log_likelihood, gaussian.log_likelihood_gradient),
    "rbm.classification.ClassificationRBM.gradient": labels_and_images,
    "tap.free_energy.stationarity": lambda: [magnetisations(order) for order in (1, 2, 3)],
    "tap.free_energy.free_energy_gradient": lambda: [weights_and_biases(
        lambda r: tap.free_energy(r, M_V, M_H, k).mean(), lambda r: tap.free_energy_gradient(r, M_V, M_H, k))
        for k in (1, 2, 3)],
    "tap.stability.hessian": lambda: [second_derivatives(order) for order in (1, 2, 3)],
    "landscape.boltzmann_machine.BoltzmannMachine.stationarity": spin_magnetisations,  # (L8)
    "landscape.boltzmann_machine.BoltzmannMachine.contrastive_gradient": couplings_and_fields,  # (L11): through the solver
    "tap.likelihood.log_likelihood_gradient": lambda: [weights_and_biases(  # (T14): through the solver
        lambda r: tap.log_likelihood(r, X, k, tol=1e-13), lambda r: tap.log_likelihood_gradient(r, X, k, tol=1e-13))
        for k in (1, 2, 3)],
    "bridge.relaxation.relax_backward": relaxation,
    "bridge.unrolled.UnrolledMeanField.gradient": lambda: unrolled(
        lambda n: sum((n.forward(X)[k] * g).sum() for k, g in ((-1, H_SLOPE), (-2, V_SLOPE))) / len(X),
        lambda n: n.gradient(X, H_SLOPE, V_SLOPE)),
    "bridge.unrolled.UnrolledMeanField.free_energy_gradient": lambda: unrolled(                 # (C13)
        lambda n: n.free_energies(X)[:, -1].mean(), lambda n: n.free_energy_gradient(X)),
    "bridge.tied.TiedClassifier.gradient": tied_classifiers,
    "bridge.clamped.ClampedMachine.free_energy_gradient": lambda: clamped(                      # (C7)
        lambda n, y: n.free_energy(X, *AT).mean(), lambda n, y: n.free_energy_gradient(X, *AT)),
    "bridge.clamped.ClampedMachine.contrastive_gradient": lambda: clamped(                      # (C12)
        lambda n, y: n.contrastive_loss(X, y, **PRECISE), lambda n, y: n.contrastive_gradient(X, y, **PRECISE)),
    "bridge.equilibrium.ClampedNetwork.backprop_gradient": lambda: [clamped(                    # (C9)
        lambda n, y: n.loss_of(n.layers(X, k)[-1], y), lambda n, y: n.backprop_gradient(X, y, k)) for k in (1, 2, 5)],
    "bridge.equilibrium.ClampedNetwork.implicit_gradient": lambda: clamped(                     # (C8)
        lambda n, y: n.loss(X, y, **PRECISE), lambda n, y: n.implicit_gradient(X, y, **PRECISE)),
    "bridge.equilibrium.ClampedNetwork.equilibrium_propagation_gradient": lambda: clamped(      # (C11)
        lambda n, y: n.loss(X, y, **PRECISE), equilibrium_propagation, [SquaredError(units.Binary())]),
    "bridge.equilibrium.loss_gradient": loss_in_the_means,                                      # (B4), (B7)
    "bridge.layered.LayeredMeanField.free_energy_gradient": layered_partials,                   # (C14)
    "bridge.layered.LayeredMeanField.equilibrium_propagation_gradient": layered_limit,
    "bridge.vae.VAE.gradient": lambda: autoencoders(lambda vae, rows, noise: vae.gradient(rows, noise)),   # (C20)
    "bridge.vae.VAE.backward": lambda: autoencoders(
        lambda vae, rows, noise: vae.backward(*vae.check_rows(rows, noise))[1]),
}


@pytest.mark.parametrize("name", TABLE)
def test_derivative(name):
    TABLE[name]()


def is_derivative(name):
    return not name.startswith("_") and (name.endswith(("_gradient", "_backward", "_backward_input")) or name in (
        "gradient", "backward", "stationarity", "hessian", "derivative", "variance", "third_cumulant",
        "hessian_product", "hessian_vector_product"))


def derivatives_of_the_package():
    """Yield module.name of every public function, method or kernel whose name says that it is a derivative."""
    for info in pkgutil.walk_packages(minife.__path__, "minife."):
        if info.name == "minife.gradcheck":  # the judge
            continue
        module = importlib.import_module(info.name)
        for name, thing in vars(module).items():
            if name.startswith("_") or getattr(thing, "__module__", info.name) != info.name:
                continue
            if is_derivative(name) and callable(thing):
                yield f"{info.name}.{name}".removeprefix("minife.")
            if inspect.isclass(thing):
                for method in vars(thing):
                    if is_derivative(method):
                        yield f"{info.name}.{name}.{method}".removeprefix("minife.")


def test_no_derivative_is_missing_from_the_table():
    assert set(derivatives_of_the_package()) == set(TABLE)


def test_numerical_gradient_of_a_quartic_is_exact_to_rounding():
    x = np.array([1.0, -2.0])
    gradient, _ = numerical_gradient(lambda p: (p["x"] ** 4).sum(), {"x": x})
    np.testing.assert_allclose(gradient["x"], 4 * x**3, rtol=1e-11)
    np.testing.assert_array_equal(x, [1.0, -2.0])  # restored


def test_check_gradient_names_parameter_index_and_both_numbers():
    parameters = {"a": np.array([1.0]), "W": np.array([[1.0, 2.0], [3.0, 4.0]])}
    wrong = {"a": np.array([0.0]), "W": np.array([[2.0, 4.0], [6.5, 8.0]])}
    with pytest.raises(GradientError, match=r"d/dW\[1, 0\]: claimed 6.5, finite differences give 6, relative"):
        check_gradient(lambda p: (p["W"] ** 2).sum(), parameters, wrong)


@pytest.mark.parametrize("factor", [1 + 1e-6, -1.0, 0.0, np.nan])
def test_check_gradient_notices_a_small_error(factor):
    x = np.array([0.7, -1.1])
    with pytest.raises(GradientError):
        check_gradient(lambda p: np.sin(p["x"]).sum(), {"x": x}, {"x": np.cos(x) * [1.0, factor]})


def test_check_gradient_wants_the_same_keys_shapes_and_float64():
    x = np.array([1.0])
    with pytest.raises(GradientError, match="keys"):
        check_gradient(lambda p: 0.0, {"x": x}, {"y": x})
    with pytest.raises(GradientError, match="keys"):
        check_gradient(lambda p: 0.0, {"x": x}, {"x": x, "y": x})
    with pytest.raises(GradientError, match="keys"):
        check_gradient(lambda p: 0.0, {"x": x, "y": x}, {"x": x})
    with pytest.raises(GradientError, match="shape"):
        check_gradient(lambda p: 0.0, {"x": np.zeros((2, 2))}, {"x": np.zeros(4)})
    with pytest.raises(GradientError, match="shape"):
        check_gradient(lambda p: 0.0, {"x": x}, {"x": np.zeros(2)})
    with pytest.raises(TypeError, match="float64"):
        check_gradient(lambda p: 0.0, {"x": x.astype(np.float32)}, {"x": x})


def test_check_gradient_accepts_a_gradient_that_is_zero():
    x = np.array([1.0, 2.0])
    assert check_gradient(lambda p: 3.0, {"x": x}, {"x": np.zeros(2)}) == {"x": 0.0}
    assert check_gradient(lambda p: 0.0, {"x": x}, {"x": np.zeros(2)}) == {"x": 0.0}


def test_check_gradient_forgives_the_rounding_of_f():
    x = np.array([0.3, 0.7])
    check_gradient(lambda p: 1e8 + (p["x"] ** 2).sum(), {"x": x}, {"x": 2 * x})
    with pytest.raises(GradientError):
        check_gradient(lambda p: 1e8 + (p["x"] ** 2).sum(), {"x": x}, {"x": 2 * x + [0, 300]})


def test_check_gradient_returns_the_worst_error():
    x = np.zeros(4)
    worst = check_gradient(lambda p: p["x"].sum(), {"x": x}, {"x": np.array([1, 1, 1 + 5e-4, 1])}, tolerance=1e-3)
    np.testing.assert_allclose(worst["x"], 5e-4 / (1 + 5e-4), rtol=1e-6)


def test_numerical_gradient_restores_the_parameters_when_f_fails():
    x = np.array([1.0, 2.0])
    with pytest.raises(ZeroDivisionError):
        numerical_gradient(lambda p: 1 / 0, {"x": x})
    np.testing.assert_array_equal(x, [1.0, 2.0])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_check_gradient_gives_no_verdict_on_a_function_that_is_not_finite(value):
    x = np.array([1.0])
    with pytest.raises(GradientError, match=r"f is not finite around x\[0\] = 1"):
        check_gradient(lambda p: value, {"x": x}, {"x": x})


def test_check_gradient_gives_no_verdict_where_a_step_is_lost_in_rounding():
    x = np.array([1e20])
    with pytest.raises(GradientError, match=r"x\[0\] = 1e\+20 does not feel a step of 0.001"):
        check_gradient(lambda p: (p["x"] ** 2).sum(), {"x": x}, {"x": -2 * x})
