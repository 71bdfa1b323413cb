"""Layers and networks against plain loops and fractions by hand; their start; what they refuse."""
import itertools
import math
from math import log

import numpy as np
import pytest
from conftest import random_network
from networks import DEPTHS, LOSSES, each_loss, each_unit, network
from numpy.testing import assert_allclose, assert_array_equal
from proofs import proves

from minife import MLP
from minife.backprop import (BinaryCrossEntropy, CategoricalCrossEntropy, SquaredError,
                             hessian_vector_product, train)
from minife.backprop.layers import activate, activate_backward, dense, dense_backward_input
from minife.backprop.mlp import moments_in_normal_field
from minife.descent import SGD, Adam
from minife.gradcheck import check_gradient
from minife.parameters import flatten
from minife.units import Binary, Gaussian, LeakyRectified, Potts, Rectified, Spin, Step


# Layers

@proves("B1")
def test_fields_by_hand():
    """(B1) with two inputs, three units and two rows: row i of W holds what input i sends"""
    x = dense(np.array([[1.0, 2.0], [0.0, -1.0]]),
              np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]), np.array([5, 6, 7]))
    assert x.tolist() == [[26, 48, 70], [-5, -14, -23]]


@proves("B2")
@each_unit
def test_an_activation_minimises_the_free_energy_of_its_unit(unit):
    """(B2): A*(h) - h x is least, and then -A(x), at the mean h in the field x, among the means of
    all fields"""
    x = np.linspace(-3, 3, 25)[:, None]
    h = activate(x, unit)
    others = unit.mean(np.linspace(-5, 5, 1001))
    free_energy = unit.conjugate(others) - others * x
    assert_allclose(unit.conjugate(h) - h * x, -unit.potential(x), atol=1e-14)
    assert np.all(free_energy >= -unit.potential(x) - 1e-14)
    assert np.ptp(free_energy, axis=1).min() > 0.01
    assert np.abs(h - others[free_energy.argmin(axis=1)][:, None]).max() < 0.01


# Networks: the gradient

@proves("B1", "B2", "B4", "B8", "B9")
def test_a_network_by_hand():
    """(B1), (B2), (B4), (B8) and (B9): two inputs, two sigmoid units with the means 3/4 and 1/2,
    one output at 4/5"""
    mlp = network((2, 2, 1), Binary(), BinaryCrossEntropy())
    mlp.parameters = {"W1": np.array([[0, log(2)], [-log(3), 0]]), "b1": np.array([0, -log(2)]),
                      "W2": np.array([[2 * log(2)], [3 * log(2)]]), "b2": np.array([-log(2)])}
    x, y = [[1, -1]], [1]
    assert_allclose(mlp.fields(x)[0], [[log(3), 0]], atol=1e-15)
    # 3/4 * 2 + 1/2 * 3 - 1 = 2, times log 2
    assert_allclose(mlp.fields(x)[1], [[log(4)]])
    assert_allclose(mlp.predict(x), [[4 / 5]])
    assert_allclose(mlp.loss(x, y), log(5 / 4))
    # the error at the output is 4/5 - 1 = -1/5
    slope = mlp.gradient(x, y)
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
            x.append([b[k][j] + sum(h[k][i] * W[k][i][j] for i in range(sizes[k]))
                      for j in range(sizes[k + 1])])
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
    return loss, {f"W{k + 1}": dW[k] for k in range(mlp.depth)} | {f"b{k + 1}": db[k]
                                                                   for k in range(mlp.depth)}


@proves("B1", "B8", "B9")
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("unit, activation, slope",
                         [(Spin(), math.tanh, lambda x: 1 - math.tanh(x) ** 2),
                          (Binary(), lambda x: 1 / (1 + math.exp(-x)), lambda x: 1
                           / (2 + math.exp(x) + math.exp(-x))),
                          (Rectified(), lambda x: max(x, 0), lambda x: float(x > 0)),
                           (LeakyRectified(0.1), lambda x: x if x > 0 else x / 10, lambda x: 1
                            if x > 0 else 0.1), (Gaussian(), lambda x: x, lambda x: 1)],
                          ids=["Spin", "Binary", "Rectified", "LeakyRectified", "Gaussian"])
