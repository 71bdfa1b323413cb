"""Losses against their definitions, fractions by hand and free energies."""
import itertools
import math
from math import log

import numpy as np
import pytest
from networks import LOSSES, each_loss, each_matching_loss, network
from numpy.testing import assert_allclose, assert_array_equal
from proofs import proves

from minife.backprop import BinaryCrossEntropy, CategoricalCrossEntropy, SquaredError
from minife.units import Binary, Potts, Spin

X = 3 * np.random.default_rng(0).normal(size=(200, 3))
Y = np.random.default_rng(1).dirichlet(np.ones(3), 200)


def total(f, unit, x):
    """Return f(x) summed over units, row by row; a Potts unit does so itself."""
    return f(x) if isinstance(unit, Potts) else f(x).sum(axis=1)


@proves("B3")
@each_matching_loss
def test_a_matching_loss_is_potential_minus_field_times_target(loss):
    """(B3): the squared error is that plus |y|^2 / 2"""
    constant = (Y**2).sum(axis=1) / 2 if isinstance(loss, SquaredError) else 0
    potential = total(loss.unit.potential, loss.unit, X)
    assert_allclose(loss.value(X, Y), potential - (X * Y).sum(axis=1) + constant, rtol=1e-12)


@proves("B3", "B4")
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


@proves("B4")
@each_matching_loss
def test_the_slope_of_a_matching_loss_is_mean_minus_target(loss):
    """(B4): no variance in it, so a saturated output that is wrong still learns"""
    mean = {SquaredError: lambda x: x, BinaryCrossEntropy: lambda x: 1 / (1 + np.exp(-x)),
            CategoricalCrossEntropy: lambda x: np.exp(x)
            / np.exp(x).sum(axis=1, keepdims=True)}[type(loss)]
    assert_allclose(loss.gradient(X, Y), mean(X) - Y, atol=1e-14)
    wrong = loss.gradient(np.array([[-40.0, 40.0, 0.0]]), np.array([[1.0, 0.0, 0.0]]))
    assert np.all(np.abs(wrong[0, :2]) > 0.999)


@proves("B5")
def test_the_losses_spelt_out():
    """(B5) in plain Python: squares, and logs of probabilities"""
    for x, y, squares, binary, categorical in zip(X, Y, LOSSES[0].value(X, Y),
                                                  LOSSES[2].value(X, Y), LOSSES[3].value(X, Y),
                                                  strict=True):
        sigmoid = [1 / (1 + math.exp(-field)) for field in x]
        softmax = [math.exp(field) / sum(map(math.exp, x)) for field in x]
        assert squares == pytest.approx(sum((x - y) ** 2) / 2, rel=1e-12)
        assert binary == pytest.approx(-sum(t * log(m) + (1 - t) * log(1 - m)
                                            for t, m in zip(y, sigmoid, strict=True)), rel=1e-12)
        assert categorical == pytest.approx(-sum(t * log(m) for t,
                                                 m in zip(y, softmax, strict=True)), rel=1e-12)


@proves("B4", "B5", "B7")
def test_losses_by_hand():
    """(B4), (B5), (B7) at fields whose exponentials are whole numbers"""
    def check(loss, x, y, value, *slope):
        x, y = np.array([x]), np.array([y])
        assert_allclose(loss.value(x, y), [value], rtol=1e-14)
        assert_allclose(loss.gradient(x, y), [slope], rtol=1e-14)

    check(SquaredError(), [3.0, -1.0], [1.0, 0.0], 5 / 2, 2, -1)
    check(SquaredError(Binary()), [log(3), 0.0], [1.0, 0.0], 1 / 32 + 1 / 8, -1 / 4 * 3 / 16, 1
          / 2 * 1 / 4)
    check(SquaredError(Spin()), [log(2)], [1.0], 2 / 25, -2 / 5 * 16 / 25)
    check(BinaryCrossEntropy(), [log(3), 0.0], [1.0, 0.0], log(4 / 3) + log(2), -1 / 4, 1 / 2)
    check(CategoricalCrossEntropy(), [0.0, log(3), log(4)], [0.0, 1.0, 0.0], log(8 / 3), 1 / 8, -5
          / 8, 1 / 2)
    check(CategoricalCrossEntropy(), [0.0, log(3)], [0.5, 0.5], log(4) - log(3) / 2, -1 / 4, 1 / 4)


@proves("B6")
def test_the_softmax_loss_is_the_free_energy_of_the_clamped_output_minus_that_of_the_free_one():
    """(B6): states k of energy -x_k, summed over to be free; its slope is clamped minus free
    moments of the energy's"""
    loss = CategoricalCrossEntropy()
    for k, states in enumerate(np.eye(3)):
        weights = np.exp(X)                                             # (n, 3), e^-E
        clamped, free = -X[:, k], -np.log(weights.sum(axis=1))
        labels = loss.targets(np.full(len(X), k), 3)
        assert_allclose(loss.value(X, labels), clamped - free, atol=1e-12)
        # of the free one in the fields
        free_slope = -weights / weights.sum(axis=1, keepdims=True)
        assert_allclose(loss.gradient(X, labels), -states - free_slope, atol=1e-14)


@proves("B6")
def test_the_sigmoid_loss_is_clamped_minus_free_too():
    """(B6) for binary outputs, each of the 2^3 states of energy -x.s"""
    states = np.array(list(itertools.product([0, 1], repeat=3)))
    free = -np.log(np.exp(X @ states.T).sum(axis=1))
    for y in states:
        assert_allclose(BinaryCrossEntropy().value(X, y * np.ones_like(X)), -X @ y - free,
                        atol=1e-12)


