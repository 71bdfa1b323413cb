"""Gaussian visible units: exact sums against integrals on a grid, sampling, and learning a
mixture."""
import numpy as np
import pytest
from conftest import BETAS
from numpy.testing import assert_allclose, assert_array_equal
from proofs import proves

from minife.descent.optimizers import SGD, linear_decay
from minife.rbm import GaussianRBM, exact
from minife.rbm.gibbs import gibbs_chain, sample_hidden, sample_visible
from minife.rbm.tempering import ParallelTempering
from minife.rbm.training import (Centering, ContrastiveDivergence, ExactEnumeration,
                                 PersistentContrastiveDivergence, descent_direction, train)


def random_machine(rng, n_visible=2, n_hidden=4, beta=1.0):
    return GaussianRBM(0.7 * rng.standard_normal((n_visible, n_hidden)),
                       0.5 * rng.standard_normal(n_visible), 0.5 * rng.standard_normal(n_hidden),
                       beta)


def grid(n_visible, step=0.1, edge=16.0):
    """Return the points of a grid (n, n_visible) and the volume that each stands for.

    The trapezoidal sum of a smooth function that has died at the edges converges faster than any
    power of the step."""
    line = np.arange(-edge, edge, step)
    return np.stack(np.meshgrid(*n_visible * [line]),
                    axis=-1).reshape(-1, n_visible), step**n_visible


@pytest.fixture(scope="module", params=[(n, beta) for n in (1, 2) for beta in BETAS], ids=str)
def case(request):
    n_visible, beta = request.param
    rbm = random_machine(np.random.default_rng(7), n_visible, beta=beta)
    v, volume = grid(n_visible)
    h = exact.all_states(rbm.n_hidden)
    confined = ((v - rbm.a) ** 2).sum(axis=1) / 2
    E = confined[:, None] - h @ rbm.b - v @ rbm.W @ h.T  # (n, 2^n_hidden)  (R20)
    return rbm, v, h, E, np.exp(-beta * E) * volume


@proves("R20")
def test_energy(case):
    """(R20)"""
    rbm, v, h, E, _ = case
    assert_allclose(rbm.energy(v[::97], np.tile(h[5], (len(v[::97]), 1))), E[::97, 5], rtol=1e-12)


@proves("R21")
def test_free_energy_and_partition_function(case):
    """(R21): sums over h, integrals over v"""
    rbm, v, _, _, weight = case
    F = -np.log(weight[::97].sum(axis=1)) / rbm.beta
    assert_allclose(np.diff(rbm.free_energy(v[::97])), np.diff(F), rtol=1e-9, atol=1e-9)
    assert_allclose(exact.log_partition_function(rbm), np.log(weight.sum()), rtol=1e-12)


@proves("R21")
def test_moments_and_likelihood(case):
    """(R21)"""
    rbm, v, h, _, weight = case
    p = weight / weight.sum()
    model = exact.moments(rbm)
    assert_allclose(model.v, p.sum(axis=1) @ v, rtol=1e-10)
    assert_allclose(model.h, p.sum(axis=0) @ h, rtol=1e-10)
    assert_allclose(model.vh, v.T @ p @ h, rtol=1e-10)
    X = v[::1501]
    density = (p / grid(rbm.n_visible)[1]).sum(axis=1)[::1501]
    likely = density > 1e-300
    assert_allclose(exact.log_likelihood(rbm, X[likely]), np.log(density[likely]).mean(),
                    rtol=1e-10)


@proves("R20")
def test_conditionals(case):
    """(R20): v given h is Gaussian of mean a + W h and variance 1/beta; h given v are coins"""
    rbm, v, h, _, weight = case
    for k in (0, 6):
        p = weight[:, k] / weight[:, k].sum()
        mean = p @ v
        assert_allclose(rbm.visible_mean(h[k:k + 1])[0], mean, rtol=1e-9)
        assert_allclose(((v - mean).T * p) @ (v - mean), np.eye(rbm.n_visible) / rbm.beta,
                        atol=1e-9)
    rows = np.flatnonzero(weight.sum(axis=1) > 1e-12)[::1000]
    assert_allclose(rbm.hidden_mean(v[rows]),
                    weight[rows] @ h / weight[rows].sum(axis=1, keepdims=True), rtol=1e-9)


@proves("R20")
def test_sampling(rng, beta):
    """(R20), within five standard errors, and the same generator gives the same samples"""
    rbm, n = random_machine(rng, beta=beta), 20_000
    h = np.tile([[1, 0, 1, 1]], (n, 1))
    v = sample_visible(rbm, h, rng)
    assert (np.abs(v.mean(axis=0) - rbm.visible_mean(h[:1])) < 5 / np.sqrt(beta * n)).all()
    assert_allclose(np.cov(v.T), np.eye(2) / beta, atol=5 * np.sqrt(2 / n) / beta)
    x = np.tile([[0.3, -0.8]], (n, 1))
    p = rbm.hidden_mean(x[:1])
    assert (np.abs(sample_hidden(rbm, x, rng).mean(axis=0) - p) < 5
            * np.sqrt(p * (1 - p) / n)).all()
    first, again = (gibbs_chain(rbm, x[:50], 3, np.random.default_rng(1)) for _ in range(2))
    assert_array_equal(first[0], again[0])
    assert len(np.unique(first[0])) == 100


