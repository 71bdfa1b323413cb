"""Norm constraints: the norm of the parameters as a temperature."""
import numpy as np
import pytest
from conftest import random_rbm
from numpy.testing import assert_allclose, assert_array_equal
from proofs import proves

from minife import RBM
from minife.descent import NormConstraint
from minife.parameters import flatten, norm
from minife.rbm import exact


@proves("D5")
@pytest.mark.parametrize("p", [1, 2])
def test_norm_constraint_keeps_the_direction_and_sets_the_norm(p, rng):
    """(D5): resetting the norm of all parameters at fixed direction is a change of temperature"""
    rbm = random_rbm(rng)
    direction, length = flatten(rbm.parameters) / norm(rbm.parameters, p), norm(rbm.parameters, p)
    cold = RBM(*(array.copy() for array in rbm.parameters.values()))
    NormConstraint(3.0, p).apply(cold.parameters)
    assert_allclose(flatten(cold.parameters), 3.0 * direction)
    colder = RBM(**rbm.parameters, beta=3.0 / length)
    assert_allclose(exact.log_partition_function(cold), exact.log_partition_function(colder))


def test_norm_constraint_as_a_ceiling_and_for_chosen_parameters(rng):
    rbm = random_rbm(rng)
    before = {name: array.copy() for name, array in rbm.parameters.items()}
    NormConstraint(1e3, ceiling=True).apply(rbm.parameters)             # a ceiling far above
    assert_array_equal(rbm.W, before["W"])
    NormConstraint(1.0, names=("W",)).apply(rbm.parameters)
    assert_allclose(np.linalg.norm(rbm.W), 1.0)
    assert_array_equal(rbm.a, before["a"])


def test_norm_constraint_at_its_edges():
    theta = {"W": np.array([[3.0]]), "b": np.array([4.0])}
    NormConstraint(4.0, ceiling=True).apply(theta)        # a ceiling just below: 5 becomes 4
    assert_allclose(flatten(theta), [2.4, 3.2])
    nothing = {"W": np.zeros((2, 2))}
    NormConstraint(1.0).apply(nothing)                    # zero has no direction
    assert_array_equal(nothing["W"], 0)


@proves("D5")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_norm_constraint_of_each_unit(dtype):
    """(D5) for the columns of W, the weights into one unit, each by itself; never for biases"""
    W, b = np.array([[3, 0.6, 0, 2], [-4, 0.8, 0, 0]], dtype), np.array([7, 7, 7, 7], dtype)
    cap = NormConstraint(2.0, ceiling=True, per_unit=True)
    for constraint, expected in [(NormConstraint(2.0, per_unit=True),
                                  [[1.2, 1.2, 0, 2], [-1.6, 1.6, 0, 0]]),
                                 (cap, [[1.2, 0.6, 0, 2], [-1.6, 0.8, 0, 0]]),
                                  (NormConstraint(7.0, p=1, per_unit=True),
                                   [[3, 3, 0, 7], [-4, 4, 0, 0]])]:
        theta = {"W": W.copy(), "b": b.copy()}
        constraint.apply(theta)
        assert_allclose(theta["W"], expected, rtol=1e-6)
        assert theta["W"].dtype == dtype and np.all(theta["b"] == b)


@pytest.mark.parametrize("names", [5, (), [1], {"W": 1}, b"W"])
def test_names_are_names(names):
    with pytest.raises(TypeError, match="names must be names of parameters, such as"):
        NormConstraint(1.0, names=names)


def test_a_name_is_one_name_and_all_must_be_known():
    theta = {"W": np.ones((2, 2)), "W1": np.ones((2, 2))}
    NormConstraint(1.0, names="W1").apply(theta)              # not W, though "W" in "W1"
    assert theta["W"].sum() == 4 and theta["W1"].sum() == 2
    with pytest.raises(ValueError, match=r"names must be among W, W1, got \('W', 'V'\)"):
        NormConstraint(1.0, names=("W", "V")).apply(theta)
    for flag in ("ceiling", "per_unit"):
        with pytest.raises(TypeError, match=f"{flag} must be True or False, got 'yes'"):
            NormConstraint(1.0, **{flag: "yes"})
    name = "NormConstraint(radius=3.0, p=2, names=('W',), ceiling=False, per_unit=False)"
    assert repr(NormConstraint(3, names="W")) == name