@proves("B7")
def test_squared_error_of_another_output_unit_learns_nothing_where_it_is_saturated():
    """(B7): the slope (m - y) c dies with the variance, though the output is as wrong as can be;
    (B4) does not"""
    x, y = np.array([[-40.0]]), np.array([[1.0]])
    assert SquaredError(Binary()).value(x, y) == 0.5
    assert abs(SquaredError(Binary()).gradient(x, y)) < 1e-17
    assert BinaryCrossEntropy().gradient(x, y) == -1
    m = Binary().mean(X)
    assert_allclose(SquaredError(Binary()).gradient(X, Y), (m - Y) * m * (1 - m), atol=1e-15)


@proves("B11")
def test_second_derivatives_of_the_losses():
    """(B11): variance times r for a matching loss, a covariance matrix for softmax; by hand for the
    squared sigmoid"""
    r = np.random.default_rng(2).normal(size=X.shape)
    assert_allclose(LOSSES[0].hessian_product(X, Y, r), r)
    m = Binary().mean(X)
    assert_allclose(LOSSES[2].hessian_product(X, Y, r), m * (1 - m) * r, rtol=1e-10)
    assert_allclose(LOSSES[3].hessian_product(X, Y, r),
                    np.einsum("nij,nj->ni", Potts().variance(X), r), atol=1e-14)
    by_hand = SquaredError(Binary()).hessian_product(np.array([[log(3)]]), np.array([[1.0]]),
                                                     np.array([[2.0]]))
    assert_allclose(by_hand, [[2 * (9 / 256 + (-1 / 4) * (3 / 16) * (-1 / 2))]])
    concave = SquaredError(Binary()).hessian_product(np.array([[log(4)]]), np.array([[0.0]]),
                                                     np.array([[1.0]]))
    assert_allclose(concave, [[-32 / 625]])                             # (4/25)^2 - 4/5 * 12/125


@pytest.mark.filterwarnings("error")
@each_loss
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_extreme_fields_have_finite_losses(loss, dtype):
    """(B5) at |x| = 1000, where e^x overflows: a loss of 0 where right, and of the whole field
    where wrong"""
    x = np.array([[1000, -1000], [-1000, 1000]], dtype)
    y = np.array([[1, 0], [1, 0]], dtype)
    value, slope = loss.value(x, y), loss.gradient(x, y)
    curvature = loss.hessian_product(x, y, np.ones_like(x))
    for result in (value, slope, curvature):
        assert np.isfinite(result).all() and result.dtype == dtype
    right, wrong = {SquaredError: (0, 1), BinaryCrossEntropy: (0, 2000),
                    CategoricalCrossEntropy: (0, 2000)}[type(loss)]
    if loss is LOSSES[0]:
        right, wrong = (999**2 + 1000**2) / 2, (1001**2 + 1000**2) / 2
    assert value.tolist() == [right, wrong]


def test_labels_one_hot_rows_and_probabilities_are_the_same_targets():
    loss = CategoricalCrossEntropy()
    rows = [[0, 0, 1], [1, 0, 0]]
    for y in ([2, 0], np.array([2, 0], np.uint8), np.array([2.0, 0.0]), rows, np.array(rows, bool)):
        assert_array_equal(loss.targets(y, 3), rows)
    assert_array_equal(loss.targets(Y, 3), Y)
    assert_allclose(loss.value(X, Y),
                    sum(Y[:, k] * loss.value(X, loss.targets([k] * 200, 3)) for k in range(3)))
    for loss in LOSSES[:3]:
        assert_array_equal(loss.targets([0, 1, 1], 1), [[0], [1], [1]])
        assert_array_equal(loss.targets([[0], [1]], 1), [[0], [1]])


BAD_TARGETS = {
    "label": (CategoricalCrossEntropy(), [0, 2], "y must hold labels 0 to 1, got 2"),
    "label < 0": (CategoricalCrossEntropy(), [0, -1], "y must hold labels 0 to 1, got -1"),
    "label 0.5": (CategoricalCrossEntropy(), [0.5, 1], "y must hold labels 0 to 1, got 0.5"),
    "label nan": (CategoricalCrossEntropy(), [0, np.nan], "y must be finite, got nan"),
    "sum": (CategoricalCrossEntropy(), [[0.5, 0.4], [0.5, 0.6]],
            "row of y must sum to one, got sums from 0.9 to 1.1"),
    "negative": (CategoricalCrossEntropy(), [[1.5, -0.5]],
                 r"y must lie in \[0, 1\], got values from -0.5 to 1.5"),
    "classes": (CategoricalCrossEntropy(), [[0.2, 0.3, 0.5]],
                r"y must have shape \(n, 2\), got \(1, 3\)"),
    "above 1": (BinaryCrossEntropy(), [[2, 0]],
                r"y must lie in \[0, 1\], got values from 0.0 to 2.0"),
    "binary shape": (BinaryCrossEntropy(), [[0, 1, 1]],
                     r"y must have shape \(n, 2\), got \(1, 3\)"),
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


@pytest.mark.parametrize("unit", ["x", Binary, Potts(), None])
def test_the_unit_of_a_squared_error_is_elementwise(unit):
    with pytest.raises(TypeError, match="unit must be an elementwise unit with mean, variance"):
        SquaredError(unit)
