"""Chapter T: the exact Gibbs free energy, a Legendre transform."""
import itertools

import numpy as np
import pytest
from conftest import magnetisations, random_rbm
from numpy.testing import assert_allclose
from proofs import proves
from test_tap_expansion import FORTY, machine

from minife import RBM, tap
from minife.rbm import exact


@proves("T1")
@pytest.mark.parametrize("record", FORTY, ids=["3 x 2", "2 x 3"])
def test_gibbs_free_energy_to_forty_digits(record):
    """Couplings up to 6.5, beta = 1.3, 0.6; and log Z, moments and F(v) of the same machines"""
    rbm, m_v, m_h = machine(record)
    expected = float(record["exact_gamma"])
    assert_allclose(tap.gibbs_free_energy(rbm, m_v, m_h)[0], expected, rtol=1e-14)
    assert_allclose(exact.log_partition_function(rbm), float(record["log_z"]), rtol=1e-14)
    moments = exact.moments(rbm)
    for name in ("v", "h", "vh"):
        expected = np.array(record[name], dtype=float)
        assert_allclose(getattr(moments, name), expected, rtol=1e-13, err_msg=name)
    rows = list(itertools.product((0, 1), repeat=rbm.n_visible))
    assert_allclose(rbm.free_energy(rows), np.array(record["F"], dtype=float), rtol=1e-14)


@proves("T2")
def test_its_minimum_is_F_at_the_exact_moments(rng, beta):
    """And it is convex: never above the chord between two of its points"""
    rbm = random_rbm(rng, beta=beta)
    moments = exact.moments(rbm)
    F = -exact.log_partition_function(rbm) / beta
    assert_allclose(tap.gibbs_free_energy(rbm, moments.v[None], moments.h[None]), F, rtol=1e-13)
    m, n = magnetisations(rng, rbm), magnetisations(rng, rbm)
    ends = [tap.gibbs_free_energy(rbm, *x) for x in (m, n)]
    middle = tap.gibbs_free_energy(rbm, *((x + y) / 2 for x, y in zip(m, n, strict=True)))
    assert (middle <= sum(ends) / 2).all()
    assert (np.concatenate(ends) > F).all()


@proves("T2")
def test_its_slopes_are_the_fields_that_hold_the_means(rng, beta):
    """Add fields u to beta a, w to beta b: d(beta Gamma) / dm = u, w at the means that follow"""
    rbm, step = random_rbm(rng, 3, 2, beta=beta), 1e-3
    u, w = rng.standard_normal(3), rng.standard_normal(2)
    held = exact.moments(RBM(rbm.W, rbm.a + u / beta, rbm.b + w / beta, beta))
    m = np.concatenate([held.v, held.h])

    def gamma(m):
        return tap.gibbs_free_energy(rbm, m[None, :3], m[None, 3:])[0]

    for k, field in enumerate(np.concatenate([u, w])):
        e = step * np.eye(5)[k]
        near, far = gamma(m + e) - gamma(m - e), gamma(m + 2 * e) - gamma(m - 2 * e)
        slope = (8 * near - far) / (12 * step)
        assert_allclose(beta * slope, field, rtol=1e-7, atol=1e-9, err_msg=f"unit {k}, beta {beta}")


def tree(rbm, m_v, m_h):
    """Return the exact Gamma of a machine with one visible unit: unit terms and edge terms."""
    W = rbm.W[0]
    m_v, m_h = m_v.astype(np.longdouble), m_h.astype(np.longdouble)    # differences of tiny numbers
    K = np.expm1(rbm.beta * W)                   # p11 = p(1, 1) solves (1 + K) p01 p10 = p00 p11
    B = 1 + K * (m_v + m_h)
    p11 = 2 * (1 + K) * m_v * m_h / (B + np.sqrt(B**2 - 4 * K * (1 + K) * m_v * m_h))
    information = 0.0
    for p, q in ((p11, m_v * m_h), (m_v - p11, m_v * (1 - m_h)), (m_h - p11, (1 - m_v) * m_h),
                 (1 - m_v - m_h + p11, (1 - m_v) * (1 - m_h))):
        information = information + p * np.log(p / q)
    edges = (information / rbm.beta - W * p11).sum(axis=1)
    free = RBM(0 * rbm.W, rbm.a, rbm.b, rbm.beta)
    return tap.free_energy(free, m_v.astype(float), m_h.astype(float), 1) + edges.astype(float)


@proves("T1")
@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="no type wider than float64")
@pytest.mark.parametrize("edge", [0.1, 1e-3, 1e-6, 1e-9])
def test_on_a_tree_it_is_a_sum_over_units_and_edges(edge, beta):
    """In closed form, also where means come close to 0"""
    rng = np.random.default_rng(8)
    for n_hidden in (1, 2, 3, 4) * 10:
        rbm = random_rbm(rng, 1, n_hidden, beta=beta, scale=2.0)
        m_v, m_h = (np.where(rng.random((1, n)) < 0.5, edge, 0.5) for n in (1, n_hidden))
        expected = tree(rbm, m_v, m_h)
        assert_allclose(tap.gibbs_free_energy(rbm, m_v, m_h), expected, rtol=1e-11, atol=1e-11)


def test_bad_arguments(rng):
    rbm = random_rbm(rng)
    with pytest.raises(ValueError, match=r"strictly inside \(0, 1\): .* no finite field"):
        tap.gibbs_free_energy(rbm, np.zeros((1, 5)), np.full((1, 4), 0.5))
    with pytest.raises(ValueError, match="at most 14 units, got 9 visible and 6 hidden"):
        tap.gibbs_free_energy(random_rbm(rng, 9, 6), np.full((1, 9), 0.5), np.full((1, 6), 0.5))
