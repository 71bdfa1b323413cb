"""Backprop by hand: losses against their definitions, networks against plain loops and fractions, and learning."""
import itertools
import math
from math import log

import numpy as np
import pytest
from conftest import random_network
from numpy.testing import assert_allclose, assert_array_equal

from minife import MLP
from minife.backprop import (BinaryCrossEntropy, CategoricalCrossEntropy, SquaredError,
                             hessian_vector_product, train)
from minife.descent import SGD, Adam, NormConstraint, RMSProp
from minife.backprop.layers import activate, activate_backward, dense, dense_backward_input
from minife.backprop.mlp import moments_in_normal_field
from minife.data import line_symmetry, load_digits, xor
from minife.parameters import flatten, norm
from minife.units import Binary, Gaussian, LeakyRectified, Potts, Rectified, Spin, Step

UNITS = [Binary(), Spin(), Gaussian(), Rectified(), LeakyRectified(0.1)]
LOSSES = [SquaredError(), SquaredError(Binary()), BinaryCrossEntropy(), CategoricalCrossEntropy()]
MATCHING = [LOSSES[0], *LOSSES[2:]]
DEPTHS = (1, 2, 3, 4)
X, Y = 3 * np.random.default_rng(0).normal(size=(200, 3)), np.random.default_rng(1).dirichlet(np.ones(3), 200)
each_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: type(unit).__name__)
each_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__ + type(loss.unit).__name__)
each_matching_loss = pytest.mark.parametrize("loss", MATCHING, ids=lambda loss: type(loss).__name__)


def network(sizes, hidden=Spin(), loss=CategoricalCrossEntropy(), seed=0, **more):
    return MLP(sizes, hidden, loss, np.random.default_rng(seed), **more)


def total(f, unit, x):
    """Return f(x) summed over units, row by row; a Potts unit does so itself."""
    return f(x) if isinstance(unit, Potts) else f(x).sum(axis=1)


# Layers

def test_fields_by_hand():
    """(B1) with two inputs, three units and two rows: row i of W holds what input i sends"""
    x = dense(np.array([[1.0, 2.0], [0.0, -1.0]]), np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]), np.array([5, 6, 7]))
    assert x.tolist() == [[26, 48, 70], [-5, -14, -23]]


@each_unit
def test_an_activation_minimises_the_free_energy_of_its_unit(unit):
    """(B2): A*(h) - h x is least, and then -A(x), at the mean h in the field x, among the means of all fields"""
    x = np.linspace(-3, 3, 25)[:, None]
    h = activate(x, unit)
    others = unit.mean(np.linspace(-5, 5, 1001))
    free_energy = unit.conjugate(others) - others * x
    assert_allclose(unit.conjugate(h) - h * x, -unit.potential(x), atol=1e-14)
    assert np.all(free_energy >= -unit.potential(x) - 1e-14)
    assert np.ptp(free_energy, axis=1).min() > 0.01
    assert np.abs(h - others[free_energy.argmin(axis=1)][:, None]).max() < 0.01


# Losses

@each_matching_loss
def test_a_matching_loss_is_potential_minus_field_times_target(loss):
    """(B3): the squared error is that plus |y|^2 / 2"""
    constant = (Y**2).sum(axis=1) / 2 if isinstance(loss, SquaredError) else 0
    potential = total(loss.unit.potential, loss.unit, X)
    assert_allclose(loss.value(X, Y), potential - (X * Y).sum(axis=1) + constant, rtol=1e-12)


@each_matching_loss
def test_a_matching_loss_is_convex_and_least_where_the_mean_is_the_target(loss):
    """(B3), (B4): never below -A*(y), which it reaches at A'(x) = y, where its slope is 0"""
    unit, other = loss.unit, X[::-1]
    middle = loss.value((X + other) / 2, Y)
    assert np.all(middle <= (loss.value(X, Y) + loss.value(other, Y)) / 2 + 1e-12)
    constant = (Y**2).sum(axis=1) / 2 if isinstance(loss, SquaredError) else 0
    least = constant - total(unit.conjugate, unit, Y)
    assert np.all(loss.value(X, Y) >= least - 1e-12)
    assert_allclose(loss.value(unit.field(Y), Y), least, atol=1e-12)
    assert_allclose(loss.gradient(unit.field(Y), Y), 0, atol=1e-14)


@each_matching_loss
def test_the_slope_of_a_matching_loss_is_mean_minus_target(loss):
    """(B4): no variance in it, so a saturated output that is wrong still learns"""
    mean = {SquaredError: lambda x: x, BinaryCrossEntropy: lambda x: 1 / (1 + np.exp(-x)),
            CategoricalCrossEntropy: lambda x: np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)}[type(loss)]
    assert_allclose(loss.gradient(X, Y), mean(X) - Y, atol=1e-14)
    wrong = loss.gradient(np.array([[-40.0, 40.0, 0.0]]), np.array([[1.0, 0.0, 0.0]]))
    assert np.all(np.abs(wrong[0, :2]) > 0.999)


def test_the_losses_spelt_out():
    """(B5) in plain Python: squares, and logs of probabilities"""
    for x, y, squares, binary, categorical in zip(X, Y, LOSSES[0].value(X, Y), LOSSES[2].value(X, Y),
                                                  LOSSES[3].value(X, Y), strict=True):
        sigmoid = [1 / (1 + math.exp(-field)) for field in x]
        softmax = [math.exp(field) / sum(map(math.exp, x)) for field in x]
        assert squares == pytest.approx(sum((x - y) ** 2) / 2, rel=1e-12)
        assert binary == pytest.approx(-sum(t * log(m) + (1 - t) * log(1 - m)
                                            for t, m in zip(y, sigmoid, strict=True)), rel=1e-12)
        assert categorical == pytest.approx(-sum(t * log(m) for t, m in zip(y, softmax, strict=True)), rel=1e-12)


