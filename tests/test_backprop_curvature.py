"""The Hessian times a vector, by hand and by symmetry."""
from math import log

import numpy as np
import pytest
from conftest import random_network
from networks import DEPTHS, each_loss, each_matching_loss, each_unit, network
from numpy.testing import assert_allclose
from proofs import proves

from minife.backprop import CategoricalCrossEntropy, SquaredError, hessian_vector_product
from minife.parameters import flatten, norm
from minife.units import Gaussian, Spin


@proves("B12")
@each_unit
@each_loss
@pytest.mark.parametrize("depth", DEPTHS)
def test_the_hessian_is_symmetric_and_linear(unit, loss, depth):
    """(B12): u.Hv = v.Hu, though the two are computed along different directions"""
    mlp, X, y = random_network(depth, unit, loss)
    rng = np.random.default_rng(depth)
    u, v = ({name: rng.standard_normal(array.shape) for name, array in mlp.parameters.items()}
            for _ in "uv")
    Hu, Hv = (hessian_vector_product(mlp, X, y, direction) for direction in (u, v))
    left, right = flatten(u) @ flatten(Hv), flatten(v) @ flatten(Hu)
    assert abs(left - right) <= 1e-12 * norm(u) * norm(Hv)
    both = hessian_vector_product(mlp, X, y, {name: 2 * u[name] - v[name] for name in u})
    assert_allclose(flatten(both), 2 * flatten(Hu) - flatten(Hv), atol=1e-12 * norm(both))


@proves("B12")
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


@proves("B10", "B11", "B12")
def test_a_hessian_by_hand():
    """(B10) to (B12): two layers of one unit, E = (w2 (w1 x + b1) + b2 - y)^2 / 2, at w1 = 2, w2 =
    3, x = 5, y = 1

    With b1 = b2 = 0 the output is 30 and the error 29. In the order W1, b1, W2, b2 the output has
    the slopes 15, 3, 10, 1 and the second slopes 5 (w1, w2) and 1 (b1, w2): H is their outer
    product plus 29 times these."""
    mlp = network((1, 1, 1), Gaussian(), SquaredError())
    mlp.parameters = {"W1": np.array([[2.0]]), "b1": np.zeros(1), "W2": np.array([[3.0]]),
                      "b2": np.zeros(1)}
    hessian = np.outer([15, 3, 10, 1], [15, 3, 10, 1])
    hessian[[0, 2], [2, 0]] += 29 * 5
    hessian[[1, 2], [2, 1]] += 29
    for row, name in zip(hessian, mlp.parameters, strict=True):
        v = {key: np.full_like(array, key == name) for key, array in mlp.parameters.items()}
        assert_allclose(flatten(hessian_vector_product(mlp, [[5.0]], [1.0], v)), row, rtol=1e-14)


@proves("B10", "B11", "B12")
def test_the_curvature_of_a_hidden_unit_counts():
    """(B10) and (B11) by hand: E = tanh(w)^2 / 2 has the second slope c^2 + m A''' with A''' = -2 m
    c"""
    mlp = network((1, 1, 1), Spin(), SquaredError())
    mlp.parameters = {"W1": np.array([[log(2)]]), "b1": np.zeros(1), "W2": np.ones((1, 1)),
                      "b2": np.zeros(1)}
    v = {key: np.full_like(array, key == "W1") for key, array in mlp.parameters.items()}
    m, c = 3 / 5, 16 / 25
    expected = {"W1": c**2 - 2 * m**2 * c, "b1": c**2 - 2 * m**2 * c, "W2": 2 * m * c, "b2": c}
    product = hessian_vector_product(mlp, [[1.0]], [0.0], v)
    assert_allclose([product[name].item() for name in expected], list(expected.values()),
                    rtol=1e-14)


@pytest.mark.parametrize("change",
                         [lambda v: v.pop("b2"), lambda v: v.update(W3=v["W2"]),
                          lambda v: v.update(W1=v["W1"].T)], ids=["missing", "more", "shape"])
def test_a_direction_has_the_keys_and_shapes_of_the_parameters(change):
    mlp, X, y = random_network(2, Spin(), CategoricalCrossEntropy())
    v = {name: array.copy() for name, array in mlp.parameters.items()}
    change(v)
    with pytest.raises(ValueError,
                       match="direction must have the keys and shapes of mlp.parameters"):
        hessian_vector_product(mlp, X, y, v)


def test_a_direction_is_a_dict_of_finite_numbers():
    mlp, X, y = random_network(2, Spin(), CategoricalCrossEntropy())
    for direction in (np.nan, None, flatten(mlp.parameters)):
        with pytest.raises(TypeError, match="direction must be a dict of arrays, got"):
            hessian_vector_product(mlp, X, y, direction)
    with pytest.raises(ValueError, match="direction must be finite, got nan in W1"):
        hessian_vector_product(mlp, X, y,
                               {name: np.full(array.shape, np.nan) for name,
                                array in mlp.parameters.items()})