def test_networks_agree_with_plain_loops(depth, unit, activation, slope):
    """(B1), (B8), (B9) and (B14), without an array operation"""
    mlp, X, y = random_network(depth, unit, CategoricalCrossEntropy())
    loss, gradient = by_loops(mlp, X, y, activation, slope)
    assert mlp.loss(X, y) == pytest.approx(loss, rel=1e-12)
    ours = mlp.gradient(X, y)
    assert set(ours) == set(gradient) == set(mlp.parameters)
    for name in gradient:
        assert_allclose(ours[name], gradient[name], rtol=1e-12, atol=1e-15)


@proves("B8")
def test_the_loss_is_a_mean_over_rows():
    """(B8): so twice the same rows change nothing, and the gradient of a batch is the mean of those
    of its rows"""
    for loss in LOSSES:
        mlp, X, y = random_network(3, Spin(), loss)
        assert mlp.loss(np.vstack([X, X]), np.vstack([y, y])) == pytest.approx(mlp.loss(X, y),
                                                                               rel=1e-14)
        rows = [mlp.gradient(X[k:k + 1], y[k:k + 1]) for k in range(4)]
        assert mlp.loss(X, y) == pytest.approx(np.mean([mlp.loss(X[k:k + 1], y[k:k + 1])
                                                        for k in range(4)]), rel=1e-14)
        for name, slope in mlp.gradient(X, y).items():
            assert_allclose(slope, np.mean([row[name] for row in rows], axis=0), rtol=1e-13,
                            atol=1e-16)


@proves("B1", "B9")
def test_a_deep_network_of_gaussian_units_is_a_product_of_matrices():
    """(B1), (B9): the fields at the top are x W1 W2 W3, and the error below is sent back through
    the transposes"""
    mlp, X, y = random_network(3, Gaussian(), SquaredError())
    W1, W2, W3 = (mlp.parameters[f"W{k}"] for k in (1, 2, 3))
    for k in (1, 2, 3):
        mlp.parameters[f"b{k}"][:] = 0
    mlp.input_mean[:], mlp.input_scale = 0, 1.0
    assert_allclose(mlp.predict(X), X @ W1 @ W2 @ W3, rtol=1e-12)
    error = (X @ W1 @ W2 @ W3 - y) / 4
    assert_allclose(mlp.gradient(X, y)["W1"], X.T @ error @ W3.T @ W2.T, rtol=1e-12)


# Networks: the public door

BAD_NETWORKS = {
    "one size": (ValueError, lambda: MLP((3,)),
                 r"sizes must be two numbers or more, inputs and outputs, got \(3,\)"),
    "no size": (ValueError, lambda: MLP(()), r"sizes must be two numbers or more"),
    "size 0": (ValueError, lambda: MLP((3, 0, 2)), "sizes must be a positive integer, got 0"),
    "size 2.5": (ValueError, lambda: MLP((3, 2.5)), "sizes must be a positive integer, got 2.5"),
    "size True": (ValueError, lambda: MLP((3, True)), "sizes must be a positive integer, got True"),
    "class": (TypeError, lambda: MLP((3, 2), hidden=Spin),
              "hidden must be a unit with .*, got the class Spin itself"),
    "Potts": (TypeError, lambda: MLP((3, 2), hidden=Potts()),
              "hidden must be a unit with .* without third_cumulant"),
    "Step": (TypeError, lambda: MLP((3, 2), hidden=Step()),
             r"hidden cannot be Step\(\): its variance is 0"),
    "text": (TypeError, lambda: MLP((3, 2), hidden="tanh"),
             "hidden must be a unit with .*, got 'tanh', without potential, mean"),
    "loss class": (TypeError, lambda: MLP((3, 2), loss=SquaredError),
                   "loss must be .*, got <class"),
    "loss text": (TypeError, lambda: MLP((3, 2), loss="mse"), "loss must be .*, got 'mse'"),
    "dtype": (ValueError, lambda: MLP((3, 2), dtype=np.float16),
              "dtype must be numpy.float32 or numpy.float64, got"),
    "int": (ValueError, lambda: MLP((3, 2), dtype=int),
            "dtype must be numpy.float32 or numpy.float64, got int64"),
    "seed": (TypeError, lambda: MLP((3, 2), rng=0),
             "rng must be a numpy.random.Generator, got int"),
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
                 lambda X: mlp.gradient(X, [0] * 4),
                 lambda X: hessian_vector_product(mlp, X, [0] * 4, mlp.parameters),
                 lambda X: train(mlp, X, [0] * 4, SGD(0.1), 1, np.random.default_rng(0))):
        with pytest.raises(ValueError, match=message):
            call(X)


