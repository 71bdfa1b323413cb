"""Centered gradients: a change of coordinates that flipping a bit cannot see."""
import numpy as np
import pytest
from conftest import random_rbm
from numpy.testing import assert_allclose, assert_array_equal
from proofs import proves

from minife import RBM
from minife.descent.optimizers import SGD, linear_decay
from minife.data import bars_and_stripes
from minife.estimators import BernoulliRBM
from minife.rbm import exact
from minife.rbm.training import (Centering, ContrastiveDivergence, ExactEnumeration,
                                 PersistentContrastiveDivergence, descent_direction, train)

BARS = bars_and_stripes(3)


def offsets(mu, lam, rate=1e-300):
    """Return a Centering that stays where it is put."""
    centering = Centering(rate)
    centering.mu, centering.lam = np.array(mu, dtype=float), np.array(lam, dtype=float)
    return centering


@pytest.fixture
def case(rng, beta):
    """A machine, a batch and offsets that have nothing to do with its means."""
    machine, batch = random_rbm(rng, beta=beta), rng.integers(2, size=(6, 5)).astype(np.uint8)
    return machine, batch, rng.random(5), rng.random(4)


def flipped(rbm, v_bits, h_bits):
    """Return the same machine in other names: v_i is called 1 - v_i where v_bits[i] = 1, and h
    likewise.

    E is written out with v = s + (1 - 2s) v', s = v_bits, and its terms are collected."""
    s, t = v_bits, h_bits
    sign_v, sign_h = 1 - 2 * s, 1 - 2 * t
    return RBM(sign_v[:, None] * rbm.W * sign_h, sign_v * (rbm.a + rbm.W @ t),
               sign_h * (rbm.b + s @ rbm.W), rbm.beta)


@proves("R17")
def test_energies_of_the_centered_coordinates(case, rng):
    """(R17): -(v - mu).a' - (h - lam).b' - (v - mu) W (h - lam) is E with a = a' - W lam and b = b'
    - mu W, and a
    constant"""
    rbm, v, mu, lam = case
    h = rng.integers(2, size=(6, 4))
    a, b = rbm.a + rbm.W @ lam, rbm.b + mu @ rbm.W        # a' and b'
    centered = -(v - mu) @ a - (h - lam) @ b - (((v - mu) @ rbm.W) * (h - lam)).sum(axis=1)
    difference = centered - rbm.energy(v, h)
    assert_allclose(difference, mu @ a + lam @ b - mu @ rbm.W @ lam, rtol=1e-12)


@proves("R18")
def test_direction_is_the_gradient_of_the_centered_coordinates_seen_in_the_ordinary_ones(case, rng):
    """(R18): the data and the model average (v - mu)(h - lam) itself; a small step in W, a', b' is
    a step along D"""
    rbm, X, mu, lam = case
    h = exact.all_states(rbm.n_hidden)
    v = exact.all_states(rbm.n_visible)
    log_p = -rbm.beta * rbm.free_energy(v)
    model = (v, np.exp(log_p - np.logaddexp.reduce(log_p)))
    averages = []
    for rows, p in ((X, np.full(len(X), 1 / len(X))), model):
        mean_h = rbm.hidden_mean(rows)
        averages.append(((p[:, None] * (rows - mu)).T @ (mean_h - lam), p @ rows, p @ mean_h))
    W, a, b = (rbm.beta * (data - dream) for data, dream in zip(*averages))
    step = descent_direction(rbm, X, ExactEnumeration(), rng, offsets(mu, lam))
    assert_allclose(-step["W"], W, rtol=1e-10, atol=1e-13)
    assert_allclose(-step["a"], a - W @ lam, rtol=1e-10, atol=1e-13)
    assert_allclose(-step["b"], b - mu @ W, rtol=1e-10, atol=1e-13)
    assert h.shape == (16, 4)


