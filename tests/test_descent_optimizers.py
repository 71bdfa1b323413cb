"""The steps that every trainer shares, by hand and against the papers' algorithms; schedules and
decay."""
import math
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from proofs import proves

from minife.descent import (SGD, Adam, RMSProp, exponential_decay,
                                       inverse_time_decay, linear_decay)
from minife.parameters import flatten, norm

OPTIMIZERS = {"SGD": SGD, "momentum": lambda rate=0.1, **more: SGD(rate, momentum=0.9, **more),
              "RMSProp": RMSProp, "Adam": Adam}


def path(optimizer, slopes):
    """Return where one parameter, first at 0, is after each of these slopes."""
    theta, places = {"b": np.zeros(1)}, []
    for slope in slopes:
        optimizer.step(theta, {"b": np.array([slope])})
        places.append(theta["b"][0])
    return places


@proves("D2")
def test_sgd_by_hand():
    """(D2): two steps with momentum 1/2, rate 1/10 and decay on the matrix alone"""
    theta = {"W": np.array([[1.0, -2.0]]), "b": np.array([3.0])}
    gradient = {"W": np.array([[0.0, 1.0]]), "b": np.array([2.0])}
    optimizer = SGD(0.1, momentum=0.5, l1=0.5, l2=1.0)
    # W: 0 + 0.5 + 1 = 1.5 and 1 - 0.5 - 2 = -1.5
    optimizer.step(theta, gradient)
    assert_allclose(theta["W"], [[0.85, -1.85]])
    assert_allclose(theta["b"], [2.8])
    # 0.75 + 0.5 + 0.85 = 2.1 and -0.75 + 1 - 0.5 - 1.85 = -2.1
    optimizer.step(theta, gradient)
    assert_allclose(theta["W"], [[0.64, -1.64]])
    assert_allclose(theta["b"], [2.5])                    # velocity 1 + 2


@proves("D3")
def test_rmsprop_by_hand():
    """(D3): with decay 3/4, epsilon 1/2 and rate 3 the running means are 1, 1 and (13/8)^2"""
    places = path(RMSProp(3, decay=0.75, epsilon=0.5), [2, 1, -11 / 4])
    assert_allclose(np.diff([0, *places]),
                    [-3 * 2 / (3 / 2), -3 * 1 / (3 / 2), 3 * 11 / 4 / (17 / 8)], rtol=1e-14)


@proves("D4")
def test_adam_by_hand():
    """(D4): with decays 1/2 and 3/4, epsilon 1 and rate 9

    The means of slope and square are 1, 1 and then 3, 7; less their start at zero 2, 4 and then 4,
    16."""
    places = path(Adam(9, decay=0.5, square_decay=0.75, epsilon=1.0), [2, 5])
    assert_allclose(np.diff([0, *places]), [-9 * 2 / (1 + 2), -9 * 4 / (1 + 4)], rtol=1e-14)


def momentum_as_written(slopes, rate, momentum):
    theta = velocity = 0.0
    for g in slopes:
        velocity = momentum * velocity + g
        theta = theta - rate * velocity
        yield theta


def rmsprop_as_written(slopes, rate, decay, epsilon):
    theta = v = 0.0
    for g in slopes:
        v = decay * v + (1 - decay) * g**2
        theta = theta - rate * g / (math.sqrt(v) + epsilon)
        yield theta


def adam_as_written(slopes, alpha, beta_1, beta_2, epsilon):
    """Algorithm 1 of Kingma and Ba (2015), line by line."""
    theta = m = v = 0.0
    t = 0
    for g in slopes:
        t = t + 1
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        m_hat = m / (1 - beta_1**t)
        v_hat = v / (1 - beta_2**t)
        theta = theta - alpha * m_hat / (math.sqrt(v_hat) + epsilon)
        yield theta


@proves("D2", "D3", "D4")
@pytest.mark.parametrize("settings",
                         [(0.3, 0.9, 0.999, 1e-8), (0.1, 0.5, 0.8, 0.1), (1.0, 0.0, 0.0, 1e-3)])
def test_steps_as_the_papers_write_them(settings, rng):
    """(D2), (D3), (D4) on 30 random slopes; without memory too"""
    rate, decay, square_decay, epsilon = settings
    slopes = rng.standard_normal(30)
    for optimizer, expected in [(SGD(rate, decay), momentum_as_written(slopes, rate, decay)),
                                (RMSProp(rate, square_decay, epsilon),
                                 rmsprop_as_written(slopes, rate, square_decay, epsilon)),
                                (Adam(rate, decay, square_decay, epsilon),
                                 adam_as_written(slopes, rate, decay, square_decay, epsilon))]:
        assert_allclose(path(optimizer, slopes), list(expected), rtol=1e-10, atol=1e-13)


