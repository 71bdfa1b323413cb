"""Chapter T: second derivatives and stability, the line of trust."""
import numpy as np
import pytest
from conftest import magnetisations, random_rbm
from numpy.testing import assert_allclose
from proofs import proves

from minife import RBM, tap
from minife.tap.solvers import sweeps

ORDERS = (1, 2, 3)


# ---- second derivatives and stability

@proves("T16")
def test_hessian_by_hand():
    """A pair, W = beta = 1, m = 1/4, 1/2: c = 3/16, 1/4; the third order leaves the diagonal"""
    rbm, m_v, m_h = RBM([[1.0]], [0.0], [0.0]), np.array([[1 / 4]]), np.array([[1 / 2]])
    assert_allclose(tap.hessian(rbm, m_v, m_h, 1)[0], [[16 / 3, -1], [-1, 4]])
    assert_allclose(tap.hessian(rbm, m_v, m_h, 2)[0], [[16 / 3 + 1 / 4, -1], [-1, 4 + 3 / 16]])
    cross = -1 - (1 - 9 / 8) * (1 - 3 / 2) / 6
    expected = [[16 / 3 + 1 / 4, cross], [cross, 4 + 3 / 16]]
    assert_allclose(tap.hessian(rbm, m_v, m_h, 3)[0], expected)


@proves("T16", "T17")
@pytest.mark.parametrize("order", ORDERS)
def test_jacobian_of_the_synchronous_map(order, rng, beta):
    """I - d D beta H at a fixed point, against central differences of one sweep"""
    rbm, d, step = random_rbm(rng, beta=beta), 0.4, 1e-5
    state = tap.fixed_point(rbm, order, tol=1e-13)
    m = np.hstack([state.m_v, state.m_h])
    H = tap.hessian(rbm, state.m_v, state.m_h, order)[0]
    wanted = np.eye(9) - d * (m - m**2).T * beta * H
    around = np.vstack([m + step * np.eye(9), m - step * np.eye(9)])
    v, h = np.hsplit(around, [5])
    moved = np.hstack(sweeps(rbm, v, h, order, "synchronous", d, 1e-10, 1)[:2])
    assert_allclose((moved[:9] - moved[9:]).T / (2 * step), wanted, atol=1e-8)
    scaled = np.linalg.eigvals((m - m**2).T * beta * H)          # similar to D^(1/2) beta H D^(1/2)
    values = tap.scaled_eigenvalues(rbm, state.m_v, state.m_h, order)[0]
    assert_allclose(values, np.sort(scaled.real), rtol=1e-10)
    assert_allclose(tap.smallest_eigenvalue(rbm, state.m_v, state.m_h, order), values[0])


@proves("T17")
@pytest.mark.parametrize("order", ORDERS)
def test_synchronous_sweeps_settle_below_a_step_of_two_over_the_largest_eigenvalue(order, rng):
    """10 % below the bound a small deviation shrinks, 10 % above it grows"""
    for _ in range(10):
        rbm = random_rbm(rng, 8, 6, scale=0.8)
        state = tap.fixed_point(rbm, order, step=0.2, tol=1e-13)
        values = tap.scaled_eigenvalues(rbm, state.m_v, state.m_h, order)[0]
        assert values[0] > 0
        start = state.m_v + 1e-7 * rng.standard_normal(state.m_v.shape), state.m_h
        for share, grows in ((1.8 / values[-1], False), (2.2 / values[-1], True)):
            m_v, m_h, _, _ = sweeps(rbm, *start, order, "synchronous", share, 1e-15, 30)
            before, after = (np.abs(np.hstack(x) - np.hstack([state.m_v, state.m_h])).max()
                             for x in (start, (m_v, m_h)))
            assert (after > before) == grows


def test_truncations_are_often_indefinite_at_strong_coupling():
    """The README's shares: W of standard deviation 3, 4 x 3, means uniform in (0, 1)"""
    rng, n, indefinite = np.random.default_rng(0), 1000, np.zeros(3)
    for _ in range(n):
        rbm = RBM(3 * rng.standard_normal((4, 3)), np.zeros(4), np.zeros(3))
        m = rng.random((1, 4)), rng.random((1, 3))
        indefinite += [tap.smallest_eigenvalue(rbm, *m, order)[0] < 0 for order in ORDERS]
    assert_allclose(indefinite / n, [0.83, 0.08, 0.22], atol=0.04)


