"""The verdict: every claim of the chapter about free energies and backprop, run, and the exact cases by themselves."""
import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import random_rbm

from minife import MLP, RBM, bridge, tap
from minife.backprop import SquaredError
from minife.bridge.claims import learning as claims
from minife.bridge.claims.verdict import Finding, verdict
from minife.data import bars_and_stripes
from minife.gradcheck import check_gradient
from minife.rbm import exact
from minife.units import Binary

N_CLASSES = 3


def labelled(rng, beta):
    """Return an RBM over five pixels and a one-hot label of three values, binary rows X and labels y."""
    return random_rbm(rng, n_visible=8, n_hidden=4, beta=beta), rng.integers(2, size=(10, 5)), rng.integers(3, size=10)


def log_weights(rbm, X):
    """Return the log of sum_h e^(-beta E(x, y, h)) for each row and label, one state at a time: (n, N_CLASSES)"""
    out = np.empty((len(X), N_CLASSES))
    for row, k in itertools.product(range(len(X)), range(N_CLASSES)):
        v = np.concatenate([X[row], np.eye(N_CLASSES)[k]])
        terms = [-rbm.beta * (-rbm.a @ v - rbm.b @ h - v @ rbm.W @ np.array(h))
                 for h in itertools.product((0, 1), repeat=rbm.n_hidden)]
        out[row, k] = np.log(np.exp(terms).sum())
    return out


def brute_loss(rbm, X, y):
    """Return -log p(y|x) of each row, from sums over all hidden states and labels."""
    weights = log_weights(rbm, X)
    return np.log(np.exp(weights).sum(axis=1)) - weights[np.arange(len(y)), y]


def test_one_clamped_hidden_layer_minimises_energy_minus_entropy_exactly(rng, beta):
    """(C16) Gamma_1(v, m) is F(v) at one sigmoid layer m, more by T KL(m || that layer) elsewhere."""
    rbm, X, y = labelled(rng, beta)
    v = claims.with_label(X, y, N_CLASSES)
    F = -log_weights(rbm, X)[np.arange(len(y)), y] / beta
    h = rbm.hidden_mean(v)
    np.testing.assert_allclose(tap.free_energy(rbm, v, h, order=1), F, rtol=1e-12)
    np.testing.assert_allclose(claims.free_energies_of_labels(rbm, X, N_CLASSES)[np.arange(len(y)), y], F, rtol=1e-12)
    m = rng.random(h.shape)
    divergence = (m * np.log(m / h) + (1 - m) * np.log((1 - m) / (1 - h))).sum(axis=1)
    np.testing.assert_allclose(tap.free_energy(rbm, v, m, order=1) - F, divergence / beta, rtol=1e-10)
    for order in (2, 3):                                    # at states the Onsager terms vanish
        np.testing.assert_array_equal(tap.free_energy(rbm, v, h, order), tap.free_energy(rbm, v, h, order=1))


def test_cross_entropy_is_clamped_free_energy_minus_free_one(rng, beta):
    """(C17) L = -log p(y|x) = beta [F(x, y) - F(x)], against sums over all states, and as the output of a network."""
    rbm, X, y = labelled(rng, beta)
    expected = brute_loss(rbm, X, y)
    F = claims.free_energies_of_labels(rbm, X, N_CLASSES)
    free = -np.log(np.exp(-beta * F).sum(axis=1)) / beta
    np.testing.assert_allclose(beta * (F[np.arange(len(y)), y] - free), expected, atol=1e-12)
    fields = claims.label_fields(rbm, X, N_CLASSES)
    p = np.exp(fields) / np.exp(fields).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(-np.log(p[np.arange(len(y)), y]), expected, atol=1e-12)


def test_its_gradient_is_clamped_minus_free(rng, beta):
    """(C17) against finite differences of the sums over all states"""
    rbm, X, y = labelled(rng, beta)
    worst = check_gradient(lambda _: brute_loss(rbm, X, y).mean(), rbm.parameters,
                           claims.clamped_minus_free(rbm, X, y, N_CLASSES))
    assert max(worst.values()) < 1e-7


def test_backprop_by_hand_is_clamped_minus_free(rng, beta):
    """(C17) The network: fields o_k = beta (b + x W + U_k) of each label, f_k = beta d_k + sum softplus(o_k), softmax.

    Its error at a hidden unit is the error of the label times the mean of the unit, as softplus has the slope sigma."""
    rbm, X, y = labelled(rng, beta)
    W, U, d = rbm.W[:5], rbm.W[5:], rbm.a[5:]
    o = beta * (rbm.b + (X @ W)[:, None] + U)                               # (n, n_classes, n_hidden)
    f = beta * d + np.log1p(np.exp(o)).sum(axis=2)                          # (n, n_classes)
    d_f = np.exp(f) / np.exp(f).sum(axis=1, keepdims=True) - np.eye(3)[y]
    d_o = d_f[:, :, None] / (1 + np.exp(-o))
    backprop = {"W": np.vstack([X.T @ d_o.sum(axis=1), d_o.sum(axis=0)]) * beta / len(X),
                "a": np.concatenate([np.zeros(5), d_f.sum(axis=0)]) * beta / len(X),
                "b": d_o.sum(axis=(0, 1)) * beta / len(X)}
    for name, slope in claims.clamped_minus_free(rbm, X, y, N_CLASSES).items():
        np.testing.assert_allclose(slope, backprop[name], atol=1e-14, err_msg=name)


