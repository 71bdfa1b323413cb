"""Chapter L: the random energy model against its closed forms."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from proofs import proves

from minife.landscape.random_energy import (
    CRITICAL,
    GROUND,
    edge_temperature,
    entropy_at,
    entropy_density,
    free_energy_density,
    level_thermodynamics,
    mean_participation,
    participation,
    random_levels,
)


@proves("L10")
def test_levels_are_counted_by_their_entropy(rng):
    """N = 16: the log of the number of levels near N e over N is s(e) but for O(log N / N); none
    beyond"""
    N, E = 16, random_levels(16, 40, rng)
    assert_allclose(E.var(), N / 2, rtol=0.01)
    width = 0.05
    for e in (-0.6, -0.3, 0.0, 0.4):
        n = np.mean((np.abs(E / N - e) < width / 2).sum(axis=1))
        expected = 2.0**N * np.exp(-N * e**2) * np.sqrt(N / np.pi) * width  # N (e in the bin)
        assert_allclose(n, expected, rtol=0.1)
        assert_allclose(
            np.log(expected / (np.sqrt(N / np.pi) * width)) / N, entropy_density(e), rtol=1e-12
        )
    assert entropy_density(GROUND - 1e-6) == -np.inf and abs(entropy_density(GROUND)) < 1e-12
    assert_allclose(1 / CRITICAL, -2 * GROUND)  # 1/T_c = ds/de at e_0
    assert_allclose([GROUND, CRITICAL], [-0.8326, 0.6006], atol=1e-4)


@proves("L11")
def test_the_free_energy_is_the_legendre_transform_of_the_entropy():
    """f = min over e of e - T s(e), s = -df/dT, continuous at T_c"""
    e = np.linspace(GROUND, -GROUND, 200001)
    for T in (0.2, 0.5, 0.7, 1.0, 2.0):
        assert_allclose(free_energy_density(T), (e - T * entropy_density(e)).min(), atol=1e-9)
        slope = (free_energy_density(T + 1e-5) - free_energy_density(T - 1e-5)) / 2e-5
        assert_allclose(entropy_at(T), -slope, atol=1e-8)
    assert_allclose(free_energy_density(CRITICAL * (1 + 1e-9)), GROUND, atol=1e-8)
    assert abs(entropy_at(CRITICAL * (1 + 1e-9))) < 1e-8


@proves("L11")
def test_a_finite_model_follows_above_the_transition(rng):
    """N = 18: tight above T_c, loose at T_c, where the entropy is still about 0.2 a unit"""
    N, E = 18, random_levels(18, 10, rng)
    for T, tolerance in ((2.0, 0.002), (1.5, 0.003), (1.0, 0.01)):
        F, _, S, _ = level_thermodynamics(E, T)
        assert_allclose(F.mean() / N, free_energy_density(T), atol=tolerance)
        assert_allclose(S.mean() / N, entropy_at(T), atol=10 * tolerance)
    at_critical = level_thermodynamics(E, CRITICAL)[2].mean() / N
    assert 0.15 < at_critical < 0.27


@proves("L12")
def test_who_shares_the_weight_when_it_is_cold():
    """E[Y] at N = 12 within 0.03 of 1 - T/T_N; 1 - T/T_c, for large N, is below it by more than
    the error"""
    E = random_levels(12, 2000, np.random.default_rng(0))
    for T in (0.1, 0.2, 0.3, 0.45):
        Y = participation(E, T)
        assert abs(Y.mean() - mean_participation(T, 12)) < 0.03, f"(L12) T = {T}: {Y.mean()}"
        assert Y.mean() > mean_participation(T) + 2 * Y.std() / np.sqrt(len(Y))
    assert participation(E, 0.2).std() > 0.2  # no typical value
    assert_allclose(participation(np.zeros((1, 4)), 1.0), 0.25)


@proves("L12")
def test_the_mean_of_a_poisson_process_of_levels():
    """1 - kappa for levels of density e^E, cut where weights no longer count: the step from
    levels to (L12)"""
    rng = np.random.default_rng(1)
    for kappa in (0.2, 0.5):
        E = np.cumsum(
            rng.exponential(size=(4000, 2000)), axis=1
        )  # e^E is a Poisson process of rate 1
        Y = participation(np.log(E), kappa)
        assert abs(Y.mean() - (1 - kappa)) < 0.015


def test_the_edge_comes_near_slowly():
    temperatures = [edge_temperature(N) for N in (8, 12, 16, 24, 400)]
    assert (np.diff(temperatures) < 0).all() and temperatures[-1] > CRITICAL
    assert_allclose(temperatures[:3], [0.752, 0.702, 0.678], atol=1e-3)
    assert_allclose(edge_temperature(1000), CRITICAL, rtol=0.01)


@proves("L5")
def test_slopes_in_the_temperature(rng):
    """S = -dF/dT, C = dU/dT >= 0, for any energies; F is concave"""
    E, T, step = random_levels(8, 5, rng), 0.7, 1e-5
    F, U, S, C = level_thermodynamics(E, T)
    up, down = level_thermodynamics(E, T + step), level_thermodynamics(E, T - step)
    assert_allclose(S, -(up[0] - down[0]) / (2 * step), rtol=1e-8)
    assert_allclose(C, (up[1] - down[1]) / (2 * step), rtol=1e-7)
    assert_allclose(F, U - T * S, rtol=1e-12)
    path = np.array([level_thermodynamics(E, T)[0] for T in np.linspace(0.05, 3, 60)])
    assert (np.diff(path, 2, axis=0) < 1e-12).all() and (C >= 0).all()


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: random_levels(25, 1, np.random.default_rng()), "n_units must be at most 24"),
        (
            lambda: random_levels(0, 1, np.random.default_rng()),
            "n_units must be a positive integer",
        ),
        (lambda: entropy_at([0.5, 0.0]), "T must be positive"),
        (lambda: level_thermodynamics(np.zeros((1, 2)), 0.0), "T must be a positive number"),
        (lambda: participation(np.zeros(3), 1.0), "E must have 2 axes"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