def test_losses_by_hand():
    """(B4), (B5), (B7) at fields whose exponentials are whole numbers"""
    def check(loss, x, y, value, *slope):
        x, y = np.array([x]), np.array([y])
        assert_allclose(loss.value(x, y), [value], rtol=1e-14)
        assert_allclose(loss.gradient(x, y), [slope], rtol=1e-14)

    check(SquaredError(), [3.0, -1.0], [1.0, 0.0], 5 / 2, 2, -1)
    check(SquaredError(Binary()), [log(3), 0.0], [1.0, 0.0], 1 / 32 + 1 / 8, -1 / 4 * 3 / 16, 1 / 2 * 1 / 4)
    check(SquaredError(Spin()), [log(2)], [1.0], 2 / 25, -2 / 5 * 16 / 25)
    check(BinaryCrossEntropy(), [log(3), 0.0], [1.0, 0.0], log(4 / 3) + log(2), -1 / 4, 1 / 2)
    check(CategoricalCrossEntropy(), [0.0, log(3), log(4)], [0.0, 1.0, 0.0], log(8 / 3), 1 / 8, -5 / 8, 1 / 2)
    check(CategoricalCrossEntropy(), [0.0, log(3)], [0.5, 0.5], log(4) - log(3) / 2, -1 / 4, 1 / 4)


def test_the_softmax_loss_is_the_free_energy_of_the_clamped_output_minus_that_of_the_free_one():
    """(B6): states k of energy -x_k, summed over to be free; its slope is clamped minus free moments of the energy's"""
    loss = CategoricalCrossEntropy()
    for k, states in enumerate(np.eye(3)):
        weights = np.exp(X)                                             # (n, 3), e^-E
        clamped, free = -X[:, k], -np.log(weights.sum(axis=1))
        labels = loss.targets(np.full(len(X), k), 3)
        assert_allclose(loss.value(X, labels), clamped - free, atol=1e-12)
        free_slope = -weights / weights.sum(axis=1, keepdims=True)      # of the free one in the fields
        assert_allclose(loss.gradient(X, labels), -states - free_slope, atol=1e-14)


def test_the_sigmoid_loss_is_clamped_minus_free_too():
    """(B6) for binary outputs, each of the 2^3 states of energy -x.s"""
    states = np.array(list(itertools.product([0, 1], repeat=3)))
    free = -np.log(np.exp(X @ states.T).sum(axis=1))
    for y in states:
        assert_allclose(BinaryCrossEntropy().value(X, y * np.ones_like(X)), -X @ y - free, atol=1e-12)


def test_squared_error_of_another_output_unit_learns_nothing_where_it_is_saturated():
    """(B7): the slope (m - y) c dies with the variance, though the output is as wrong as can be; (B4) does not"""
    x, y = np.array([[-40.0]]), np.array([[1.0]])
    assert SquaredError(Binary()).value(x, y) == 0.5
    assert abs(SquaredError(Binary()).gradient(x, y)) < 1e-17
    assert BinaryCrossEntropy().gradient(x, y) == -1
    m = Binary().mean(X)
    assert_allclose(SquaredError(Binary()).gradient(X, Y), (m - Y) * m * (1 - m), atol=1e-15)


def test_second_derivatives_of_the_losses():
    """(B11): variance times r for a matching loss, a covariance matrix for softmax; by hand for the squared sigmoid"""
    r = np.random.default_rng(2).normal(size=X.shape)
    assert_allclose(LOSSES[0].hessian_product(X, Y, r), r)
    m = Binary().mean(X)
    assert_allclose(LOSSES[2].hessian_product(X, Y, r), m * (1 - m) * r, rtol=1e-10)
    assert_allclose(LOSSES[3].hessian_product(X, Y, r), np.einsum("nij,nj->ni", Potts().variance(X), r), atol=1e-14)
    by_hand = SquaredError(Binary()).hessian_product(np.array([[log(3)]]), np.array([[1.0]]), np.array([[2.0]]))
    assert_allclose(by_hand, [[2 * (9 / 256 + (-1 / 4) * (3 / 16) * (-1 / 2))]])
    concave = SquaredError(Binary()).hessian_product(np.array([[log(4)]]), np.array([[0.0]]), np.array([[1.0]]))
    assert_allclose(concave, [[-32 / 625]])                             # (4/25)^2 - 4/5 * 12/125


@pytest.mark.filterwarnings("error")
@each_loss
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_extreme_fields_have_finite_losses(loss, dtype):
    """(B5) at |x| = 1000, where e^x overflows: a loss of 0 where right, and of the whole field where wrong"""
    x = np.array([[1000, -1000], [-1000, 1000]], dtype)
    y = np.array([[1, 0], [1, 0]], dtype)
    value, slope, curvature = loss.value(x, y), loss.gradient(x, y), loss.hessian_product(x, y, np.ones_like(x))
    for result in (value, slope, curvature):
        assert np.isfinite(result).all() and result.dtype == dtype
    right, wrong = {SquaredError: (0, 1), BinaryCrossEntropy: (0, 2000), CategoricalCrossEntropy: (0, 2000)}[type(loss)]
    if loss is LOSSES[0]:
        right, wrong = (999**2 + 1000**2) / 2, (1001**2 + 1000**2) / 2
    assert value.tolist() == [right, wrong]


def test_labels_one_hot_rows_and_probabilities_are_the_same_targets():
    loss = CategoricalCrossEntropy()
    rows = [[0, 0, 1], [1, 0, 0]]
    for y in ([2, 0], np.array([2, 0], np.uint8), np.array([2.0, 0.0]), rows, np.array(rows, bool)):
        assert_array_equal(loss.targets(y, 3), rows)
    assert_array_equal(loss.targets(Y, 3), Y)
    assert_allclose(loss.value(X, Y), sum(Y[:, k] * loss.value(X, loss.targets([k] * 200, 3)) for k in range(3)))
    for loss in LOSSES[:3]:
        assert_array_equal(loss.targets([0, 1, 1], 1), [[0], [1], [1]])
        assert_array_equal(loss.targets([[0], [1]], 1), [[0], [1]])


