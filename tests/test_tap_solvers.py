"""Chapter T: the solvers of the fixed-point equations, above all the block minimiser."""
import pickle

import numpy as np
import pytest
from conftest import magnetisations, random_rbm
from numpy.testing import assert_allclose
from proofs import proves

from minife import RBM, kernels, tap
from minife.kernels import reference
from minife.kernels.reference import worst
from minife.tap.solvers import lowest, sweeps
from minife.units import Binary

ORDERS = (1, 2, 3)
METHODS = ["damped", "alternating", "synchronous", "block"]
STUCK = "ignore::minife.tap.NotConvergedWarning"


def steepest(rbm, state, order, step=1e-4):
    """Return the largest |d(beta Gamma_k) / dm| at a FixedPoint of one row, by differences."""
    m, n = np.hstack([state.m_v, state.m_h])[0], rbm.n_visible
    rows = np.concatenate([m + k * step * np.eye(len(m)) for k in (-2, -1, 1, 2)])
    far, near, near_2, far_2 = np.split(tap.free_energy(rbm, rows[:, :n], rows[:, n:], order), 4)
    return np.abs(rbm.beta * (far - 8 * near + 8 * near_2 - far_2) / (12 * step)).max()


@proves("T9", "T10")
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("method", METHODS)
def test_sweeps_arrive_where_the_free_energy_is_level(method, order, beta):
    """By differences of Gamma_k, not by the equation that the sweeps solve"""
    if method == "block" and order == 3:
        pytest.skip("the block minimiser needs order 1 or 2")
    rbm = random_rbm(np.random.default_rng(order), beta=beta, scale=0.6)
    state = tap.fixed_point(rbm, order, method=method, step=0.4, tol=1e-12)
    assert state.converged.all()
    slope = steepest(rbm, state, order)
    assert slope < 1e-9, f"{method}, order {order}, beta {beta}: slope {slope:.1e}"


@proves("T10")
@pytest.mark.parametrize("step", [1.0, 0.3])
def test_one_sweep_by_hand(step):
    """Order 2, one unit a layer, W = 2, a = b = -1, beta = 1, from (1/2, 1/4): m_h moves first

    theta_h = -1 + 1 + (1/2 - 1/4) 4 / 4 = 1/4; m_v then sees the new m_h"""
    rbm, start = RBM([[2.0]], [-1.0], [-1.0]), (np.array([[1 / 2]]), np.array([[1 / 4]]))
    h = 1 / 4 + step * (1 / (1 + np.exp(-1 / 4)) - 1 / 4)
    v = 1 / 2 + step * (1 / (1 + np.exp(1 - 2 * h)) - 1 / 2)            # its own 1/2 - m is 0
    m_v, m_h, residual, n_iter = sweeps(rbm, *start, 2, "damped", step, 0.0, 1)
    assert_allclose((m_v[0, 0], m_h[0, 0]), (v, h), rtol=1e-14)
    assert n_iter[0] == 1
    way_h, way_v = (h - 1 / 4) / step, (v - 1 / 2) / step
    floor = np.finfo(float).eps ** (1 / 3)
    expected = max(way_h / (3 / 16 + floor), abs(way_v) / (1 / 4 + floor))
    assert_allclose(residual[0], expected, rtol=1e-12)


@proves("T12")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_residual_is_the_error_of_theta_with_a_floor(method, dtype):
    """Without coupling: a small error of theta at m = 1/2 is itself the residual, and a unit within
    rounding of 1 counts |sigma(theta) - m| / eps^(1/3), not a ratio of two roundings"""
    eps = np.finfo(dtype).eps
    zero, half = np.zeros((1, 1), dtype), np.full((1, 1), 0.5, dtype)
    floor, theta = eps ** (1 / 3), 0.01
    rbm = RBM(zero, np.array([theta], dtype), zero[0])
    found = sweeps(rbm, half, half, 1, method, 1.0, 0.0, 1)[2][0]
    assert_allclose(found, (1 / (1 + np.exp(-theta)) - 0.5) / (0.25 + floor), rtol=1e-5)
    assert abs(found - theta) < (5 * floor + theta**2) * theta + 4 * eps
    top = np.array([[1 - eps]], dtype)                                    # and sigma(50) = 1
    rbm = RBM(zero, np.array([50], dtype), np.array([50], dtype))
    found = sweeps(rbm, top, top, 1, method, 1.0, 0.0, 1)[2][0]
    assert_allclose(found, eps / (eps + floor), rtol=1e-5)


