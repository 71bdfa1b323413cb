"""Chapter E: the Gibbs chain as a matrix, against (R12) by brute force, and against what CD and PCD
draw."""
import numpy as np
import pytest
from conftest import random_rbm
from numpy.testing import assert_allclose
from proofs import proves

from minife import RBM
from minife.parameters import flatten
from minife.evaluation import exact_chain
from minife.rbm import exact
from minife.rbm.training import ContrastiveDivergence, PersistentContrastiveDivergence

X = np.array([[0, 1, 1, 0, 1], [1, 1, 0, 0, 0], [0, 0, 1, 1, 1], [1, 1, 0, 0, 0]], dtype=np.uint8)


def moments(rbm, p):
    return p @ exact_chain.statistics(rbm)


def side_by_side(m):
    return np.concatenate([m.vh.ravel(), m.v, m.h])


def joint(rbm):
    """Return the table p(v, h) (2^n_visible, 2^n_hidden) from the energies  (R1, R2)"""
    v, h = exact.all_states(rbm.n_visible), exact.all_states(rbm.n_hidden)
    E = np.array([[rbm.energy(x[None], y[None])[0] for y in h] for x in v])
    return np.exp(-rbm.beta * E - exact.log_partition_function(rbm))


@proves("R12")
@pytest.mark.parametrize("size", [(5, 3), (3, 5)])
def test_a_step_is_the_sum_over_hidden_states(rng, beta, size):
    """(R12) and (R4): K(v' | v) = sum_h p(v' | h) p(h | v), all four from the table p(v, h)"""
    rbm = random_rbm(rng, *size, beta=beta)
    p = joint(rbm)
    p_v, p_h = p.sum(axis=1), p.sum(axis=0)
    K = np.einsum("vh,wh->vw", p / p_v[:, None], p / p_h)
    start = rng.dirichlet(np.ones(len(p)))
    assert_allclose(exact_chain.after(rbm, start), start @ K, rtol=1e-12)
    both = exact_chain.after(rbm, np.stack([p_v, start]), 3)
    assert_allclose(both[0], p_v, rtol=1e-12)
    assert_allclose(both[1], start @ np.linalg.matrix_power(K, 3), rtol=1e-12)
    assert_allclose(exact_chain.distribution(rbm), p_v, rtol=1e-12)


@proves("E14")
@pytest.mark.parametrize("size", [(5, 3), (3, 5)])
def test_modes_diagonalise_a_step(rng, beta, size):
    """(E14): K phi = lambda phi, K the steps from all states; orthonormal under p(v); the rest of
    the spectrum is 0"""
    rbm = random_rbm(rng, *size, beta=beta)
    K, p = exact_chain.after(rbm, np.eye(2**size[0])), exact_chain.distribution(rbm)
    eigenvalues, phi = exact_chain.modes(rbm)
    assert_allclose(K @ phi.T, phi.T * eigenvalues, atol=1e-10)
    assert_allclose((p * phi) @ phi.T, np.eye(len(phi)), atol=1e-10)
    assert_allclose(np.abs(phi[0]), 1, rtol=1e-10)
    assert_allclose(eigenvalues.sum(), np.trace(K), rtol=1e-12)
    assert eigenvalues[0] == pytest.approx(1) and eigenvalues[-1] >= 0
    assert (np.diff(eigenvalues) <= 0).all()


def test_statistics_average_to_the_moments(rng, beta):
    """(R9) and (R10): under p(v) those of the model, under the rows of a batch those of the data"""
    rbm = random_rbm(rng, beta=beta)
    model, data = exact_chain.distribution(rbm), exact_chain.certain(X, 5).mean(axis=0)
    assert_allclose(moments(rbm, model), side_by_side(exact.moments(rbm)), rtol=1e-12)
    assert_allclose(moments(rbm, data), side_by_side(rbm.clamped_moments(X)), rtol=1e-12)
    assert_allclose(beta * (moments(rbm, data) - moments(rbm, model)),
                    flatten(exact.log_likelihood_gradient(rbm, X)), rtol=1e-10, atol=1e-13)


