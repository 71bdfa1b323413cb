"""Copies of the hidden units: from the classification RBM to the ordinary network, one hidden layer
or two."""
import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose
from proofs import proves

from minife import MLP
from minife.backprop import BinaryCrossEntropy, CategoricalCrossEntropy, SquaredError
from minife.bridge.claims.claim import distance
from minife.bridge.claims.networks import copied_units, slopes_of_limit
from minife.bridge.copies import CopiedUnits
from minife.bridge.layered import LayeredMeanField
from minife.bridge.pyramid import Pyramid, copied_free_energy
from minife.gradcheck import check_gradient
from minife.units import Binary, Gaussian, LeakyRectified, Potts, Rectified, Spin

UNITS = [Binary(), Spin(), Gaussian(), Rectified(), LeakyRectified(0.1)]
each_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: type(unit).__name__)


def slopes(errors, scales):
    """Return the slopes of log(error) against log(scale), between neighbours."""
    return np.diff(np.log(errors)) / np.diff(np.log(scales))


def copied(unit, r, beta):
    """Return CopiedUnits, rows and labels; no field is within 0.02 of 0, where rectified units have
    a kink."""
    rng = np.random.default_rng(2)
    machine, _, _ = copied_units(rng, r, unit, beta)
    X = rng.standard_normal((200, 6))
    X = X[np.abs(machine.b + X @ machine.W).min(axis=1) > 0.02][:20]
    return machine, X, rng.integers(3, size=20)


@proves("C15", "C16")
@pytest.mark.parametrize("r", [1, 2, 3])
def test_the_loss_is_a_free_energy_difference_of_one_boltzmann_machine(rng, r, beta):
    """(C15), (C16): -log p(y|x), against sums over every state of every copy, one state at a
    time"""
    machine = CopiedUnits(rng.standard_normal((4, 2)), 2 * rng.standard_normal((3, 2)),
                          rng.standard_normal(2),
                          rng.standard_normal(3), r, beta=beta)
    W, U, b = np.tile(machine.W, r), np.tile(machine.U, r) / r, np.tile(machine.b, r)
    for x, y in zip(rng.integers(2, size=(6, 4)), (0, 1, 2, 0, 1, 2), strict=True):
        weights = [sum(np.exp(beta * (machine.d[k] + (b + x @ W + U[k]) @ np.array(h)))
                       for h in itertools.product((0, 1), repeat=2 * r)) for k in range(3)]
        F, free = -np.log(weights[y]) / beta, -np.log(sum(weights)) / beta
        assert_allclose(machine.loss([x], [y]), beta * (F - free), rtol=0, atol=1e-12)
        assert_allclose(machine.predict([x])[0], np.array(weights) / sum(weights), rtol=1e-12)


@proves("C15", "C16")
@each_unit
@pytest.mark.parametrize("r", [1, 5])
def test_its_gradient_is_clamped_minus_free(unit, r):
    """(C15), (C16): explicit slopes only, for every r and every unit"""
    machine, X, y = copied(unit, r, 1.3)
    fields = (machine.b + X @ machine.W)[:, None] + machine.U / r               # of each copy
    off = np.abs(fields).min(axis=(1, 2)) > 0.02                                # the kinks of ReLU
    check_gradient(lambda _: machine.loss(X[off], y[off]), machine.parameters,
                   machine.gradient(X[off], y[off]))


@proves("C16")
def test_it_is_the_classification_rbm_with_every_unit_written_out(rng, beta):
    """(C16): chapter R's machine of r n_hidden units, its loss, and its gradient summed over the
    copies"""
    machine, X, y = copied_units(rng, 4, beta=beta)
    rbm = machine.machine()
    assert_allclose(rbm.log_conditional(X)[np.arange(20), y].mean(), -machine.loss(X, y),
                    rtol=1e-12)
    theirs, ours = rbm.gradient(X, y), machine.gradient(X, y)
    assert_allclose(theirs["W"].reshape(6, 4, 5).sum(axis=1), -ours["W"], rtol=0, atol=1e-13)
    assert_allclose(theirs["U"].reshape(3, 4, 5).mean(axis=1), -ours["U"], rtol=0, atol=1e-13)
    assert_allclose(theirs["d"], -ours["d"], rtol=0, atol=1e-13)