BAD_TARGETS = {
    "label": (CategoricalCrossEntropy(), [0, 2], "y must hold labels 0 to 1, got 2"),
    "label < 0": (CategoricalCrossEntropy(), [0, -1], "y must hold labels 0 to 1, got -1"),
    "label 0.5": (CategoricalCrossEntropy(), [0.5, 1], "y must hold labels 0 to 1, got 0.5"),
    "label nan": (CategoricalCrossEntropy(), [0, np.nan], "y must be finite, got nan"),
    "sum": (CategoricalCrossEntropy(), [[0.5, 0.4], [0.5, 0.6]], "row of y must sum to one, got sums from 0.9 to 1.1"),
    "negative": (CategoricalCrossEntropy(), [[1.5, -0.5]], r"y must lie in \[0, 1\], got values from -0.5 to 1.5"),
    "classes": (CategoricalCrossEntropy(), [[0.2, 0.3, 0.5]], r"y must have shape \(n, 2\), got \(1, 3\)"),
    "above 1": (BinaryCrossEntropy(), [[2, 0]], r"y must lie in \[0, 1\], got values from 0.0 to 2.0"),
    "binary shape": (BinaryCrossEntropy(), [[0, 1, 1]], r"y must have shape \(n, 2\), got \(1, 3\)"),
    "binary nan": (BinaryCrossEntropy(), [[np.nan, 1]], "y must be finite, got nan"),
    "one axis": (SquaredError(), [1.0, 2.0], r"y must have shape \(n, 2\), got \(2,\)"),
    "shape": (SquaredError(), [[1.0]], r"y must have shape \(n, 2\), got \(1, 1\)"),
    "infinite": (SquaredError(), [[np.inf, 1.0]], "y must be finite, got inf"),
    "empty": (SquaredError(), np.zeros((0, 2)), r"y must not be empty, got shape \(0, 2\)"),
}


@pytest.mark.parametrize("name", BAD_TARGETS)
def test_bad_targets(name):
    loss, y, message = BAD_TARGETS[name]
    with pytest.raises(ValueError, match=message):
        loss.targets(y, 2)
    with pytest.raises(ValueError, match=message):
        network((2, 2), loss=loss).gradient(np.zeros((max(1, len(y)), 2)), y)


@each_loss
@pytest.mark.parametrize("y", ["ab", [["a", "b"]], None])
def test_targets_that_are_no_numbers(loss, y):
    with pytest.raises(TypeError, match="y must be an array of real numbers"):
        loss.targets(y, 2)


@each_loss
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_targets_under_a_mask_are_refused(loss, n_outputs):
    y = np.ma.masked_array([0, 1], mask=[True, False])
    with pytest.raises(TypeError, match="y must be an array of real numbers without a mask"):
        loss.targets(y if n_outputs == 1 else y[None], n_outputs)


# Networks: the gradient

def test_a_network_by_hand():
    """(B1), (B2), (B4), (B8) and (B9): two inputs, two sigmoid units with the means 3/4 and 1/2, one output at 4/5"""
    mlp = network((2, 2, 1), Binary(), BinaryCrossEntropy())
    mlp.parameters = {"W1": np.array([[0, log(2)], [-log(3), 0]]), "b1": np.array([0, -log(2)]),
                      "W2": np.array([[2 * log(2)], [3 * log(2)]]), "b2": np.array([-log(2)])}
    x, y = [[1, -1]], [1]
    assert_allclose(mlp.fields(x)[0], [[log(3), 0]], atol=1e-15)
    assert_allclose(mlp.fields(x)[1], [[log(4)]])                       # 3/4 * 2 + 1/2 * 3 - 1 = 2, times log 2
    assert_allclose(mlp.predict(x), [[4 / 5]])
    assert_allclose(mlp.loss(x, y), log(5 / 4))
    slope = mlp.gradient(x, y)                                          # the error at the output is 4/5 - 1 = -1/5
    assert_allclose(slope["b2"], [-1 / 5])
    assert_allclose(slope["W2"], [[-1 / 5 * 3 / 4], [-1 / 5 * 1 / 2]])
    error = np.array([-1 / 5 * 2 * log(2) * 3 / 16, -1 / 5 * 3 * log(2) * 1 / 4])
    assert_allclose(slope["b1"], error)
    assert_allclose(slope["W1"], [error, -error])


def by_loops(mlp, X, y, activation, slope):
    """Return the mean loss and its gradient for softmax outputs, one number at a time."""
    n, sizes = len(X), mlp.sizes
    W = [mlp.parameters[f"W{k}"].tolist() for k in range(1, mlp.depth + 1)]
    b = [mlp.parameters[f"b{k}"].tolist() for k in range(1, mlp.depth + 1)]
    dW = [[[0.0] * n_out for _ in range(n_in)] for n_in, n_out in itertools.pairwise(sizes)]
    db = [[0.0] * n_out for n_out in sizes[1:]]
    loss = 0.0
    for row, target in zip(X.tolist(), y.tolist(), strict=True):
        h, x = [[(row[i] - mlp.input_mean[i]) / mlp.input_scale for i in range(sizes[0])]], []
        for k in range(mlp.depth):
            x.append([b[k][j] + sum(h[k][i] * W[k][i][j] for i in range(sizes[k])) for j in range(sizes[k + 1])])
            h.append([activation(field) for field in x[k]])
        Z = sum(math.exp(field) for field in x[-1])
        p = [math.exp(field) / Z for field in x[-1]]
        loss -= sum(t * math.log(m) for t, m in zip(target, p, strict=True)) / n
        error = [(m - t) / n for t, m in zip(target, p, strict=True)]
        for k in reversed(range(mlp.depth)):
            for j in range(sizes[k + 1]):
                db[k][j] += error[j]
                for i in range(sizes[k]):
                    dW[k][i][j] += h[k][i] * error[j]
            error = [slope(x[k - 1][i]) * sum(W[k][i][j] * error[j] for j in range(sizes[k + 1]))
                     for i in range(sizes[k] if k else 0)]
    return loss, {f"W{k + 1}": dW[k] for k in range(mlp.depth)} | {f"b{k + 1}": db[k] for k in range(mlp.depth)}


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("unit, activation, slope", [
    (Spin(), math.tanh, lambda x: 1 - math.tanh(x) ** 2),
    (Binary(), lambda x: 1 / (1 + math.exp(-x)), lambda x: 1 / (2 + math.exp(x) + math.exp(-x))),
    (Rectified(), lambda x: max(x, 0), lambda x: float(x > 0)),
    (LeakyRectified(0.1), lambda x: x if x > 0 else x / 10, lambda x: 1 if x > 0 else 0.1),
    (Gaussian(), lambda x: x, lambda x: 1)], ids=["Spin", "Binary", "Rectified", "LeakyRectified", "Gaussian"])