@proves("D3", "D4")
def test_the_defaults_are_those_of_the_papers():
    """(D3), (D4)"""
    slopes = [0.3, -0.1, 0.5]
    assert_allclose(path(Adam(), slopes), list(adam_as_written(slopes, 0.001, 0.9, 0.999, 1e-8)),
                    rtol=1e-12)
    assert_allclose(path(RMSProp(), slopes), list(rmsprop_as_written(slopes, 0.001, 0.9, 1e-8)),
                    rtol=1e-12)
    assert_allclose(path(SGD(), slopes), list(momentum_as_written(slopes, 0.1, 0.0)), rtol=1e-12)


@proves("D2", "D3", "D4")
@pytest.mark.parametrize("slope", [3e4, -1e-3])
def test_a_constant_slope(slope):
    """Adam steps by the rate from the first step on, whatever the size of the slope  (D4); RMSProp,
    which does not correct its start at zero, by rate / sqrt(1 - decay^t)  (D3); momentum gathers
    speed as 1 - momentum^t  (D2)"""
    t, sign = np.arange(1, 21), np.sign(slope)
    assert_allclose(path(Adam(0.01, epsilon=1e-20), [slope] * 20), -0.01 * sign * t, rtol=1e-12)
    assert_allclose(path(RMSProp(0.01, decay=0.9, epsilon=1e-20), [slope] * 20),
                    -0.01 * sign * np.cumsum(1 / np.sqrt(1 - 0.9**t)), rtol=1e-12)
    assert_allclose(path(SGD(0.01, momentum=0.9), [slope] * 20), -0.1 * slope
                    * np.cumsum(1 - 0.9**t), rtol=1e-12)


@proves("D4")
def test_alternating_slopes_nearly_cancel_in_adam():
    """(D4): of slopes s, -s, s, ... the corrected mean of squares is s^2, and that of slopes a
    geometric sum,

    +-s (1 - d) / (1 + d) * (1 - (-d)^t) / (1 - d^t) with d the decay: in the long run 1/19 of s for
    d = 0.9."""
    t, d = np.arange(1, 201), 0.9
    alternating = -(-1.0) ** t
    steps = -np.diff([0, *path(Adam(1.0, d, epsilon=1e-20), 7 * alternating)])
    assert_allclose(steps, alternating * (1 - d) / (1 + d) * (1 - (-d) ** t) / (1 - d**t),
                    atol=1e-11)
    assert abs(abs(steps[-1]) - 1 / 19) < 1e-9


@proves("D3", "D4")
def test_epsilon_is_added_to_the_root():
    """(D3), (D4): so a slope of epsilon takes half a step, and the first Adam step from slope 0
    none at all"""
    assert_allclose(path(Adam(1.0, epsilon=1e-3), [1e-3]), [-0.5])
    assert_allclose(path(RMSProp(1.0, decay=0.0, epsilon=1e-3), [1e-3]), [-0.5])
    assert path(Adam(1.0), [0.0]) == [0.0] == path(RMSProp(1.0), [0.0])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_parameter_takes_its_own_steps(name, rng):
    """What one array, or one entry, goes through leaves the others alone"""
    slopes = rng.standard_normal((10, 7))
    together = {"W": np.zeros((2, 3)), "b": np.zeros(1)}
    optimizer = OPTIMIZERS[name](0.1)
    for slope in slopes:
        optimizer.step(together, {"b": slope[6:].copy(), "W": slope[:6].reshape(2, 3)})
    alone = [path(OPTIMIZERS[name](0.1), slopes[:, k])[-1] for k in range(7)]
    assert_allclose(flatten(together), alone, rtol=1e-12)


