"""Chapter L: local entropy, its slope by quadrature, and the direction of Entropy-SGD."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from proofs import proves

from minife import MLP
from minife.landscape.entropy_sgd import langevin_direction, local_free_energy
from minife.units import Spin

x = np.linspace(-3, 3, 4001)
f = 5 * (x**2 - 1) ** 2 + x + 3 * np.cos(8 * x)


@proves("L21")
@pytest.mark.parametrize("gamma", [5.0, 50.0])
def test_the_slope_is_gamma_times_the_way_to_the_mean(gamma):
    """d/dx = gamma (x - <x'>), and its slope gamma - gamma^2 Var x', by differences of five
    points"""
    smooth, mean = local_free_energy(f, x, gamma)
    h, inner = x[1] - x[0], slice(200, -200)

    def slope(g):
        return (g[:-4] - 8 * g[1:-3] + 8 * g[3:-1] - g[4:]) / (12 * h)

    assert_allclose(slope(smooth)[inner], (gamma * (x - mean))[2:-2][inner], atol=1e-6)
    exponent = -f - gamma / 2 * (x[:, None] - x) ** 2
    p = np.exp(exponent - exponent.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    variance = p @ x**2 - (p @ x) ** 2
    assert_allclose(
        slope(gamma * (x - mean))[inner],
        (gamma - gamma**2 * variance)[2:-2][inner],
        atol=1e-5 * gamma,
    )


@proves("L21")
def test_a_parabola_by_hand():
    """f = k x^2 / 2: minus the local entropy is gamma k x^2 / (2 (gamma + k)) + log((gamma + k)
    / 2 pi) / 2"""
    k, gamma = 3.0, 7.0
    wide = np.linspace(-8, 8, 2001)
    smooth, mean = local_free_energy(k * wide**2 / 2, wide, gamma)
    middle = np.abs(wide) < 2
    expected = gamma * k * wide**2 / (2 * (gamma + k)) + np.log((gamma + k) / (2 * np.pi)) / 2
    assert_allclose(smooth[middle], expected[middle], atol=1e-10)
    assert_allclose(mean[middle], (gamma * wide / (gamma + k))[middle], atol=1e-10)


def test_ripples_go_as_gamma_falls():
    counts = []
    for gamma in (2000, 50, 5, 1):
        smooth = local_free_energy(f[::4], x[::4], gamma)[0]
        counts.append(((smooth[1:-1] < smooth[:-2]) & (smooth[1:-1] < smooth[2:])).sum())
    assert counts[0] >= 3 and counts[-1] == 1 and (np.diff(counts) <= 0).all()


@proves("L21")
def test_two_noisy_steps_by_hand(rng):
    """The running mean of x' <- x' - step (f' + gamma (x' - x)) + noise sqrt(step) xi, in which the
    noise is most of the way"""
    mlp, X, y = MLP((4, 5, 3), Spin(), rng=rng), rng.standard_normal((30, 4)), np.zeros(30, int)
    gamma, step, noise, draws = 3.0, 0.01, 2.0, np.random.default_rng(1)
    walker = MLP((4, 5, 3), Spin(), rng=rng)
    x = {name: array.copy() for name, array in mlp.parameters.items()}
    mean = {name: array.copy() for name, array in x.items()}
    walker.parameters = {name: array.copy() for name, array in x.items()}
    for _ in range(2):
        rows = draws.integers(30, size=7)
        slopes = walker.gradient(X[rows], y[rows])
        for name, here in walker.parameters.items():
            xi = draws.standard_normal(here.shape)
            walker.parameters[name] = here - step * (slopes[name] + gamma * (here - x[name])) \
                + noise * np.sqrt(step) * xi
            mean[name] = 0.75 * mean[name] + 0.25 * walker.parameters[name]
    got = langevin_direction(mlp, X, y, gamma, 2, step, noise, np.random.default_rng(1), 7)
    for name in x:
        assert_allclose(got[name], gamma * (x[name] - mean[name]), rtol=1e-9, err_msg=name)


@proves("L21")
def test_a_short_walk_goes_down_the_slope_itself(rng):
    """Without noise, with small steps, the direction is the gradient times gamma step (a
    weighted number of steps)"""
    mlp, X, y = (
        MLP((4, 5, 3), Spin(), rng=rng),
        rng.standard_normal((30, 4)),
        rng.integers(3, size=30),
    )
    before = {name: array.copy() for name, array in mlp.parameters.items()}
    gamma, n, step = 2.0, 5, 1e-6
    whole = [
        langevin_direction(
            mlp, X, y, gamma, n, step, 0.0, np.random.default_rng(s), batch_size=3000
        )
        for s in range(2)
    ]
    weighted = sum(
        k * 0.25 * 0.75 ** (n - k) for k in range(1, n + 1)
    )  # the running mean of 1, 2, ..., n steps
    for name, slope in mlp.gradient(X, y).items():
        assert_allclose(
            whole[0][name],
            gamma * step * weighted * slope,
            atol=0.15 * gamma * step * weighted * abs(slope).max(),
        )
        assert (mlp.parameters[name] == before[name]).all()


@pytest.mark.parametrize(
    "call, error, message",
    [
        (
            lambda m: local_free_energy(f, x[1:], 1.0),
            ValueError,
            "f and x must have the same shape",
        ),
        (
            lambda m: local_free_energy(f, x, 0),
            ValueError,
            "gamma must be a positive number, got 0",
        ),
        (
            lambda m: langevin_direction(None, x, x, 1, 1, 1, 0, np.random.default_rng()),
            TypeError,
            "mlp must be an MLP",
        ),
        (
            lambda m: langevin_direction(m, x, x, 1, 0, 1, 0, np.random.default_rng()),
            ValueError,
            "n_steps must be a positive",
        ),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call(MLP((4, 5, 3)))
