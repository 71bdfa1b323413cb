"""A unit's mean and variance are the slope and curvature of its potential, and its conjugate their
dual."""
import numpy as np
import pytest

from minife.gradcheck import check_gradient
from minife.units import Binary, Gaussian, LeakyRectified, Potts, Rectified, Spin, Step
from proofs import proves

UNITS = [Binary(), Spin(), Gaussian(), LeakyRectified(0.1), Rectified(), Step(), Potts()]
# no field within 0.1 of the kink at 0; each row a Potts unit
X = np.linspace(-3, 3, 24).reshape(8, 3)


def each(units):
    return pytest.mark.parametrize("unit", units, ids=lambda unit: type(unit).__name__)


def dot(unit, x, m):
    """Return x m, summed over the states of a Potts unit."""
    return (x * m).sum(axis=-1) if isinstance(unit, Potts) else x * m


@proves("U1", "U2")
@each(UNITS)
def test_the_mean_is_the_slope_of_the_potential(unit):
    """(U1), (U2) by five-point differences."""
    worst = check_gradient(lambda p: unit.potential(p["x"]).sum(), {"x": X.copy()},
                           {"x": unit.mean(X)})
    assert worst["x"] < 1e-10


@proves("U3", "U7")
@each(UNITS)
def test_the_variance_is_the_slope_of_the_mean(unit):
    """(U3) by five-point differences of the sum of c m, whose slope is V c; V is a matrix for Potts
    (U7)."""
    c, variance = np.cos(np.arange(24.0)).reshape(8, 3), unit.variance(X)
    slope = np.einsum("nij,nj->ni", variance, c) if isinstance(unit, Potts) else variance * c
    assert check_gradient(lambda p: (c * unit.mean(p["x"])).sum(), {"x": X.copy()},
                          {"x": slope})["x"] < 1e-10


@each(UNITS)
def test_the_potential_is_convex(unit):
    """(U1) at random pairs of fields, kinks between them: the middle of a chord lies above the
    curve."""
    x, y = 5 * np.random.default_rng(0).normal(size=(2, 1000, 3))
    assert np.all(unit.potential((x+y) / 2) <= (unit.potential(x) + unit.potential(y)) / 2 + 1e-12)
    variance = unit.variance(x)
    assert np.min(np.linalg.eigvalsh(variance) if isinstance(unit, Potts) else variance) > -1e-15


@proves("U4")
@each(UNITS)
def test_fenchel(unit):
    """(U4): A(x) + A*(m) >= x m, with equality where m is the mean at x."""
    m = unit.mean(X)
    np.testing.assert_allclose(
        unit.potential(X) + unit.conjugate(m), dot(unit, X, m), rtol=0, atol=1e-12)
    for x in 3 * np.random.default_rng(0).normal(size=(50, 8, 3)):
        assert np.all(unit.potential(x) + unit.conjugate(m) >= dot(unit, x, m) - 1e-12)


@proves("U4")
@each([unit for unit in UNITS if not isinstance(unit, Potts)])
def test_the_conjugate_is_the_largest_distance_to_the_potential(unit):
    """(U4) by brute force: the best of many fields, improved by Newton's x += (m - A'(x)) /
    A''(x)."""
    m, grid = np.linspace(0.05, 0.95, 19), np.linspace(-20, 20, 4001)
    x = grid[np.argmax(m[:, None] * grid - unit.potential(grid), axis=1)]
    for _ in range(0 if isinstance(unit, Step) else 5):  # at a step the best field is the kink
        x = x + (m - unit.mean(x)) / unit.variance(x)
    np.testing.assert_allclose(unit.conjugate(m), m * x - unit.potential(x), rtol=0, atol=1e-12)


def test_the_conjugate_of_a_mean_that_no_field_gives_is_infinite():
    """(U4): x m - A(x) grows without bound."""
    for unit, m in [(Rectified(), -0.1), (Step(), -0.1), (Step(), 1.1)]:
        assert unit.conjugate(np.array(m)) == np.inf


@proves("U5")
@each([unit for unit in UNITS if hasattr(unit, "field")])
def test_the_field_is_the_inverse_of_the_mean(unit):
    """(U5): for a rectified unit of positive fields, for a Potts unit up to a constant (U7)."""
    x = np.abs(X) if isinstance(unit, Rectified) else X
    np.testing.assert_allclose(unit.mean(unit.field(unit.mean(x))), unit.mean(x), rtol=1e-13)
    error = unit.field(unit.mean(x)) - x
    assert np.abs(error - error[:, :1] if isinstance(unit, Potts) else error).max() < 1e-12


