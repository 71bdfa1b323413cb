"""Bad input is caught at the public door, with an error that names the argument, what was expected
and what came."""
import numpy as np
import pytest
from conftest import random_rbm

from minife import RBM, kernels, landscape, tap
from minife.descent import SGD, NormConstraint
from minife.evaluation import ratios
from minife.rbm import exact, gibbs, training

RNG = np.random.default_rng(0)
rbm = random_rbm(RNG, 5, 4)
V, H = RNG.integers(2, size=(3, 5)), RNG.integers(2, size=(3, 4))
M_V, M_H = RNG.random((3, 5)), RNG.random((3, 4))


def fit(**changes):
    arguments = {"X": V, "negative_phase": training.ContrastiveDivergence(), "optimizer": SGD(0.1),
                 "n_epochs": 1, "rng": RNG} | changes
    return training.train(random_rbm(RNG, 5, 4), **arguments)


def nan(array):
    array = array.astype(float)
    array[1, 2] = np.nan
    return array


BAD_STATES = {
    "shape": (V[:, :4], r"must have shape \(n, 5\), got \(3, 4\)"),
    "too many": (np.hstack([V, V]), r"must have shape \(n, 5\), got \(3, 10\)"),
    "uint8 shape": (V[:, :4].astype(np.uint8), r"must have shape \(n, 5\), got \(3, 4\)"),
    "uint8 too many": (np.hstack([V, V]).astype(np.uint8), r"must have shape \(n, 5\), got \(3, "
                       r"10\)"),
    "uint8 one axis": (V[0].astype(np.uint8), r"must have 2 axes, got shape \(5,\)"),
    "uint8 empty": (V[:0].astype(np.uint8), r"must not be empty, got shape \(0, 5\)"),
    "one axis": (V[0], r"must have 2 axes, got shape \(5,\)"),
    "empty": (V[:0], r"must not be empty, got shape \(0, 5\)"),
    "nan": (nan(V), "must be finite, got nan"),
    "infinite": (np.where(V == 1, np.inf, 0.0), "must be finite"),
    "a two": (2 * np.ones((3, 5)), r"must lie in \[0, 1\], got values from 2.0 to 2.0"),
    "uint8 two": (np.full((3, 5), 2, dtype=np.uint8), r"must lie in \[0, 1\]"),
    "negative": (-np.ones((3, 5)), r"must lie in \[0, 1\]"),
    "grey": (np.full((3, 5), 0.5), "must hold binary states, 0 or 1, got 0.5"),
}
TAKES_STATES = {
    "energy": lambda v: rbm.energy(v, H),
    "free_energy": rbm.free_energy,
    "free_energy_gradient": rbm.free_energy_gradient,
    "sample_hidden": lambda v: gibbs.sample_hidden(rbm, v, RNG),
    "gibbs_chain": lambda v: gibbs.gibbs_chain(rbm, v, 1, RNG),
    "pseudo_likelihood": lambda v: ratios.pseudo_likelihood(rbm, v),
    "exact.log_likelihood": lambda v: exact.log_likelihood(rbm, v),
    "exact.log_likelihood_gradient": lambda v: exact.log_likelihood_gradient(rbm, v),
    "tap.log_likelihood": lambda v: tap.log_likelihood(rbm, v),
    "tap.log_likelihood_gradient": lambda v: tap.log_likelihood_gradient(rbm, v),
}
TAKES_MEANS = {
    "hidden_field": rbm.hidden_field,
    "hidden_mean": rbm.hidden_mean,
    "clamped_moments": rbm.clamped_moments,
    "train": lambda v: fit(X=v),
    "tap.free_energy": lambda m: tap.free_energy(rbm, m, M_H),
    "tap.stationarity": lambda m: tap.stationarity(rbm, m, M_H),
    "tap.free_energy_gradient": lambda m: tap.free_energy_gradient(rbm, m, M_H),
    "tap.fixed_point": lambda m: tap.fixed_point(rbm, m_v=m),
    "tap.gibbs_free_energy": lambda m: tap.gibbs_free_energy(rbm, m, M_H),
    "tap.hessian": lambda m: tap.hessian(rbm, m, M_H),
    "tap.smallest_eigenvalue": lambda m: tap.smallest_eigenvalue(rbm, m, M_H),
    "tap.spectral_trust": lambda m: tap.spectral_trust(rbm, m, M_H),
    "landscape.thermodynamics": lambda m: landscape.thermodynamics(rbm, m, M_H),
    "landscape.anneal": lambda m: landscape.anneal(rbm, m_v=m),
    "landscape.find_minima": lambda m: landscape.find_minima(rbm, 2, 3, RNG, m_v=m),
}


