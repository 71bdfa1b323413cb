"""Chapter E: annealed importance sampling, with Gibbs steps and with the pixels summed out.

AIS is a statement about a mean over chains, so it is proved with the exact transition matrices of
small machines, with the weights that the code itself computes; only then is it run."""
from itertools import product

import numpy as np
import pytest
from conftest import BETAS, random_rbm
from numpy.testing import assert_allclose
from proofs import proves

from minife import RBM, kernels
from minife.evaluation import (annealed_importance_sampling, annealing,
                               reverse_annealed_importance_sampling)
from minife.evaluation.annealing import collapsed_log_weights, gibbs_log_weights
from minife.kernels import reference
from minife.rbm import exact

SCHEDULES = {1: [0, 1], 2: [0, 0.3, 1], 5: [0, 0.05, 0.2, 0.5, 0.9, 1]}


def machine_at(rbm, a_0, t):
    """Return the machine of the path at t, an RBM like any other  (E3)"""
    return RBM(t * rbm.W, (1 - t) * a_0 + t * rbm.a, t * rbm.b, rbm.beta)


def log_unnormalised(rbm, v):
    """Return log p*(v) = -beta F(v)  (R5)"""
    return -rbm.beta * rbm.free_energy(v)


def log_weight(rbm, h):
    """Return log w(h), the sum over v: log p* of the machine with its layers exchanged  (R7)"""
    return log_unnormalised(rbm.swapped(), h)


def transition_matrix(rbm):
    """Return K (v, v') of one Gibbs step, over all visible states  (R12)"""
    v, h = exact.all_states(rbm.n_visible), exact.all_states(rbm.n_hidden)

    def probabilities(states, means):  # of states (m, units) at means (n, units): (n, m)
        return np.prod(np.where(states == 1, means[:, None], 1 - means[:, None]), axis=2)

    return probabilities(h, rbm.hidden_mean(v)) @ probabilities(v, rbm.visible_mean(h))


class ExactChain:
    """Means over all chains of a schedule, forwards or backwards: of w and of log w, with the
    weights of the code."""

    def __init__(self, rbm, a_0, schedule):
        v = exact.all_states(rbm.n_visible)
        machines = [machine_at(rbm, a_0, t) for t in schedule]
        p = np.exp(log_unnormalised(machines[0], v)
                   - exact.log_partition_function(machines[0]))  # the start is exact
        weighted, self.mean_log_w = p, 0.0
        for k in range(1, len(schedule)):
            one_step = np.array(schedule[k - 1:k + 1], float)
            step = gibbs_log_weights(rbm, v, a_0, one_step, key=0)         # its log w
            K = transition_matrix(machines[k])
            self.mean_log_w += p @ step
            p, weighted = p @ K, (weighted * np.exp(step)) @ K
        self.mean_w = weighted.sum()


@pytest.fixture(scope="module", params=BETAS, ids=lambda beta: f"beta={beta}")
def case(request):
    """A strongly coupled machine of 5 x 4, and a base that is not its own visible bias."""
    rng = np.random.default_rng(3)
    return random_rbm(rng, beta=request.param, scale=1.5), 0.8 * rng.standard_normal(5)


@proves("E4", "E6")
@pytest.mark.parametrize("n_steps", SCHEDULES)
def test_the_mean_weight_is_the_ratio_of_partition_functions(case, n_steps):
    """(E4) and (E6) for 1, 2 and 5 steps, exactly: E[w] = Z / Z_0, in reverse Z_0 / Z; E[log w] is
    below the log."""
    rbm, a_0 = case
    log_z = exact.log_partition_function(rbm)
    log_ratio = log_z - exact.log_partition_function(machine_at(rbm, a_0, 0))
    forward = ExactChain(rbm, a_0, SCHEDULES[n_steps])
    reverse = ExactChain(rbm, a_0, SCHEDULES[n_steps][::-1])
    assert_allclose(np.log(forward.mean_w), log_ratio, rtol=1e-12)
    assert_allclose(np.log(reverse.mean_w), -log_ratio, rtol=1e-12)
    assert forward.mean_log_w < log_ratio - 1e-3 < log_ratio + 1e-3 < -reverse.mean_log_w


def test_more_temperatures_tighten_the_bracket(case):
    """(E4) and (E6), exactly: in linear schedules both bounds close in on log Z as 1 /
    n_temperatures"""
    rbm, a_0 = case
    gaps = []
    for n_steps in (64, 128):
        schedule = np.linspace(0, 1, n_steps + 1)
        gaps.append(-ExactChain(rbm, a_0, schedule[::-1]).mean_log_w
                    - ExactChain(rbm, a_0, schedule).mean_log_w)
    assert 1.8 < gaps[0] / gaps[1] < 2.2