def test_eigenvalues_where_units_saturate(rng):
    """A unit at 0 or 1 does not respond, and counts as free; unscaled, its curvature is infinite"""
    rbm, (m_v, m_h) = random_rbm(rng), magnetisations(rng, random_rbm(rng))
    m_v[:, 0] = 1.0
    values = tap.scaled_eigenvalues(rbm, m_v, m_h, 3)
    rest = tap.scaled_eigenvalues(RBM(rbm.W[1:], rbm.a[1:], rbm.b), m_v[:, 1:], m_h, 3)
    assert_allclose(values, np.sort(np.hstack([rest, np.ones((4, 1))]), axis=1), rtol=1e-12)
    assert_allclose(tap.smallest_eigenvalue(rbm, m_v, m_h, 3), values[:, 0])


# ---- the AT-type line

@proves("T19")
def test_the_line_of_trust_of_a_uniform_machine(rng):
    """Equal weights make P a matrix of rank one, rho = (g sqrt(n_v n_h))^2, whatever the means"""
    rbm = RBM(np.full((7, 5), -0.8), np.zeros(7), np.zeros(5), beta=1.5)
    m_v, m_h = np.full((2, 7), 0.3), np.array([[0.6] * 5, [0.5] * 5])
    g = 1.5**2 * 0.8**2 * 0.21 * np.array([0.24, 0.25])
    assert_allclose(tap.spectral_trust(rbm, m_v, m_h), g**2 * 35)
    rbm, (m_v, m_h) = random_rbm(rng, beta=0.6), magnetisations(rng, random_rbm(rng))
    c_v, c_h, W2 = m_v - m_v**2, m_h - m_h**2, rbm.W**2
    for k, (x, y) in enumerate(zip(c_v, c_h, strict=True)):
        P = 0.6**4 * W2 @ np.diag(y**2) @ W2.T @ np.diag(x**2)
        assert_allclose(tap.spectral_trust(rbm, m_v, m_h)[k], np.abs(np.linalg.eigvals(P)).max())


@proves("T19")
def test_random_couplings_are_marginal_on_the_line_and_stable_on_both_sides():
    """400 x 250, means 1/2: the smallest eigenvalue is that of the 2 x 2 block of EXPERIMENTS.md

    Order 1 is unstable from g (sqrt(n_v) + sqrt(n_h))^2 = 1 on: a quarter of the line or less."""
    n_v, n_h = 400, 250
    W = np.random.default_rng(0).standard_normal((n_v, n_h))
    half = np.full((1, n_v), 0.5), np.full((1, n_h), 0.5)
    for line in (0.25, 1.0, 2.0):                                         # g sqrt(n_v n_h)
        g = line / np.sqrt(n_v * n_h)
        rbm = RBM(4 * np.sqrt(g) * W, np.zeros(n_v), np.zeros(n_h))
        across = -np.sqrt(g) * (np.sqrt(n_v) + np.sqrt(n_h))
        block = np.linalg.eigvalsh([[1 + g * n_h, across], [across, 1 + g * n_v]])
        assert_allclose(block[0] * block[1], (1 - line) ** 2, atol=1e-12)
        assert_allclose(tap.smallest_eigenvalue(rbm, *half, 2), block[0], atol=0.045)
        assert_allclose(tap.spectral_trust(rbm, *half), line**2, rtol=0.03)
    assert_allclose(tap.smallest_eigenvalue(rbm, *half, 1), 1 + across, atol=0.03)


# ---- bad arguments

INSIDE = r"strictly inside \(0, 1\): .* curvature"


@pytest.mark.parametrize("call, message", [
    (lambda r, m: tap.hessian(r, np.ones((1, 5)), np.full((1, 4), 0.5)), INSIDE),
    (lambda r, m: tap.hessian(r, m[0], np.zeros((4, 4))), INSIDE),
    (lambda r, m: tap.hessian(r, *m, 4), "order must be one of 1, 2, 3, got 4"),
    (lambda r, m: tap.scaled_eigenvalues(r, *m, 0), "order must be one of 1, 2, 3, got 0"),
    (lambda r, m: tap.smallest_eigenvalue(r, m[0], m[1][:2]), "same number of rows, got 4 and 2"),
    (lambda r, m: tap.spectral_trust(r, m[0], m[1][:2]), "same number of rows, got 4 and 2"),
])
def test_bad_arguments(call, message, rng):
    rbm = random_rbm(rng)
    with pytest.raises(ValueError, match=message):
        call(rbm, magnetisations(rng, rbm))