@proves("D2", "D3", "D4")
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_decay_is_the_gradient_of_a_penalty_on_weights_alone(name, rng):
    """(D2): l1 |W|_1 + l2 |W|^2 / 2; biases, with one axis, and weights that are 0 feel no pull of
    l1"""
    def run(penalty, **decay):
        optimizer = OPTIMIZERS[name](0.1, **decay)
        theta = {"W": np.array([[1.0, -2.0, 0.0]]), "b": np.array([3.0])}
        for slope in np.random.default_rng(0).standard_normal((3, 3)):
            optimizer.step(theta, {"W": slope[None] + penalty(theta["W"]), "b": slope[:1]})
        return flatten(theta)
    assert_allclose(run(lambda W: 0, l1=0.3, l2=0.7), run(lambda W: 0.3 * np.sign(W) + 0.7 * W),
                    rtol=1e-12)
    still, resting = OPTIMIZERS[name](0.1, l1=1.0, l2=1.0), {"W": np.zeros((1, 1)), "b": np.ones(1)}
    still.step(resting, {"W": np.zeros((1, 1)), "b": np.zeros(1)})
    assert resting["W"] == 0 and resting["b"] == 1


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_descends_a_bowl(name):
    """Down x^2 / 2 + 50 y^2 from (5, 5), with a rate that falls to zero"""
    theta = {"b": np.array([5.0, 5.0])}
    optimizer = OPTIMIZERS[name](linear_decay({"SGD": 0.015, "momentum": 0.01}.get(name, 0.1),
                                              1000))
    for _ in range(1000):
        optimizer.step(theta, {"b": theta["b"] * [1, 100]})
    assert np.abs(theta["b"]).max() < 0.01


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_are_in_place_and_keep_the_type(name, dtype):
    W = np.ones((2, 2), dtype)
    theta, gradient = {"W": W}, {"W": np.full((2, 2), 0.5, dtype)}
    optimizer = OPTIMIZERS[name](0.1, l1=0.1, l2=0.1)
    optimizer.step(theta, gradient)
    assert theta["W"] is W and W.dtype == dtype and np.all(W < 1)
    assert_array_equal(gradient["W"], 0.5)
    assert all(array.dtype == dtype for key, array in optimizer.state().items() if key != "n_steps")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_slopes_may_come_in_any_layout_and_type(name):
    rows = np.arange(-3, 3).reshape(2, 3)
    places = []
    for slope in (rows.astype(float), np.asfortranarray(rows, dtype=float), rows,
                  rows.astype(np.float32)):
        theta, optimizer = {"W": np.ones((2, 3))}, OPTIMIZERS[name](0.1)
        for _ in range(2):
            optimizer.step(theta, {"W": slope})
        places.append(theta["W"])
    for place in places[1:]:
        assert_array_equal(place, places[0])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_parameters_that_are_not_contiguous_are_refused(name):
    with pytest.raises(ValueError, match="the parameter W must be a contiguous array"):
        OPTIMIZERS[name](0.1).step({"W": np.ones((2, 3)).T}, {"W": np.ones((3, 2))})


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_restored_optimizer_goes_on_to_the_same_bits(name, rng):
    """And a state stays what it was, while the optimizers that gave and took it go on"""
    slopes, schedule = rng.standard_normal((8, 2, 2)), exponential_decay(0.1, 5)
    optimizer, theta = OPTIMIZERS[name](schedule), {"W": np.ones((2, 2))}
    for slope in slopes[:4]:
        optimizer.step(theta, {"W": slope})
    state, copy = optimizer.state(), {"W": theta["W"].copy()}
    kept = {key: np.array(array) for key, array in state.items()}
    again = OPTIMIZERS[name](schedule)
    again.restore(state)
    for slope in slopes[4:]:
        optimizer.step(theta, {"W": slope})
        again.step(copy, {"W": slope})
    assert_array_equal(theta["W"], copy["W"])
    assert set(state) == set(kept)
    for key, array in kept.items():
        assert_array_equal(state[key], array)


def test_schedules():
    """At half the steps and at all of them: linear to 0, exponential by e, inverse time to 1/2"""
    for schedule, expected in [(linear_decay, [0.4, 0.2, 0, 0]),
                               (inverse_time_decay, [0.4, 0.8 / 3, 0.2, 0.4 / 3]),
                               (exponential_decay,
                                [0.4, 0.4 / np.sqrt(np.e), 0.4 / np.e, 0.4 / np.e**2])]:
        assert_allclose([schedule(0.4, 10)(t) for t in (0, 5, 10, 20)], expected)


@proves("D2")
def test_a_schedule_sets_the_rate_of_each_step():
    """(D2)"""
    rates = inverse_time_decay(0.4, 10)
    assert_allclose(path(SGD(rates), [1, 1, 1]), -np.cumsum([0.4, 0.4 / 1.1, 0.4 / 1.2]))
    assert_allclose(path(Adam(rates), [1, 1, 1]), -np.cumsum([0.4, 0.4 / 1.1, 0.4 / 1.2]),
                    rtol=1e-7)