def test_networks_agree_with_plain_loops(depth, unit, activation, slope):
    """(B1), (B8), (B9) and (B14), without an array operation"""
    mlp, X, y = random_network(depth, unit, CategoricalCrossEntropy())
    loss, gradient = by_loops(mlp, X, y, activation, slope)
    assert mlp.loss(X, y) == pytest.approx(loss, rel=1e-12)
    ours = mlp.gradient(X, y)
    assert set(ours) == set(gradient) == set(mlp.parameters)
    for name in gradient:
        assert_allclose(ours[name], gradient[name], rtol=1e-12, atol=1e-15)


def test_the_loss_is_a_mean_over_rows():
    """(B8): so twice the same rows change nothing, and the gradient of a batch is the mean of those of its rows"""
    for loss in LOSSES:
        mlp, X, y = random_network(3, Spin(), loss)
        assert mlp.loss(np.vstack([X, X]), np.vstack([y, y])) == pytest.approx(mlp.loss(X, y), rel=1e-14)
        rows = [mlp.gradient(X[k:k + 1], y[k:k + 1]) for k in range(4)]
        assert mlp.loss(X, y) == pytest.approx(np.mean([mlp.loss(X[k:k + 1], y[k:k + 1]) for k in range(4)]), rel=1e-14)
        for name, slope in mlp.gradient(X, y).items():
            assert_allclose(slope, np.mean([row[name] for row in rows], axis=0), rtol=1e-13, atol=1e-16)


def test_a_deep_network_of_gaussian_units_is_a_product_of_matrices():
    """(B1), (B9): the fields at the top are x W1 W2 W3, and the error below is sent back through the transposes"""
    mlp, X, y = random_network(3, Gaussian(), SquaredError())
    W1, W2, W3 = (mlp.parameters[f"W{k}"] for k in (1, 2, 3))
    for k in (1, 2, 3):
        mlp.parameters[f"b{k}"][:] = 0
    mlp.input_mean[:], mlp.input_scale = 0, 1.0
    assert_allclose(mlp.predict(X), X @ W1 @ W2 @ W3, rtol=1e-12)
    error = (X @ W1 @ W2 @ W3 - y) / 4
    assert_allclose(mlp.gradient(X, y)["W1"], X.T @ error @ W3.T @ W2.T, rtol=1e-12)


# Networks: second derivatives

@each_unit
@each_loss
@pytest.mark.parametrize("depth", DEPTHS)
def test_the_hessian_is_symmetric_and_linear(unit, loss, depth):
    """(B12): u.Hv = v.Hu, though the two are computed along different directions"""
    mlp, X, y = random_network(depth, unit, loss)
    rng = np.random.default_rng(depth)
    u, v = ({name: rng.standard_normal(array.shape) for name, array in mlp.parameters.items()} for _ in "uv")
    Hu, Hv = (hessian_vector_product(mlp, X, y, direction) for direction in (u, v))
    left, right = flatten(u) @ flatten(Hv), flatten(v) @ flatten(Hu)
    assert abs(left - right) <= 1e-12 * norm(u) * norm(Hv)
    both = hessian_vector_product(mlp, X, y, {name: 2 * u[name] - v[name] for name in u})
    assert_allclose(flatten(both), 2 * flatten(Hu) - flatten(Hv), atol=1e-12 * norm(both))


@each_matching_loss
def test_one_layer_under_a_matching_loss_has_no_negative_curvature(loss):
    """(B12), (B3): v.Hv >= 0 for every v, and it is the mean of what the fields' curvature gives"""
    mlp, X, y = random_network(1, Spin(), loss)
    h, rng = (X - mlp.input_mean) / mlp.input_scale, np.random.default_rng(0)
    for _ in range(100):
        v = {name: rng.standard_normal(array.shape) for name, array in mlp.parameters.items()}
        curvature = flatten(v) @ flatten(hessian_vector_product(mlp, X, y, v))
        r_x = h @ v["W1"] + v["b1"]
        expected = (r_x * loss.hessian_product(mlp.fields(X)[0], y, r_x)).sum() / 4
        assert curvature == pytest.approx(expected, rel=1e-12) and curvature > 0


def test_a_hessian_by_hand():
    """(B10) to (B12): two layers of one unit, E = (w2 (w1 x + b1) + b2 - y)^2 / 2, at w1 = 2, w2 = 3, x = 5, y = 1

    With b1 = b2 = 0 the output is 30 and the error 29. In the order W1, b1, W2, b2 the output has the slopes
    15, 3, 10, 1 and the second slopes 5 (w1, w2) and 1 (b1, w2): H is their outer product plus 29 times these."""
    mlp = network((1, 1, 1), Gaussian(), SquaredError())
    mlp.parameters = {"W1": np.array([[2.0]]), "b1": np.zeros(1), "W2": np.array([[3.0]]), "b2": np.zeros(1)}
    hessian = np.outer([15, 3, 10, 1], [15, 3, 10, 1])
    hessian[[0, 2], [2, 0]] += 29 * 5
    hessian[[1, 2], [2, 1]] += 29
    for row, name in zip(hessian, mlp.parameters, strict=True):
        v = {key: np.full_like(array, key == name) for key, array in mlp.parameters.items()}
        assert_allclose(flatten(hessian_vector_product(mlp, [[5.0]], [1.0], v)), row, rtol=1e-14)