@pytest.mark.parametrize("bad", BAD_STATES)
@pytest.mark.parametrize("name", TAKES_STATES)
def test_bad_states(name, bad):
    states, message = BAD_STATES[bad]
    with pytest.raises(ValueError, match=message):
        TAKES_STATES[name](states)


@pytest.mark.parametrize("bad", [bad for bad in BAD_STATES if bad != "grey"])
@pytest.mark.parametrize("name", TAKES_MEANS)
def test_bad_means(name, bad):
    means, message = BAD_STATES[bad]
    with pytest.raises(ValueError, match=message):
        TAKES_MEANS[name](means)


BAD_CALLS = {
    "W one axis": (lambda: RBM([1.0], [0.0], [0.0]), "W must have 2 axes"),
    "W empty": (lambda: RBM(np.zeros((0, 3)), [], np.zeros(3)), "W must not be empty"),
    "W nan": (lambda: RBM([[np.nan]], [0.0], [0.0]), "W must be finite"),
    "a shape": (lambda: RBM(np.zeros((2, 3)), np.zeros(3), np.zeros(3)), r"a must have shape "
                r"\(2,\) to go with W \(2, 3\), got \(3,\)"),
    "b shape": (lambda: RBM(np.zeros((2, 3)), np.zeros(2), np.zeros(2)), r"b must have shape "
                r"\(3,\) to go with W \(2, 3\), got \(2,\)"),
    "h": (lambda: gibbs.sample_visible(rbm, 0.5 * np.ones((3, 4)), RNG), "h must hold binary "
          "states, 0 or 1, got 0.5"),
    "h shape": (lambda: gibbs.sample_visible(rbm, V, RNG), r"h must have shape \(n, 4\), got \(3, "
                r"5\)"),
    "beta 0": (lambda: RBM([[1.0]], [0.0], [0.0], beta=0), "beta must be a positive number, got 0"),
    "beta < 0": (lambda: RBM([[1.0]], [0.0], [0.0], beta=-1.0), "beta must be a positive number, "
                 "got -1.0"),
    "beta nan": (lambda: RBM([[1.0]], [0.0], [0.0], beta=np.nan), "beta must be a positive number"),
    "beta inf": (lambda: RBM([[1.0]], [0.0], [0.0], beta=np.inf), "beta must be a positive number, "
                 "got inf"),
    "beta True": (lambda: RBM([[1.0]], [0.0], [0.0], beta=True), "beta must be a positive number, "
                  "got True"),
    "n_steps True": (lambda: gibbs.gibbs_chain(rbm, V, True, RNG), "n_steps must be a positive "
                     "integer, got True"),
    "beta text": (lambda: RBM([[1.0]], [0.0], [0.0], beta="1"), "beta must be a positive number"),
    "n_hidden": (lambda: RBM.initialise(5, 0, RNG), "n_hidden must be a positive integer, got 0"),
    "rows differ": (lambda: rbm.energy(V, H[:2]), "same number of rows, got 3 and 2"),
    "n_steps": (lambda: gibbs.gibbs_chain(rbm, V, 0, RNG), "n_steps must be a positive integer, "
                "got 0"),
    "n_steps real": (lambda: gibbs.gibbs_chain(rbm, V, 1.5, RNG), "n_steps must be a positive "
                     "integer, got 1.5"),
    "order 4": (lambda: tap.free_energy(rbm, M_V, M_H, 4), "order must be one of 1, 2, 3, got 4"),
    "order 4, solver": (lambda: tap.fixed_point(rbm, 4), "order must be one of 1, 2, 3, got 4"),
    "order 4, phase": (lambda: tap.ExtendedMeanField(order=4),
                       "order must be one of 1, 2, 3, got 4"),
    "order True": (lambda: tap.fixed_point(rbm, True), "order must be one of 1, 2, 3, got True"),
    "step 0": (lambda: tap.fixed_point(rbm, step=0.0),
               r"step must be a number in \(0, 1\], got 0.0"),
    "step > 1": (lambda: tap.fixed_point(rbm, step=1.1), r"step must be a number in \(0, 1\], got "
                 r"1.1"),
    "step, phase": (lambda: tap.ExtendedMeanField(step=-1), r"step must be a number in \(0, 1\], "
                    r"got -1"),
    "method": (lambda: tap.fixed_point(rbm, method="newton"),
               "method must be one of 'damped', 'alternating', 'synchronous', 'block', "
               "got 'newton'"),
    "tol": (lambda: tap.fixed_point(rbm, tol=0), "tol must be a positive number, got 0"),
    "max_iter": (lambda: tap.fixed_point(rbm, max_iter=0), "max_iter must be a positive integer"),
    "magnetisation rows": (lambda: tap.free_energy(rbm, M_V, M_H[:2]), "same number of rows, got 3 "
                           "and 2"),
    "magnetisation 0": (lambda: tap.gibbs_free_energy(rbm, np.zeros((3, 5)), M_H),
                        r"strictly inside \(0, 1\)"),
    "magnetisation 1": (lambda: tap.gibbs_free_energy(rbm, np.ones((3, 5)), M_H),
                        r"strictly inside \(0, 1\)"),
    "too many units": (lambda: tap.gibbs_free_energy(random_rbm(RNG, 9, 6), M_V, M_H),
                       "at most 14 units"),
    "n_epochs": (lambda: fit(n_epochs=0), "n_epochs must be a positive integer"),
    "batch_size": (lambda: fit(batch_size=-1), "batch_size must be a positive integer"),
    "n_chains": (lambda: training.PersistentContrastiveDivergence(n_chains=0),
                 "n_chains must be a positive integer"),
    "learning_rate": (lambda: SGD(-0.1), "learning_rate must be a positive number, got -0.1"),
    "momentum": (lambda: SGD(0.1, momentum=1.0), r"momentum must be a number in \[0, 1\), got 1.0"),
    "momentum < 0": (lambda: SGD(0.1, momentum=-0.5), r"momentum must be a number in \[0, 1\), got "
                     r"-0.5"),
    "momentum text": (lambda: SGD(0.1, momentum="a"), r"momentum must be a number in \[0, 1\), got "
                      r"'a'"),
    "l1": (lambda: SGD(0.1, l1=-1.0), "l1 must be a number of at least 0, got -1.0"),
    "l2": (lambda: SGD(0.1, l2=np.nan), "l2 must be a number of at least 0, got nan"),
    "radius": (lambda: NormConstraint(0.0), "radius must be a positive number, got 0.0"),
    "norm": (lambda: NormConstraint(1.0, p=3), "p must be one of 1, 2, got 3"),
    "threads": (lambda: kernels.set_threads(0), "n must be a positive integer or None, got 0"),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_bad_argument(name):
    call, message = BAD_CALLS[name]
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("call",
                         [lambda: gibbs.sample_hidden(rbm, V, 0),
                          lambda: RBM.initialise(5, 4, None), lambda: fit(rng=np.random)])
def test_randomness_is_a_generator(call):
    with pytest.raises(TypeError, match="rng must be a numpy.random.Generator, got"):
        call()


@pytest.mark.parametrize("bad", ["text", None, [[1, 2], [3]], np.array([["a"]]), np.array([[1j]])])
def test_what_is_no_array_of_numbers(bad):
    with pytest.raises(TypeError, match="v must be an array of real numbers"):
        rbm.free_energy(bad)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32, np.float64, list])