def test_inverse_time_decay_arrives_at_a_mean():
    """Robbins and Monro (1951): with n_steps = 1 and rate 1, SGD on (b - x)^2 / 2 is the running
    mean of the x"""
    x, theta = np.random.default_rng(0).standard_normal(100), {"b": np.zeros(1)}
    optimizer = SGD(inverse_time_decay(1, 1))
    for value in x:
        optimizer.step(theta, {"b": theta["b"] - value})
    assert_allclose(theta["b"], x.mean(), rtol=1e-12)


BAD_ARGUMENTS = {
    "rate": (lambda: Adam(0), "learning_rate must be a positive number, got 0"),
    "rate nan": (lambda: RMSProp(np.nan), "learning_rate must be a positive number, got nan"),
    "decay 1": (lambda: Adam(decay=1.0), r"decay must be a number in \[0, 1\), got 1.0"),
    "decay < 0": (lambda: RMSProp(decay=-0.1), r"decay must be a number in \[0, 1\), got -0.1"),
    "square_decay": (lambda: Adam(square_decay=1),
                     r"square_decay must be a number in \[0, 1\), got 1"),
    "epsilon": (lambda: Adam(epsilon=0), "epsilon must be a positive number, got 0"),
    "epsilon < 0": (lambda: RMSProp(epsilon=-1e-8),
                    "epsilon must be a positive number, got -1e-08"),
    "l1": (lambda: Adam(l1=-1), "l1 must be a number of at least 0, got -1"),
    "l2": (lambda: RMSProp(l2=np.inf), "l2 must be a number of at least 0, got inf"),
    "momentum": (lambda: SGD(momentum=None), r"momentum must be a number in \[0, 1\), got None"),
}


@pytest.mark.parametrize("name", BAD_ARGUMENTS)
def test_bad_argument(name):
    call, message = BAD_ARGUMENTS[name]
    with pytest.raises(ValueError, match=f"^{message}"):
        call()


def test_a_schedule_is_asked_with_the_number_of_steps_taken():
    seen = []
    optimizer = SGD(lambda t: seen.append(t) or 0.1)
    for _ in range(3):
        optimizer.step({"b": np.zeros(1)}, {"b": np.ones(1)})
    assert seen == [0, 1, 2]
    state = optimizer.state()
    again = SGD(optimizer.learning_rate)
    again.restore(state)
    again.step({"b": np.zeros(1)}, {"b": np.ones(1)})
    assert seen == [0, 1, 2, 3] and "n_steps" in state    # restore() leaves the state as it was


def test_linear_decay_ends_at_a_share():
    rate = linear_decay(0.4, 10, end=0.25)
    assert_allclose([rate(t) for t in (0, 5, 10, 11)], [0.4, 0.25, 0.1, 0.1])
    assert repr(rate) == "linear_decay(0.4, 10, end=0.25)"
    with pytest.raises(ValueError, match=r"end must be a number in \[0, 1\], got 2"):
        linear_decay(0.4, 10, end=2)


def test_linear_decay_ends_at_zero():
    rate = linear_decay(0.4, 10)
    assert [rate(t) for t in (0, 5, 10, 11)] == [0.4, 0.2, 0.0, 0.0]


def test_parameters_flat_and_their_norms():
    theta = {"W": np.array([[1.0, 2.0], [3.0, 4.0]]), "b": np.array([-5.0])}
    assert flatten(theta).tolist() == [1, 2, 3, 4, -5]
    assert norm(theta) == np.sqrt(55) and norm(theta, 1) == 15


@pytest.mark.parametrize("name", ["momentum", "RMSProp", "Adam"])
def test_an_optimizer_refuses_the_parameters_of_another_model(name):
    """It remembers slopes of the first one; nothing is moved"""
    optimizer = OPTIMIZERS[name](0.1)
    optimizer.step({"W": np.ones((6, 4))}, {"W": np.ones((6, 4))})
    for other in (np.zeros((400, 300)), np.zeros((4, 6))):
        b = np.zeros(3)
        with pytest.raises(ValueError,
                           match=rf"has moved W of shape \(6, 4\); got \({len(other)}, "):
            optimizer.step({"b": b, "W": other}, {"b": np.ones(3), "W": np.ones(other.shape)})
        assert not b.any() and not other.any() and optimizer.n_steps == 1
    with pytest.raises(ValueError, match="has moved W of dtype float64; got float32"):
        optimizer.step({"W": np.zeros((6, 4), np.float32)}, {"W": np.ones((6, 4))})


