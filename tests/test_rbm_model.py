"""Chapter R, the machine: energy, fields, conditionals, free energy, against the table of all
states."""
import numpy as np
import pytest
from brute_force import BruteForce
from conftest import BETAS, random_rbm
from numpy.testing import assert_allclose
from proofs import proves

from minife import RBM
from minife.rbm import GaussianRBM, exact

SIZES = ((1, 1), (5, 4), (3, 7), (10, 8))


@pytest.fixture(scope="module", params=[(size, beta) for size in SIZES for beta in BETAS], ids=str)
def case(request):
    (size, beta), rng = request.param, np.random.default_rng(2024)
    rbm = random_rbm(rng, *size, beta=beta)
    return rbm, BruteForce(rbm), rng.integers(2, size=(6, size[0]))


@proves("R1")
def test_energy(case):
    """E term by term: a cost for each unit that is on, and for each pair"""
    rbm, brute, _ = case
    v, h = brute.v[:200], brute.h[::-1][:200]
    expected = [-sum(rbm.a[i] for i in np.flatnonzero(x)) - sum(rbm.b[j] for j in np.flatnonzero(y))
                - sum(rbm.W[i, j] for i in np.flatnonzero(x) for j in np.flatnonzero(y))
                for x, y in zip(v, h)]
    assert_allclose(rbm.energy(v, h), expected, rtol=1e-12, atol=1e-12)


@proves("R3", "R4")
def test_conditionals(case):
    """Fields, and p(h_j = 1 | v), p(v_i = 1 | h) from the table of all states"""
    rbm, brute, X = case
    for x in X:
        h, p = brute.given(x)
        assert_allclose(rbm.hidden_mean(x[None])[0], p @ h, rtol=1e-12)
        assert_allclose(rbm.hidden_field(x[None])[0], rbm.b + x @ rbm.W, rtol=1e-12, atol=1e-14)
    h = brute.h[-1]
    assert_allclose(rbm.visible_field(h[None])[0], rbm.a + rbm.W @ h, rtol=1e-12, atol=1e-14)
    rows = (brute.h == h).all(axis=1)
    assert_allclose(rbm.visible_mean(h[None])[0],
                    brute.p[rows] / brute.p[rows].sum() @ brute.v[rows], rtol=1e-12)


@proves("R5")
def test_free_energy(case):
    """e^(-beta F(v)) is the sum over h of e^(-beta E(v, h))"""
    rbm, brute, X = case
    log_p = np.array([brute.log_p(v) for v in X])
    assert_allclose(-rbm.beta * rbm.free_energy(X), log_p + brute.log_z, rtol=1e-12, atol=1e-12)


@proves("R8")
def test_the_slope_of_the_free_energy(case):
    """Minus the mean of v h, v and h over the states of h at the rows of X; no factor beta"""
    rbm, brute, X = case
    v, h, vh = brute.moments_at(X)
    slope = rbm.free_energy_gradient(X)
    for name, expected in (("W", -vh), ("a", -v), ("b", -h)):
        assert_allclose(slope[name], expected, rtol=1e-12, atol=1e-14,
                        err_msg=f"slope of F in {name}")


def test_clamped_moments_of_states_and_of_grey_rows(rng, beta):
    """States take the row sum, grey rows the dense product, and both are the same averages"""
    rbm = random_rbm(rng, beta=beta)
    X = rng.integers(2, size=(9, 5)).astype(np.uint8)
    binary = rbm.clamped_moments(X)
    dense = rbm.clamped_moments(np.vstack([X, 0.5 * np.ones((1, 5))])[:9] + 0.0)
    assert_allclose(binary.vh, X.T @ rbm.hidden_mean(X) / 9, rtol=1e-13)
    assert_allclose(dense.vh, binary.vh, rtol=1e-13)
    grey = rng.random((9, 5))
    assert_allclose(rbm.clamped_moments(grey).vh, grey.T @ rbm.hidden_mean(grey) / 9, rtol=1e-13)
    assert_allclose(rbm.hidden_field(grey), rbm.b + grey @ rbm.W, rtol=1e-13)
    grey_h = rng.random((9, 4))
    assert_allclose(rbm.visible_field(grey_h), rbm.a + grey_h @ rbm.W.T, rtol=1e-13)


@proves("D5")
def test_temperature_is_the_scale_of_all_parameters(rng, beta):
    """(D5): (W, a, b; beta) is (beta W, beta a, beta b; 1); scaling W alone is another machine"""
    rbm = random_rbm(rng, beta=beta)
    X = rng.integers(2, size=(9, 5))
    scaled = RBM(beta * rbm.W, beta * rbm.a, beta * rbm.b)
    assert_allclose(exact.log_likelihood(scaled, X), exact.log_likelihood(rbm, X), rtol=1e-13)
    only_W = RBM(1.5 * rbm.W, rbm.a, rbm.b, beta)
    assert abs(exact.log_likelihood(only_W, X)
               - exact.log_likelihood(RBM(**rbm.parameters, beta=1.5 * beta), X)) > 0.01


