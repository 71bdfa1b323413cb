"""Chapter L: several states and their weights, one minimum at high temperature, annealing."""
import numpy as np
import pytest
from conftest import random_rbm
from numpy.testing import assert_allclose

from minife import RBM, landscape, tap
from minife.rbm import exact


def magnetisations(rng, rbm, n=4):
    return rng.uniform(0.1, 0.9, (n, rbm.n_visible)), rng.uniform(0.1, 0.9, (n, rbm.n_hidden))


def test_a_ferromagnet_needs_both_of_its_states():
    """(L7): 6 x 6, W = 1.5, symmetric fields: one minimum alone misses log 2 of log Z, both together 0.013"""
    rbm = RBM(np.full((6, 6), 1.5), np.full(6, -4.5), np.full(6, -4.5))
    log_z = exact.log_partition_function(rbm)
    halves = {"m_v": np.full((1, 6), 0.5), "m_h": np.full((1, 6), 0.5)}        # the saddle between them
    found = landscape.find_minima(rbm, 1, 50, np.random.default_rng(0), **halves)
    assert found.is_minimum.tolist() == [True, True, False] and found.n_starts.sum() == 51
    assert_allclose(found.weight, [0.5, 0.5, 0])
    assert_allclose(found.m_v[0], 1 - found.m_v[1])
    assert_allclose(-found.free_energy[0] - log_z, -0.706, atol=1e-3)
    assert_allclose(found.log_partition_function - log_z, -0.013, atol=1e-3)
    assert abs(landscape.find_minima(rbm, 2, 50, np.random.default_rng(0)).log_partition_function - log_z) < 0.007


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
    assert found.m_v.shape == (0, 5) and found.weight.shape == (0,) and found.log_partition_function == -np.inf


@pytest.mark.parametrize("order, bound", [(1, 4.0), (2, np.sqrt(48) - 4)])
def test_one_minimum_at_high_temperature(order, bound, beta):
    """beta sigma_max(W) below 4, at order 2 below 2.93: convex at all means, and one fixed point from all starts"""
    rng = np.random.default_rng(4)
    for _ in range(30):
        rbm = random_rbm(rng, 6, 5, beta=beta)
        W = 0.999 * bound / beta * rbm.W / np.linalg.norm(rbm.W, ord=2)
        rbm = RBM(W, -W.sum(axis=1) / 2, -W.sum(axis=0) / 2, beta)             # symmetric: two minima if it can
        assert tap.smallest_eigenvalue(rbm, *magnetisations(rng, rbm, 50), order).min() > 0
    found = landscape.find_minima(rbm, order, 10, rng, max_iter=20000, merge=1e-3)
    assert len(found.weight) == 1 and found.n_starts[0] == 10
    rank_one = RBM(np.full((4, 4), 1.001 / beta), np.full(4, -2.002 / beta), np.full(4, -2.002 / beta), beta)
    assert tap.smallest_eigenvalue(rank_one, np.full((1, 4), 0.5), np.full((1, 4), 0.5), 1)[0] < 0    # 4 is the limit


@pytest.mark.parametrize("order", [1, 2])
def test_annealing_ends_in_a_minimum_at_the_machines_temperature(order, beta):
    """From where Gamma_k is convex, by warm starts; deterministic"""
    rng = np.random.default_rng(7)
    rbm = random_rbm(rng, 10, 8, beta=beta, scale=2.0)
    path = landscape.annealing_path(rbm, order, n_temperatures=15)
    betas = np.array([b for b, _ in path])
    assert_allclose(betas[1:] / betas[:-1], (betas[-1] / betas[0]) ** (1 / 14))
    assert betas[-1] == beta and betas[0] * np.linalg.norm(rbm.W, ord=2) <= 2 + 1e-12
    end = landscape.anneal(rbm, order, 15)
    assert end.converged.all() and np.array_equal(end.m_v, path[-1][1].m_v)
    assert tap.smallest_eigenvalue(rbm, end.m_v, end.m_h, order)[0] > 0
    assert_allclose(tap.fixed_point(rbm, order, end.m_v, end.m_h, "block").m_v, end.m_v, atol=1e-9)


def test_annealing_of_a_machine_that_is_hot_already(rng):
    for scale in (0.0, 0.05):
        rbm = random_rbm(rng, scale=scale)
        assert [b for b, _ in landscape.annealing_path(rbm, n_temperatures=3)] == [1.0] * 3
    strong = random_rbm(rng, scale=3.0)
    assert [b for b, _ in landscape.annealing_path(strong, n_temperatures=1)] == [1.0]
    assert landscape.anneal(rbm, 3, method="damped").converged.all()


@pytest.mark.parametrize("call, message", [
    (lambda r, m: landscape.anneal(r, n_temperatures=0), "n_temperatures must be a positive integer, got 0"),
    (lambda r, m: landscape.annealing_path(r, 4), "order must be one of 1, 2, 3, got 4"),
    (lambda r, m: landscape.annealing_path(r, 3), "method 'block' needs order 1 or 2"),
    (lambda r, m: landscape.find_minima(r, 2, 0, np.random.default_rng()), "n_starts must be a positive integer, got 0"),
    (lambda r, m: landscape.find_minima(r, 2, 5, np.random.default_rng(), merge=0.0), "merge must be a positive number, got 0.0"),
    (lambda r, m: landscape.find_minima(r, 4, 5, np.random.default_rng()), "order must be one of 1, 2, 3, got 4"),
    (lambda r, m: landscape.find_minima(r, 2, 5, np.random.default_rng(), m_v=m[1]), r"m_v must have shape \(n, 5\)|v must have"),
])
def test_bad_arguments(call, message, rng):
    rbm = random_rbm(rng)
    with pytest.raises(ValueError, match=message):
        call(rbm, magnetisations(rng, rbm))


def test_the_generator_of_random_starts(rng):
    with pytest.raises(TypeError, match="rng must be a numpy.random.Generator, got int"):
        landscape.find_minima(random_rbm(rng), 2, 5, 0)