BAD_STEPS = {"missing": ({"W": np.ones((2, 3))}, {"V": np.ones((2, 3))},
                         "the gradient must have a slope for W, got V"),
             "shape": ({"W": np.ones((2, 3))}, {"W": np.ones((3, 2))},
                       r"the gradient of W must have shape \(2, 3\), got \(3, 2\)"),
                         "one": ({"W": np.ones(100_000)}, {"W": np.ones(1)},
                                 r"the gradient of W must have shape \(100000,\), got \(1,\)"),
                       "read-only": ({"W": np.broadcast_to(1.0, (1, 1))}, {"W": np.ones((1, 1))},
                                     "the parameter W must be writeable"),
                                 "list": ({"W": [1.0]}, {"W": np.ones(1)},
                                          "the parameter W must be a contiguous array"), }


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("bad", BAD_STEPS)
def test_bad_step(name, bad):
    theta, gradient, message = BAD_STEPS[bad]
    with pytest.raises(ValueError, match=message):
        OPTIMIZERS[name](0.1).step(theta, gradient)


@pytest.mark.parametrize("schedule", [linear_decay, exponential_decay, inverse_time_decay])
def test_a_schedule_is_an_object_that_can_be_pickled_and_read(schedule):
    rate = schedule(0.4, 10)
    again = pickle.loads(pickle.dumps(SGD(rate, momentum=0.5)))
    assert [again.learning_rate(t) for t in range(12)] == [rate(t) for t in range(12)]
    name = f"learning_rate={schedule.__name__}(0.4, 10), l1=0.0, l2=0.0, momentum=0.5"
    assert repr(again) == f"SGD({name}, nesterov=False)"
    for arguments, message in (((0.4, 0), "n_steps must be a positive number, got 0"),
                               ((-1, 10), "learning_rate must be a positive number, got -1"),
                               ((0.4, None), "n_steps must be a positive number, got None")):
        with pytest.raises(ValueError, match=message):
            schedule(*arguments)


@pytest.mark.parametrize("rate", [np.nan, -0.1, "fast", None, True])
def test_a_schedule_returns_a_rate(rate):
    with pytest.raises(ValueError,
                       match="learning_rate must return numbers of at least 0, got .* for step 0"):
        SGD(lambda t: rate).step({"b": np.zeros(1)}, {"b": np.ones(1)})


def test_a_class_is_no_schedule():
    with pytest.raises(ValueError, match="learning_rate must be a positive number, got <class"):
        SGD(linear_decay)


@proves("D2")
@pytest.mark.parametrize("curvature", [0.02, 1.0, 30.0])
def test_momentum_in_a_bowl_shrinks_all_directions_at_one_pace(curvature):
    """(D2): x_{t+1} = (1 + mu - rate lambda) x_t - mu x_{t-1}, whose roots have the size sqrt(mu)
    where they are complex"""
    mu, rate, x = 0.9, 0.1, [1.0]
    optimizer, theta = SGD(rate, momentum=mu), {"b": np.ones(1)}
    for _ in range(400):
        optimizer.step(theta, {"b": curvature * theta["b"]})
        x.append(theta["b"][0])
    x = np.array(x)
    assert_allclose(x[2:], (1 + mu - rate * curvature) * x[1:-1] - mu * x[:-2], atol=1e-12)
    roots = np.roots([1, -(1 + mu - rate * curvature), mu])
    complex_roots = (1 - np.sqrt(mu))**2 < rate * curvature < (1 + np.sqrt(mu))**2
    assert complex_roots == (curvature != 0.02)
    if complex_roots:
        assert_allclose(np.abs(roots), np.sqrt(mu))
        assert np.abs(x[380:]).max() < 50 * np.sqrt(mu)**380
    else:
        assert x[400] > np.sqrt(mu)**400 * 1000               # flatter than that, and slower


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_parameters_and_slopes_are_dicts(name):
    for theta, gradient, message in ((np.ones(3), {}, "theta must be a dict, got ndarray"),
                                     ({"b": np.ones(3)}, np.ones(3),
                                      "gradient must be a dict, got ndarray")):
        with pytest.raises(TypeError, match=message):
            OPTIMIZERS[name](0.1).step(theta, gradient)
