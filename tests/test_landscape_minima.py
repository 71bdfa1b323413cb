"""Chapter L: several minima and their weights, one minimum when hot, spins, glass and funnel."""

import numpy as np
import pytest
from conftest import random_rbm
from numpy.testing import assert_allclose
from proofs import proves

from minife import RBM, landscape, tap
from minife.landscape import (
    BoltzmannMachine,
    find_spin_minima,
    flip_stable_states,
    random_couplings,
)
from minife.rbm import exact


def magnetisations(rng, rbm, n=4):
    return rng.uniform(0.1, 0.9, (n, rbm.n_visible)), rng.uniform(0.1, 0.9, (n, rbm.n_hidden))


@proves("L7")
def test_a_ferromagnet_needs_both_of_its_states():
    """(L7): 6 x 6, W = 1.5, symmetric fields: one minimum alone misses log 2 of log Z, both
    together 0.013"""
    rbm = RBM(np.full((6, 6), 1.5), np.full(6, -4.5), np.full(6, -4.5))
    log_z = exact.log_partition_function(rbm)
    halves = {"m_v": np.full((1, 6), 0.5), "m_h": np.full((1, 6), 0.5)}  # the saddle between them
    found = landscape.find_minima(rbm, 1, 50, np.random.default_rng(0), **halves)
    assert found.is_minimum.tolist() == [True, True, False] and found.n_starts.sum() == 51
    assert repr(found).startswith("Minima(2 of 3 fixed points are minima, log Z about ")
    assert_allclose(found.weight, [0.5, 0.5, 0])
    assert_allclose(found.m_v[0], 1 - found.m_v[1])
    assert_allclose(-found.free_energy[0] - log_z, -0.706, atol=1e-3)
    assert_allclose(found.log_partition_function - log_z, -0.013, atol=1e-3)
    assert (
        abs(
            landscape.find_minima(rbm, 2, 50, np.random.default_rng(0)).log_partition_function
            - log_z
        )
        < 0.007
    )


@proves("L7")
def test_weights_are_boltzmann_weights_and_log_z_is_their_norm(beta):
    """(L7), with fields that split the two states; and a single state is (T13)'s estimate"""
    rbm = RBM(np.full((5, 4), 2.5 / beta), np.full(5, -4.9 / beta), np.full(4, -6.2 / beta), beta)
    found = landscape.find_minima(rbm, 2, 40, np.random.default_rng(1))
    assert found.is_minimum.sum() == 2 and found.free_energy[0] < found.free_energy[1]
    ratio = np.exp(-beta * (found.free_energy[1] - found.free_energy[0]))
    assert_allclose(found.weight[found.is_minimum], [1 / (1 + ratio), ratio / (1 + ratio)])
    assert_allclose(found.log_partition_function, np.log1p(ratio) - beta * found.free_energy[0])
    weak = random_rbm(np.random.default_rng(2), beta=beta, scale=0.2)
    found = landscape.find_minima(weak, 3, 5, np.random.default_rng(1), method="damped")
    assert len(found.weight) == 1 and found.n_starts[0] == 5 and found.weight[0] == 1
    assert_allclose(found.log_partition_function, -beta * tap.fixed_point(weak, 3).free_energy[0])


@pytest.mark.filterwarnings("ignore::minife.tap.NotConvergedWarning")
def test_states_of_a_solver_that_finds_none(rng):
    found = landscape.find_minima(random_rbm(rng), 2, 5, rng, max_iter=1)
    assert (
        found.m_v.shape == (0, 5)
        and found.weight.shape == (0,)
        and found.log_partition_function == -np.inf
    )


@pytest.mark.parametrize("order, bound", [(1, 4.0), (2, np.sqrt(48) - 4)])
def test_one_minimum_at_high_temperature(order, bound, beta):
    """beta sigma_max(W) below 4, at order 2 below 2.93: convex at all means, and one fixed point
    from all starts"""
    rng = np.random.default_rng(4)
    for _ in range(30):
        rbm = random_rbm(rng, 6, 5, beta=beta)
        W = 0.999 * bound / beta * rbm.W / np.linalg.norm(rbm.W, ord=2)
        rbm = RBM(
            W, -W.sum(axis=1) / 2, -W.sum(axis=0) / 2, beta
        )  # symmetric: two minima if it can
        assert tap.smallest_eigenvalue(rbm, *magnetisations(rng, rbm, 50), order).min() > 0
    found = landscape.find_minima(rbm, order, 10, rng, max_iter=20000, merge=1e-3)
    assert len(found.weight) == 1 and found.n_starts[0] == 10
    rank_one = RBM(
        np.full((4, 4), 1.001 / beta), np.full(4, -2.002 / beta), np.full(4, -2.002 / beta), beta
    )
    assert (
        tap.smallest_eigenvalue(rank_one, np.full((1, 4), 0.5), np.full((1, 4), 0.5), 1)[0] < 0
    )  # 4 is the limit


# ---- spins