@proves("R17", "R18")
def test_flipping_bits_changes_nothing(case, rng):
    """(R18): the machine of flipped bits, trained on flipped data with flipped offsets, stays the
    flipped machine.
    The plain gradient leads elsewhere"""
    rbm, X, mu, lam = case
    s, t = np.array([1, 0, 0, 1, 1]), np.array([0, 1, 1, 0])
    twin = flipped(rbm, s, t)
    states = exact.all_states(5)
    # a constant apart
    assert_allclose(np.diff(twin.free_energy(s ^ states) - rbm.free_energy(states)), 0, atol=1e-12)
    plain = RBM(**{k: x.copy() for k, x in rbm.parameters.items()}, beta=rbm.beta)
    twin_plain = flipped(rbm, s, t)
    for _ in range(3):
        for machine, rows, centering in (
                (rbm, X, offsets(mu, lam)), (twin, s ^ X, offsets(np.abs(s - mu), np.abs(t - lam))),
                (plain, X, None), (twin_plain, s ^ X, None)):
            train(machine, rows, ExactEnumeration(), SGD(0.5), 1, rng, centering=centering)
    for name, array in flipped(rbm, s, t).parameters.items():
        assert_allclose(array, twin.parameters[name], rtol=1e-11, atol=1e-12)
    assert np.abs(flipped(plain, s, t).W - twin_plain.W).max() > 0.01


def test_without_offsets_it_is_the_plain_gradient(case, rng):
    """(R18) at mu = lam = 0"""
    rbm, X, _, _ = case
    plain = descent_direction(rbm, X, ExactEnumeration(), rng)
    for name, step in descent_direction(rbm, X, ExactEnumeration(), rng,
                                        offsets(np.zeros(5), np.zeros(4))).items():
        assert_array_equal(step, plain[name])


@proves("R18")
def test_it_climbs_wherever_the_plain_gradient_does(case, rng):
    """(R18): gradient . direction = |D_W|^2 + |gradient_a|^2 + |gradient_b|^2, which is 0 only
    where both vanish"""
    rbm, _, mu, lam = case
    for _ in range(5):
        g = {"W": rng.standard_normal((5, 4)), "a": rng.standard_normal(5),
             "b": rng.standard_normal(4)}
        D = offsets(mu, lam).direction(g)
        along = sum((g[name] * D[name]).sum() for name in g)
        assert_allclose(along, (D["W"] ** 2).sum() + (g["a"] ** 2).sum() + (g["b"] ** 2).sum(),
                        rtol=1e-12)
    zero = {"W": np.zeros((5, 4)), "a": np.zeros(5), "b": np.zeros(4)}
    assert not any(D.any() for D in offsets(mu, lam).direction(zero).values())


@proves("R18")
def test_direction_is_a_positive_definite_matrix_of_determinant_one(case):
    """(R18): J J^T with J unipotent, so no direction is lost and no volume is made"""
    _, _, mu, lam = case
    columns = []
    for unit in np.eye(5 * 4 + 5 + 4):
        D = offsets(mu, lam).direction({"W": unit[:20].reshape(5, 4), "a": unit[20:25],
                                        "b": unit[25:]})
        columns.append(np.concatenate([D["W"].ravel(), D["a"], D["b"]]))
    P = np.array(columns).T
    assert_allclose(P, P.T, atol=1e-14)
    assert np.linalg.eigvalsh(P).min() > 0
    assert_allclose(np.linalg.det(P), 1, rtol=1e-11)


