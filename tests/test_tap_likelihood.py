"""Chapter T: the likelihood with Gamma_k* in place of -log Z / beta."""
import pickle
import warnings

import numpy as np
import pytest
from conftest import magnetisations, random_rbm
from numpy.testing import assert_allclose
from proofs import proves

from minife import RBM, landscape, tap
from minife.parameters import flatten
from minife.rbm import exact

ORDERS = (1, 2, 3)
SEVERAL = "ignore::minife.tap.SeveralStatesWarning"


@proves("T13")
@pytest.mark.parametrize("order", ORDERS)
def test_likelihood_is_exact_but_for_the_free_energy(order, beta, rng):
    """beta (Gamma* - F(x)) differs from the exact log p(x) by beta Gamma* + log Z, at any order"""
    rbm, X = random_rbm(rng, 6, 5, beta=beta), rng.integers(2, size=(6, 6))
    error = beta * tap.fixed_point(rbm, order).free_energy[0] + exact.log_partition_function(rbm)
    found, expected = tap.log_likelihood(rbm, X, order), exact.log_likelihood(rbm, X) + error
    assert_allclose(found, expected, rtol=1e-12, err_msg=f"order {order}, beta {beta}")


@proves("T13")
def test_order_1_is_an_upper_bound_everywhere(rng, beta):
    """Gamma_1 is the free energy of a product distribution, so no value of it lies below Gamma"""
    for _ in range(20):
        rbm = random_rbm(rng, beta=beta, scale=2.0)
        m = magnetisations(rng, rbm)
        assert (tap.free_energy(rbm, *m, 1) >= tap.gibbs_free_energy(rbm, *m)).all()


@proves("T14")
@pytest.mark.parametrize("order", ORDERS)
def test_gradient_is_exact_but_for_the_pair_means(order, beta, rng):
    """It differs from the exact gradient by beta times (moments - minus the slopes of Gamma*)"""
    rbm, X = random_rbm(rng, beta=beta), rng.integers(2, size=(6, 5))
    state, model = tap.fixed_point(rbm, order), exact.moments(rbm)
    slope = tap.free_energy_gradient(rbm, state.m_v, state.m_h, order)
    found, truth = tap.log_likelihood_gradient(rbm, X, order), exact.log_likelihood_gradient(rbm, X)
    for name, moment in {"W": model.vh, "a": model.v, "b": model.h}.items():
        expected = truth[name] + beta * (moment + slope[name])
        which = f"{name}, order {order}, beta {beta}"
        assert_allclose(found[name], expected, atol=1e-12, err_msg=which)


@pytest.mark.filterwarnings(SEVERAL)
def test_of_several_starts_the_lowest_counts():
    """A ferromagnet at order 1, all on or all off: their free energies differ by the field"""
    rbm = RBM(np.full((4, 4), 2.0), np.full(4, -3.9), np.full(4, -3.9))
    ends = np.array([[0.05] * 4, [0.95] * 4])
    state = tap.fixed_point(rbm, 1, ends, ends)
    assert state.m_v[0].max() < 0.1 and state.m_v[1].min() > 0.9
    assert state.free_energy[1] < state.free_energy[0]
    X = np.ones((1, 4), dtype=int)
    found = tap.log_likelihood(rbm, X, 1, m_v=ends, m_h=ends)
    assert_allclose(found, state.free_energy[1] - rbm.free_energy(X)[0])


def test_gradient_is_at_the_lowest_fixed_point():
    """The second of two starts counts, as in log_likelihood"""
    rbm = RBM(np.full((4, 4), 2.0), np.full(4, -3.9), np.full(4, -3.9))
    low, high = np.full((1, 4), 0.05), np.full((1, 4), 0.95)
    X, both = np.ones((1, 4), dtype=int), np.vstack([low, high])
    slopes = [tap.log_likelihood_gradient(rbm, X, 1, m_v=m, m_h=m) for m in (both, high, low)]
    assert_allclose(flatten(slopes[0]), flatten(slopes[1]))
    assert np.abs(flatten(slopes[0]) - flatten(slopes[2])).max() > 0.1