@proves("C17")
@each_unit
def test_many_copies_are_the_ordinary_network_with_an_error_of_one_over_r(unit, beta):
    """(C17): loss and gradient, for every unit that a network may hide"""
    counts, losses, errors = 2 ** np.arange(9, 13), [], []
    for r in counts:
        machine, X, y = copied(unit, int(r), beta)
        losses.append(abs(machine.loss(X, y) - machine.limit().loss(X, y)))
        errors.append(distance(machine.gradient(X, y), slopes_of_limit(machine, X, y)))
    assert_allclose(slopes(losses, counts), -1, atol=0.02,
                    err_msg=f"(C17) loss, {type(unit).__name__}")
    assert_allclose(slopes(errors, counts), -1, atol=0.02,
                    err_msg=f"(C17) gradient, {type(unit).__name__}")


@proves("C17")
@each_unit
def test_how_far_the_energies_of_the_labels_are_from_the_fields_of_the_network(unit, beta):
    """(C17): at most sum_j beta^2 K U_kj^2 / (2 r), K the largest curvature of A: 1/4 for binary
    units, 1 for others"""
    K = 0.25 if isinstance(unit, Binary) else 1
    for r in (1, 2, 7, 50):
        machine, X, _ = copied(unit, r, beta)
        away = machine.label_energies(X) - machine.limit().fields(X)[-1]
        assert np.all(np.abs(away) <= beta**2 * K * (machine.U**2).sum(axis=1) / (2 * r) + 1e-12)


@proves("C16")
def test_two_copies_by_hand():
    """(C16): one pixel, on; a unit with field log 3 / 2 without label; labels with U = log 3, 0, so
    U / 2 = log 3 / 2

    Label 0: each copy weighs 1 + 3 = 4, both 16. Label 1: each 1 + sqrt(3), both 4 + 2 sqrt(3)."""
    half = np.log(3) / 2
    machine = CopiedUnits([[half]], [[2 * half], [0.0]], [0.0], [0.0, 0.0], copies=2)
    assert_allclose(machine.predict([[1]])[0, 0], 16 / (20 + 2 * np.sqrt(3)), rtol=1e-14)


# The pyramid

def deep_network(rng, scale=1.0):
    mlp = MLP((3, 3, 2, 2), Binary(), rng=rng)
    for array in mlp.parameters.values():
        array[...] = scale * rng.standard_normal(array.shape)
    return mlp, rng.standard_normal((8, 3)), rng.integers(2, size=8)


@proves("C21")
def test_the_pyramid_is_one_boltzmann_machine(rng):
    """(C21): sums over counts are sums over all states of all copies, one at a time: 4 copies
    below, 2 above"""
    mlp, X, y = deep_network(rng)
    mlp = MLP((3, 1, 2, 2), Binary(), rng=rng)
    for array in mlp.parameters.values():
        array[...] = rng.standard_normal(array.shape)
    W1, b1, W2, b2, W3, b3 = mlp.parameters.values()
    r, weights = 2, np.zeros((8, 2))
    for below in itertools.product((0, 1), repeat=r * r):
        for above in itertools.product((0, 1), repeat=2 * r):           # (copy, unit)
            on, top = np.array(below)[:, None], np.reshape(above, (r, 2))
            shared = (top @ b2).sum() + sum(h @ W2 @ t / r**2 for h in on for t in top)
            weights += np.exp((X @ W1 + b1) @ on.sum(axis=0)[:, None] + shared + b3
                              + sum(t @ W3 / r for t in top))
    expected = -np.log(weights[np.arange(8), y] / weights.sum(axis=1)).mean()
    assert_allclose(Pyramid(mlp, r).loss(X, y), expected, rtol=1e-12)


@proves("C21")
def test_the_gradient_of_the_pyramid_is_clamped_minus_free(rng):
    """(C21): means of explicit slopes"""
    mlp, X, y = deep_network(rng)
    network = Pyramid(mlp, 3)
    check_gradient(lambda _: network.loss(X, y), mlp.parameters, network.gradient(X, y))