@proves("R18")
def test_offsets_follow_the_data(rng):
    """(R18): mu begins at the mean of all rows, and each batch has its share"""
    rbm, X = random_rbm(rng), rng.integers(2, size=(7, 5)).astype(np.uint8)
    centering = Centering(rate=0.25)
    centering.begin(rbm, X)
    mu, lam = X.mean(axis=0), rbm.hidden_mean(X.mean(axis=0)[None])[0]
    assert_allclose(centering.mu, mu)
    assert_allclose(centering.lam, lam)
    batch = X[:3]
    descent_direction(rbm, batch, ExactEnumeration(), rng, centering)
    assert_allclose(centering.mu, 0.75 * mu + 0.25 * batch.mean(axis=0))
    assert_allclose(centering.lam, 0.75 * lam + 0.25 * rbm.hidden_mean(batch).mean(axis=0))
    before = centering.mu.copy()
    centering.begin(rbm, X)                               # a run that goes on keeps them
    assert_array_equal(centering.mu, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_resumed_run_is_the_uninterrupted_run(dtype, tmp_path):
    def run(n_epochs, seed, **more):
        rbm = RBM.initialise(9, 8, np.random.default_rng(0), BARS, dtype=dtype)
        train(rbm, BARS, PersistentContrastiveDivergence(), SGD(0.05, momentum=0.9), n_epochs,
              np.random.default_rng(seed), centering=Centering(0.1), batch_size=5, **more)
        assert rbm.W.dtype == dtype
        return rbm
    whole = run(4, 3)
    run(2, 3, checkpoint=tmp_path / "run.npz")
    resumed = run(4, 77, checkpoint=tmp_path / "run.npz", same_seed=False)
    for name in whole.parameters:
        assert_array_equal(whole.parameters[name], resumed.parameters[name])
    with pytest.raises(ValueError, match=r"it holds centering=Centering\(rate=0.1\), .*this run "
                       r"has centering=None"):
        train(resumed, BARS, PersistentContrastiveDivergence(), SGD(0.05), 4,
              np.random.default_rng(0), checkpoint=tmp_path / "run.npz")


def test_bars_and_their_negative_are_learned_alike():
    """(R18): with exact gradients, 1 - X is learned as well as X from the flipped start; plainly it
    is not"""
    likelihoods = {}
    for centered in (False, True):
        for name, rows in (("bars", BARS[:9]), ("negative", 1 - BARS[:9])):
            rbm = RBM.initialise(9, 6, np.random.default_rng(0))
            if name == "negative":
                rbm = flipped(rbm, np.ones(9, dtype=int), np.zeros(6, dtype=int))
            train(rbm, rows, ExactEnumeration(), SGD(1.0), 200, np.random.default_rng(1),
                  centering=Centering() if centered else None)
            likelihoods[name, centered] = exact.log_likelihood(rbm, rows)
    assert_allclose(likelihoods["bars", True], likelihoods["negative", True], rtol=1e-9)
    assert abs(likelihoods["bars", False] - likelihoods["negative", False]) > 0.01


@pytest.mark.parametrize("phase, plain, centered", [(ContrastiveDivergence, -3.78, -2.94),
                                                    (PersistentContrastiveDivergence, -3.20,
                                                     -2.81)])
def test_bars_and_stripes_are_learned_better(phase, plain, centered):
    """(R18): the numbers in the README; the plain ones are tested in test_training.py"""
    rbm = RBM.initialise(9, 8, np.random.default_rng(0), BARS)
    train(rbm, BARS, phase(), SGD(linear_decay(0.1, 3000), momentum=0.5), 1500,
          np.random.default_rng(1), Centering(), batch_size=7)
    after = exact.log_likelihood(rbm, BARS)
    assert abs(after - centered) < 0.1 and plain + 0.3 < after < -np.log(14)


def test_the_estimator_takes_centered_steps():
    model = BernoulliRBM(8, centered=True, n_iter=3, batch_size=7, random_state=3, dtype=np.float64,
                         method="cd")
    model.fit(BARS)
    rng = np.random.default_rng(3)
    rbm = RBM.initialise(9, 8, rng, BARS)
    train(rbm, BARS, ContrastiveDivergence(), SGD(0.1), 3, rng, centering=Centering(), batch_size=7)
    assert_array_equal(model.components_, rbm.W.T)
    model.partial_fit(BARS)
    assert len(model.history_) == 4


@pytest.mark.parametrize("rate", [0, -0.1, 1.5, "a"])
def test_a_rate_is_a_share(rate):
    with pytest.raises(ValueError, match=r"rate must be a number in \(0, 1\]"):
        Centering(rate)


@proves("R18")
def test_a_step_is_centered_at_the_offsets_that_have_taken_in_its_batch(case, rng):
    rbm, X, mu, lam = case
    moved = offsets(0.7 * mu + 0.3 * X.mean(axis=0),
                    0.7 * lam + 0.3 * rbm.hidden_mean(X).mean(axis=0))
    expected = moved.direction(descent_direction(rbm, X, ExactEnumeration(), rng))
    for name, step in descent_direction(rbm, X, ExactEnumeration(), rng,
                                        offsets(mu, lam, 0.3)).items():
        assert_allclose(step, expected[name], rtol=1e-12, atol=1e-15, err_msg=f"step in {name}")
