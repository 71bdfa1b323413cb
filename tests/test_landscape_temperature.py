"""Chapter L: energy and entropy in the TAP free energy."""
import numpy as np
import pytest
from conftest import random_rbm
from numpy.testing import assert_allclose

from minife import RBM, landscape, tap
from minife.rbm import exact

ORDERS = (1, 2, 3)


def magnetisations(rng, rbm, n=4):
    return rng.uniform(0.1, 0.9, (n, rbm.n_visible)), rng.uniform(0.1, 0.9, (n, rbm.n_hidden))


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


def test_energy_and_entropy_approach_the_exact_ones_order_by_order():
    """(L6): over 20 machines, each order is closer than the last, and mean field has too much entropy"""
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


def test_bad_order(rng):
    rbm = random_rbm(rng)
    with pytest.raises(ValueError, match="order must be one of 1, 2, 3, got 4"):
        landscape.thermodynamics(rbm, *magnetisations(rng, rbm), 4)
