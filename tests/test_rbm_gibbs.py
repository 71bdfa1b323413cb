"""Chapter R, sampling: draws against the conditionals, chains against the table of all states."""
import numpy as np
import pytest
from brute_force import BruteForce, frequencies, within
from conftest import random_rbm
from proofs import proves

from minife import kernels
from minife.rbm import exact
from minife.rbm.gibbs import Draws, gibbs_chain, sample_hidden, sample_visible
from minife.rbm.training import PersistentContrastiveDivergence


@proves("R4")
def test_samples_follow_the_conditionals(rng, beta):
    """(R4), within five standard errors"""
    rbm = random_rbm(rng, beta=beta)
    n = 20000
    v, h = np.tile([[1, 0, 1, 1, 0]], (n, 1)), np.tile([[1, 0, 0, 1]], (n, 1))
    for sample, p in ((sample_hidden(rbm, v, rng), rbm.hidden_mean(v[:1])),
                      (sample_visible(rbm, h, rng), rbm.visible_mean(h[:1]))):
        assert sample.dtype == np.uint8
        assert (np.abs(sample.mean(axis=0) - p) < 5 * np.sqrt(p * (1 - p) / n)).all()


@proves("R12")
def test_gibbs_chain_keeps_the_distribution_of_the_model(rng, beta):
    """(R12): the visible marginal of long chains, all 2^4 states, within five standard errors"""
    rbm = random_rbm(rng, 4, 3, beta=beta)
    n = 40000
    v, h = gibbs_chain(rbm, rng.integers(2, size=(n, 4)), 60, rng)
    joint = frequencies(v, h)
    p = BruteForce(rbm).p                                 # state number: visible bits first
    assert (np.abs(joint - p) < 5 * np.sqrt(p * (1 - p) / n) + 1e-4).all()


@proves("R12")
def test_a_chain_of_one_step_is_one_draw_of_each_layer(rng):
    """(R12): h of the first step is the draw that sample_hidden makes with the same generator"""
    rbm, v = random_rbm(rng), rng.integers(2, size=(50, 5))
    _, h = gibbs_chain(rbm, v, 1, np.random.default_rng(7))
    assert (h == sample_hidden(rbm, v, np.random.default_rng(7))).all()


@proves("R12", "R14")
def test_no_draw_of_a_chain_is_used_twice(rng, monkeypatch):
    """(R12) and (K3)"""
    draws, draw_units = [], kernels.draw_units
    monkeypatch.setattr(kernels, "draw_units", lambda *args: draws.append(args[1:])
                        or draw_units(*args))
    gibbs_chain(random_rbm(rng), rng.integers(2, size=(2, 5)), 3, rng)
    assert len(draws) == len(set(draws)) == 6 and len({key for key, _ in draws}) == 1
    draws.clear()
    PersistentContrastiveDivergence(2, 3).moments(random_rbm(rng), None, rng)
    assert len(draws) == len(set(draws)) == 7                          # the first h, of another key
    assert max(Draws(rng).key for _ in range(20)) > 2**60


def test_samples_depend_on_the_generator_alone(rng):
    rbm = random_rbm(rng, 9, 7)
    v = rng.integers(2, size=(20, 9))
    first, again = (gibbs_chain(rbm, v, 5, np.random.default_rng(7)) for _ in range(2))
    other = gibbs_chain(rbm, v, 5, np.random.default_rng(8))
    assert (first[0] == again[0]).all() and (first[1] == again[1]).all()
    assert (first[0] != other[0]).any()


@proves("R12")
def test_exact_samples_stay_exact_samples(rng, beta):
    """From draws of p(v), one step of a chain leads to draws of p(v, h): no drift, in any joint
    state"""
    rbm, n = random_rbm(rng, 4, 3, beta=beta, scale=1.2), 40_000
    v, h = gibbs_chain(rbm, exact.sample(rbm, n, rng), 1, rng)
    assert within(frequencies(v, h), BruteForce(rbm).p, n)


def test_a_machine_is_asked_for(rng):
    with pytest.raises(TypeError, match="rbm must be a Machine, got ndarray"):
        gibbs_chain(np.zeros((3, 3)), np.zeros((1, 3)), 1, rng)