@pytest.mark.filterwarnings("error")
@each(UNITS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_extreme_fields_stay_finite_and_keep_their_dtype(unit, dtype):
    """(U1) to (U5) at |x| = 1e4, where e^x overflows; a saturated unit alone has an infinite
    field."""
    x = np.array([[1e4, -1e4, 0.5], [-1e4, 1e4, 1e4], [-1e4, -1e4, -1e4]], dtype)
    m = unit.mean(x)
    for result in (unit.potential(x), m, unit.variance(x), unit.conjugate(m)):
        assert np.isfinite(result).all() and result.dtype == dtype
    if hasattr(unit, "field"):
        assert not np.isnan(unit.field(m)).any() and unit.field(m).dtype == dtype


@proves("U1", "U2", "U3", "U4", "U7")
def test_values_by_hand():
    """(U1) to (U4), (U7), at fields whose exponentials are whole numbers: A, m, the variance and A*
    at m."""
    def check(unit, x, *answers):
        x = np.array(x)
        values = unit.potential(x), unit.mean(x), unit.variance(x), unit.conjugate(unit.mean(x))
        for value, answer in zip(values, answers, strict=True):
            np.testing.assert_allclose(value, answer, rtol=1e-14, atol=1e-15)

    log = np.log
    check(Binary(), 0.0, log(2), 1 / 2, 1 / 4, -log(2))
    check(Binary(), log(3), log(4), 3 / 4, 3 / 16, 3 / 4 * log(3) - log(4))
    check(Spin(), log(2), log(5 / 2), 3 / 5, 16 / 25, 3 / 5 * log(2) - log(5 / 2))
    check(Gaussian(), -3.0, 9 / 2, -3, 1, 9 / 2)
    check(LeakyRectified(0.1), [-2.0, 2.0], [0.2, 2], [-0.2, 2], [0.1, 1], [0.2, 2])
    check(Rectified(), [-2.0, 2.0], [0, 2], [0, 2], [0, 1], [0, 2])
    check(Step(), [-2.0, 2.0], [0, 2], [0, 1], [0, 0], [0, 0])
    check(Potts(), log([1.0, 1, 2]), log(4), [1 / 4, 1 / 4, 1 / 2],
          [[3 / 16, -1 / 16, -1 / 8], [-1 / 16, 3 / 16, -1 / 8], [-1 / 8, -1 / 8, 1 / 4]],
          -3 / 2 * log(2))


@proves("U6")
def test_a_step_is_a_binary_unit_at_zero_temperature():
    """(U6): T A(x / T) - A_step(x) = T log(1 + e^(-|x| / T)), and the means are within e^(-|x| /
    T)."""
    x = np.array([-2.0, -0.3, 0.0, 0.1, 1.0])
    for T in (1, 0.1, 0.01, 0.001):
        gap = T * Binary().potential(x / T) - Step().potential(x)
        np.testing.assert_allclose(gap, T * np.log1p(np.exp(-np.abs(x) / T)), rtol=0, atol=1e-15)
        rounding = 1 + 1e-15
        assert np.all(
            np.abs(Binary().mean(x / T) - Step().mean(x)) <= rounding * np.exp(-np.abs(x) / T))


def test_a_spin_is_a_binary_unit_in_other_units():
    """s = 2 v - 1: m_spin(x) = 2 sigma(2 x) - 1, so A_spin(x) = A(2 x) - x; same entropy (U4)."""
    spin, binary, m = Spin(), Binary(), np.tanh(X)
    np.testing.assert_allclose(spin.mean(X), 2 * binary.mean(2 * X) - 1, atol=1e-15)
    np.testing.assert_allclose(spin.potential(X), binary.potential(2 * X) - X, atol=1e-14)
    np.testing.assert_allclose(spin.variance(X), 4 * binary.variance(2 * X), rtol=1e-12)
    np.testing.assert_allclose(spin.conjugate(m), binary.conjugate((1 + m) / 2), atol=1e-15)


@proves("U7")
def test_a_potts_unit_of_two_states_is_a_binary_unit():
    """(U7) with k = 2: the binary unit sees the difference of the two fields."""
    potts, binary, x = Potts(), Binary(), X.reshape(12, 2) * [1, -0.5]
    gap, m = x[:, 0] - x[:, 1], potts.mean(x)
    np.testing.assert_allclose(potts.potential(x), x[:, 1] + binary.potential(gap), rtol=1e-14,
                               atol=1e-14)
    np.testing.assert_allclose(m[:, 0], binary.mean(gap), rtol=1e-14)
    np.testing.assert_allclose(potts.variance(x)[:, 0, 1], -binary.variance(gap), rtol=1e-12)
    np.testing.assert_allclose(potts.conjugate(m), binary.conjugate(m[:, 0]), rtol=1e-13)


def test_the_means_of_a_potts_unit_sum_to_one():
    """(U7): so each row of the covariance sums to 0, and a constant added to all fields changes no
    mean."""
    np.testing.assert_allclose(Potts().mean(X).sum(axis=-1), 1, rtol=1e-15)
    np.testing.assert_allclose(Potts().variance(X).sum(axis=-1), 0, atol=1e-15)
    np.testing.assert_allclose(Potts().mean(X + 7), Potts().mean(X), rtol=1e-14)


@pytest.mark.parametrize("slope", [0, -0.1, 1.1, np.nan, np.inf])
def test_the_slope_of_a_leaky_unit_lies_in_0_1(slope):
    with pytest.raises(ValueError, match="slope must be a number in"):
        LeakyRectified(slope)


@proves("U6")
def test_at_a_kink_the_left_side_counts():
    zero = np.zeros(1)
    for unit, mean, curvature in ((Rectified(), 0, 0), (LeakyRectified(0.1), 0, 0.1), (Step(), 0,
                                                                                       0)):
        assert unit.mean(zero) == mean and unit.variance(zero) == curvature, unit


def test_units_name_themselves():
    assert repr(LeakyRectified(0.2)) == "LeakyRectified(0.2)" and repr(Binary()) == "Binary()"