def test_a_classifier_by_hand():
    """(C17) One pixel, on; one hidden unit, b = -log 4; labels with U = log 4, 0 and weights of the pixel 0, d = 0.

    The unit's field is 0 with label 0, -log 4 with label 1: softplus log 2 and log(5/4), so p = 2 : 5/4 = 8 : 5."""
    rbm = RBM(W=[[0.0], [np.log(4)], [0.0]], a=np.zeros(3), b=[-np.log(4)])
    F = claims.free_energies_of_labels(rbm, np.array([[1]]), 2)
    np.testing.assert_allclose(F, [[-np.log(2), -np.log(5 / 4)]], rtol=1e-14)
    slope = claims.clamped_minus_free(rbm, np.array([[1]]), np.array([1]), 2)
    # shares: -8/13 of label 0, where the unit has mean 1/2, and +8/13 of label 1, where it has mean 1/5
    np.testing.assert_allclose(slope["b"], [8 / 13 * (1 / 2 - 1 / 5)], rtol=1e-13)
    np.testing.assert_allclose(slope["a"], [0, 8 / 13, -8 / 13], atol=1e-15)


def test_mean_field_over_label_and_hidden_units_is_not_exact():
    """(C17)"""
    distances = [claims.label_distance(np.random.default_rng(seed)) for seed in range(30)]
    assert 0.02 < np.mean(distances) and max(distances) > 0.1


def test_prediction_errors_make_a_free_energy_of_any_network():
    """(C15) The error of the symmetric difference falls as the square of the nudge, down to the gradient itself."""
    rng = np.random.default_rng(3)
    mlp = MLP((5, 4, 3), Binary(), SquaredError(Binary()), rng)
    X, y = rng.standard_normal((10, 5)), rng.random((10, 3))
    gradient = mlp.gradient(X, y)
    for nudge in (0.1, 0.01, 0.001):
        slopes = claims.prediction_slopes(mlp, X, y, nudge)
        assert claims.distance(slopes, gradient) < 3 * nudge**2


def test_descending_the_free_energy_of_the_model_has_no_end(rng, beta):
    """(C22) Each weight grows, and the free energy is never above the energy of the state with every unit on."""
    rbm, _ = claims.machine(rng, 5, 4, beta=beta)
    for _ in range(300):
        star = tap.fixed_point(rbm, order=1, step=1.0)
        assert star.free_energy[0] <= -rbm.a.sum() - rbm.b.sum() - rbm.W.sum() + 1e-6
        slope = tap.free_energy_gradient(rbm, star.m_v, star.m_h, 1)
        assert all((part < 0).all() for part in slope.values())
        for name, array in rbm.parameters.items():
            array -= 0.1 * slope[name]
    assert star.free_energy[0] < -250


def test_learning_by_likelihood_lowers_both_free_energies():
    """(C22) Only their difference, -log p(x) / beta, has to fall: it does at every step, here with exact gradients."""
    X, rng = bars_and_stripes(3), np.random.default_rng(0)
    rbm = RBM.initialise(9, 8, rng, X)
    rbm.W[...] = 0.1 * rng.standard_normal(rbm.W.shape)
    course = []
    for step in range(1001):
        if step % 100 == 0:
            course.append((rbm.free_energy(X).mean(), -exact.log_partition_function(rbm)))
        for name, slope in exact.log_likelihood_gradient(rbm, X).items():
            rbm.parameters[name] += 0.2 * slope
    data, model = np.array(course).T
    assert (np.diff(data - model) < 0).all() and data[-1] - model[-1] >= np.log(14)
    assert data[-1] < data[0] - 10 and model[-1] < model[0] - 8


@pytest.fixture(scope="module", params=range(3))
def findings(request):
    return verdict(np.random.default_rng(request.param), quick=True)


def test_every_finding_is_as_the_verdict_has_it(findings):
    """(C22) and all that went before"""
    for finding in findings:
        assert finding.holds, finding


def test_the_criteria_are_strict(findings):
    """Identities to 1e-12, gradients to 1e-7, integrals and limits to 1e-9, exponents to 0.1."""
    assert [finding.status for finding in findings].count("false") == 7
    for finding in findings:
        if finding.status == "exact":
            assert finding.high <= (1e-7 if "finite differences" in finding.meaning else
                                    1e-9 if finding.tag in ("C18", "C19") else 1e-12), finding
        if finding.status == "limit":
            assert finding.high <= 1e-9 or finding.high - finding.low < 0.21, finding


def test_the_verdict_names_equations_of_the_chapter_and_covers_it(findings):
    text = Path(bridge.__file__).with_name("README.md").read_text(encoding="utf-8")
    defined = re.findall(r"\\text\{\((C\d+)\)\}", text)
    tags = {finding.tag for finding in findings}
    assert tags <= set(defined)
    assert set(defined) - tags <= {"C21"}                   # a better estimate of log p, which claims nothing


def test_a_finding_that_misses_its_criterion_does_not_hold():
    assert Finding("a claim", "exact", 1e-13, "error", 0, 1e-12, "C1").holds
    assert not Finding("a claim", "exact", 1e-11, "error", 0, 1e-12, "C1").holds
    assert not Finding("a claim", "exact", np.nan, "error", 0, 1e-12, "C1").holds


def test_the_verdict_needs_a_generator():
    with pytest.raises(TypeError, match="rng must be a numpy.random.Generator"):
        verdict(0)