def test_inputs_and_targets_have_the_same_number_of_rows():
    for loss in LOSSES:
        with pytest.raises(ValueError,
                           match="X and y must have the same number of rows, got 4 and 3"):
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
    # so that flat vectors of them go together
    assert list(gradient) == list(product) == list(mlp.parameters)
    for name, array in mlp.parameters.items():
        assert gradient[name].shape == array.shape == product[name].shape
        assert gradient[name].dtype == array.dtype == product[name].dtype == dtype
    assert mlp.predict(X).dtype == dtype == mlp.fields(X)[0].dtype


@each_loss
@pytest.mark.parametrize("dtype, rounding", [(np.float64, 1e-13), (np.float32, 1e-5)])
def test_inputs_that_are_states_give_the_numbers_of_the_same_inputs_as_floats(loss, dtype,
                                                                              rounding):
    """(B1), (B8), (B12): by sums of rows instead of products; after learning too, and where the
    input is normalised"""
    rng, y = np.random.default_rng(0), [[1, 0]] * 30
    states = rng.integers(2, size=(30, 9), dtype=np.uint8)
    for optimizer in (lambda: SGD(0.1, l2=0.1), lambda: SGD(0.1, momentum=0.9), lambda: Adam(0.01)):
        pair = [network((9, 5, 2), loss=loss, dtype=dtype) for _ in range(2)]
        for mlp, X in zip(pair, (states, states.astype(dtype))):
            train(mlp, X, y, optimizer(), 3, np.random.default_rng(1), batch_size=7)
            mlp.numbers = [flatten(mlp.parameters), flatten(mlp.gradient(X, y)), mlp.loss(X, y),
                           mlp.predict(X)[0],
                           flatten(hessian_vector_product(mlp, X, y, mlp.parameters))]
            mlp.normalise_input(X)
            mlp.numbers.append(flatten(mlp.gradient(X, y)))
        assert pair[0].check_rows(states,
                                  y)[0].dtype == dtype != network((9, 2)).check_rows(states,
                                                                                     y)[0].dtype
        for got, expected in zip(*(mlp.numbers for mlp in pair), strict=True):
            assert_allclose(got, expected, rtol=rounding, atol=rounding)


@pytest.mark.parametrize("mean, scale", [(0.5, 1.0), (0.0, 2.0)])
def test_states_are_normalised_where_a_mean_or_a_scale_says_so(mean, scale):
    """(B14): centred but in their own scale, or scaled alone"""
    mlp, states = network((3, 2)), np.array([[0, 1, 1], [1, 0, 0]], np.uint8)
    mlp.input_mean[:], mlp.input_scale = mean, scale
    assert_allclose(mlp.fields(states)[0], (states - mean) / scale @ mlp.parameters["W1"]
                    + mlp.parameters["b1"])


def test_bytes_that_are_no_states_are_numbers():
    X = np.array([[0, 1, 7], [255, 1, 0]], np.uint8)
    assert_array_equal(network((3, 2)).fields(X)[0], network((3, 2)).fields(X.astype(float))[0])


def test_outputs_are_means_of_the_output_unit():
    """(B5): probabilities that sum to one, probabilities, numbers"""
    X = np.random.default_rng(0).normal(size=(7, 3))
    top = network((3, 4, 2)).fields(X)[-1]
    assert_allclose(network((3, 4, 2)).predict(X), np.exp(top)
                    / np.exp(top).sum(axis=1, keepdims=True), rtol=1e-13)
    assert_allclose(network((3, 4, 2), loss=BinaryCrossEntropy()).predict(X), 1
                    / (1 + np.exp(-top)), rtol=1e-13)
    assert_allclose(network((3, 4, 2), loss=SquaredError(Spin())).predict(X), np.tanh(top),
                    rtol=1e-13)
    assert_array_equal(network((3, 4, 2), loss=SquaredError()).predict(X), top)


