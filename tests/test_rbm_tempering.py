"""Parallel tempering: the swap rule by hand, the exact moments, and two valleys that one chain does
not leave."""
import numpy as np
import pytest
from brute_force import within
from conftest import random_rbm
from numpy.testing import assert_allclose, assert_array_equal
from proofs import proves

from minife import RBM
from minife.descent.optimizers import SGD
from minife.data import bars_and_stripes
from minife.rbm import exact
from minife.rbm.gibbs import gibbs_chain
from minife.rbm.tempering import ParallelTempering, at_share, swap_neighbours
from minife.rbm.training import PersistentContrastiveDivergence, train

BARS = bars_and_stripes(3)


@proves("R19")
def test_swaps_by_hand():
    """(R19): betas 1/2 and 3/2. Energies 1 and 3 (the hot one is lower): always. 3 and 1: with
    probability e^-2"""
    n = 40_000
    states = np.tile(np.array([[[7]], [[9]]]), (1, n, 1))
    E = np.tile([[1.0], [3.0]], n)
    assert swap_neighbours(states, E, np.array([0.5, 1.5]), np.random.default_rng(0)) == [1]
    assert_array_equal(E, np.tile([[3.0], [1.0]], n))     # now the cold chain has the low energy
    assert_array_equal(states[:, 0, 0], [9, 7])
    rate, p = swap_neighbours(states, E, np.array([0.5, 1.5]), np.random.default_rng(0)), np.exp(-2)
    assert abs(rate[0] - p) < 5 * np.sqrt(p * (1 - p) / n)
    # states move together with energies
    assert (states.sum(axis=0) == 16).all() and (E.sum(axis=0) == 4).all()
    assert_array_equal(states[0, :, 0] == 7, E[0] == 1)


def test_swaps_keep_detailed_balance(rng):
    """(R19): p_r(x) p_s(y) P(x, y -> y, x) = p_r(y) p_s(x) P(y, x -> x, y), for all pairs of
    energies"""
    E = np.linspace(-3, 4, 8)
    x, y = np.meshgrid(E, E)
    r, s = 0.3, 1.1
    there, back = (np.minimum(1, np.exp((r - s) * difference)) for difference in (x - y, y - x))
    assert_allclose(np.exp(-r * x - s * y) * there, np.exp(-r * y - s * x) * back, rtol=1e-13)


@pytest.mark.parametrize("n_betas", [2, 4, 5])
def test_every_pair_of_neighbours_has_its_turn(n_betas):
    """(R19): the lowest energy climbs down the ladder; even pairs go first, so it moves by one or
    two rungs"""
    states = np.arange(n_betas)[:, None, None].copy()
    # hottest chain lowest: every proposed swap is accepted
    E = -100.0 * (np.arange(n_betas)[::-1, None])
    assert_array_equal(swap_neighbours(states, E, np.linspace(0, 1, n_betas),
                                       np.random.default_rng(0))[:1], [1])
    assert sorted(states.ravel()) == list(range(n_betas)) and states[0, 0, 0] != 0


@proves("R10", "R19")
@pytest.mark.parametrize("n_steps", [1, 2])
def test_moments_are_those_of_the_model(rng, beta, n_steps):
    """(R19) and (R10): within five standard errors, at every rung"""
    rbm, n = random_rbm(rng, beta=beta, scale=1.2), 5000
    phase = ParallelTempering(betas=[0, 0.4, 1], n_chains=n, n_steps=n_steps)
    for _ in range(20):
        estimate = phase.moments(rbm, None, rng)
    model = exact.moments(rbm)
    for name in ("v", "h", "vh"):
        assert np.abs(getattr(estimate, name) - getattr(model, name)).max() < 5 * 0.5 / np.sqrt(n)
    for share, v in zip(phase.betas, phase.v):
        mean = np.full(5, 0.5) if share == 0 else exact.moments(at_share(rbm, share)).v
        assert np.abs(v.mean(axis=0) - mean).max() < 5 * 0.5 / np.sqrt(n)
    assert phase.swap_rates.shape == (2,) and (phase.swap_rates > 0.2).all()
    assert (phase.swap_rates <= 1).all()


def two_valleys():
    """All units off, or all on: a magnet of 8 + 4 units, with a little more weight on the
    second."""
    return RBM(np.full((8, 4), 2.5), np.full(8, -5 + 0.05), np.full(4, -10.0))