@proves("E3")
def test_a_weight_is_a_ratio_of_unnormalised_probabilities(case):
    """(E3): of neighbouring machines on the path, which are RBMs with free energies of their own"""
    rbm, a_0 = case
    v = exact.all_states(rbm.n_visible)
    for t_0, t_1 in [(0, 0.2), (0.2, 0.25), (0.7, 1), (1, 0.4), (0.1, 0)]:
        before, after = (log_unnormalised(machine_at(rbm, a_0, t), v) for t in (t_0, t_1))
        assert_allclose(gibbs_log_weights(rbm, v, a_0, np.array([t_0, t_1]), 0), after - before,
                        rtol=1e-12, atol=1e-12)


@proves("E3")
def test_a_chain_moves_by_gibbs_steps_of_the_machines_on_the_path(case, monkeypatch):
    """(E3) and (R12): state by state, with the same random numbers; no weight needs a move after
    the last."""
    rbm, a_0 = case
    v = np.random.default_rng(0).integers(2, size=(200, 5)).astype(np.uint8)
    seen, draw, schedule, key = [], kernels.draw_units, np.array([0, 0.1, 0.6, 1]), 17
    monkeypatch.setattr(kernels, "draw_units", lambda *args: seen.append(draw(*args)) or seen[-1])
    log_w, wanted = gibbs_log_weights(rbm, v, a_0, schedule, key), 0
    assert len(seen) == 2
    for k in (1, 2):
        at = machine_at(rbm, a_0, schedule[k])
        wanted += gibbs_log_weights(rbm, v, a_0, schedule[k - 1:k + 1], 0)
        h = draw(at.hidden_mean(v), key, 2 * k)
        v = draw(at.visible_mean(h), key, 2 * k + 1)
        assert np.array_equal(v, seen[k - 1])
    assert_allclose(log_w, wanted + gibbs_log_weights(rbm, v, a_0, schedule[2:], 0), rtol=1e-12)


class Still:
    """In place of a random generator: its uniform numbers leave units at h, as no mean is 0 or
    1."""

    def __init__(self, h):
        self.h = h

    def random(self, shape):
        return 1.0 - np.broadcast_to(self.h, shape)


def collapsed_transition_matrix(rbm):
    """Return the matrix (h, h') of a sweep: each unit in turn is drawn given the others  (E8)"""
    h = exact.all_states(rbm.n_hidden)
    log_p, K = log_weight(rbm, h), np.eye(len(h))
    for j in range(rbm.n_hidden):
        others = np.delete(h, j, axis=1)
        same = (others[:, None] == others).all(axis=2)
        p = np.where(same, np.exp(log_p - log_p.max()), 0)
        K = K @ (p / p.sum(axis=1, keepdims=True))
    return K


@proves("E7")
@pytest.mark.parametrize("t_0, t_1", [(0, 0.2), (0.2, 0.25), (0.7, 1), (1, 0.4), (0.1, 0)])
def test_a_collapsed_weight_is_a_ratio_of_hidden_weights(case, t_0, t_1):
    """(E7): of neighbouring machines on the path"""
    rbm, a_0 = case
    h = exact.all_states(rbm.n_hidden)
    before, after = (log_weight(machine_at(rbm, a_0, t), h) for t in (t_0, t_1))
    got = collapsed_log_weights(rbm, h, a_0, np.array([t_0, t_1], float), Still(h))
    assert_allclose(got, after - before, rtol=1e-12, atol=1e-12)


@proves("E8")
@pytest.mark.parametrize("j", range(4))
def test_a_sweep_draws_each_unit_from_its_probability_given_the_others(case, j):
    """(E8): it is on where the uniform number lies below that probability, and only there; all
    states, both kernels"""
    rbm, h = case[0], exact.all_states(4)
    on, off = h.copy(), h.copy()
    on[:, j], off[:, j] = 1, 0
    p = 1 / (1 + np.exp(log_weight(rbm, off) - log_weight(rbm, on)))
    for kernel, shift in product((kernels, reference), (-1e-9, 1e-9)):
        uniform = Still(h).random(h.shape)
        uniform[:, j] = p + shift
        drawn, before, after = kernel.collapsed_sweep(
            h, *(rbm.beta * x for x in (rbm.W, rbm.a, rbm.b)), uniform)
        assert np.array_equal(drawn, on if shift < 0 else off)
        assert_allclose(before, log_weight(rbm, h), rtol=1e-13)
        assert_allclose(after, log_weight(rbm, drawn), rtol=1e-13)


