"""The judge of every derivative: what it accepts, what it refuses, and what it says."""
import numpy as np
import pytest

from minife import MLP
from minife.gradcheck import GradientError, check_gradient, numerical_gradient
from minife.units import LeakyRectified, Rectified


def test_numerical_gradient_of_a_quartic_is_exact_to_rounding():
    x = np.array([1.0, -2.0])
    gradient, _ = numerical_gradient(lambda p: (p["x"] ** 4).sum(), {"x": x})
    np.testing.assert_allclose(gradient["x"], 4 * x**3, rtol=1e-11)
    np.testing.assert_array_equal(x, [1.0, -2.0])  # restored


def test_check_gradient_names_parameter_index_and_both_numbers():
    parameters = {"a": np.array([1.0]), "W": np.array([[1.0, 2.0], [3.0, 4.0]])}
    wrong = {"a": np.array([0.0]), "W": np.array([[2.0, 4.0], [6.5, 8.0]])}
    with pytest.raises(GradientError,
                       match=r"d/dW\[1, 0\]: claimed 6.5, finite differences give 6, relative"):
        check_gradient(lambda p: (p["W"] ** 2).sum(), parameters, wrong)


@pytest.mark.parametrize("factor", [1 + 1e-6, -1.0, 0.0, np.nan])
def test_check_gradient_notices_a_small_error(factor):
    x = np.array([0.7, -1.1])
    with pytest.raises(GradientError):
        check_gradient(lambda p: np.sin(p["x"]).sum(), {"x": x}, {"x": np.cos(x) * [1.0, factor]})


def test_check_gradient_wants_the_same_keys_shapes_and_float64():
    x = np.array([1.0])
    with pytest.raises(GradientError, match="keys"):
        check_gradient(lambda p: 0.0, {"x": x}, {"y": x})
    with pytest.raises(GradientError, match="keys"):
        check_gradient(lambda p: 0.0, {"x": x}, {"x": x, "y": x})
    with pytest.raises(GradientError, match="keys"):
        check_gradient(lambda p: 0.0, {"x": x, "y": x}, {"x": x})
    with pytest.raises(GradientError, match="shape"):
        check_gradient(lambda p: 0.0, {"x": np.zeros((2, 2))}, {"x": np.zeros(4)})
    with pytest.raises(GradientError, match="shape"):
        check_gradient(lambda p: 0.0, {"x": x}, {"x": np.zeros(2)})
    with pytest.raises(TypeError, match="float64"):
        check_gradient(lambda p: 0.0, {"x": x.astype(np.float32)}, {"x": x})


def test_check_gradient_accepts_a_gradient_that_is_zero():
    x = np.array([1.0, 2.0])
    assert check_gradient(lambda p: 3.0, {"x": x}, {"x": np.zeros(2)}) == {"x": 0.0}
    assert check_gradient(lambda p: 0.0, {"x": x}, {"x": np.zeros(2)}) == {"x": 0.0}


def test_check_gradient_forgives_the_rounding_of_f():
    x = np.array([0.3, 0.7])
    check_gradient(lambda p: 1e8 + (p["x"] ** 2).sum(), {"x": x}, {"x": 2 * x})
    with pytest.raises(GradientError):
        check_gradient(lambda p: 1e8 + (p["x"] ** 2).sum(), {"x": x}, {"x": 2 * x + [0, 300]})


def test_check_gradient_returns_the_worst_error():
    x = np.zeros(4)
    worst = check_gradient(lambda p: p["x"].sum(), {"x": x}, {"x": np.array([1, 1, 1 + 5e-4, 1])},
                           tolerance=1e-3)
    np.testing.assert_allclose(worst["x"], 5e-4 / (1 + 5e-4), rtol=1e-6)


def test_numerical_gradient_restores_the_parameters_when_f_fails():
    x = np.array([1.0, 2.0])
    with pytest.raises(ZeroDivisionError):
        numerical_gradient(lambda p: 1 / 0, {"x": x})
    np.testing.assert_array_equal(x, [1.0, 2.0])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_check_gradient_gives_no_verdict_on_a_function_that_is_not_finite(value):
    x = np.array([1.0])
    with pytest.raises(GradientError, match=r"f is not finite around x\[0\] = 1"):
        check_gradient(lambda p: value, {"x": x}, {"x": x})


def test_check_gradient_gives_no_verdict_where_a_step_is_lost_in_rounding():
    x = np.array([1e20])
    with pytest.raises(GradientError, match=r"x\[0\] = 1e\+20 does not feel a step of 0.001"):
        check_gradient(lambda p: (p["x"] ** 2).sum(), {"x": x}, {"x": -2 * x})


@pytest.mark.parametrize("unit", [Rectified(), LeakyRectified()], ids=["relu", "leaky relu"])
def test_check_gradient_says_where_a_kink_lies_within_the_step(unit):
    """Right gradients of networks with many rows, some of which are near a kink"""
    judged = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        X, y = rng.standard_normal((60, 4)), rng.integers(2, size=60)
        mlp = MLP((4, 6, 2), unit, rng=rng)
        try:
            check_gradient(lambda p: mlp.loss(X, y), mlp.parameters, mlp.gradient(X, y))
        except GradientError as error:
            judged += 1
            assert "kink" in str(error)
    assert judged >= 3


def test_check_gradient_does_not_see_a_kink_in_a_smooth_function():
    x = np.array([0.7, -1.1])
    with pytest.raises(GradientError) as caught:
        check_gradient(lambda p: np.sin(3 * p["x"]).sum(), {"x": x}, {"x": np.cos(3 * x)})
    assert "kink" not in str(caught.value)


@pytest.mark.parametrize("name, value", [("step", 0.0), ("step", np.nan), ("tolerance", np.inf),
                                         ("tolerance", -1.0)])
def test_check_gradient_refuses_a_step_or_tolerance_that_proves_nothing(name, value):
    with pytest.raises(ValueError, match=f"{name} must be a positive number"):
        check_gradient(lambda p: 0.0, {"x": np.zeros(1)}, {"x": np.zeros(1)}, **{name: value})
