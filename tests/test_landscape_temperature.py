"""Chapter L: slopes in the temperature, exact and by TAP, and annealing."""

import numpy as np
import pytest
from conftest import random_rbm
from numpy.testing import assert_allclose
from proofs import proves

from minife import RBM, landscape, tap
from minife.landscape import at_temperature
from minife.rbm import exact

ORDERS = (1, 2, 3)


def magnetisations(rng, rbm, n=4):
    return rng.uniform(0.1, 0.9, (n, rbm.n_visible)), rng.uniform(0.1, 0.9, (n, rbm.n_hidden))


@proves("L6")
@pytest.mark.parametrize("order", ORDERS)
def test_energy_and_entropy_add_up_to_the_free_energy_anywhere(order, rng, beta):
    """(L6)"""
    rbm = random_rbm(rng, beta=beta)
    m = magnetisations(rng, rbm)
    parts = landscape.thermodynamics(rbm, *m, order)
    assert parts.F.shape == parts.U.shape == parts.S.shape == (4,)
    assert_allclose(parts.F, tap.free_energy(rbm, *m, order), rtol=1e-14)
    assert_allclose(parts.F, parts.U - parts.S / beta, rtol=1e-14)


def slope_of(f, x, step=1e-3):
    """Return df/dx by the central difference of five points."""
    return (8 * (f(x + step) - f(x - step)) - f(x + 2 * step) + f(x - 2 * step)) / (12 * step)


@proves("L6")
@pytest.mark.parametrize("order", ORDERS)
def test_entropy_and_energy_are_slopes_in_the_temperature(order, rng, beta):
    """(L6) through the solver: S = -dGamma*/dT and U = d(beta Gamma*)/dbeta"""
    rbm = random_rbm(rng, beta=beta)

    def minimised(b):
        return tap.fixed_point(RBM(rbm.W, rbm.a, rbm.b, b), order, tol=1e-13).free_energy[0]

    state = tap.fixed_point(rbm, order, tol=1e-13)
    parts = landscape.thermodynamics(rbm, state.m_v, state.m_h, order)
    assert_allclose(parts.S, -slope_of(lambda T: minimised(1 / T), 1 / beta), rtol=1e-8)
    assert_allclose(parts.U, slope_of(lambda b: b * minimised(b), beta), rtol=1e-8)


@proves("L6")
def test_energy_and_entropy_approach_the_exact_ones_order_by_order():
    """(L6): over 20 machines, each order is closer than the last, and mean field has too much
    entropy"""
    rng, errors = np.random.default_rng(3), np.zeros((3, 2))
    for _ in range(20):
        rbm = random_rbm(rng, 6, 5, scale=0.1)
        truth = exact.thermodynamics(rbm)
        for k, order in enumerate(ORDERS):
            state = tap.fixed_point(rbm, order)
            parts = landscape.thermodynamics(rbm, state.m_v, state.m_h, order)
            errors[k] += abs(parts.U[0] - truth.U), abs(parts.S[0] - truth.S)
            assert order > 1 or parts.S[0] > truth.S
    assert (errors[0] > 5 * errors[1]).all() and (errors[1] > 2 * errors[2]).all()


@proves("L5")
def test_exact_slopes_in_the_temperature(rng, beta):
    """S = -dF/dT, U = d(beta F)/dbeta, C = dU/dT = beta^2 Var E, and F is concave"""
    rbm = random_rbm(rng, 6, 5, beta=beta)
    T, thermo = 1 / beta, exact.thermodynamics(rbm)

    def at(T):
        return exact.thermodynamics(at_temperature(rbm, T))

    assert_allclose(thermo.S, -slope_of(lambda T: at(T).F, T), rtol=1e-8)
    assert_allclose(thermo.U, slope_of(lambda b: b * at(1 / b).F, beta), rtol=1e-8)
    assert_allclose(thermo.C, slope_of(lambda T: at(T).U, T), rtol=1e-8)
    assert_allclose(slope_of(lambda T: at(T).S, T), thermo.C / T, rtol=1e-8)  # -d2F/dT2
    F = np.array([at(T).F for T in np.linspace(0.1, 5, 100)])
    assert (np.diff(F, 2) < 0).all()


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


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda r, m: landscape.thermodynamics(r, *m, 4), "order must be one of 1, 2, 3, got 4"),
        (
            lambda r, m: landscape.anneal(r, n_temperatures=0),
            "n_temperatures must be a positive integer, got 0",
        ),
        (lambda r, m: landscape.annealing_path(r, 4), "order must be one of 1, 2, 3, got 4"),
        (lambda r, m: landscape.annealing_path(r, 3), "method 'block' needs order 1 or 2"),
    ],
)
def test_bad_arguments(call, message, rng):
    rbm = random_rbm(rng)
    with pytest.raises(ValueError, match=message):
        call(rbm, magnetisations(rng, rbm))
