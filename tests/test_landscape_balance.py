"""Chapter L: the balance of a loss, of labels and of data, and the temperature that is best."""

import numpy as np
import pytest
from conftest import random_rbm
from numpy.testing import assert_allclose
from proofs import proves

from minife import RBM, landscape, tap
from minife.backprop import CategoricalCrossEntropy
from minife.descent import NormConstraint
from minife.evaluation import annealed_importance_sampling
from minife.gradcheck import check_gradient
from minife.landscape import (
    at_temperature,
    data_balance,
    data_temperature,
    label_balance,
    label_temperature,
)
from minife.rbm import exact
from minife.rbm.gaussian import GaussianRBM


@pytest.fixture
def labelled(rng):
    """Fields (200, 5), labels, and probabilities of labels."""
    return (
        2 * rng.standard_normal((200, 5)),
        rng.integers(5, size=200),
        rng.dirichlet(np.ones(5), 200),
    )


@pytest.fixture
def data(rng):
    return rng.integers(2, size=(50, 5)).astype(np.uint8)


def random_machine(rng, beta):
    return random_rbm(rng, 5, 4, beta=beta)


# ---- labels


@proves("L1")
def test_the_loss_of_labels_is_entropy_plus_gap(labelled, beta):
    """To 1e-12: against the cross entropy of chapter B, and each part against sums over the
    labels"""
    x, y, target = labelled
    loss = CategoricalCrossEntropy()
    for labels in (y, target):
        balance, rows = label_balance(x, labels, beta), loss.targets(labels, 5)
        assert_allclose(balance.loss, loss.value(beta * x, rows), rtol=1e-12, atol=1e-12)
        p = np.exp(beta * x) / np.exp(beta * x).sum(axis=1, keepdims=True)
        assert_allclose(balance.entropy, -(p * np.log(p)).sum(axis=1), atol=1e-12)
        assert_allclose(balance.gap, beta * ((p - rows) * x).sum(axis=1), atol=1e-12)


@proves("L2")
def test_the_gap_is_the_slope_in_log_beta_and_the_loss_is_convex(labelled, beta):
    x, y, _ = labelled
    at, slope = {"log beta": np.array([np.log(beta)])}, label_balance(x, y, beta).gap.mean()
    check_gradient(
        lambda p: label_balance(x, y, float(np.exp(p["log beta"][0]))).loss.mean(),
        at,
        {"log beta": np.array([slope])},
        tolerance=1e-8,
    )
    p = np.exp(beta * x) / np.exp(beta * x).sum(axis=1, keepdims=True)
    variance = (p * x**2).sum(axis=1) - (p * x).sum(axis=1) ** 2
    b = {"beta": np.array([beta])}
    check_gradient(
        lambda q: (label_balance(x, y, float(q["beta"][0])).gap / q["beta"][0]).mean(),
        b,
        {"beta": np.array([variance.mean()])},
        tolerance=1e-8,
    )
    assert (variance >= 0).all()


@proves("L2")
def test_the_best_temperature_of_labels(rng):
    """There the loss is all entropy, and lower than on either side; scaling the fields scales T*"""
    x = 3 * rng.standard_normal((300, 6))
    y = np.array([rng.choice(6, p=np.exp(row / 2) / np.exp(row / 2).sum()) for row in x])  # T = 2
    T = label_temperature(x, y)
    assert 1.6 < T < 2.4
    best = label_balance(x, y, 1 / T)
    assert abs(best.gap.mean()) < 1e-12
    for other in (0.9 * T, 1.1 * T):
        assert label_balance(x, y, 1 / other).loss.mean() > best.loss.mean()
    for factor in (1e-3, 1e3):
        assert_allclose(label_temperature(factor * x, y), factor * T, rtol=1e-9)
    for shift in (-5, 5):  # of all energies of a row
        assert_allclose(label_temperature(x + shift, y), T, rtol=1e-9)
    assert (
        label_temperature(x, x.argmax(axis=1)) == 0
        and label_temperature(x, x.argmin(axis=1)) == np.inf
    )
    assert label_temperature(np.zeros((3, 2)), [0, 1, 0]) == 0  # all temperatures are as good


@proves("L1", "L2")
def test_two_labels_by_hand():
    """The example of the README"""
    x, y = np.log([[3, 1], [3, 1], [3, 1]]), [0, 0, 1]
    balance = label_balance(x, y)
    assert_allclose(balance.entropy, [np.log(4) - 0.75 * np.log(3)] * 3)
    assert_allclose(balance.gap, [-np.log(3) / 4] * 2 + [3 / 4 * np.log(3)])
    assert_allclose(balance.loss, [np.log(4 / 3)] * 2 + [np.log(4)])
    T = label_temperature(x, y)
    assert_allclose(T, np.log(3) / np.log(2), rtol=1e-12)
    assert_allclose(label_balance(x, y, 1 / T).loss.mean(), np.log(3) - 2 / 3 * np.log(2))
    assert repr(balance) == "Balance(3 rows, mean loss 0.6539 = entropy 0.5623 + gap 0.09155)"


