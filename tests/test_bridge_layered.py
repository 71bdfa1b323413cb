"""Ordinary networks as limits: a layered free energy with weak feedback, nudged or clamped at the
top."""
import numpy as np
import pytest
from conftest import check_along
from numpy.testing import assert_allclose
from proofs import proves

from minife import MLP, tap
from minife.backprop import BinaryCrossEntropy, SquaredError
from minife.bridge.claims.claim import cosine, distance
from minife.bridge.layered import LayeredMeanField
from minife.gradcheck import numerical_gradient
from minife.units import Binary, Spin


def slopes(errors, scales):
    """Return the slopes of log(error) against log(scale), between neighbours."""
    return np.diff(np.log(errors)) / np.diff(np.log(scales))


@proves("C19")
@pytest.mark.parametrize("hidden, loss", [(Binary(), SquaredError(Binary())),
                                          (Binary(), BinaryCrossEntropy()),
                                          (Spin(), SquaredError())])
def test_layered_free_energy_has_the_backprop_gradient_as_its_limit(hidden, loss):
    """(C19): the error of the difference of two equilibria falls like the feedback, and the cosine
    goes to 1"""
    rng = np.random.default_rng(8)
    mlp = MLP((5, 7, 6, 3), hidden, loss, rng)
    for name in mlp.parameters:
        mlp.parameters[name] *= 0.4  # of the size that keeps one equilibrium at any feedback
    X, y = rng.standard_normal((8, 5)), rng.random((8, 3))
    feedback = np.array([0.03, 0.01, 0.003])
    found = [LayeredMeanField(mlp, f).equilibrium_propagation_gradient(X, y) for f in feedback]
    errors = [distance(gradient, mlp.gradient(X, y)) for gradient in found]
    assert_allclose(slopes(errors, feedback), 1, atol=0.1)
    assert errors[-1] < 0.02 and cosine(found[-1], mlp.gradient(X, y)) > 0.9998


@proves("C19")
@pytest.mark.parametrize("hidden, loss", [(Binary(), BinaryCrossEntropy()),
                                          (Spin(), SquaredError())])
def test_layered_equilibrium_is_stationary_and_starts_from_the_forward_pass(rng, hidden, loss):
    """(C19): no mean can move without raising Gamma; without feedback they are those of the
    network"""
    mlp = MLP((5, 4, 4, 3), hidden, loss, rng)
    X = rng.standard_normal((3, 5))
    network = LayeredMeanField(mlp, 0.2)
    m = network.equilibrium(X).m
    slopes, _ = numerical_gradient(lambda _: network.free_energy(m).sum(),
                                   dict(zip("123", m[1:], strict=True)))
    assert max(np.abs(slope).max() for slope in slopes.values()) < 1e-6
    assert network.free_energy([m[0], 0.99 * m[1], m[2], m[3]]).sum() > network.free_energy(m).sum()
    assert_allclose(LayeredMeanField(mlp, 1e-9).equilibrium(X).m[3], mlp.predict(X), rtol=1e-6)


@proves("C19")
@pytest.mark.parametrize("bias", [-3.0, 3.0])
def test_rest_is_where_no_unit_moves_down_or_up(bias):
    """(C19): the top pulls the hidden unit to its side, which moves the top to that side, and so
    on"""
    mlp = MLP((1, 1, 1), Binary(), SquaredError(), np.random.default_rng(0))
    mlp.parameters.update(W1=np.ones((1, 1)), b1=np.zeros(1), W2=np.full((1, 1), 2.0),
                          b2=np.array([bias]))
    _, h, y = LayeredMeanField(mlp, 0.3).equilibrium(np.ones((1, 1))).m
    assert_allclose(h, 1 / (1 + np.exp(-1 - 0.3 * 2 * y)), rtol=1e-11)
    assert_allclose(y, 2 * h + bias, rtol=1e-11)


@proves("C19")
def test_the_residual_is_the_largest_way_of_a_field(rng):
    """(C19): of a row, over all units of all layers, in its last sweep: to first order the way of a
    mean, over its variance, is that of its field"""
    mlp = MLP((4, 6, 5, 3), Binary(), SquaredError(Binary()), rng)
    X, y = rng.standard_normal((7, 4)), rng.random((7, 3))
    with pytest.warns(tap.NotConvergedWarning):
        once = LayeredMeanField(mlp, 0.2).equilibrium(X, y, 0.0, max_iter=1)
    way = []
    for x, m in zip(mlp.fields(X), once.m[1:], strict=True):
        way.append(np.abs(m - Binary().mean(x)) / (m - m**2 + np.finfo(float).eps ** (1 / 3)))
    assert_allclose(once.residual, np.hstack(way).max(axis=1), rtol=1e-9)


@proves("C19")
def test_the_sweeps_are_counted(rng):
    """(C19): each row to its own convergence, as it would be alone, or as far as it may go"""
    mlp, X = MLP((5, 4, 4, 3), Binary(), SquaredError(), rng), 3 * np.eye(5)
    network = LayeredMeanField(mlp, 0.2)
    rest = network.equilibrium(X)
    assert rest.converged.all() and len(set(rest.n_iter)) > 1
    alone = [network.equilibrium(X[[row]]) for row in range(5)]
    assert rest.n_iter.tolist() == [state.n_iter[0] for state in alone]
    most = rest.n_iter.max()
    with pytest.warns(tap.NotConvergedWarning, match=f"after {most - 1} sweeps"):
        cut = network.equilibrium(X, max_iter=most - 1)
    assert cut.n_iter.max() == most - 1 and not cut.converged.all()