def test_the_curvature_of_a_hidden_unit_counts():
    """(B10) and (B11) by hand: E = tanh(w)^2 / 2 has the second slope c^2 + m A''' with A''' = -2 m c"""
    mlp = network((1, 1, 1), Spin(), SquaredError())
    mlp.parameters = {"W1": np.array([[log(2)]]), "b1": np.zeros(1), "W2": np.ones((1, 1)), "b2": np.zeros(1)}
    v = {key: np.full_like(array, key == "W1") for key, array in mlp.parameters.items()}
    m, c = 3 / 5, 16 / 25
    expected = {"W1": c**2 - 2 * m**2 * c, "b1": c**2 - 2 * m**2 * c, "W2": 2 * m * c, "b2": c}
    product = hessian_vector_product(mlp, [[1.0]], [0.0], v)
    assert_allclose([product[name].item() for name in expected], list(expected.values()), rtol=1e-14)


@pytest.mark.parametrize("change", [lambda v: v.pop("b2"), lambda v: v.update(W3=v["W2"]),
                                    lambda v: v.update(W1=v["W1"].T)], ids=["missing", "more", "shape"])
def test_a_direction_has_the_keys_and_shapes_of_the_parameters(change):
    mlp, X, y = random_network(2, Spin(), CategoricalCrossEntropy())
    v = {name: array.copy() for name, array in mlp.parameters.items()}
    change(v)
    with pytest.raises(ValueError, match="direction must have the keys and shapes of mlp.parameters"):
        hessian_vector_product(mlp, X, y, v)


# Networks: the public door

BAD_NETWORKS = {
    "one size": (ValueError, lambda: MLP((3,)), r"sizes must be two numbers or more, inputs and outputs, got \(3,\)"),
    "no size": (ValueError, lambda: MLP(()), r"sizes must be two numbers or more"),
    "size 0": (ValueError, lambda: MLP((3, 0, 2)), "sizes must be a positive integer, got 0"),
    "size 2.5": (ValueError, lambda: MLP((3, 2.5)), "sizes must be a positive integer, got 2.5"),
    "size True": (ValueError, lambda: MLP((3, True)), "sizes must be a positive integer, got True"),
    "class": (TypeError, lambda: MLP((3, 2), hidden=Spin), "hidden must be one of Binary, .*, got <class"),
    "Potts": (TypeError, lambda: MLP((3, 2), hidden=Potts()), "hidden must be one of Binary, Spin, Gaussian, Rect"),
    "Step": (TypeError, lambda: MLP((3, 2), hidden=Step()), "hidden must be one of"),
    "text": (TypeError, lambda: MLP((3, 2), hidden="tanh"), "hidden must be one of .*, got 'tanh'"),
    "loss class": (TypeError, lambda: MLP((3, 2), loss=SquaredError), "loss must be .*, got <class"),
    "loss text": (TypeError, lambda: MLP((3, 2), loss="mse"), "loss must be .*, got 'mse'"),
    "dtype": (ValueError, lambda: MLP((3, 2), dtype=np.float16), "dtype must be one of 'float32', 'float64', got"),
    "int": (ValueError, lambda: MLP((3, 2), dtype=int), "dtype must be one of 'float32', 'float64', got 'int64'"),
    "seed": (TypeError, lambda: MLP((3, 2), rng=0), "rng must be a numpy.random.Generator, got int"),
}


@pytest.mark.parametrize("name", BAD_NETWORKS)
def test_bad_network(name):
    error, call, message = BAD_NETWORKS[name]
    with pytest.raises(error, match=message):
        call()