# ---- data


@proves("L3")
def test_the_loss_of_data_is_entropy_plus_gap(rng, data, beta):
    """To 1e-12: against -log p(x), and both parts against sums over all states of both layers"""
    rbm = random_machine(rng, beta)
    balance = data_balance(rbm, data, exact.thermodynamics(rbm))
    wanted = beta * rbm.free_energy(data) + exact.log_partition_function(rbm)
    assert_allclose(balance.loss, wanted, rtol=1e-12)
    v, h = ((np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(np.uint8) for n in (5, 4))
    E = -(v @ rbm.a)[:, None] - h @ rbm.b - v @ rbm.W @ h.T  # (32, 16)
    p = np.exp(-beta * E)
    given, p = p / p.sum(axis=1, keepdims=True), p / p.sum()
    U_x, S_x = (given * E).sum(axis=1), -(given * np.log(given)).sum(axis=1)
    number = data @ 2 ** np.arange(5)
    assert_allclose(balance.gap, beta * (U_x[number] - (p * E).sum()), rtol=1e-11, atol=1e-11)
    assert_allclose(balance.entropy, -(p * np.log(p)).sum() - S_x[number], rtol=1e-11, atol=1e-11)


@proves("L3")
def test_the_gap_of_data_is_the_slope_in_log_beta(rng, data, beta):
    """Exact sums, 1e-8; and it is minus the gradient along the parameters themselves"""
    rbm = random_machine(rng, beta)
    gap = data_balance(rbm, data, exact.thermodynamics(rbm)).gap.mean()
    check_gradient(
        lambda p: (
            -exact.log_likelihood(at_temperature(rbm, float(np.exp(-p["log beta"][0]))), data)
        ),
        {"log beta": np.array([np.log(beta)])},
        {"log beta": np.array([gap])},
        tolerance=1e-8,
    )
    slope = exact.log_likelihood_gradient(rbm, data)
    assert_allclose(
        gap, -sum((slope[name] * array).sum() for name, array in rbm.parameters.items()), rtol=1e-10
    )


@proves("L3", "L6")
@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_balance_by_tap(order, rng, data, beta):
    """Its loss is minus the estimate (T13) to 1e-12; its gap is the slope through the solver, to
    1e-7"""
    rbm = random_rbm(rng, 5, 4, beta=beta, scale=0.4)

    def fixed(machine):
        state = tap.fixed_point(machine, order, tol=1e-13)
        return landscape.thermodynamics(machine, state.m_v, state.m_h, order)

    balance = data_balance(rbm, data, fixed(rbm))
    assert_allclose(
        balance.loss.mean(), -tap.log_likelihood(rbm, data, order, tol=1e-13), rtol=1e-12
    )

    def loss(p):
        machine = at_temperature(rbm, float(np.exp(-p["log beta"][0])))
        return data_balance(machine, data, fixed(machine)).loss.mean()

    check_gradient(
        loss,
        {"log beta": np.array([np.log(beta)])},
        {"log beta": np.array([balance.gap.mean()])},
        tolerance=1e-7,
    )


@proves("L3")
def test_the_balance_by_samples(rng, beta):
    """Exact samples and AIS: loss and gap within their errors"""
    rbm = random_rbm(rng, 8, 6, beta=beta)
    X, v = exact.sample(rbm, 500, rng), exact.sample(rbm, 20000, rng)
    estimate = annealed_importance_sampling(rbm, 1000, 200, rng)
    thermo = landscape.sampled_thermodynamics(rbm, v, estimate.log_z)
    assert_allclose(
        [thermo.F, thermo.U - thermo.S / beta], [-estimate.log_z / beta] * 2, rtol=1e-12
    )
    sampled = data_balance(rbm, X, thermo)
    truth = data_balance(rbm, X, exact.thermodynamics(rbm))
    assert abs(sampled.gap.mean() - truth.gap.mean()) < 0.06
    assert abs(sampled.loss.mean() - truth.loss.mean()) < 6 * estimate.standard_error + 1e-12
    assert_allclose(
        sampled.loss.mean(), beta * rbm.free_energy(X).mean() + estimate.log_z, rtol=1e-12
    )


@proves("L3")
def test_where_likelihood_has_arrived_the_gap_is_zero(rng):
    """Samples of the machine itself: T* = 1; a machine twice as cold as its data has T* = 2"""
    rbm = random_rbm(rng, 6, 4, beta=1.5)
    X = exact.sample(rbm, 20000, rng)
    assert_allclose(data_temperature(rbm, X), 1, atol=0.03)
    cold = at_temperature(rbm, 1 / 3.0)
    assert_allclose(data_temperature(cold, X), 2, atol=0.06)
    assert_allclose(data_temperature(cold, X) / 2, data_temperature(rbm, X), rtol=1e-9)


# ---- the norm is a temperature


@proves("L4")
@pytest.mark.parametrize("p", [1, 2])
def test_a_reset_of_the_whole_norm_is_a_temperature(p, rng, data, beta):
    """Likelihood, conditionals, TAP; a reset of W alone is not one, unless there are no biases"""
    for biases in (1.0, 0.0):
        W, a, b = (
            rng.standard_normal((5, 4)),
            biases * rng.standard_normal(5),
            biases * rng.standard_normal(4),
        )
        rbm = RBM(W, a, b, beta)
        norm = np.linalg.norm(np.concatenate([W.ravel(), a, b]), ord=p)
        other = RBM(W.copy(), a.copy(), b.copy(), beta)
        NormConstraint(0.7 * norm, p).apply(other.parameters)
        heated = at_temperature(rbm, norm / (0.7 * norm) / beta)  # T |theta| / R
        assert heated.W is rbm.W and heated.beta == pytest.approx(0.7 * beta, rel=1e-14)
        assert_allclose(
            exact.log_likelihood(other, data), exact.log_likelihood(heated, data), rtol=1e-12
        )
        assert_allclose(other.hidden_mean(data), heated.hidden_mean(data), rtol=1e-12)
        assert_allclose(tap.fixed_point(other).m_v, tap.fixed_point(heated).m_v, rtol=1e-9)
        only_W = RBM(W.copy(), a.copy(), b.copy(), beta)
        NormConstraint(0.7 * np.linalg.norm(W.ravel(), ord=p), p, names=["W"]).apply(
            only_W.parameters
        )
        difference = abs(exact.log_likelihood(only_W, data) - exact.log_likelihood(heated, data))
        assert (difference < 1e-12) == (biases == 0)


@proves("L4")
def test_one_over_the_best_temperature_is_the_best_factor_of_a_norm(rng, data):
    rbm = random_rbm(rng, 5, 4, beta=1.5, scale=1.5)
    factor = 1 / data_temperature(rbm, data)

    def loss(r):
        scaled = RBM(**{name: r * array for name, array in rbm.parameters.items()}, beta=1.5)
        return -exact.log_likelihood(scaled, data)

    assert loss(factor) < min(loss(0.95 * factor), loss(1.05 * factor), loss(1.0))


# ---- bad arguments

MACHINE = RBM(np.zeros((5, 4)), np.zeros(5), np.zeros(4))
V = np.zeros((2, 5), dtype=np.uint8)
BAD = {
    "labels": (
        lambda: label_balance(np.zeros((2, 3)), [0, 3]),
        ValueError,
        "y must hold labels 0 to 2, got 3",
    ),
    "rows": (
        lambda: label_balance(np.zeros((2, 3)), [0]),
        ValueError,
        "x and y must have the same number of rows, got 2 and 1",
    ),
    "fields": (
        lambda: label_temperature([[0, np.nan]], [0]),
        ValueError,
        "x must be finite, got nan",
    ),
    "beta": (
        lambda: label_balance(np.zeros((2, 3)), [0, 1], 0),
        ValueError,
        "beta must be a positive number, got 0",
    ),
    "states": (
        lambda: data_balance(MACHINE, 0.5 + V, exact.thermodynamics(MACHINE)),
        ValueError,
        "X must hold binary states",
    ),
    "machine": (
        lambda: data_balance(
            GaussianRBM(np.zeros((5, 4)), np.zeros(5), np.zeros(4)),
            V,
            exact.thermodynamics(MACHINE),
        ),
        TypeError,
        "rbm must be",
    ),
    "log_z": (
        lambda: landscape.sampled_thermodynamics(MACHINE, V, np.nan),
        ValueError,
        "log_z must be a finite number, got nan",
    ),
    "T": (lambda: at_temperature(MACHINE, -1), ValueError, "T must be a positive number, got -1"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments(name):
    call, error, message = BAD[name]
    with pytest.raises(error, match=message):
        call()


def test_float32_is_summed_in_float64(rng, data):
    rbm = random_machine(rng, 1.5)
    single = RBM(*(array.astype(np.float32) for array in rbm.parameters.values()), beta=1.5)
    balance = data_balance(single, data, exact.thermodynamics(single))
    double = data_balance(single.double(), data, exact.thermodynamics(single.double()))
    assert_allclose(balance.loss, double.loss, rtol=1e-12)