@proves("C23")
@pytest.mark.parametrize("symmetric, slope", [(False, 1), (True, 2)])
def test_another_energy_whose_free_phase_is_the_forward_pass(rng, symmetric, slope):
    """(C23): |h - sigma(x W + b)|^2/2 + |y - sigma(h U + d)|^2/2 + nudge l(y) needs small nudges
    only"""
    mlp = MLP((4, 5, 3), Binary(), SquaredError(Binary()), rng)
    W, b, U, d = (mlp.parameters[name] for name in ("W1", "b1", "W2", "b2"))
    X, target, unit = rng.standard_normal((6, 4)), rng.random((6, 3)), Binary()

    def partials(nudge):
        h = up = unit.mean(X @ W + b)
        for _ in range(200):                                    # at rest: dE/dy = dE/dh = 0
            g = unit.mean(h @ U + d)
            y = (g + nudge * target) / (1 + nudge)
            pulled = (y - g) * (g - g**2)
            h = up + pulled @ U.T
        d_x = -(h - up) * (up - up**2) / len(X)
        return {"W1": X.T @ d_x, "b1": d_x.sum(axis=0), "W2": -h.T @ pulled / len(X),
                "b2": -pulled.mean(axis=0)}

    nudges, errors = np.array([0.04, 0.02, 0.01]), []
    for nudge in nudges:
        up, down = partials(nudge), partials(-nudge if symmetric else 0)
        width = 2 * nudge if symmetric else nudge
        errors.append(distance({name: (up[name] - down[name]) / width for name in up},
                               mlp.gradient(X, target)))
    assert_allclose(slopes(errors, nudges), slope, atol=0.1)


@proves("C20")
@pytest.mark.parametrize("hidden, loss", [(Binary(), BinaryCrossEntropy()),
                                          (Spin(), SquaredError())])
def test_with_the_top_clamped_the_limit_is_the_matching_loss(hidden, loss):
    """(C20): slopes and value of clamped minus free over gamma^K; no nudge is left"""
    rng = np.random.default_rng(8)
    mlp = MLP((5, 7, 6, 3), hidden, loss, rng)
    for array in mlp.parameters.values():
        array *= 0.4
    X, y = rng.standard_normal((8, 5)), rng.random((8, 3))
    feedback = np.array([0.004, 0.002, 0.001])
    networks = [LayeredMeanField(mlp, gamma) for gamma in feedback]
    errors = [distance(network.contrastive_gradient(X, y), mlp.gradient(X, y))
              for network in networks]
    assert_allclose(slopes(errors, feedback), 1, atol=0.02)
    entropy = loss.unit.conjugate(y).sum(axis=1).mean()                     # A*(y): a constant
    matching = (loss.unit.potential(mlp.fields(X)[-1]) - mlp.fields(X)[-1] * y).sum(axis=1).mean()
    gaps = [network.contrastive_loss(X, y) - entropy - matching for network in networks]
    assert_allclose(slopes(np.abs(gaps), feedback), 1, atol=0.02)


@proves("C20")
@pytest.mark.parametrize("nudge", [0.3, 8.0, np.inf])
@pytest.mark.parametrize("hidden, loss", [(Binary(), SquaredError(Binary())),
                                          (Binary(), BinaryCrossEntropy()),
                                          (Spin(), SquaredError())])
def test_a_layered_nudge_of_any_size_has_the_gradient_of_its_own_loss(hidden, loss, nudge):
    """(C20): at a feedback of 0.3, far from any limit"""
    rng = np.random.default_rng(8)
    mlp = MLP((3, 3, 2, 2), hidden, loss, rng)
    X, y = rng.standard_normal((4, 3)), rng.random((4, 2))
    network = LayeredMeanField(mlp, 0.3)
    check_along(lambda: network.contrastive_loss(X, y, nudge), network.parameters,
                network.contrastive_gradient(X, y, nudge))


@pytest.mark.parametrize("call, message", [
    (lambda: LayeredMeanField(MLP((2, 2)), 0.1), "whose output units are one by one"),
    (lambda: LayeredMeanField("MLP", 0.1), "mlp must be an MLP"),
    (lambda: LayeredMeanField(small(), 0), "feedback must be a positive number"),
    (lambda: LayeredMeanField(small(), 0.1).equilibrium(np.ones((1, 3)), nudge=1.0),
     "a nudge needs targets y"),
    (lambda: LayeredMeanField(small(), 0.1).equilibrium(np.ones((1, 3)), [[1, 0]], np.nan),
     "nudge must be a number"),
    (lambda: LayeredMeanField(small(), 0.1).equilibrium(np.ones((1, 3)), [[1, 0]], tol=-1),
     "tol must be a positive"),
    (lambda: LayeredMeanField(small(), 0.1).contrastive_loss(np.ones((1, 3)), [[1, 2]]),
     "to clamp them, got values"),
    (lambda: LayeredMeanField(small(), 0.1).free_energy([np.ones((1, 3))]), "m must hold layers"),
    (lambda: LayeredMeanField(small(), 0.1).free_energy([np.ones((1, 3)), np.ones((2, 2))]),
     "m must hold layers"),
])
def test_wrong_arguments_are_named(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def small():
    return MLP((3, 2), Binary(), SquaredError(Binary()), np.random.default_rng(0))