PHASES = {"pcd": lambda n: PersistentContrastiveDivergence(n),
          "cd": lambda n: ContrastiveDivergence(40),
          "tempering": lambda n: ParallelTempering([0.3, 0.6, 1], n)}


@pytest.mark.parametrize("name", PHASES)
def test_negative_phases_reach_the_moments_of_the_model(name, rng):
    """(R21), (R12) and (R19): the same objects as for binary units"""
    rbm, n = random_machine(rng, beta=1.5), 5000
    model, phase = exact.moments(rbm), PHASES[name](n)
    for _ in range(1 if name == "cd" else 25):
        estimate = phase.moments(rbm, rbm.rows(np.zeros((n, 2)), "X"), rng)
    # the deviations of v are below 1.5
    assert np.abs(estimate.v - model.v).max() < 5 * 1.5 / np.sqrt(n)
    assert np.abs(estimate.h - model.h).max() < 5 * 0.5 / np.sqrt(n)
    assert np.abs(estimate.vh - model.vh).max() < 5 * 1.5 / np.sqrt(n)


def test_a_step_follows_the_exact_gradient(rng, beta):
    """(R21)"""
    rbm, X = random_machine(rng, beta=beta), rng.standard_normal((9, 2))
    slope = exact.log_likelihood_gradient(rbm, X)
    for name, step in descent_direction(rbm, X, ExactEnumeration(), rng).items():
        assert_allclose(step, -slope[name], rtol=1e-12)


def three_clusters():
    """600 points around three corners, of standard deviation 0.4, and their mean log density."""
    rng, corners = np.random.default_rng(0), np.array([[2.0, 2.0], [-2.0, 2.0], [0.0, -2.0]])
    X = corners[rng.integers(3, size=600)] + 0.4 * rng.standard_normal((600, 2))
    squares = ((X[:, None] - corners) ** 2).sum(axis=2)
    return X, np.log(np.exp(-squares / 0.32).mean(axis=1) / (0.32 * np.pi)).mean()


@pytest.mark.parametrize("name, centering, gap",
                         [("exact", None, 0.03), ("exact", Centering(), 0.03),
                          ("tempering", None, 0.3), ("pcd", None, 1), ("cd", None, 2.5)])
def test_learning_a_mixture(name, centering, gap):
    """(R21): beta = 1 / 0.4^2, and the weights find the corners. The exact gradient reaches the
    density that made the
    data; what samples comes the closer, the more easily its chains cross from corner to corner"""
    X, best = three_clusters()
    start = GaussianRBM.initialise(2, 6, np.random.default_rng(0), X)
    assert_allclose(start.a, X.mean(axis=0))
    rbm = GaussianRBM(**start.parameters, beta=1 / 0.16)
    before = exact.log_likelihood(rbm, X)
    phase = {"exact": ExactEnumeration(), "cd": ContrastiveDivergence(),
             "pcd": PersistentContrastiveDivergence(),
             "tempering": ParallelTempering([0.05, 0.1, 0.2, 0.4, 1])}[name]
    train(rbm, X, phase, SGD(linear_decay(0.02, 600), momentum=0.5), 100, np.random.default_rng(1),
          centering=centering)
    after = exact.log_likelihood(rbm, X)
    assert after > before + 10 and after > best - gap


def test_float32_stays_float32(rng):
    rbm = GaussianRBM.initialise(3, 4, rng, rng.standard_normal((9, 3)), dtype=np.float32)
    v, h = gibbs_chain(rbm, rng.standard_normal((5, 3)), 2, rng)
    assert v.dtype == np.float32 and h.dtype == np.uint8
    assert rbm.free_energy(v).dtype == np.float32
    phase = PersistentContrastiveDivergence(7)
    for slope in descent_direction(rbm, v, phase, rng).values():
        assert slope.dtype == np.float32


def test_a_resumed_run_is_the_uninterrupted_run(tmp_path):
    def run(n_epochs, seed, **more):
        rbm = GaussianRBM.initialise(2, 3, np.random.default_rng(0), dtype=np.float64)
        train(rbm, three_clusters()[0], PersistentContrastiveDivergence(20), SGD(0.01), n_epochs,
              np.random.default_rng(seed), **more)
        return rbm.W
    whole = run(4, 1)
    run(2, 1, checkpoint=tmp_path / "run.npz")
    assert_array_equal(run(4, 2, checkpoint=tmp_path / "run.npz", same_seed=False), whole)


def test_what_cannot_be_is_refused(rng):
    rbm = random_machine(rng)
    with pytest.raises(ValueError, match="at most 25 units in the hidden layer .*got 2 visible and "
                       "26 hidden"):
        exact.log_partition_function(random_machine(rng, 2, 26))
    with pytest.raises(ValueError, match=r"v must have shape \(n, 2\), got \(3, 5\)"):
        rbm.free_energy(np.zeros((3, 5)))
    with pytest.raises(ValueError, match="X must be finite"):
        train(rbm, np.full((3, 2), np.nan), ContrastiveDivergence(), SGD(0.1), 1, rng)
    with pytest.raises(ValueError, match="betas must begin above 0 for Gaussian units"):
        train(rbm, rng.standard_normal((3, 2)), ParallelTempering(3, 5), SGD(0.1), 1, rng)