BAD_ROWS = {
    "inputs": (np.zeros((4, 2)), r"X must have shape \(n, 3\), got \(4, 2\)"),
    "states": (np.zeros((4, 2), np.uint8), r"X must have shape \(n, 3\), got \(4, 2\)"),
    "one axis": (np.zeros(3), r"X must have 2 axes, got shape \(3,\)"),
    "empty": (np.zeros((0, 3)), r"X must not be empty, got shape \(0, 3\)"),
    "nan": (np.full((4, 3), np.nan), "X must be finite, got nan among its 12 numbers"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_bad_inputs(name):
    X, message = BAD_ROWS[name]
    mlp = network((3, 2))
    for call in (mlp.predict, mlp.fields, mlp.normalise_input, lambda X: mlp.loss(X, [0] * 4),
                 lambda X: mlp.gradient(X, [0] * 4), lambda X: hessian_vector_product(mlp, X, [0] * 4, mlp.parameters),
                 lambda X: train(mlp, X, [0] * 4, SGD(0.1), 1, np.random.default_rng(0))):
        with pytest.raises(ValueError, match=message):
            call(X)


def test_inputs_and_targets_have_the_same_number_of_rows():
    for loss in LOSSES:
        with pytest.raises(ValueError, match="X and y must have the same number of rows, got 4 and 3"):
            network((3, 2), loss=loss).loss(np.zeros((4, 3)), [[1, 0]] * 3)


@each_loss
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_shapes_and_types_of_what_a_network_returns(loss, dtype):
    mlp = network((3, 5, 4, 2), loss=loss, dtype=dtype)
    X, y = np.random.default_rng(0).random((6, 3)), [[1, 0]] * 6
    mlp.normalise_input(X)
    assert [x.shape for x in mlp.fields(X)] == [(6, 5), (6, 4), (6, 2)]
    assert mlp.predict(X).shape == (6, 2) and isinstance(mlp.loss(X, y), float)
    assert list(mlp.parameters) == ["W1", "b1", "W2", "b2", "W3", "b3"]
    gradient, product = mlp.gradient(X, y), hessian_vector_product(mlp, X, y, mlp.parameters)
    assert list(gradient) == list(product) == list(mlp.parameters)      # so that flat vectors of them go together
    for name, array in mlp.parameters.items():
        assert gradient[name].shape == array.shape == product[name].shape
        assert gradient[name].dtype == array.dtype == product[name].dtype == dtype
    assert mlp.predict(X).dtype == dtype == mlp.fields(X)[0].dtype


@each_loss
@pytest.mark.parametrize("dtype, rounding", [(np.float64, 1e-13), (np.float32, 1e-5)])
def test_inputs_that_are_states_give_the_numbers_of_the_same_inputs_as_floats(loss, dtype, rounding):
    """(B1), (B8), (B12): by sums of rows instead of products; after learning too, and where the input is normalised"""
    rng, y = np.random.default_rng(0), [[1, 0]] * 30
    states = rng.integers(2, size=(30, 9), dtype=np.uint8)
    for optimizer in (lambda: SGD(0.1, l2=0.1), lambda: SGD(0.1, momentum=0.9), lambda: Adam(0.01)):
        pair = [network((9, 5, 2), loss=loss, dtype=dtype) for _ in range(2)]
        for mlp, X in zip(pair, (states, states.astype(dtype))):
            train(mlp, X, y, optimizer(), 3, np.random.default_rng(1), batch_size=7)
            mlp.numbers = [flatten(mlp.parameters), flatten(mlp.gradient(X, y)), mlp.loss(X, y), mlp.predict(X)[0],
                           flatten(hessian_vector_product(mlp, X, y, mlp.parameters))]
            mlp.normalise_input(X)
            mlp.numbers.append(flatten(mlp.gradient(X, y)))
        assert pair[0].check_rows(states, y)[0].dtype == dtype != network((9, 2)).check_rows(states, y)[0].dtype
        for got, expected in zip(*(mlp.numbers for mlp in pair), strict=True):
            assert_allclose(got, expected, rtol=rounding, atol=rounding)


@pytest.mark.parametrize("mean, scale", [(0.5, 1.0), (0.0, 2.0)])
def test_states_are_normalised_where_a_mean_or_a_scale_says_so(mean, scale):
    """(B14): centred but in their own scale, or scaled alone"""
    mlp, states = network((3, 2)), np.array([[0, 1, 1], [1, 0, 0]], np.uint8)
    mlp.input_mean[:], mlp.input_scale = mean, scale
    assert_allclose(mlp.fields(states)[0], (states - mean) / scale @ mlp.parameters["W1"] + mlp.parameters["b1"])


def test_bytes_that_are_no_states_are_numbers():
    X = np.array([[0, 1, 7], [255, 1, 0]], np.uint8)
    assert_array_equal(network((3, 2)).fields(X)[0], network((3, 2)).fields(X.astype(float))[0])


def test_outputs_are_means_of_the_output_unit():
    """(B5): probabilities that sum to one, probabilities, numbers"""
    X = np.random.default_rng(0).normal(size=(7, 3))
    top = network((3, 4, 2)).fields(X)[-1]
    assert_allclose(network((3, 4, 2)).predict(X), np.exp(top) / np.exp(top).sum(axis=1, keepdims=True), rtol=1e-13)
    assert_allclose(network((3, 4, 2), loss=BinaryCrossEntropy()).predict(X), 1 / (1 + np.exp(-top)), rtol=1e-13)
    assert_allclose(network((3, 4, 2), loss=SquaredError(Spin())).predict(X), np.tanh(top), rtol=1e-13)
    assert_array_equal(network((3, 4, 2), loss=SquaredError()).predict(X), top)


# The start

@each_unit
def test_fields_of_a_wide_network_start_with_mean_0_and_variance_1(unit):
    """(B13) in all of four layers of hundreds of units: for each unit over the rows, up to 1 / sqrt(width)"""
    rng = np.random.default_rng(6)
    mlp = MLP((300, 200, 400, 250, 300), unit, rng=rng)
    for x in mlp.fields(rng.standard_normal((1000, 300))):
        assert abs(x.mean()) < 0.01 and (x.mean(axis=0) ** 2).mean() < 0.01
        assert abs(x.var(axis=0).mean() - 1) < 0.03
        assert x.var(axis=0).min() > 0.5 and x.var(axis=0).max() < 2
    assert np.abs(mlp.parameters["b1"]).max() == 0              # the inputs are centred already


@each_unit
def test_moments_in_a_normal_field(unit):
    """(B13) against the trapezoid rule; for the identity 0 and 1, for ReLU 1 / sqrt(2 pi) and (1 - 1 / pi) / 2"""
    x = np.linspace(-12, 12, 200_001)
    weight = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi) * (x[1] - x[0])
    mean = weight @ unit.mean(x)
    expected = mean, weight @ (unit.mean(x) - mean) ** 2
    tolerance = 1e-5 if isinstance(unit, (Rectified, LeakyRectified)) else 1e-10    # where there is a kink
    assert_allclose(moments_in_normal_field(unit), expected, atol=tolerance)
    closed = {Gaussian: (0, 1), Rectified: (1 / np.sqrt(2 * np.pi), (1 - 1 / np.pi) / 2)}.get(type(unit))
    if closed:
        assert_allclose(expected, closed, atol=1e-9)


@pytest.mark.parametrize("unit, growth", [(Binary(), 1.034), (Spin(), 1.178), (Rectified(), 1.467), (Gaussian(), 1)],
                         ids=["Binary", "Spin", "Rectified", "Gaussian"])
def test_errors_do_not_fade_on_their_way_down(unit, growth):
    """(B9), (B13): at the start a layer multiplies the mean square of any errors by E[c^2] / Var h, at least 1"""
    rng = np.random.default_rng(7)
    mlp, squares = MLP((300,) * 5, unit, rng=rng), [1.0]
    fields, error = mlp.fields(rng.standard_normal((500, 300))), rng.standard_normal((500, 300))
    for k in (4, 3, 2):
        error = activate_backward(dense_backward_input(error, mlp.parameters[f"W{k}"]), fields[k - 2], unit)
        squares.append((error**2).mean())
    assert_allclose(np.divide(squares[1:], squares[:-1]), growth, rtol=0.05)


def test_the_start_is_the_generators_alone():
    assert_array_equal(network((3, 4, 2)).parameters["W2"], network((3, 4, 2)).parameters["W2"])
    assert np.any(network((3, 4, 2)).parameters["W2"] != network((3, 4, 2), seed=1).parameters["W2"])
    assert np.any(MLP((3, 4, 2)).parameters["W2"] != MLP((3, 4, 2)).parameters["W2"])


def test_normalised_inputs_are_centred_and_in_one_scale():
    """(B14): the mean of each input is 0, the mean of their variances 1, and their ratios stay"""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3)) * [1, 2, 7] + [5, -3, 100]
    mlp = network((3, 3))
    mlp.parameters = {"W1": np.eye(3), "b1": np.zeros(3)}       # what the network sees is what it returns as fields
    assert_array_equal(mlp.fields(X)[0], X)
    mlp.normalise_input(X)
    seen = mlp.fields(X)[0]
    assert_allclose(seen.mean(axis=0), 0, atol=1e-13)
    assert_allclose(seen.var(axis=0).mean(), 1)
    assert_allclose(seen.std(axis=0) / seen.std(axis=0)[0], X.std(axis=0) / X.std(axis=0)[0])
    assert_allclose(mlp.fields(X[:1])[0], seen[:1])             # it is the data's scale, not the batch's