@proves("R13")
@pytest.mark.parametrize("k", [1, 3])
def test_contrastive_divergence_draws_from_it(rng, beta, k):
    """(R13): the mean of 4 chains at each of 4 rows, 2000 times, within five standard errors"""
    rbm, n = random_rbm(rng, beta=beta, scale=1.2), 8000
    drawn = side_by_side(ContrastiveDivergence(k).moments(rbm, np.tile(X, (n // 4, 1)), rng))
    expected = moments(rbm, exact_chain.after(rbm, exact_chain.certain(X, 5).mean(axis=0), k))
    assert np.abs(drawn - expected).max() < 5 * 0.5 / np.sqrt(n)


@proves("R14")
def test_persistent_chains_draw_from_it(rng, beta):
    """(R14): through a sequence of machines, from fair coins, within five standard errors"""
    machines, n = [random_rbm(rng, beta=beta, scale=scale) for scale in (0.3, 0.8, 1.2)], 8000
    phase = PersistentContrastiveDivergence(n)
    for rbm, p in zip(machines, exact_chain.follow(machines, np.full(32, 1 / 32))):
        drawn = side_by_side(phase.moments(rbm, None, rng))
        assert np.abs(drawn - moments(rbm, p)).max() < 5 * 0.5 / np.sqrt(n)
    rest = list(exact_chain.follow([machines[0]] * 3, np.full(32, 1 / 32)))    # powers of K
    assert_allclose(rest[-1], exact_chain.after(machines[0], np.full(32, 1 / 32), 3), rtol=1e-12)


@proves("E15")
def test_persistent_chains_lag_behind_a_machine_that_moves(rng, beta):
    """(E15): at a tenth of the velocity a tenth of the lag, and a hundredth of the error of the
    first order"""
    end, direction = random_rbm(rng, 4, 3, beta=beta, scale=1.2), rng.standard_normal(4 * 3 + 4 + 3)
    W, a, b = direction[:12].reshape(4, 3), direction[12:16], direction[16:]
    wrong = []
    for speed in (1e-3, 1e-4):
        machines = [RBM(end.W + step * speed * W, end.a + step * speed * a,
                        end.b + step * speed * b, beta) for step in range(-100, 1)]
        *_, p = exact_chain.follow(machines, exact_chain.distribution(machines[0]))
        behind = moments(end, p) - moments(end, exact_chain.distribution(end))
        predicted = exact_chain.lag(end, speed * direction)
        wrong.append(np.linalg.norm(behind - predicted))
        assert wrong[-1] < 20 * speed * np.linalg.norm(predicted)
    assert wrong[1] < 0.02 * wrong[0]


def test_one_visible_unit_and_one_hidden_by_hand():
    """(R12) at the machine of the README: from v = 1 back to it with 263/330; the excess shrinks by
    289/825"""
    rbm = RBM(W=[[np.log(18) / 2]], a=[-np.log(2) / 2], b=[-np.log(2)], beta=2)
    assert_allclose(exact_chain.after(rbm, [0, 1]), [67 / 330, 263 / 330], rtol=1e-13)
    assert_allclose(exact_chain.modes(rbm)[0], [1, 289 / 825], rtol=1e-13)


def test_what_cannot_be_a_distribution_is_refused(rng):
    rbm = random_rbm(rng)
    for p in (np.ones(32), np.ones(8) / 8, np.r_[-1, 2, np.zeros(30)]):
        with pytest.raises(ValueError,
                           match="each row of p must be 32 probabilities that sum to 1"):
            exact_chain.after(rbm, p)
    with pytest.raises(ValueError, match="at most 24 units, got 15 visible and 10 hidden"):
        exact_chain.modes(random_rbm(rng, 15, 10))
    with pytest.raises(ValueError, match="each row of p must be 32 probabilities"):
        next(exact_chain.follow([rbm], np.ones(32)))
    with pytest.raises(ValueError, match="machines must all be of one size"):
        list(exact_chain.follow([rbm, random_rbm(rng, 5, 3)], np.full(32, 1 / 32)))
    for velocity, words in ((np.ones(5), "velocity must hold 29 numbers"),
                            (np.full(29, np.nan), "velocity must be finite")):
        with pytest.raises(ValueError, match=words):
            exact_chain.lag(rbm, velocity)
    with pytest.raises(ValueError, match="n_visible must be at most 24"):
        exact_chain.certain(np.ones((1, 40)), 40)
    for f in (exact_chain.modes, exact_chain.distribution, exact_chain.statistics,
              exact_chain.conditionals):
        with pytest.raises(TypeError, match=r"rbm must be an? RBM, got NoneType"):
            f(None)