@proves("T12")
def test_worst_is_a_maximum_over_the_units_of_a_row():
    way, m = np.array([[0.1, -0.2], [0.0, 0.3]]), np.array([[0.5, 0.5], [0.5, 0.1]])
    floor = np.finfo(float).eps ** (1 / 3)
    assert_allclose(worst(way, m), [0.2 / (0.25 + floor), 0.3 / (0.09 + floor)], rtol=1e-14)


@pytest.mark.parametrize("step", [1.0, 0.5, 0.1])
def test_order_1_sweeps_never_raise_the_free_energy(step, rng):
    """Each half step goes to the exact minimum over its layer, or towards it"""
    for _ in range(30):
        rbm = random_rbm(rng, 8, 6, scale=3.0)
        m_v, m_h = magnetisations(rng, rbm)
        values = [tap.free_energy(rbm, m_v, m_h, 1)]
        for _ in range(20):
            theta_h = reference.layer_field(m_v, m_h, rbm.W, rbm.b, 1.0, 1)
            m_h = m_h + step * (reference.sigmoid(theta_h) - m_h)
            values.append(tap.free_energy(rbm, m_v, m_h, 1))
            theta_v = reference.layer_field(m_h, m_v, rbm.W.T, rbm.a, 1.0, 1)
            m_v = m_v + step * (reference.sigmoid(theta_v) - m_v)
            values.append(tap.free_energy(rbm, m_v, m_h, 1))
        assert (np.diff(values, axis=0) <= 1e-12 * np.abs(values[0])).all()


def test_rows_are_solved_alone(rng):
    """A row's result does not depend on its neighbours, by the kernel or by BLAS"""
    rbm = random_rbm(rng, 130, 130, scale=0.05)
    m_v, m_h = magnetisations(rng, rbm, n=33)
    together = tap.fixed_point(rbm, 2, m_v, m_h)
    alone = tap.fixed_point(rbm, 2, m_v[3:4], m_h[3:4])
    assert_allclose(together.m_v[3:4], alone.m_v, rtol=1e-12)
    assert together.n_iter[3] == alone.n_iter[0]


def test_float32_machines_are_solved_in_float64(rng):
    rbm = random_rbm(rng)
    single = RBM(*(array.astype(np.float32) for array in rbm.parameters.values()))
    state = tap.fixed_point(single, 3)
    assert state.converged.all() and state.m_v.dtype == np.float64
    assert_allclose(state.m_v, tap.fixed_point(rbm, 3).m_v, rtol=1e-5)


def test_saturated_units_converge(rng):
    """A unit that rounding pins to 0 or 1 is not asked for more digits than it has"""
    rbm = RBM(rng.normal(0, 0.5, (5, 4)), np.array([40.0, -40.0, 20.0, -20.0, 0.0]), np.zeros(4))
    assert tap.fixed_point(rbm, 2).converged.all()


def test_no_convergence_is_a_warning_with_numbers():
    rbm = RBM([[12.0]], [-6.0], [-6.0])
    stopped = "1 fixed-point iterations stopped after 3 sweeps .* a smaller step"
    with pytest.warns(tap.NotConvergedWarning, match=stopped) as record:
        state = tap.fixed_point(rbm, 1, max_iter=3)
    assert not state.converged.any() and state.n_iter[0] == 3
    assert record[0].message.residual == state.residual.max() and record[0].message.n_iter == 3


def test_warning_tells_of_the_worst_row_and_counts_those_that_failed():
    rbm = RBM([[12.0]], [-6.0], [-6.0])
    m = np.array([[0.0025], [0.6], [0.55]])               # the first is next to its fixed point
    with pytest.warns(tap.NotConvergedWarning, match="^2 .* stopped after 9 sweeps") as record:
        state = tap.fixed_point(rbm, 1, m, m, max_iter=9, tol=1e-1)
    assert state.converged.tolist() == [True, False, False]
    assert record[0].message.residual == state.residual.max() > state.residual.min()


def test_the_warning_survives_a_copy_to_another_process():
    warning = tap.NotConvergedWarning(0.5, 7, 3)
    again = pickle.loads(pickle.dumps(warning))
    assert str(again) == str(warning)
    assert (again.residual, again.n_iter, again.n_rows) == (0.5, 7, 3)