@proves("R1", "R5", "R9", "R10")
def test_one_by_one_machine_by_hand():
    """The example of the README: Boltzmann weights 1, 1/4, 1/2, 9/4 of (0, 0), (0, 1), (1, 0), (1,
    1), so Z = 4"""
    rbm = RBM(W=[[np.log(18) / 2]], a=[-np.log(2) / 2], b=[-np.log(2)], beta=2)
    assert_allclose(np.exp(-2 * rbm.energy([[0], [0], [1], [1]], [[0], [1], [0], [1]])),
                    [1, 1 / 4, 1 / 2, 9 / 4])
    assert_allclose(exact.log_partition_function(rbm), np.log(4), rtol=1e-15)
    assert_allclose(rbm.free_energy([[0], [1]]), [-np.log(5 / 4) / 2, -np.log(11 / 4) / 2],
                    rtol=1e-14)
    moments, slope = exact.moments(rbm), exact.log_likelihood_gradient(rbm, [[1]])
    assert_allclose([*moments.v, *moments.h, *moments.vh[0]], [11 / 16, 10 / 16, 9 / 16],
                    rtol=1e-14)
    assert_allclose([*slope["W"][0], *slope["a"], *slope["b"]], [45 / 88, 5 / 8, 17 / 44],
                    rtol=1e-14)


def test_initialise_sets_the_visible_means_of_the_data(rng):
    X = (rng.random((500, 6)) < [0.0, 0.1, 0.4, 0.5, 0.9, 1.0]).astype(np.uint8)
    rbm = RBM.initialise(6, 4, rng, X)
    assert_allclose(rbm.visible_mean(np.zeros((1, 4)))[0],
                    np.clip(X.mean(axis=0), 1 / 502, 501 / 502), rtol=1e-12)
    assert np.abs(rbm.W).max() < 0.1


def test_initialise_draws_weights_of_standard_deviation_0_01(rng):
    W = RBM.initialise(100, 100, rng).W
    assert abs(W.std() - 0.01) < 5 * 0.01 / np.sqrt(2 * W.size)
    assert abs(W.mean()) < 5 * 0.01 / np.sqrt(W.size)


def test_float32_stays_float32(rng):
    rbm = RBM.initialise(6, 4, rng, dtype=np.float32)
    v = rng.integers(2, size=(3, 6))
    assert RBM(rbm.W, np.zeros(6), np.zeros(4)).a.dtype == np.float32
    h, grey, grey_h = rng.integers(2, size=(3, 4)), rng.random((3, 6)), rng.random((3, 4))
    moments = rbm.clamped_moments(v), rbm.clamped_moments(grey)
    for array in (rbm.a, rbm.hidden_field(v), rbm.hidden_mean(v), rbm.free_energy(v),
                  rbm.hidden_field(grey), rbm.visible_field(h), rbm.visible_field(grey_h),
                  *(m.v for m in moments), *(m.vh for m in moments)):
        assert array.dtype == np.float32


def test_arrays_are_kept_where_their_type_allows():
    W, a, b = np.zeros((3, 2)), np.zeros(3), np.zeros(2)
    rbm = RBM(W, a, b)
    assert rbm.W is W and rbm.a is a and rbm.b is b


def test_what_replaces_an_array_has_its_shape_and_takes_its_type(rng):
    rbm = RBM.initialise(6, 4, rng, dtype=np.float32)
    rbm.b = np.ones(4)
    assert rbm.b.dtype == np.float32 and (rbm.hidden_mean(np.zeros((1, 6))) > 0.7).all()
    for name, array, message in (
            ("b", np.zeros(3), r"b must have shape \(4,\) to go with W \(6, 4\), got \(3,\)"),
            ("a", np.zeros(4), r"a must have shape \(6,\)"),
            ("W", np.zeros((6, 10**5)), r"W must have shape \(6, 4\)"),
("W", np.full((6, 4), np.nan), "W must be finite"), ("beta", 0, "beta must be a positive number"),
            ("b", np.zeros((4, 1)), "b must have 1 axes")):
        with pytest.raises(ValueError, match=message):
            setattr(rbm, name, array)
    with pytest.raises(TypeError, match="b must be an array of real numbers"):
        rbm.b = "text"
    assert (rbm.b == 1).all()


def test_no_array_is_tied_to_another_or_read_only():
    x, frozen = np.zeros(3), np.zeros((3, 3))
    frozen.flags.writeable = False
    rbm = RBM(frozen, x, x)
    rbm.a += 1
    rbm.W += 1
    assert not rbm.b.any() and not frozen.any()


def test_machines_name_themselves(rng):
    assert repr(RBM.initialise(784, 100, rng,
                               dtype=np.float32)) == "RBM(784 x 100, beta=1.0, float32)"
    assert repr(GaussianRBM(np.zeros((3, 2)), np.zeros(3), np.zeros(2),
                            1.5)) == "GaussianRBM(3 x 2, beta=1.5, float64)"


@pytest.mark.parametrize("dtype", [int, "int32", np.float16, complex, "text"])
def test_machines_are_float32_or_float64(dtype, rng):
    with pytest.raises((ValueError, TypeError),
                       match="dtype must be numpy.float32 or numpy.float64"):
        RBM.initialise(3, 2, rng, dtype=dtype)


def test_a_very_large_beta_is_a_number():
    """Integers beyond 64 bits, too; beyond the range of floats they are refused in words"""
    v = exact.all_states(2)
    for beta in (2**62, 2**70):
        rbm = RBM([[1.0], [-2.0]], [0.5, 0.5], [0.5], beta)
        assert_allclose(rbm.free_energy(v), [-0.5, -2.0, -0.5, -1.0], rtol=1e-12)
    with pytest.raises(ValueError, match="beta must be a positive number"):
        RBM([[1.0]], [0.5], [0.5], 2**2000)