def four_valleys(beta=1.0):
    """Return two ferromagnets that do not see each other: four states of equal weight."""
    W = np.kron(np.eye(2), np.full((5, 5), 2.0 / beta))
    return RBM(W, -W.sum(axis=1) / 2, -W.sum(axis=0) / 2, beta)


@pytest.mark.parametrize("order", ORDERS)
def test_a_machine_of_four_states_says_so(order, beta):
    """One of four equal states is log 4 = 1.386 nats too high"""
    rbm = four_valleys(beta)
    X = np.repeat([[0, 0], [0, 1], [1, 0], [1, 1]], 5, axis=1)              # a row of each
    state = tap.fixed_point(rbm, order, np.full((1, 10), 0.9), step=0.3)
    said = r"4 states found: .* 1.39 nats higher"
    with pytest.warns(tap.SeveralStatesWarning, match=said) as record:
        found = tap.log_likelihood(rbm, X, order, m_v=np.full((1, 10), 0.9), step=0.3)
    assert_allclose(found, beta * (state.free_energy[0] - rbm.free_energy(X).mean()))
    warning = record[0].message
    assert warning.n_states == 4
    assert_allclose(warning.excess, np.log(4), atol=1e-4)
    error = found - exact.log_likelihood(rbm, X)
    assert abs(error - np.log(4)) < 0.3, f"order {order}: {error:.3f} nats too high"
    if order < 3:
        weighed = landscape.find_minima(rbm, order, 60,
                                        np.random.default_rng(1)).log_partition_function
        assert_allclose(weighed + beta * state.free_energy[0], warning.excess, atol=1e-4)
    again = pickle.loads(pickle.dumps(warning))
    assert str(again) == str(warning)


@proves("T13")
@pytest.mark.parametrize("n_starts", [1, 8])
def test_a_start_that_misses_the_lowest_state_says_so(n_starts):
    """(T13): all off is 0.4 above all on: the excess counts the lower state too"""
    rbm = RBM(np.full((4, 4), 2.0), np.full(4, -3.95), np.full(4, -3.95))
    low, high = np.full((1, 4), 0.05), np.full((1, 4), 0.95)
    gamma = [tap.fixed_point(rbm, 1, m, m).free_energy[0] for m in (low, high)]
    with pytest.warns(tap.SeveralStatesWarning) as record:
        tap.log_likelihood(rbm, np.ones((1, 4), dtype=int), 1, n_starts, m_v=low, m_h=low)
    assert_allclose(record[0].message.excess, np.log(1 + np.exp(gamma[0] - gamma[1])), atol=1e-6)


@proves("T13")
def test_no_word_where_there_is_one_state_or_nobody_looks(rng, beta):
    """(T13): at any temperature"""
    X = rng.integers(2, size=(3, 10))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tap.log_likelihood(four_valleys(beta), X, n_starts=0, m_v=np.full((1, 10), 0.9))
        for order in ORDERS:
            tap.log_likelihood(random_rbm(rng, 10, 8, beta, scale=0.3), X, order)


@pytest.mark.parametrize("call, message", [
    (lambda r, X: tap.log_likelihood(r, X, n_starts=-1), "n_starts must be .* got -1"),
    (lambda r, X: tap.log_likelihood(r, X, n_starts=True), "n_starts must be .* got True"),
    (lambda r, X: tap.log_likelihood(r, X, 0), "order must be one of 1, 2, 3, got 0"),
    (lambda r, X: tap.log_likelihood(r, 0.5 * X), "X must hold binary states"),
    (lambda r, X: tap.log_likelihood_gradient(r, X[:, 1:]), r"X must have shape \(n, 5\)"),
])
def test_bad_arguments(call, message, rng):
    with pytest.raises(ValueError, match=message):
        call(random_rbm(rng), np.ones((3, 5)))