def test_starts(rng):
    """Without a start: free visible units, then the hidden means at them"""
    rbm = random_rbm(rng)
    with pytest.warns(tap.NotConvergedWarning):
        state = tap.fixed_point(rbm, 1, max_iter=1, step=1.0)
    m_v = Binary().mean(rbm.a)[None]
    assert_allclose(state.m_h, rbm.hidden_mean(m_v))
    assert_allclose(state.m_v, rbm.visible_mean(rbm.hidden_mean(m_v)))


def test_the_hidden_units_start_at_their_means(rng, beta):
    """At order 1 these are stationary already, so a damped sweep leaves them"""
    rbm = random_rbm(rng, beta=beta)
    with pytest.warns(tap.NotConvergedWarning):
        state = tap.fixed_point(rbm, 1, max_iter=1, step=0.3)
    assert_allclose(state.m_h, rbm.hidden_mean(Binary().mean(beta * rbm.a)[None]), rtol=1e-13)


def test_a_step_of_one_half_is_the_default(rng):
    rbm = random_rbm(rng)
    assert tap.fixed_point(rbm).n_iter == tap.fixed_point(rbm, step=0.5).n_iter


@pytest.mark.filterwarnings("ignore::minife.tap.NotConvergedWarning")
def test_converged_says_whether_the_residual_is_below_the_tolerance(rng):
    rbm = random_rbm(rng)
    states = [tap.fixed_point(rbm, max_iter=n, tol=1e-8) for n in range(1, 60)]
    assert [bool(s.converged[0]) for s in states] == [bool(s.residual[0] <= 1e-8) for s in states]
    assert not states[0].converged[0] and states[-1].converged[0]


def test_lowest_prefers_rows_that_converged():
    m = np.full((3, 1), 0.5)

    def state(converged):
        gamma = np.array([-1.0, -3.0, -2.0])
        return tap.FixedPoint(m, m, gamma, np.zeros(3), np.ones(3), np.array(converged))

    assert lowest(state([True, False, True])) == 2
    assert lowest(state([True, True, True])) == 1
    assert lowest(state([False, False, False])) == 1


def strong_machines(n):
    """Yield n machines with weights of standard deviation 0.5 to 5, each with one start."""
    rng = np.random.default_rng(0)
    for k in range(n):
        n_visible, n_hidden = [(12, 8), (8, 6), (10, 10), (20, 5), (6, 12)][k % 5]
        rbm = RBM(rng.uniform(0.5, 5) * rng.standard_normal((n_visible, n_hidden)),
                  rng.standard_normal(n_visible), rng.standard_normal(n_hidden))
        yield rbm, rng.random((1, n_visible)), rng.random((1, n_hidden))


@proves("T17")
@pytest.mark.filterwarnings(STUCK)
def test_synchronous_sweeps_can_cycle_where_alternating_ones_converge():
    """One unit in each layer, W = 12: undamped, the layers exchange their states for ever"""
    rbm, start = RBM([[12.0]], [-6.0], [-6.0]), {"m_v": np.array([[0.9]]), "m_h": np.array([[0.1]])}
    for n, ends in ((1000, (0.9975, 0.0025)), (1001, (0.0025, 0.9975))):
        state = tap.fixed_point(rbm, 1, **start, method="synchronous", step=1.0, max_iter=n)
        assert_allclose((state.m_v[0, 0], state.m_h[0, 0]), ends, atol=1e-4)
        assert not state.converged[0] and state.n_iter[0] == n
    half = {"method": "synchronous", "step": 0.5}
    for how in ({"method": "alternating"}, half, {"method": "block"}):
        assert tap.fixed_point(rbm, 1, **start, **how).converged.all()


@pytest.mark.parametrize("method", METHODS)
def test_all_methods_agree_at_weak_coupling_and_rows_are_solved_alone(method, rng, beta):
    """The same fixed point; a row's path does not depend on its neighbours"""
    rbm = random_rbm(rng, beta=beta, scale=0.4)
    m_v, m_h = magnetisations(rng, rbm)
    m_v[1], m_h[1] = (tap.fixed_point(rbm, 2).m_v, tap.fixed_point(rbm, 2).m_h)
    state, damped = (tap.fixed_point(rbm, 2, m_v, m_h, method=name) for name in (method, "damped"))
    assert_allclose(state.m_v, damped.m_v, rtol=1e-8)
    assert (state.residual <= 1e-10).all() and state.converged.all()
    assert state.n_iter[1] < state.n_iter[0]                            # a warm start is soon there
    alone = tap.fixed_point(rbm, 2, m_v[[2]], m_h[[2]], method=method)
    assert_allclose(alone.m_v[0], state.m_v[2], rtol=1e-12)
    assert alone.n_iter[0] == state.n_iter[2]
    for slope in tap.stationarity(rbm, state.m_v, state.m_h, 2):
        assert np.abs(slope).max() < 1e-8