# The start

@proves("B13")
@each_unit
def test_fields_of_a_wide_network_start_with_mean_0_and_variance_1(unit):
    """(B13) in all of four layers of hundreds of units: for each unit over the rows, up to 1 /
    sqrt(width)"""
    rng = np.random.default_rng(6)
    mlp = MLP((300, 200, 400, 250, 300), unit, rng=rng)
    for x in mlp.fields(rng.standard_normal((1000, 300))):
        assert abs(x.mean()) < 0.01 and (x.mean(axis=0) ** 2).mean() < 0.01
        assert abs(x.var(axis=0).mean() - 1) < 0.03
        assert x.var(axis=0).min() > 0.5 and x.var(axis=0).max() < 2
    assert np.abs(mlp.parameters["b1"]).max() == 0              # the inputs are centred already


@proves("B13")
@each_unit
def test_moments_in_a_normal_field(unit):
    """(B13) against the trapezoid rule; for the identity 0 and 1, for ReLU 1 / sqrt(2 pi) and (1 -
    1 / pi) / 2"""
    x = np.linspace(-12, 12, 200_001)
    weight = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi) * (x[1] - x[0])
    mean = weight @ unit.mean(x)
    expected = mean, weight @ (unit.mean(x) - mean) ** 2
    # where there is a kink
    tolerance = 1e-5 if isinstance(unit, (Rectified, LeakyRectified)) else 1e-10
    assert_allclose(moments_in_normal_field(unit), expected, atol=tolerance)
    closed = {Gaussian: (0, 1),
              Rectified: (1 / np.sqrt(2 * np.pi), (1 - 1 / np.pi) / 2)}.get(type(unit))
    if closed:
        assert_allclose(expected, closed, atol=1e-9)


GROWTH = [(Binary(), 1.034), (Spin(), 1.178), (Rectified(), 1.467), (Gaussian(), 1)]


def growth(mlp, rng):
    """Return by how much each layer multiplies the mean square of errors sent down, top first."""
    n, squares = mlp.sizes[0], [1.0]
    fields, error = mlp.fields(rng.standard_normal((500, n))), rng.standard_normal((500, n))
    for k in range(mlp.depth - 1, 1, -1):
        d_h = dense_backward_input(error, mlp.parameters[f"W{k}"])
        error = activate_backward(d_h, fields[k - 2], mlp.hidden)
        squares.append((error**2).mean())
    return np.divide(squares[1:], squares[:-1])


@proves("B9", "B13")
@pytest.mark.parametrize("unit, expected", GROWTH, ids=["Binary", "Spin", "Rectified", "Gaussian"])
def test_errors_grow_on_their_way_down(unit, expected):
    """(B9), (B13): at the start a layer multiplies the mean square of errors by E[c^2] / Var h, at
    least 1"""
    rng = np.random.default_rng(7)
    assert_allclose(growth(MLP((300,) * 5, unit, rng=rng), rng), expected, rtol=0.05)


def test_errors_explode_through_twenty_relu_layers_and_not_from_hes_start():
    """1.467^19 is 1457; He's variance 2 / n_in and no biases keep E[h^2] and the errors as they
    are"""
    rng = np.random.default_rng(3)
    mlp = MLP((400,) * 21, Rectified(), rng=rng)
    assert 500 < np.prod(growth(mlp, rng)) < 4000
    for k in range(1, 21):
        mlp.parameters[f"W{k}"] = rng.standard_normal((400, 400)) * np.sqrt(2 / 400)
        mlp.parameters[f"b{k}"] = np.zeros(400)
    assert 0.2 < np.prod(growth(mlp, rng)) < 5
    fields = mlp.fields(rng.standard_normal((500, 400)))
    assert 0.2 < (fields[-1] ** 2).mean() / (fields[0] ** 2).mean() < 5


class Swish:
    """A unit with an activation alone."""

    def mean(self, x):
        return x / (1 + np.exp(-x))