def test_the_shift_and_scale_of_the_data_do_not_change_what_a_network_sees():
    """(B14)"""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 3)), rng.integers(2, size=20)
    plain, moved = network((3, 4, 2)), network((3, 4, 2))
    plain.normalise_input(X)
    moved.normalise_input(7 * X + [1, 20, -300])
    assert_allclose(moved.predict(7 * X + [1, 20, -300]), plain.predict(X), rtol=1e-12)
    plain_slope, moved_slope = plain.gradient(X, y), moved.gradient(7 * X + [1, 20, -300], y)
    for name in plain_slope:
        assert_allclose(moved_slope[name], plain_slope[name], rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e6 / 3])
def test_constant_inputs_do_no_harm(value, dtype):
    """(B14): one of them is seen as 0 and leaves the scale to the rest; where all are, the scale is 1"""
    mlp, X = network((2, 2), dtype=dtype), np.full((7, 2), value)
    mlp.normalise_input(X)
    assert mlp.input_scale == 1 and np.abs(mlp.fields(X)[0]).max() == 0
    X[:, 1] = np.arange(7)
    mlp.normalise_input(X)
    assert mlp.input_scale == pytest.approx(np.sqrt(2), rel=1e-6)       # the variance of 0 to 6 is 4, and the other's 0
    assert_allclose(mlp.fields(X)[0], (X[:, 1:] - 3) / np.sqrt(2) @ mlp.parameters["W1"][1:], atol=1e-5)


# Training

TOY_X = np.random.default_rng(3).normal(size=(23, 3))
TOY_Y = np.random.default_rng(4).dirichlet(np.ones(2), 23)
OPTIMIZERS = {"momentum": lambda: SGD(0.05, momentum=0.9, l2=1e-3), "RMSProp": lambda: RMSProp(0.01),
              "Adam": lambda: Adam(0.01, l1=1e-3)}


@each_unit
@each_loss
def test_small_steps_descend_the_loss(unit, loss):
    """(B8), (D2): every full-batch step of gradient descent lowers E_train, by rate |slope|^2 to first order"""
    mlp = network((3, 6, 2), unit, loss)
    losses, slopes = [mlp.loss(TOY_X, TOY_Y)], [norm(mlp.gradient(TOY_X, TOY_Y))]

    def watch(mlp, epoch):
        losses.append(mlp.loss(TOY_X, TOY_Y))
        slopes.append(norm(mlp.gradient(TOY_X, TOY_Y)))
    history = train(mlp, TOY_X, TOY_Y, SGD(1e-3), 20, np.random.default_rng(0), callbacks=[watch])
    assert np.all(np.diff(losses) < 0)
    assert_allclose(-np.diff(losses), 1e-3 * np.square(slopes[:-1]), rtol=0.05)
    assert_allclose([record["loss"] for record in history], losses[:-1], rtol=1e-12)    # as the batches came


def test_training_is_the_loop_written_out():
    """(B8), (D2): batches of an order of each epoch's own, the last one ragged, and a history of their mean loss"""
    trained, rng = network((3, 4, 2)), np.random.default_rng(5)
    history = train(trained, TOY_X, TOY_Y, SGD(0.1, momentum=0.5), 3, np.random.default_rng(5), batch_size=10)
    mlp, velocity = network((3, 4, 2)), dict.fromkeys(trained.parameters, 0)
    for record in history:
        order, losses = rng.permutation(23), []
        for rows in (order[:10], order[10:20], order[20:]):
            losses += len(rows) * [mlp.loss(TOY_X[rows], TOY_Y[rows])]
            for name, slope in mlp.gradient(TOY_X[rows], TOY_Y[rows]).items():
                velocity[name] = 0.5 * velocity[name] + slope
                mlp.parameters[name] -= 0.1 * velocity[name]
        assert record["loss"] == pytest.approx(np.mean(losses), rel=1e-12)
    for name, array in mlp.parameters.items():
        assert_allclose(trained.parameters[name], array, rtol=1e-12)


def test_linear_regression_arrives_at_least_squares():
    """(B8), (B14): one layer under the squared error, against numpy.linalg.lstsq"""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 3)) * [1, 2, 3] + 4
    y = X @ [1.0, -2.0, 0.5] + rng.normal(size=30)
    mlp = network((3, 1), loss=SquaredError())
    mlp.normalise_input(X)
    train(mlp, X, y, SGD(0.3, momentum=0.5), 300, rng)
    solution = np.linalg.lstsq(np.column_stack([X, np.ones(30)]), y, rcond=None)[0]
    assert_allclose(mlp.predict(X)[:, 0], np.column_stack([X, np.ones(30)]) @ solution, atol=1e-10)


@pytest.mark.parametrize("problem, n_hidden, n_epochs", [(xor(), 8, 60), (line_symmetry(6), 16, 100)],
                         ids=["xor", "line_symmetry"])
def test_problems_that_no_single_layer_solves_are_solved_from_every_start(problem, n_hidden, n_epochs):
    """tanh units on normalised inputs, one sigmoid output, Adam with rate 0.1 on all rows at once: 20 of 20 seeds"""
    X, y = problem
    for seed in range(20):
        rng = np.random.default_rng(seed)
        mlp = MLP((X.shape[1], n_hidden, 1), Spin(), BinaryCrossEntropy(), rng)
        mlp.normalise_input(X)
        train(mlp, X, y, Adam(0.1), n_epochs, rng)
        assert_array_equal(mlp.predict(X)[:, 0] > 0.5, y)


