"""Chapter T: extended mean field, the negative phase of magnetisations."""
import numpy as np
import pytest
from conftest import random_rbm
from numpy.testing import assert_allclose
from proofs import proves

from minife import RBM, tap
from minife.descent.optimizers import SGD
from minife.parameters import flatten
from minife.rbm import exact
from minife.rbm.training import train

METHODS = ["damped", "alternating", "synchronous", "block"]


def single(rbm):
    return RBM(*(array.astype(np.float32) for array in rbm.parameters.values()))


@proves("T15")
@pytest.mark.parametrize("order", (1, 2, 3))
def test_its_moments_become_minus_the_slopes_of_the_free_energy(order, rng, beta):
    """At rest: dGamma* / dtheta by differences through the solver, not by (T11)"""
    rbm, step = random_rbm(rng, beta=beta, scale=0.4), 1e-4
    batch = rng.integers(2, size=(6, 5))
    model = tap.ExtendedMeanField(order, n_steps=200).moments(rbm, batch, rng)
    for name, moment in {"W": model.vh, "a": model.v, "b": model.h}.items():
        for index in np.ndindex(moment.shape):
            gamma = []
            for sign in (1, -1):
                moved = {key: array.copy() for key, array in rbm.parameters.items()}
                moved[name][index] += sign * step
                star = tap.fixed_point(RBM(**moved, beta=beta), order, tol=1e-12)
                gamma.append(star.free_energy[0])
            slope = (gamma[0] - gamma[1]) / (2 * step)
            which = f"{name}{index}, order {order}, beta {beta}"
            assert_allclose(moment[index], -slope, atol=1e-7, err_msg=which)


@proves("T15")
def test_it_starts_at_the_batch_and_keeps_nothing_from_the_last(rng):
    """By default: the sweeps of fixed_point from the rows of the batch, whatever came before"""
    rbm, phase = random_rbm(rng, 9), tap.ExtendedMeanField(n_steps=3)
    for batch in (rng.integers(2, size=(5, 9)), rng.integers(2, size=(2, 9)), rng.random((3, 9))):
        model = phase.moments(rbm, batch, rng)
        with pytest.warns(tap.NotConvergedWarning):
            state = tap.fixed_point(rbm, 2, batch.astype(float), rbm.hidden_mean(batch), max_iter=3)
        slope = tap.free_energy_gradient(rbm, state.m_v, state.m_h, 2)
        assert_allclose(model.vh, -slope["W"], rtol=1e-12)
        assert_allclose(model.h, -slope["b"], rtol=1e-12)
        assert phase.state() == {}


@proves("T15")
@pytest.mark.parametrize("method", METHODS)
def test_persistent_rows_move_on_with_any_method(method, rng):
    """In the machine's type, whatever the batch, until they are at fixed points"""
    rbm = random_rbm(rng, scale=0.5)
    phase = tap.ExtendedMeanField(n_steps=50, n_chains=7, method=method, persistent=True)
    for _ in range(5):
        model = phase.moments(single(rbm), None, rng)
    state = tap.fixed_point(rbm, 2)
    slope = tap.free_energy_gradient(rbm, state.m_v, state.m_h, 2)
    assert phase.m_v.dtype == phase.m_h.dtype == np.float32 and phase.m_v.shape == (7, 5)
    assert_allclose(model.vh, -slope["W"], atol=1e-5)


def test_persistent_rows_begin_where_the_last_step_left_them(rng):
    rbm, batch = random_rbm(rng), np.zeros((3, 5), dtype=np.uint8)
    phase = tap.ExtendedMeanField(n_chains=7, persistent=True)
    first = phase.moments(rbm, batch, rng)
    assert first.vh.shape == (5, 4) and phase.m_v.shape == (7, 5)
    assert np.ptp(phase.m_v, axis=0).any()
    once, again = phase.state(), tap.ExtendedMeanField(n_steps=6, n_chains=7, persistent=True)
    again.restore({name: m.copy() for name, m in once.items()})
    for _ in range(2):
        second = phase.moments(rbm, batch, rng)
    assert_allclose(again.moments(rbm, batch, rng).vh, second.vh, rtol=1e-12)