class Cubic:
    """A hidden unit of one's own with all four functions: A(x) = x^2 / 2 + x^4 / 4."""

    def potential(self, x):
        return x**2 / 2 + x**4 / 4

    def mean(self, x):
        return x + x**3

    def variance(self, x):
        return 1 + 3 * x**2

    def third_cumulant(self, x):
        return 6 * x


def test_any_unit_with_the_four_functions_may_be_hidden():
    mlp = network((3, 4, 2), Cubic())
    X, y = np.random.default_rng(0).normal(size=(5, 3)), [0, 1, 1, 0, 1]
    mlp.parameters["W1"] *= 0.3
    check_gradient(lambda _: mlp.loss(X, y), mlp.parameters, mlp.gradient(X, y))
    with pytest.raises(TypeError, match="hidden must be a unit with potential, mean, variance"):
        network((3, 2), Swish())


@pytest.mark.parametrize("name, array, message",
                         [("W1", np.zeros((5, 4)), r"W1 must have shape \(3, 4\), got \(5, 4\)"),
                          ("b2", np.zeros(1), "b2 must have shape"),
                          ("b1", 0.0, r"b1 must have shape \(4,\), got none"),
                          ("W2", None, r"W2 must have shape \(4, 2\), got none")])
def test_a_replaced_parameter_is_noticed_at_the_next_call(name, array, message):
    X, y = np.zeros((2, 3)), [0, 1]
    for call in (lambda mlp: mlp.predict(X.astype(np.uint8)), lambda mlp: mlp.fields(X),
                 lambda mlp: mlp.loss(X, y), lambda mlp: mlp.gradient(X, y),
                 lambda mlp: hessian_vector_product(mlp, X, y, mlp.parameters),
                 lambda mlp: train(mlp, X, y, SGD(0.1), 1, np.random.default_rng(0))):
        mlp = network((3, 4, 2))
        mlp.parameters[name] = array
        with pytest.raises(ValueError, match=message):
            call(mlp)


def test_a_network_names_itself():
    assert repr(network((3, 4, 2))) == "MLP(3 x 4 x 2, Spin, CategoricalCrossEntropy, float64)"


def test_the_start_is_the_generators_alone():
    assert_array_equal(network((3, 4, 2)).parameters["W2"], network((3, 4, 2)).parameters["W2"])
    assert np.any(network((3, 4, 2)).parameters["W2"] != network((3, 4, 2),
                                                                 seed=1).parameters["W2"])
    assert np.any(MLP((3, 4, 2)).parameters["W2"] != MLP((3, 4, 2)).parameters["W2"])


@proves("B14")
def test_normalised_inputs_are_centred_and_in_one_scale():
    """(B14): the mean of each input is 0, the mean of their variances 1, and their ratios stay"""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3)) * [1, 2, 7] + [5, -3, 100]
    mlp = network((3, 3))
    # what the network sees is what it returns as fields
    mlp.parameters = {"W1": np.eye(3), "b1": np.zeros(3)}
    assert_array_equal(mlp.fields(X)[0], X)
    mlp.normalise_input(X)
    seen = mlp.fields(X)[0]
    assert_allclose(seen.mean(axis=0), 0, atol=1e-13)
    assert_allclose(seen.var(axis=0).mean(), 1)
    assert_allclose(seen.std(axis=0) / seen.std(axis=0)[0], X.std(axis=0) / X.std(axis=0)[0])
    # it is the data's scale, not the batch's
    assert_allclose(mlp.fields(X[:1])[0], seen[:1])


@proves("B14")
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


@proves("B14")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e6 / 3])
def test_constant_inputs_do_no_harm(value, dtype):
    """(B14): one of them is seen as 0 and leaves the scale to the rest; where all are, the scale is
    1"""
    mlp, X = network((2, 2), dtype=dtype), np.full((7, 2), value)
    mlp.normalise_input(X)
    assert mlp.input_scale == 1 and np.abs(mlp.fields(X)[0]).max() == 0
    X[:, 1] = np.arange(7)
    mlp.normalise_input(X)
    # the variance of 0 to 6 is 4, and the other's 0
    assert mlp.input_scale == pytest.approx(np.sqrt(2), rel=1e-6)
    assert_allclose(mlp.fields(X)[0], (X[:, 1:] - 3) / np.sqrt(2) @ mlp.parameters["W1"][1:],
                    atol=1e-5)