@proves("E4", "E8")
@pytest.mark.parametrize("n_steps", SCHEDULES)
def test_the_mean_collapsed_weight_is_the_ratio_of_partition_functions(case, n_steps):
    """(E4) and (E8), exactly: sweeps leave p_t(h) as it is, forwards and in reverse, and E[w] = Z /
    Z_0 or Z_0 / Z"""
    rbm, a_0 = case
    h = exact.all_states(rbm.n_hidden)
    for schedule in (SCHEDULES[n_steps], SCHEDULES[n_steps][::-1]):
        machines = [machine_at(rbm, a_0, t) for t in schedule]
        log_z = [exact.log_partition_function(machine) for machine in machines]
        p = weighted = np.exp(log_weight(machines[0], h) - log_z[0])
        for k in range(1, len(schedule)):
            K = collapsed_transition_matrix(machines[k - 1])
            assert_allclose(p @ K, p, rtol=1e-12)
            step = collapsed_log_weights(rbm, h, a_0, np.array(schedule[k - 1:k + 1], float),
                                         Still(h))
            weighted = (weighted @ K) * np.exp(step)
            p = np.exp(log_weight(machines[k], h) - log_z[k])
        assert_allclose(np.log(weighted.sum()), log_z[-1] - log_z[0], rtol=1e-12)


@proves("E4", "E5", "E6")
@pytest.mark.parametrize("collapsed", [True, False])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_estimate_agrees_with_the_exact_answer(case, dtype, collapsed):
    """(E4), (E5) and (E6): forwards and in reverse, within four standard errors; the error is that
    of the mean"""
    rbm = RBM(*(x.astype(dtype) for x in case[0].parameters.values()), case[0].beta)
    log_z, rng, rates = exact.log_partition_function(rbm), np.random.default_rng(5), np.full(5, 0.4)
    forward = annealed_importance_sampling(rbm, 4000, 30, rng, rates, collapsed=collapsed)
    v = exact.sample(rbm, 4000, rng)
    reverse = reverse_annealed_importance_sampling(rbm, v, 30, rng, rates, exact_samples=True,
                                                   collapsed=collapsed)
    assert (forward.bound, reverse.bound) == ("lower", "upper")
    for estimate, sign in ((forward, 1), (reverse, -1)):
        w = np.exp(estimate.log_weights)
        assert abs(estimate.log_z - log_z) < 4 * estimate.standard_error < 0.2
        assert_allclose(estimate.log_z, estimate.base_log_z + sign * np.log(w.mean()), rtol=1e-12)
        assert_allclose(estimate.standard_error,
                        w.std(ddof=1) / w.mean() / np.sqrt(4000),
                        rtol=1e-10)
        assert_allclose(estimate.effective_sample_size, w.sum() ** 2 / (w**2).sum(), rtol=1e-12)
        assert estimate.log_weights.dtype == np.float64
        assert_allclose(estimate.base_log_z, 5 * np.log(1 / 0.6) + 4 * np.log(2), rtol=1e-12)
    assert (forward.base_log_z + forward.log_weights.mean() < log_z
            < reverse.base_log_z - reverse.log_weights.mean())


@pytest.mark.parametrize("collapsed", [True, False])
def test_standard_errors_cover_the_truth_for_20_seeds(collapsed):
    """(E5): 100 chains, 100 temperatures, 60 x 12 units, W of standard deviation 0.5; the spread is
    what they say"""
    rbm = random_rbm(np.random.default_rng(1), 60, 12, scale=0.5)
    log_z = exact.log_partition_function(rbm)
    rates = exact.moments(rbm).v
    estimates = [annealed_importance_sampling(rbm, 100, 100, np.random.default_rng(seed), rates,
                                              collapsed=collapsed) for seed in range(20)]
    score = np.array([(e.log_z - log_z) / e.standard_error for e in estimates])
    assert np.abs(score).max() < 3
    assert 0.6 < np.sqrt(np.mean(score**2)) < 1.4


@proves("E3")
def test_independent_units_need_no_annealing(case):
    """(E3) at W = 0: from its own visible bias every chain has the weight of the hidden units, sum
    softplus - log 2"""
    rbm = RBM(np.zeros((5, 4)), case[0].a, case[0].b, case[0].beta)
    estimate = annealed_importance_sampling(rbm, 7, 1, np.random.default_rng(0), collapsed=False)
    assert_allclose(estimate.log_z, exact.log_partition_function(rbm), rtol=1e-13)
    assert estimate.standard_error < 1e-7 and abs(estimate.effective_sample_size - 7) < 1e-9