def test_alternating_is_damped_with_step_one(rng):
    """Whatever `step` says; and at order 1 it is the block minimiser"""
    rbm = random_rbm(rng, 8, 6)
    m = magnetisations(rng, rbm)
    for order in ORDERS:
        one = tap.fixed_point(rbm, order, *m, "alternating", 0.1)
        two = tap.fixed_point(rbm, order, *m, step=1.0)
        assert np.array_equal(one.m_v, two.m_v) and np.array_equal(one.n_iter, two.n_iter)
    block = tap.fixed_point(rbm, 1, *m, "block")
    assert_allclose(block.m_v, tap.fixed_point(rbm, 1, *m, "alternating").m_v)


@proves("T18")
def test_block_minimiser_converges_on_all_machines_and_never_climbs():
    """300 of 300 (30 by the twins), where a step of 1/2 solves 176 and a step of 1 solves 181

    The squares of all moves sum to at most beta (first - last Gamma_2) / 2."""
    n, solved = 300 if kernels.implementation == "compiled" else 30, {"damped": 0, "alternating": 0}
    for rbm, m_v, m_h in strong_machines(n):
        for method in solved:
            solved[method] += sweeps(rbm, m_v, m_h, 2, method, 0.5, 1e-10, 1000)[2][0] <= 1e-10
        gamma, moved, residual = [tap.free_energy(rbm, m_v, m_h, 2)[0]], 0.0, np.inf
        while residual > 1e-10:
            new_v, new_h, residual, _ = sweeps(rbm, m_v, m_h, 2, "block", 1.0, 1e-15, 1)
            moved += ((new_v - m_v) ** 2).sum() + ((new_h - m_h) ** 2).sum()
            m_v, m_h = new_v, new_h
            gamma.append(tap.free_energy(rbm, m_v, m_h, 2)[0])
            assert len(gamma) < 1000
        rounding = 1e-13 * np.abs(gamma).max()
        assert np.diff(gamma).max() < rounding
        assert moved <= (gamma[0] - gamma[-1]) / 2 + rounding
    assert all(0.35 * n < count < 0.75 * n for count in solved.values()), solved


@proves("T18")
def test_block_solution_is_stationary_at_strong_coupling():
    """All units that rounding does not pin, W of standard deviation 5"""
    rng = np.random.default_rng(5)
    for _ in range(30):
        rbm = random_rbm(rng, 12, 8, beta=1.5, scale=5.0)
        state = tap.fixed_point(rbm, 2, *magnetisations(rng, rbm), method="block", tol=1e-11,
                                max_iter=5000)
        slopes = tap.stationarity(rbm, state.m_v, state.m_h, 2)
        for m, slope in zip((state.m_v, state.m_h), slopes, strict=True):
            assert np.abs(slope[m - m**2 > 1e-3]).max(initial=0) < 1e-9
            assert np.abs((m - m**2) * slope).max() < 1e-9


@proves("T18")
@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="no type wider than float64")
@pytest.mark.parametrize("kernel", [kernels, reference], ids=["kernels", "reference"])
@pytest.mark.parametrize("dtype, rounding", [(np.float64, 1e-15), (np.float32, 1e-6)])
def test_newton_reaches_the_root_from_below(kernel, dtype, rounding):
    """t + c (sigma(t) - 1/2) = x for c up to 10^4, x up to +-10^3, against bisection in long double

    One sweep from a visible unit at 1/2, whose variance makes c = W^2 / 4, to all hidden units."""
    grids = np.meshgrid([0, *np.logspace(-3, 4, 50)], np.linspace(-1, 1, 81))
    c, x = (grid.ravel() for grid in grids)
    x = np.concatenate([1000 * x, (c / 2 + 20) * x])                   # the second: around the bend
    W = (2 * np.sqrt(np.concatenate([c, c])))[None].astype(dtype)
    b, half = (x - W[0] / 2).astype(dtype), np.full((1, 1), 0.5, dtype)
    found = kernel.block_fixed_point(W, np.zeros(1, dtype), b, 1.0, half, np.full_like(W, 0.5), 2,
                                     1e-9, 1)
    m_h = found[1][0]
    c, x = (np.longdouble(W[0]) / 2) ** 2, np.longdouble(b) + np.longdouble(W[0]) / 2
    low, high = np.zeros_like(x), np.abs(x)
    for _ in range(90):
        t = (low + high) / 2
        below = t + c * np.tanh(t / 2) / 2 < np.abs(x)
        low, high = np.where(below, t, low), np.where(below, high, t)
    m = 1 / (1 + np.exp(-np.sign(x) * t))
    assert np.abs(m_h - m).max() < rounding