@proves("C21")
def test_pyramids_become_the_deep_network_with_an_error_of_one_over_r(rng):
    """(C21): by exact sums, loss and gradient"""
    mlp, X, y = deep_network(rng)
    counts = np.array([32, 64, 128])
    networks = [Pyramid(mlp, int(r)) for r in counts]
    errors = [distance(network.gradient(X, y), mlp.gradient(X, y)) for network in networks]
    assert_allclose(slopes(errors, counts), -1, atol=0.02)
    assert_allclose(slopes([abs(n.loss(X, y) - mlp.loss(X, y)) for n in networks], counts), -1,
                    atol=0.02)


@proves("C21")
@pytest.mark.parametrize("r", [1, 2, 4])
def test_the_feedback_of_the_layered_network_is_one_over_r(rng, r):
    """(C21): mean field of all copies and all couplings, written out, is r^K Gamma at gamma = 1/r;
    no temperature differs"""
    mlp = MLP((3, 2, 3, 2), Binary(), SquaredError(Binary()), rng)
    m = [rng.random((1, size)) for size in mlp.sizes]
    layered = LayeredMeanField(mlp, 1 / r).free_energy(m)
    assert_allclose(copied_free_energy(mlp, m, r), r**3 * layered, rtol=1e-12)
    p, unit, total = mlp.parameters, Binary(), 0.0
    for k in (1, 2, 3):
        copies = np.repeat(m[k], r ** (3 - k), axis=0)  # (n_copies, n_units): each a unit
        below = np.repeat(m[k - 1], r ** (3 - k + 1) if k > 1 else 1, axis=0)
        W = p[f"W{k}"] / len(below)  # upwards, all copies below add up to W_k
        total += unit.conjugate(copies).sum() - (copies @ p[f"b{k}"]).sum() - sum(
            i @ W @ j for i in below for j in copies)
    assert_allclose(copied_free_energy(mlp, m, r), total, rtol=1e-12)


@pytest.mark.parametrize("call, message", [
    (lambda: CopiedUnits(np.ones((2, 3)), np.ones((2, 4)), np.ones(3), np.ones(2)),
     "W, U, b and d must have shapes"),
    (lambda: CopiedUnits(np.ones((2, 3)), np.ones((2, 3)), np.ones(3), np.ones(2), 0),
     "copies must be a positive integer"),
    (lambda: CopiedUnits(np.ones((2, 3)), np.ones((2, 3)), np.ones(3), np.ones(2), unit=Potts()),
     "unit must be a Binary"),
    (lambda: small().loss(np.ones((2, 3)), [0, 1]), r"X must have shape \(n, 2\)"),
    (lambda: small().loss(np.ones((2, 2)), [0, 2]), "y must hold labels 0 to 1"),
    (lambda: small().gradient(np.ones((2, 2)), [0]), "same number of rows"),
    (lambda: small(Spin()).machine(), "only Binary"),
    (lambda: Pyramid(MLP((2, 2, 2)), 2), "mlp must have two hidden layers"),
    (lambda: Pyramid(MLP((2, 2, 2, 2), loss=BinaryCrossEntropy()), 2),
     "mlp must have two hidden layers"),
    (lambda: Pyramid(MLP((2, 2, 9, 2), loss=CategoricalCrossEntropy()), 9),
     "at most a million terms"),
    (lambda: copied_free_energy(MLP((2, 2, 2)), [np.ones((1, 2))], 2), "m must hold the 3 layers"),
])
def test_wrong_arguments_are_named(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def small(unit=Binary()):
    return CopiedUnits(np.ones((2, 3)), np.ones((2, 3)), np.ones(3), np.ones(2), 2, unit)


def test_objects_name_themselves():
    assert repr(small()) == "CopiedUnits(2 x 2 * 3 x 2, Binary, beta=1.0, float64)"
    assert repr(Pyramid(MLP((3, 4, 2, 2)), 5)) == "Pyramid(3 x 4 x 2 x 2, copies=5)"