def test_states_may_come_in_any_type(dtype):
    v = V.tolist() if dtype is list else V.astype(dtype)
    np.testing.assert_allclose(rbm.free_energy(v), rbm.free_energy(V))
    np.testing.assert_allclose(rbm.free_energy(np.asfortranarray(v)), rbm.free_energy(V))


def test_integers_are_kept_exactly_and_counts_may_be_numpy_integers():
    assert int(RBM([[2**24 + 1]], [0], [0]).W[0, 0]) == 2**24 + 1
    assert gibbs.gibbs_chain(rbm, V, np.int64(1), RNG)[0].shape == (3, 5)
    assert tap.fixed_point(rbm, step=1.0).converged.all()  # 1 is a share


@pytest.mark.parametrize("call",
                         [lambda m: rbm.free_energy(m), lambda m: RBM(m, np.zeros(3), np.zeros(5))])
def test_a_mask_would_be_lost_so_it_is_refused(call):
    with pytest.raises(TypeError, match="without a mask, got MaskedArray"):
        call(np.ma.masked_array(V, mask=V == 1))


def test_what_overflows_in_the_type_of_the_weights_is_refused():
    with pytest.raises(ValueError, match="a must be finite, got inf"):
        RBM(np.zeros((1, 1), dtype=np.float32), [1e300], [0.0])


def test_an_order_is_an_integer():
    with pytest.raises(ValueError, match="order must be one of 1, 2, 3, got 2.0"):
        tap.fixed_point(rbm, 2.0)


def test_a_constraint_on_parameters_that_do_not_exist():
    with pytest.raises(ValueError, match=r"names must be among W, a, b, got \('Q',\)"):
        NormConstraint(1.0, names=("Q",)).apply(rbm.parameters)


def test_biases_given_as_one_array_are_not_tied():
    z = np.zeros(3)
    square = RBM(np.zeros((3, 3)), z, z)
    square.a[0] = 1.0
    assert square.b[0] == 0.0
