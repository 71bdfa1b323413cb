"""Chapter R: exact sums and exact samples of machines with a small layer."""
import numpy as np
import pytest
from conftest import random_rbm
from numpy.testing import assert_allclose
from proofs import proves

from minife import RBM, kernels
from minife.kernels import reference
from minife.rbm import exact


@proves("R7")
@pytest.mark.parametrize("size", [(5, 4), (3, 6), (4, 4)], ids=str)
@pytest.mark.parametrize("block", [4, 2**16], ids=lambda block: f"block={block}")
def test_exact_samples_have_the_probabilities_of_the_model(size, block, beta, monkeypatch):
    """(R7) and (R4): all visible states, within five standard errors, from one block of hidden
    states and from many"""
    monkeypatch.setattr(exact, "BLOCK", block)
    rbm, n = random_rbm(np.random.default_rng(2), *size, beta=beta), 20000
    v = exact.sample(rbm, n, np.random.default_rng(4))
    assert v.shape == (n, size[0]) and v.dtype == np.uint8
    frequency = np.bincount(v @ (1 << np.arange(size[0])), minlength=2 ** size[0]) / n
    p = np.exp(-beta * rbm.free_energy(exact.all_states(size[0])) - exact.log_partition_function(rbm))
    assert (np.abs(frequency - p) < 5 * np.sqrt(p * (1 - p) / n) + 1e-4).all()


@proves("R15")
@pytest.mark.parametrize("scale", [0.1, 1, 5, 100])
@pytest.mark.parametrize("bias", [0.5, 200])
def test_log_z_without_exponentials_is_log_z(scale, bias, beta):
    """(R15): against the plain sum over hidden states, from weak couplings to where the factors
    leave their range"""
    rng = np.random.default_rng(6)
    for n_visible, n_hidden in ((1, 1), (30, 1), (9, 8), (130, 9), (7, 12)):
        rbm = RBM(scale * rng.standard_normal((n_visible, n_hidden)), bias * rng.standard_normal(n_visible),
                  bias * rng.standard_normal(n_hidden), beta)
        h = exact.all_states(n_hidden)
        log_weight = beta * (h @ rbm.b) + np.logaddexp(0, beta * (rbm.a + h @ rbm.W.T)).sum(axis=1)
        top = log_weight.max()
        assert_allclose(exact.log_partition_function(rbm), top + np.log(np.exp(log_weight - top).sum()), rtol=1e-12)


def test_a_product_of_many_factors_is_cut_before_it_overflows():
    """(R15): 3000 terms of up to 600, of which one product holds one, and 3000 of 0.001, of which
    it holds all"""
    for x, y in ((350.0, 250.0), (-7.0, 0.0)):
        x, y = np.full((2, 3000), x), np.full((3000, 3), y)
        assert_allclose(kernels.softplus_product(x, y), reference.softplus_product(x, y), rtol=1e-12)


def test_wrong_arguments_of_exact_samples(rng):
    with pytest.raises(ValueError, match="n must be a positive integer"):
        exact.sample(random_rbm(rng), 0, rng)
    with pytest.raises(TypeError, match="rng"):
        exact.sample(random_rbm(rng), 3, 7)
    with pytest.raises(ValueError, match="at most 25 units"):
        exact.sample(random_rbm(rng, 30, 26), 3, rng)