def glass(seed, n=12, T=1.0, funnel=0.0):
    """Return a glass without fields at T times its splitting temperature."""
    J = random_couplings(n, np.random.default_rng(seed), funnel)
    return BoltzmannMachine(J, np.zeros(n), 1 / (T * np.linalg.eigvalsh(J)[-1]))


@proves("L9")
def test_one_minimum_if_and_only_if_hot():
    """12 glasses of 12 spins at 10 temperatures: unique just where T >= lambda_max, in 120 of
    120"""
    starts = np.random.default_rng(1).uniform(-1, 1, (30, 12))
    for seed in range(12):
        top = glass(seed).splitting_temperature()
        for T in (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95, 1.05, 1.3, 2.0):
            machine = glass(seed, T=T)
            found = find_spin_minima(machine, starts, tol=1e-5, max_iter=5000)
            n, hot = len(found.m), 1 / machine.beta >= top
            assert (n == 1) == hot, f"(L9) seed {seed}: {n} minima at T = {T} lambda_max"
            assert found.n_starts.sum() == 30 and (np.diff(found.free_energy) >= 0).all()
            if hot:
                assert np.abs(found.m).max() < 1e-3


def test_spin_minima_are_distinct_and_come_in_pairs():
    starts = np.random.default_rng(1).uniform(-1, 1, (60, 12))
    found = find_spin_minima(glass(3, T=0.1), np.vstack([starts, -starts]), tol=1e-8, max_iter=5000)
    assert repr(found).startswith(f"SpinMinima({len(found.m)} minima of 12 spins from 120 starts")
    apart = np.abs(found.m[:, None] - found.m).max(axis=2) + 2 * np.eye(len(found.m))
    mirror = np.abs(found.m[:, None] + found.m).max(axis=2)
    assert len(found.m) > 2 and apart.min() > 0.01 and mirror.min(axis=1).max() < 1e-4
    assert_allclose(found.free_energy, glass(3, T=0.1).free_energy(found.m), rtol=1e-12)


def test_cold_minima_are_among_the_states_that_no_flip_improves():
    for seed in range(5):
        machine = glass(seed, T=1e-4)
        s = flip_stable_states(machine)
        energy = -((s @ machine.J) * s).sum(axis=1) / 2
        for i in range(12):
            flipped = s.copy()
            flipped[:, i] *= -1
            assert (-((flipped @ machine.J) * flipped).sum(axis=1) / 2 > energy).all()
        found = find_spin_minima(machine, 0.999 * s, tol=1e-6)
        assert len(found.m) == len(s)
        assert np.abs(found.m[:, None] - s).max(axis=2).min(axis=1).max() < 1e-3


def test_a_funnel_has_fewer_minima():
    """The pattern alone has two, and all starts end in them; a glass has many"""
    starts = np.random.default_rng(1).uniform(-1, 1, (50, 12))
    numbers = [
        [
            len(find_spin_minima(glass(seed, T=0.1, funnel=k), starts, tol=1e-5, max_iter=5000).m)
            for seed in range(6)
        ]
        for k in (0, 4)
    ]
    assert np.mean(numbers[0]) > 4 and max(numbers[1]) <= 3
    J = random_couplings(500, np.random.default_rng(0), 3.0)
    off = J[np.triu_indices(500, 1)]
    assert (J == J.T).all() and not np.diag(J).any()
    assert_allclose([off.mean(), off.std()], [3 / 500, 500**-0.5], rtol=0.05)


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda r, m: landscape.find_minima(r, 2, 0, np.random.default_rng()),
            "n_starts must be a positive integer, got 0",
        ),
        (
            lambda r, m: landscape.find_minima(r, 2, 5, np.random.default_rng(), merge=0.0),
            "merge must be a positive number, got 0.0",
        ),
        (
            lambda r, m: flip_stable_states(BoltzmannMachine(np.zeros((21, 21)), np.zeros(21))),
            "at most 20 spins",
        ),
        (
            lambda r, m: random_couplings(4, np.random.default_rng(), -1.0),
            "funnel must be a number of at least 0",
        ),
        (
            lambda r, m: landscape.find_minima(r, 4, 5, np.random.default_rng()),
            "order must be one of 1, 2, 3, got 4",
        ),
        (
            lambda r, m: landscape.find_minima(r, 2, 5, np.random.default_rng(), m_v=m[1]),
            r"m_v must have shape \(n, 5\)|v must have",
        ),
    ],
)
def test_bad_arguments(call, message, rng):
    rbm = random_rbm(rng)
    with pytest.raises(ValueError, match=message):
        call(rbm, magnetisations(rng, rbm))


def test_the_generator_of_random_starts(rng):
    with pytest.raises(TypeError, match="rng must be a numpy.random.Generator, got int"):
        landscape.find_minima(random_rbm(rng), 2, 5, 0)
    with pytest.raises(TypeError, match="machine must be a BoltzmannMachine, got RBM"):
        flip_stable_states(random_rbm(rng))