def test_a_single_layer_does_not_solve_xor():
    """(B3): the loss is convex, and least where every output is 1/2"""
    X, y = xor()
    mlp = network((2, 1), loss=BinaryCrossEntropy())
    train(mlp, X, y, SGD(1.0, momentum=0.5), 300, np.random.default_rng(0))
    assert_allclose(mlp.predict(X), 0.5, atol=1e-6)
    assert mlp.loss(X, y) == pytest.approx(log(2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_resumed_run_is_the_uninterrupted_run(name, dtype, tmp_path):
    """(D2), (D3), (D4): to the last bit, whatever the start and the seed of the run that takes up the file"""
    def run(mlp, n_epochs, seed, checkpoint=None):
        return train(mlp, TOY_X, TOY_Y, OPTIMIZERS[name](), n_epochs, np.random.default_rng(seed), batch_size=5,
                     checkpoint=checkpoint)
    whole, parts, resumed = (network((3, 4, 2), seed=seed, dtype=dtype) for seed in (0, 0, 99))
    history = run(whole, 4, 3)
    run(parts, 2, 3, tmp_path / "run.npz")
    again = run(resumed, 4, 77, tmp_path / "run.npz")
    for key, array in whole.parameters.items():
        assert array.dtype == resumed.parameters[key].dtype == dtype
        assert_array_equal(array, resumed.parameters[key])
    assert [record["loss"] for record in history] == [record["loss"] for record in again]
    assert [record["epoch"] for record in again] == [1, 2, 3, 4]


@pytest.mark.parametrize("change", [
    {"sizes": (3, 5, 2)}, {"sizes": (3, 4, 4, 2)}, {"hidden": Binary()}, {"hidden": LeakyRectified(0.1)},
    {"loss": CategoricalCrossEntropy()}, {"loss": BinaryCrossEntropy()}, {"loss": SquaredError()},
    {"dtype": np.float32}, {"X": TOY_X[::-1]}, {"y": TOY_Y[::-1]}, {"normalise": True}],
    ids=lambda change: " ".join(f"{key} {type(value).__name__}" for key, value in change.items()))
def test_checkpoint_of_another_network_is_refused_and_nothing_is_changed(change, tmp_path):
    def run(X=TOY_X, y=TOY_Y, normalise=False, **changes):
        mlp = network(**({"sizes": (3, 4, 2), "hidden": LeakyRectified(0.2), "loss": SquaredError(Binary())} | changes))
        if normalise:
            mlp.normalise_input(X)
        before = flatten(mlp.parameters)
        yield mlp, before
        train(mlp, X, y, SGD(0.1), 2, np.random.default_rng(0), checkpoint=tmp_path / "run.npz")
    list(run())
    content = (tmp_path / "run.npz").read_bytes()
    attempt = run(**change)
    mlp, before = next(attempt)
    with pytest.raises(ValueError, match=r"run.npz is of another run: it holds an MLP of \(3, 4, 2\)"):
        next(attempt)
    assert_array_equal(flatten(mlp.parameters), before)
    assert (tmp_path / "run.npz").read_bytes() == content


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_divergence_is_an_error_that_names_the_epoch():
    mlp = network((3, 4, 2), Gaussian(), SquaredError())
    with pytest.raises(FloatingPointError, match=r"stopped being finite in epoch \d+: lower the learning rate"):
        train(mlp, TOY_X, TOY_Y, SGD(1e3), 50, np.random.default_rng(0))


def test_training_takes_what_the_one_loop_takes(capsys):
    """(D5) among them: the norm constraint works on networks as well"""
    mlp, norms = network((3, 4, 2)), []
    history = train(mlp, TOY_X, TOY_Y, Adam(0.01), 2, np.random.default_rng(0), batch_size=7, label="toy",
                    norm_constraint=NormConstraint(2.0),
                    callbacks=[lambda mlp, epoch: norms.append(norm(mlp.parameters)),
                               lambda mlp, epoch: {"square": epoch**2}])
    assert_allclose(norms, 2.0)
    assert [(record["epoch"], record["square"]) for record in history] == [(1, 1), (2, 4)]
    train(mlp, TOY_X, TOY_Y, Adam(0.01), 3, np.random.default_rng(0), history=history)
    assert [record["epoch"] for record in history] == [1, 2, 3]
    assert "toy" in capsys.readouterr().err


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_float32_networks_stay_float32_in_training(name):
    for loss in LOSSES:
        mlp, optimizer = network((3, 4, 2), loss=loss, dtype=np.float32), OPTIMIZERS[name]()
        mlp.normalise_input(TOY_X)
        train(mlp, TOY_X, TOY_Y, optimizer, 2, np.random.default_rng(0), batch_size=5)
        for array in (*mlp.parameters.values(), *mlp.gradient(TOY_X, TOY_Y).values(), mlp.predict(TOY_X),
                      *optimizer.memory.values()):
            assert array.dtype == np.float32
        double = network((3, 4, 2), loss=loss)
        double.normalise_input(TOY_X)
        train(double, TOY_X, TOY_Y, OPTIMIZERS[name](), 2, np.random.default_rng(0), batch_size=5)
        assert_allclose(flatten(mlp.parameters), flatten(double.parameters), atol=1e-4)


def test_centring_removes_the_steep_direction_of_the_digits():
    """(B14): the largest eigenvalue of the mean of h_0^T h_0 over the embedded grey digits: 76, without centring 560"""
    X, mlp = load_digits(binary=False).X_train, MLP((784, 1), loss=SquaredError())
    mlp.normalise_input(X)
    h_0, _ = mlp.check_rows(X, np.zeros(len(X)))
    for rows, eigenvalue in ((h_0, 76), (X / mlp.input_scale, 560)):
        assert round(np.linalg.eigvalsh(rows.T @ rows / len(rows))[-1]) == eigenvalue
