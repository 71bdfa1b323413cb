"""Chapter E: RAISE, the likelihood of the annealing model, against that model written out as
matrices."""
import numpy as np
import pytest
from conftest import BETAS, random_rbm
from numpy.testing import assert_allclose
from proofs import proves
from test_annealing import (Still, collapsed_transition_matrix, log_unnormalised, log_weight,
                            machine_at, transition_matrix)

from minife.evaluation import annealed_log_likelihood
from minife.evaluation.annealing import collapsed_log_weights, gibbs_log_weights
from minife.rbm import GaussianRBM, exact
from minife.units import Binary

RATES = np.full(5, 0.4)
SCHEDULES = {1: [0, 1], 2: [0, 0.3, 1], 5: [0, 0.05, 0.2, 0.5, 0.9, 1]}


@pytest.fixture(scope="module", params=BETAS, ids=lambda beta: f"beta={beta}")
def case(request):
    """A strongly coupled machine of 5 x 4, the bias of a base with RATES, all v and log p*(v) /
    Z_0."""
    rbm = random_rbm(np.random.default_rng(3), beta=request.param, scale=1.5)
    a_0, v = Binary().field(RATES) / rbm.beta, exact.all_states(5)
    log_z_0 = exact.log_partition_function(machine_at(rbm, a_0, 0))
    return rbm, a_0, v, log_unnormalised(rbm, v) - log_z_0


def annealing_model(rbm, a_0, schedule, collapsed):
    """Return p_annealed(v) (32,): a chain begins in the base machine, moves at each t on the way,
    and ends at v  (E16)

    Collapsed chains draw the hidden units in the order that is the reverse of the heated chains',
    then v from them."""
    machines = [machine_at(rbm, a_0, t) for t in schedule]
    if collapsed:
        p = np.full(16, 1 / 16)
        for machine in machines[1:]:
            p = p @ reversed_in_time(collapsed_transition_matrix(machine), machine)
        h, v = exact.all_states(4), exact.all_states(5)
        mean = rbm.visible_mean(h)                                              # (16, 5)
        return p @ np.prod(np.where(v == 1, mean[:, None], 1 - mean[:, None]), axis=2)
    base = machines[0]
    p = np.exp(log_unnormalised(base, exact.all_states(5)) - exact.log_partition_function(base))
    for machine in machines[1:-1]:
        p = p @ transition_matrix(machine)
    return p


def reversed_in_time(K, machine):
    """Return the matrix p(h') K(h' to h) / p(h): the sweep with its units in the opposite order."""
    p = np.exp(log_weight(machine, exact.all_states(4)))
    return K.T * p / p[:, None]


def mean_weights(rbm, a_0, v, schedule, collapsed):
    """Return the mean of w over all heated chains from each v (32,), step by step, with the weights
    of the code."""
    schedule = np.array(schedule, float)
    if not collapsed:
        w = np.ones(len(v))
        for k in range(1, len(schedule)):  # backwards along a heated chain
            step = np.exp(gibbs_log_weights(rbm, v, a_0, schedule[k - 1:k + 1][::-1], key=0))
            if k > 1:
                w = transition_matrix(machine_at(rbm, a_0, schedule[k - 1])) @ w
            w = step * w
        return w
    h, w = exact.all_states(4), np.ones(16)
    for k in range(1, len(schedule)):
        step = np.exp(collapsed_log_weights(rbm, h, a_0, schedule[k - 1:k + 1][::-1], Still(h)))
        w = collapsed_transition_matrix(machine_at(rbm, a_0, schedule[k])) @ (step * w)
    mean = rbm.hidden_mean(v)                                                   # (32, 4)
    return np.prod(np.where(h == 1, mean[:, None], 1 - mean[:, None]), axis=2) @ w


@proves("E16")
@pytest.mark.parametrize("collapsed", [True, False])
@pytest.mark.parametrize("n_steps", SCHEDULES)
def test_the_mean_weight_of_heated_chains_is_the_probability_of_the_annealing_model(
        case, n_steps, collapsed):
    """(E16), exactly, for 1, 2 and 5 temperatures, at all 32 rows; the probabilities of all rows
    add up to 1"""
    rbm, a_0, v, log_p = case
    p = np.exp(log_p) * mean_weights(rbm, a_0, v, SCHEDULES[n_steps], collapsed)
    assert_allclose(p, annealing_model(rbm, a_0, SCHEDULES[n_steps], collapsed), rtol=1e-12)
    assert_allclose(p.sum(), 1, rtol=1e-12)


