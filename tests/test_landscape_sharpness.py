"""Chapter L: noise on the weights, curvature and spectrum of a network."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from proofs import proves

from minife import MLP
from minife.backprop import hessian_vector_product
from minife.landscape import noise_rise, tail_exponent, top_curvature
from minife.units import Spin


@pytest.fixture
def network(rng):
    return MLP((4, 5, 3), Spin(), rng=rng), rng.standard_normal((30, 4)), rng.integers(3, size=30)


def hessian(mlp, X, y):
    """Return the Hessian of the mean loss and the sizes of the arrays, column by column from
    (B12)."""
    columns, sizes = [], [array.size for array in mlp.parameters.values()]
    for name in mlp.parameters:
        for index in np.ndindex(mlp.parameters[name].shape):
            v = {n: np.zeros(array.shape) for n, array in mlp.parameters.items()}
            v[name][index] = 1
            columns.append(
                np.concatenate(
                    [part.ravel() for part in hessian_vector_product(mlp, X, y, v).values()]
                )
            )
    return np.array(columns), sizes


@proves("L16")
def test_the_rise_under_small_noise_is_half_variance_times_trace(network):
    mlp, X, y = network
    for array in mlp.parameters.values():
        array += 0.1  # biases of size 0 get no noise
    H, sizes = hessian(mlp, X, y)
    kept = {name: array.copy() for name, array in mlp.parameters.items()}
    noise, diagonals = 0.01, np.split(np.diag(H), np.cumsum(sizes)[:-1])
    expected = sum(
        (noise**2 * (array**2).mean()) * diagonal.sum() / 2
        for array, diagonal in zip(kept.values(), diagonals)
    )
    rise = noise_rise(mlp, X, y, noise, 3000, np.random.default_rng(0))
    assert abs(rise - expected) < 0.03 * expected, (
        f"(L16): {rise} for noise {noise}, {expected} from the Hessian"
    )
    assert all((mlp.parameters[name] == array).all() for name, array in kept.items())
    assert noise_rise(mlp, X, y, 0.0, 2, np.random.default_rng(0)) == 0


@proves("L17")
def test_the_top_eigenvalue_of_the_hessian(network, rng):
    mlp, X, y = network
    values = np.linalg.eigvalsh(hessian(mlp, X, y)[0])
    assert_allclose(top_curvature(mlp, X, y, 500, rng), values[np.abs(values).argmax()], rtol=1e-9)


@proves("L18")
def test_the_exponent_of_a_power_law():
    """From quantiles of l^-alpha above 1, which a fit must find; and where noise below it stands"""
    for alpha in (2.0, 3.5):
        share = (np.arange(400) + 0.5) / 400
        values = (1 - share) ** (-1 / (alpha - 1))
        found, least = tail_exponent(np.diag(np.sqrt(values)))
        assert abs(found - alpha) < 0.1 * alpha and least < 2
        l = np.sort(values[values >= least * (1 - 1e-9)])
        assert_allclose(found, 1 + len(l) / np.log(l / least).sum(), rtol=1e-9)
        below = np.random.default_rng(0).uniform(0.5, 1, 200)
        found, least = tail_exponent(np.diag(np.sqrt(np.concatenate([below, values]))))
        assert abs(found - alpha) < 0.15 * alpha and least > 0.9


@pytest.mark.parametrize(
    "call, error, message",
    [
        (
            lambda m: tail_exponent(np.eye(5)),
            ValueError,
            "W must have at least 10 singular values above 0, got 5",
        ),
        (
            lambda m: noise_rise(m, np.zeros((1, 4)), [0], -1, 1, np.random.default_rng()),
            ValueError,
            "noise must be",
        ),
        (
            lambda m: noise_rise(m, np.zeros((1, 4)), [0], 1, 0, np.random.default_rng()),
            ValueError,
            "n_draws must be",
        ),
        (
            lambda m: top_curvature(m, np.zeros((1, 4)), [0], 1, 3),
            TypeError,
            "rng must be a numpy.random.Generator",
        ),
        (
            lambda m: top_curvature(None, np.zeros((1, 4)), [0], 1, 3),
            TypeError,
            "mlp must be an MLP",
        ),
    ],
)
def test_bad_arguments(call, error, message, network):
    with pytest.raises(error, match=message):
        call(network[0])