def test_it_leaves_a_valley_where_persistent_chains_stay(rng):
    """(R19): from all chains in the lighter valley, 40 % of the weight"""
    rbm, n = two_valleys(), 1000
    target = exact.moments(rbm).v.mean()
    assert abs(target - 0.6) < 0.01
    alone, ladder = PersistentContrastiveDivergence(n), ParallelTempering(12, n)
    alone.h, ladder.v = np.zeros((n, 4), dtype=np.uint8), np.zeros((12, n, 8), dtype=np.uint8)
    for _ in range(80):
        stays = alone.moments(rbm, None, rng).v.mean()
        mixes = ladder.moments(rbm, None, rng).v.mean()
    assert stays < 0.05 and abs(mixes - target) < 5 * 0.5 / np.sqrt(n)
    assert ladder.swap_rates.min() > 0.5


def test_the_hottest_chain_is_a_fair_coin_and_shares_the_arrays(rng):
    rbm = two_valleys()
    hot = at_share(rbm, 0.0)
    assert hot.W is rbm.W and rbm.beta == 1 and hot.beta == 0
    phase = ParallelTempering(2, n_chains=20_000)
    phase.moments(rbm, None, rng)
    assert np.abs(phase.v[0].mean() - 0.5) < 5 * 0.5 / np.sqrt(20_000)


def test_one_rung_is_a_gibbs_chain():
    """(R19) with nothing to swap: (R12)"""
    rbm = two_valleys()
    phase, again = ParallelTempering([1.0], 7, 2), np.random.default_rng(1)
    v = again.integers(2, size=(7, 8), dtype=np.uint8)
    rng = np.random.default_rng(1)
    for _ in range(3):
        moments, (v, _) = phase.moments(rbm, None, rng), gibbs_chain(rbm, v, 2, again)
        assert_array_equal(moments.vh, rbm.clamped_moments(v).vh)
    assert phase.swap_rates.shape == (0,)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_resumed_run_is_the_uninterrupted_run(dtype, tmp_path):
    def run(n_epochs, seed, betas=4, **more):
        rbm = RBM.initialise(9, 8, np.random.default_rng(0), BARS, dtype=dtype)
        train(rbm, BARS, ParallelTempering(betas, n_chains=10), SGD(0.05, momentum=0.5), n_epochs,
              np.random.default_rng(seed), batch_size=5, **more)
        return rbm.W
    whole = run(4, 5)
    run(2, 5, checkpoint=tmp_path / "run.npz")
    assert_array_equal(run(4, 6, checkpoint=tmp_path / "run.npz", same_seed=False), whole)
    assert whole.dtype == dtype
    with pytest.raises(ValueError, match="is of another run: .*betas=.*this run has"):
        run(4, 5, betas=[0.1, 0.5, 0.75, 1], checkpoint=tmp_path / "run.npz")


def test_learning_with_it_raises_the_exact_likelihood():
    rbm = RBM.initialise(9, 8, np.random.default_rng(0), BARS)
    before = exact.log_likelihood(rbm, BARS)
    train(rbm, BARS, ParallelTempering(5, n_chains=50), SGD(0.1, momentum=0.5), 400,
          np.random.default_rng(1), batch_size=7)
    assert exact.log_likelihood(rbm, BARS) > before + 1


@pytest.mark.parametrize("betas", [0, 1, [0, 0.5], [0.5, 0.2, 1], [-0.1, 1], [0, 1, 1], [0, 2]])
def test_a_ladder_ascends_to_one(betas):
    with pytest.raises(ValueError, match="betas must (ascend from 0 or above to 1|be a positive "
                       "integer), got"):
        ParallelTempering(betas)


@pytest.mark.parametrize("name", ["n_chains", "n_steps"])
def test_counts_are_positive(name):
    with pytest.raises(ValueError, match=f"{name} must be a positive integer"):
        ParallelTempering(**{name: 0})


@proves("R19")
def test_exact_samples_of_all_rungs_stay_exact_samples(rng, beta):
    """One update, steps and swaps, from exact draws of every rung: no drift at any of them"""
    rbm, n = random_rbm(rng, 4, 3, beta=beta, scale=1.5), 40_000
    phase = ParallelTempering([0, 0.5, 1], n)
    rungs = [at_share(rbm, share) for share in phase.betas]
    phase.v = np.stack([exact.sample(rung, n, rng) for rung in rungs])
    phase.moments(rbm, None, rng)
    for rung, v in zip(rungs[1:], phase.v[1:], strict=True):
        p = np.exp(-rung.beta * rung.free_energy(exact.all_states(4))
                   - exact.log_partition_function(rung))
        assert within(np.bincount(v @ [1, 2, 4, 8], minlength=16) / n, p, n)