@proves("E16")
@pytest.mark.parametrize("collapsed", [True, False])
def test_with_more_temperatures_the_annealing_model_becomes_the_machine(case, collapsed):
    """(E16), exactly: twice the temperatures, half the difference of log p_annealed and log p, at
    every row"""
    rbm, a_0, v, _ = case
    log_p = log_unnormalised(rbm, v) - exact.log_partition_function(rbm)
    off = [np.log(annealing_model(rbm, a_0, np.linspace(0, 1, n + 1), collapsed)) - log_p
           for n in (200, 400)]
    assert 1.7 < np.linalg.norm(off[0]) / np.linalg.norm(off[1]) < 2.3
    p = np.exp(log_p)
    assert p @ off[1] < 0  # samples of the machine: the annealing model is the worse one


@proves("E16", "E17")
@pytest.mark.parametrize("n_temperatures, collapsed", [(1, False), (8, False), (8, True)])
def test_the_estimate_is_that_probability(case, n_temperatures, collapsed):
    """(E17): 2500 chains a row, within five errors; one chain a row lies below it in the mean"""
    rbm, a_0, v, log_p = case
    wanted = np.log(annealing_model(rbm, a_0, np.linspace(0, 1, n_temperatures + 1), collapsed))
    found = annealed_log_likelihood(rbm, v, 2500, n_temperatures, np.random.default_rng(8), RATES,
                                    collapsed=collapsed)
    error = np.sqrt(np.maximum(2500 / found.effective_sample_size - 1, 0) / 2499)      # (E5)
    assert (np.abs(found.log_likelihoods - wanted) < 5 * error + 1e-10).all()
    assert_allclose(found.log_likelihood, found.log_likelihoods.mean(), rtol=1e-12)
    error = found.log_likelihoods.std(ddof=1) / np.sqrt(32)
    assert_allclose(found.standard_error, error, rtol=1e-12)
    alone = annealed_log_likelihood(rbm, np.tile(v, (200, 1)), 1, n_temperatures,
                                    np.random.default_rng(9), RATES, collapsed=collapsed)
    mean = alone.log_likelihoods.reshape(200, 32).mean(axis=0)
    if n_temperatures > 1:
        assert mean.mean() < wanted.mean() - 0.01
    else:
        base = np.where(v == 1, RATES, 1 - RATES)        # no move
        assert_allclose(mean, np.log(base).sum(axis=1))


@proves("E17")
def test_it_tends_to_the_exact_likelihood():
    """(E17): 60 x 12 units; from 20 temperatures to 1000 the error falls to less than a fifth at
    the worst row"""
    rbm = random_rbm(np.random.default_rng(1), 60, 12, scale=0.4, beta=1.3)
    X, rates = exact.sample(rbm, 40, np.random.default_rng(2)), exact.moments(rbm).v
    truth = -rbm.beta * rbm.free_energy(X) - exact.log_partition_function(rbm)
    off = [annealed_log_likelihood(rbm, X, 5, n, np.random.default_rng(3), rates).log_likelihoods
           - truth for n in (20, 1000)]
    assert np.abs(off[1]).max() < 0.2 * np.abs(off[0]).max() < 0.4
    assert abs(off[1].mean()) < 0.03


def test_wrong_arguments_are_named(rng):
    rbm = random_rbm(rng)
    arguments = {"X": np.ones((2, 5)), "n_chains": 2, "n_temperatures": 3, "rng": rng}
    for change, error, words in [({"n_chains": 0}, ValueError, "n_chains"),
                                 ({"X": np.ones((2, 4))}, ValueError, "X must"),
                                 ({"n_temperatures": 2.5}, ValueError, "n_temperatures"),
                                 ({"rng": 1}, TypeError, "rng"),
                                 ({"collapsed": 1}, TypeError, "collapsed must be True or False"),
                                 ({"base_rates": np.ones(4)}, ValueError, "must be 5 numbers")]:
        with pytest.raises(error, match=words):
            annealed_log_likelihood(rbm, **arguments | change)
    with pytest.raises(TypeError, match=r"rbm must be an? RBM, got GaussianRBM"):
        annealed_log_likelihood(GaussianRBM(np.zeros((5, 2)), np.zeros(5), np.zeros(2)),
                                **arguments)


def test_estimates_name_themselves(rng):
    found = annealed_log_likelihood(random_rbm(rng), np.ones((3, 5)), 2, 4, rng)
    wanted = f"{found.log_likelihood:.3f} ± {found.standard_error:.3f}, 3 rows"
    assert repr(found) == f"AnnealedLogLikelihood({wanted})"
    alone = annealed_log_likelihood(random_rbm(rng), np.ones((1, 5)), 2, 4, rng)
    assert np.isinf(alone.standard_error)