def test_block_sweeps_are_exact_at_once_without_couplings(rng):
    """Three damped sweeps leave an eighth of the distance; one block sweep leaves nothing"""
    rbm, batch = random_rbm(rng, scale=0.0), rng.integers(2, size=(6, 5))
    phase, truth = tap.ExtendedMeanField(n_steps=1, method="block"), exact.moments(rbm)
    model = phase.moments(rbm, batch, rng)
    assert_allclose(flatten({"v": model.v, "h": model.h}), np.hstack([truth.v, truth.h]))
    damped = tap.ExtendedMeanField().moments(rbm, batch, rng)
    assert_allclose(damped.v - truth.v, (batch.mean(axis=0) - truth.v) / 8)


def test_it_trains_from_the_batch_without_random_numbers(rng):
    """Two runs over one batch, with different generators, are the same run"""
    machines = [random_rbm(np.random.default_rng(5)) for _ in range(2)]
    X = rng.integers(2, size=(6, 5), dtype=np.uint8)
    for seed, rbm in enumerate(machines):
        train(rbm, np.repeat(X[:1], 6, axis=0), tap.ExtendedMeanField(), SGD(0.1), 2,
              np.random.default_rng(seed), batch_size=6)
    assert np.array_equal(machines[0].W, machines[1].W)


def test_magnetisations_of_another_machine_are_refused(rng):
    phase = tap.ExtendedMeanField(n_chains=3, persistent=True)
    phase.moments(random_rbm(rng, 6, 4), None, rng)
    with pytest.raises(ValueError, match="magnetisations are of 6 x 4 units, rbm has 5 x 3"):
        phase.moments(random_rbm(rng, 5, 3), None, rng)
    tap.ExtendedMeanField().moments(random_rbm(rng, 5, 3), np.zeros((2, 5)), rng)


@pytest.mark.parametrize("arguments, error, message", [
    ({"order": 3, "method": "block"}, ValueError, "method 'block' needs order 1 or 2"),
    ({"method": "newton"}, ValueError, "method must be one of 'damped', .*got 'newton'"),
    ({"persistent": "no"}, TypeError, "persistent must be True or False, got 'no'"),
    ({"n_chains": 0}, ValueError, "n_chains must be a positive integer, got 0"),
    ({"n_steps": 2.0}, ValueError, "n_steps must be a positive integer, got 2.0"),
    ({"step": 1.5}, ValueError, r"step must be a number in \(0, 1\], got 1.5"),
])
def test_bad_settings(arguments, error, message):
    with pytest.raises(error, match=message):
        tap.ExtendedMeanField(**arguments)


@pytest.mark.parametrize("batch, error, message", [
    (np.zeros((3, 4)), ValueError, r"batch must have shape \(n, 5\), got \(3, 4\)"),
    (None, TypeError, "batch must be an array of real numbers"),
    (np.full((3, 5), 1.5), ValueError, r"batch must lie in \[0, 1\]"),
])
def test_bad_batches(batch, error, message, rng):
    with pytest.raises(error, match=message):
        tap.ExtendedMeanField().moments(random_rbm(rng), batch, rng)
    with pytest.raises(TypeError, match="rng must be a numpy.random.Generator, got int"):
        tap.ExtendedMeanField(persistent=True).moments(random_rbm(rng), None, 0)


def test_it_names_itself_and_all_its_settings():
    found = repr(tap.ExtendedMeanField(3, 5, step=0.25, persistent=True))
    assert found.startswith("ExtendedMeanField(order=3, n_steps=5, n_chains=100, step=0.25, ")
    assert "damped" in found and "persistent=True" in found