@proves("E3")
def test_rates_of_the_base_are_clipped_and_a_chain_alone_has_no_error(rng):
    """(E3): a pixel that is never on in the data has rate 0.01"""
    rbm = random_rbm(rng)
    estimate = annealed_importance_sampling(rbm, 1, 3, rng, base_rates=[0, 1, 0, 1, 0.5])
    assert_allclose(estimate.base_log_z,
                    -4 * np.log(0.99) + np.log(2) - np.log(0.01 / 0.99) * 2 + 4 * np.log(2))
    assert np.isinf(estimate.standard_error) and estimate.effective_sample_size == 1


@proves("E3")
def test_chains_start_at_the_rates_of_the_base(rng, beta, monkeypatch):
    """(E3): within five standard errors"""
    starts, rates = [], np.array([0.05, 0.3, 0.5, 0.7, 0.95])
    monkeypatch.setattr(annealing, "gibbs_log_weights",
                        lambda rbm, v, *rest: starts.append(v) or np.zeros(len(v)))
    annealed_importance_sampling(random_rbm(rng, beta=beta), 20000, 3, rng, rates, collapsed=False)
    assert (np.abs(starts[0].mean(axis=0) - rates) < 5 * np.sqrt(rates * (1 - rates) / 20000)).all()


def test_collapsed_chains_are_heated_from_hidden_states_of_the_rows(rng, beta, monkeypatch):
    """(R4), (E6): h is drawn from p(h | v) of the row, with which (v, h) is a sample too; within
    five errors"""
    starts, rbm = [], random_rbm(rng, beta=beta)
    monkeypatch.setattr(annealing, "collapsed_log_weights",
                        lambda rbm, h, *rest: starts.append(h) or np.zeros(len(h)))
    v = np.array([[0, 1, 1, 0, 1]])
    reverse_annealed_importance_sampling(rbm, np.tile(v, (20000, 1)), 3, rng, collapsed=True)
    mean = rbm.hidden_mean(v)[0]
    assert (np.abs(starts[0].mean(axis=0) - mean) < 5 * np.sqrt(mean * (1 - mean) / 20000)).all()


def test_without_exact_samples_nothing_is_claimed(rng):
    """(E6)"""
    rbm = random_rbm(rng)
    assert reverse_annealed_importance_sampling(rbm, np.ones((3, 5)), 4, rng).bound == "heuristic"


@pytest.mark.parametrize("change, error, words",
                         [({"n_chains": 0}, ValueError, "n_chains"),
                          ({"n_temperatures": 1.5}, ValueError, "n_temperatures"),
                          ({"rng": 3}, TypeError, "rng"),
                          ({"base_rates": np.ones(4)}, ValueError, "base_rates must be 5 numbers"),
                          ({"base_rates": np.full(5, 1.2)}, ValueError, "base_rates"),
                          ({"schedule": [0, 0.5, 1]}, ValueError, "schedule"),
                          ({"schedule": [0, 0.5, 0.5, 1]}, ValueError, "increasing"),
                          ({"schedule": [0.1, 0.5, 0.7, 1]}, ValueError, "from"),
                          ({"schedule": [0, 0.5, 0.7, 0.9]}, ValueError, "to 1"),
                          ({"schedule": [0, np.nan, 0.7, 1]}, ValueError, "finite"),
                          ({"collapsed": "pixels"}, TypeError, "collapsed must be True or False")])
def test_wrong_arguments_of_annealing(rng, change, error, words):
    arguments = {"n_chains": 5, "n_temperatures": 3, "rng": rng, "base_rates": None,
                 "schedule": None, "collapsed": None} | change
    with pytest.raises(error, match=words):
        annealed_importance_sampling(random_rbm(rng), **arguments)
    if "n_chains" not in change:
        arguments.pop("n_chains")
        with pytest.raises(error, match=words):
            reverse_annealed_importance_sampling(random_rbm(rng), np.ones((2, 5)), **arguments)


def test_wrong_arguments_of_reverse_chains(rng):
    with pytest.raises(ValueError, match="v must have shape"):
        reverse_annealed_importance_sampling(random_rbm(rng), np.ones((2, 4)), 3, rng)
    with pytest.raises(TypeError, match="exact_samples must be True or False, got 'no'"):
        reverse_annealed_importance_sampling(random_rbm(rng), np.ones((2, 5)), 3, rng,
                                             exact_samples="no")


def test_estimates_name_themselves(rng):
    estimate = annealed_importance_sampling(random_rbm(rng), 7, 3, rng)
    assert repr(estimate).startswith(f"AnnealedEstimate(log Z = {estimate.log_z:.3f} ± ")
    assert repr(estimate).endswith(
        f"lower, {estimate.effective_sample_size:.1f} of 7 chains effective)")