def newton(t, c, x):
    """Return t after one Newton step for t + c (sigma(t) - 1/2) = x, and the slope at t."""
    slope = 1 + c / 4 / np.cosh(np.minimum(t, 700) / 2) ** 2
    return t + (x - t - c * np.tanh(t / 2) / 2) / slope, slope


def root_of(c, x):
    t = np.maximum(x / (1 + c / 4), x - c / 2)
    for _ in range(60):
        t, _ = newton(t, c, x)
    return t


def test_newton_steps_climb_and_square_the_error():
    """The start is below the root; a step takes an error e to at most e - 1 + e^(-e) <= e^2 / 2"""
    grids = np.meshgrid(np.logspace(-2, 4, 100), np.logspace(-2, 3, 100))
    c, x = (grid.ravel() for grid in grids)
    root, t = root_of(c, x), np.maximum(x / (1 + c / 4), x - c / 2)
    for _ in range(10):
        error = root - t
        assert (error > -1e-12 * (1 + root)).all()
        t, _ = newton(t, c, x)
        assert (root - t <= error + np.expm1(-error) + 1e-12 * (1 + root)).all()
    assert (root - t).max() < 1e-10


def test_longer_steps_climb_and_cube_the_error():
    """From anywhere below the root: none too long, none shorter than Newton's, e goes to e^3 / 3"""
    grids = np.meshgrid(np.logspace(-3, 4, 60), np.logspace(-3, 3, 60), np.arange(60) / 60)
    c, x, share = (grid.ravel() for grid in grids)
    root = root_of(c, x)
    t = share * root
    r, k, D = x - t - c * np.tanh(t / 2) / 2, np.tanh(t / 2) / 2, newton(t, c, x)[1]
    step, rounding = r * (D + k * r) / (D**2 + k * r), 1e-12 * (1 + x)
    assert (step >= r / D - rounding).all() and (step <= root - t + rounding).all()
    assert (root - t - step <= (root - t) ** 3 / 3 + rounding).all()


def test_the_methods_take_large_batches(rng):
    """Many rows of a large machine take their products from BLAS, and end where one row ends"""
    rbm = random_rbm(rng, 400, 330, scale=0.1)
    m_v, m_h = magnetisations(rng, rbm, n=32)
    together, alone = (sweeps(rbm, m_v[:n], m_h[:n], 2, "block", 1.0, 1e-10, 3) for n in (32, 1))
    assert_allclose(together[0][:1], alone[0], rtol=1e-11)
    assert_allclose(together[2][:1], alone[2], rtol=1e-9)


@pytest.mark.parametrize("arguments, message", [
    ({"order": 3, "method": "block"}, "method 'block' needs order 1 or 2"),
    ({"method": "newton"}, "method must be one of 'damped', .*got 'newton'"),
    ({"m_v": np.full((1, 4), 0.5)}, r"m_v must have shape \(n, 5\), got \(1, 4\)"),
    ({"m_h": np.full((3, 4), 0.5)}, "the same number of rows, got 1 and 3"),
    ({"step": True}, r"step must be a number in \(0, 1\], got True"),
    ({"tol": np.inf}, "tol must be a positive number, got inf"),
    ({"max_iter": 2.5}, "max_iter must be a positive integer, got 2.5"),
    ({"order": "2"}, "order must be one of 1, 2, 3, got '2'"),
])
def test_bad_arguments(arguments, message, rng):
    with pytest.raises(ValueError, match=message):
        tap.fixed_point(random_rbm(rng), **arguments)


def test_a_fixed_point_names_itself(rng):
    found = tap.fixed_point(random_rbm(rng))
    assert repr(found) == "FixedPoint(1 rows of 5 x 4 units, 1 converged)"
