"""Chapter E: pseudo-likelihood and the free-energy gap, against sums over states."""
import numpy as np
import pytest
from conftest import random_rbm
from numpy.testing import assert_allclose
from proofs import proves

from minife.evaluation import free_energy_gap, pseudo_likelihood, pseudo_likelihoods
from minife.rbm import GaussianRBM, exact


@proves("E1")
@pytest.mark.parametrize("size", [(1, 4), (5, 4), (3, 7)], ids=str)
def test_pseudo_likelihood_from_the_probabilities_of_all_states(size, beta):
    """(E1): log p(v_i | the rest) = log p(v) - log (p(v) + p(v with i flipped)), at every state
    v"""
    rbm = random_rbm(np.random.default_rng(3), *size, beta=beta, scale=1.5)
    v = exact.all_states(size[0])
    log_p = -beta * rbm.free_energy(v) - exact.log_partition_function(rbm)
    wanted = np.zeros(len(v))
    for i in range(size[0]):
        flipped = np.arange(len(v)) ^ 1 << i             # bit i of a state's number is its unit i
        wanted += log_p - np.logaddexp(log_p, log_p[flipped])
    assert_allclose(pseudo_likelihoods(rbm, v), wanted, rtol=1e-10)
    assert_allclose(pseudo_likelihood(rbm, v), wanted.mean(), rtol=1e-10)


@proves("E1")
def test_the_pseudo_likelihood_of_a_unit_alone_is_its_likelihood(beta):
    """(E1) with one visible unit: there is no rest; and with several at W = 0, where they are
    independent"""
    rng = np.random.default_rng(5)
    for rbm in (random_rbm(rng, 1, 6, beta, scale=2.0), random_rbm(rng, 5, 4, beta, scale=0.0)):
        X = rng.integers(2, size=(7, rbm.n_visible))
        assert_allclose(pseudo_likelihood(rbm, X), exact.log_likelihood(rbm, X), rtol=1e-12)


@proves("E2")
def test_the_free_energy_gap_is_a_ratio_of_likelihoods(rng, beta):
    """(E2): Z cancels"""
    rbm = random_rbm(rng, beta=beta)
    X, Y = rng.integers(2, size=(7, 5)), rng.integers(2, size=(4, 5))
    gap = exact.log_likelihood(rbm, X) - exact.log_likelihood(rbm, Y)
    assert_allclose(beta * free_energy_gap(rbm, X, Y), gap, rtol=1e-11)


@proves("E1", "R16")
@pytest.mark.parametrize("scale", [0.1, 1, 5, 200])
def test_all_pixels_flipped_at_once_are_pixels_flipped_one_by_one(scale, beta):
    """(R16) against (E1): F(v) of every neighbour of v"""
    rng = np.random.default_rng(7)
    rbm = random_rbm(rng, 70, 33, beta=beta, scale=scale)
    X, wanted = rng.integers(2, size=(5, 70)).astype(np.uint8), np.zeros(5)
    for i in range(70):
        flipped = X.copy()
        flipped[:, i] ^= 1
        wanted -= np.logaddexp(0, beta * (rbm.free_energy(X) - rbm.free_energy(flipped)))
    assert_allclose(pseudo_likelihoods(rbm, X), wanted, rtol=1e-9)


def test_the_pseudo_likelihood_does_not_depend_on_the_batches(rng, monkeypatch):
    """(R16)"""
    rbm, X = random_rbm(rng), rng.integers(2, size=(7, 5))
    whole = pseudo_likelihoods(rbm, X)
    monkeypatch.setattr("minife.evaluation.ratios.ROWS", 3)
    assert_allclose(pseudo_likelihoods(rbm, X), whole, rtol=1e-14)


def test_wrong_arguments_are_named(rng):
    rbm = random_rbm(rng)
    with pytest.raises(ValueError, match=r"X must have shape \(n, 5\)"):
        pseudo_likelihood(rbm, np.ones((2, 4)))
    with pytest.raises(ValueError, match="X_other must hold binary states"):
        free_energy_gap(rbm, np.ones((2, 5)), np.full((2, 5), 0.5))
    for machine in (None, GaussianRBM(np.zeros((5, 2)), np.zeros(5), np.zeros(2))):
        with pytest.raises(TypeError, match=r"rbm must be an? RBM, got (GaussianRBM|NoneType)"):
            pseudo_likelihood(machine, np.ones((2, 5)))
    with pytest.raises(TypeError, match="rbm must be a Machine, got NoneType"):
        free_energy_gap(None, np.ones((2, 5)), np.ones((2, 5)))


def test_the_gap_is_there_for_every_machine(rng, beta):
    """(E2): of real rows"""
    rbm = GaussianRBM(rng.standard_normal((5, 3)), np.zeros(5), np.zeros(3), beta)
    X, Y = rng.standard_normal((6, 5)), rng.standard_normal((4, 5))
    wanted = exact.log_likelihood(rbm, X) - exact.log_likelihood(rbm, Y)
    assert_allclose(beta * free_energy_gap(rbm, X, Y), wanted, rtol=1e-11)
