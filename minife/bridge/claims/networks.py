"""Claims about ordinary networks: their cross entropy and its backprop gradient as differences of
free energies."""
import numpy as np

from ... import tap
from ...backprop.losses import BinaryCrossEntropy, SquaredError
from ...backprop.mlp import MLP
from ...gradcheck import check_gradient
from ...rbm import exact
from ...rbm.model import RBM, unit
from ...units import Binary, Potts
from ..copies import CopiedUnits
from ..layered import LayeredMeanField
from ..pyramid import Pyramid, copied_free_energy
from .claim import Claim, distance, limit, machine

label_unit = Potts()


def labels(rng, n):
    """Yield the claims on a machine that sees x and a label, with one hidden layer  (C14, C15)"""
    yield Claim("One sigmoid layer minimises energy minus entropy, at once.", "exact",
                float(np.abs(above_the_minimum(*machine(rng))).max()),
                "largest |Gamma_1(v, h) - F(v)|", 0, 1e-12, "C14")
    copied, X, y = copied_units(rng, 1)
    yield Claim("The cross entropy of a label is a difference of two free energies.", "exact",
                abs(copied.loss(X, y) - free_energy_difference(copied, X, y).mean()),
                "|L - beta (F(x, y) - F(x))|, mean over rows", 0, 1e-12, "C15")
    yield Claim("The backprop gradient of this cross entropy is clamped minus free.", "exact",
                max(check_gradient(lambda _: copied.loss(X, y), copied.parameters,
                                   copied.gradient(X, y)).values()),
                "relative error against finite differences", 0, 1e-7, "C15")
    distances = [label_distance(rng) for _ in range(n)]
    yield Claim("Mean field over label and hidden units gives the same p(y|x).", "false",
                float(np.mean(distances)),
                f"total variation distance of p(y|x), mean; the largest is {max(distances):.2f}",
                0.01, 0.5, "C15")


def above_the_minimum(rbm, X):
    """Return Gamma_1(x, h) - F(x) (n,) at one sigmoid layer h, with F(x) summed over all h: 0
    (C14)"""
    h = exact.all_states(rbm.n_hidden)
    F = [-np.logaddexp.reduce(-rbm.beta * rbm.energy(np.tile(x, (len(h), 1)), h)) / rbm.beta
         for x in X]
    return tap.free_energy(rbm, X, rbm.hidden_mean(X), 1) - F


def copied_units(rng, copies, unit=Binary(), beta=1.2):
    """Return CopiedUnits of 6 inputs, 5 hidden units and 3 labels, 20 binary rows and their
    labels."""
    draw = rng.standard_normal
    return (CopiedUnits(0.7 * draw((6, 5)), draw((3, 5)), draw(5) / 2, draw(3) / 2, copies, unit,
                        beta),
            rng.integers(2, size=(20, 6)), rng.integers(3, size=20))


def free_energy_difference(copied, X, y):
    """Return beta [F(x, y) - F(x)] (n,) of the RBM over x and a one-hot label that has all copies
    as units  (C16)"""
    r, one_hot = copied.copies, np.eye(len(copied.U))
    rbm = RBM(np.vstack([np.tile(copied.W, r), np.tile(copied.U, r) / r]),
              np.hstack([np.zeros(len(copied.W)), copied.d]), np.tile(copied.b, r), copied.beta)
    F = np.stack([rbm.free_energy(np.hstack([X, np.tile(row, (len(X), 1))])) for row in one_hot],
                 axis=1)
    return rbm.beta * F[np.arange(len(y)), y] + label_unit.potential(-rbm.beta * F)


def label_distance(rng):
    """Return the total variation distance of p(y|x) and its mean-field estimate, y and h
    independent  (C15)

    The machine is small and its couplings weak enough for one minimum, wherever one starts."""
    draw = rng.standard_normal
    copied = CopiedUnits(draw((6, 5)), draw((3, 5)), draw(5) / 2, draw(3) / 2)
    X = rng.integers(2, size=(1, 6))
    x, U, d, q = copied.b + X[0] @ copied.W, copied.U, copied.d, np.full(3, 1 / 3)
    for _ in range(200):
        m = unit.mean(x + q @ U)
        q = label_unit.mean(d + U @ m)
    return np.abs(q - copied.predict(X)[0]).sum() / 2


def copies(rng, n):
    """Yield the claims on r copies of each hidden unit, from the RBM to the ordinary network
    (C16, C17)"""
    seed, counts = rng.integers(2**31), np.array([1, 4, 16, 64, 256, 1024])
    machines = {int(r): copied_units(np.random.default_rng(seed), int(r)) for r in counts}
    few = [machines[r] for r in (1, 4, 16)]
    yield Claim("With r copies of each hidden unit, the loss is a free-energy difference.", "exact",
                max(float(np.abs(c.loss(X, y) - free_energy_difference(c, X, y).mean()))
                    for c, X, y in few),
                "|L_r - beta (F_r(x, y) - F_r(x))|, r = 1, 4, 16", 0, 1e-12, "C16")
    yield Claim("The gradient of this loss is clamped minus free, for every r.", "exact",
                max(max(check_gradient(lambda _: c.loss(X, y), c.parameters,
                                       c.gradient(X, y)).values())
                    for c, X, y in few), "against finite differences, r = 1, 4, 16", 0, 1e-7, "C16")
    errors = [distance(c.gradient(X, y), slopes_of_limit(c, X, y)) for c, X, y in machines.values()]
    yield limit("As r grows it becomes the backprop gradient of an ordinary network.", counts,
                errors,
                "exponent of the error in r", -1, "C17")


def slopes_of_limit(copied, X, y):
    """Return the backprop gradient of the limit of CopiedUnits, in their own parameters  (C17)"""
    slope = copied.limit().gradient(X, y)
    own = {"W": slope["W1"], "U": slope["W2"].T, "b": slope["b1"], "d": slope["b2"]}
    return {name: copied.beta * array for name, array in own.items()}


def ordinary_networks(rng, n):
    """Yield the claims on deep networks with weights of their own in each layer  (C19, C20, C21)"""
    mlp = MLP((5, 7, 6, 3), Binary(), SquaredError(Binary()), rng)
    X, y = rng.standard_normal((10, 5)), rng.random((10, 3))
    feedback = np.array([0.1, 0.03, 0.01, 0.003, 0.001])
    matching = MLP(mlp.sizes, Binary(), BinaryCrossEntropy(), rng)
    matching.parameters = mlp.parameters
    layered = [LayeredMeanField(mlp, gamma) for gamma in feedback]
    errors = [distance(net.equilibrium_propagation_gradient(X, y, 0.001), mlp.gradient(X, y))
              for net in layered]
    yield limit("Backprop in a deep network is a difference of free-energy slopes, nudged.",
                feedback, errors,
                "exponent of the error in the feedback, nudge 0.001", 1, "C19")
    errors = [distance(net.contrastive_gradient(X, y), matching.gradient(X, y)) for net in layered]
    yield limit("With the top clamped and the matching loss it is one, without a nudge.", feedback,
                errors, "exponent of the error in the feedback", 1, "C20")
    m = [X, *(rng.random((10, size)) for size in mlp.sizes[1:])]
    gaps = [np.abs(copied_free_energy(mlp, m, r)
                   / (r**3 * LayeredMeanField(mlp, 1 / r).free_energy(m)) - 1).max()
            for r in (1, 3, 10)]
    yield Claim("The free energy is r^K times that of a pyramid of copies, feedback 1/r.",
                "exact", float(max(gaps)),
                "largest relative difference at random means, r = 1, 3, 10", 0, 1e-12, "C21")
    yield pyramids(rng)


def pyramids(rng):
    """Return the claim that exact sums over a pyramid of copies tend to backprop in a deep network
    (C21)"""
    mlp = MLP((3, 3, 2, 2), Binary(), rng=rng)
    for array in mlp.parameters.values():
        array[...] = rng.standard_normal(array.shape)
    X, y, counts = rng.standard_normal((10, 3)), rng.integers(2, size=10), 2 ** np.arange(8)
    errors = [distance(Pyramid(mlp, int(r)).gradient(X, y), mlp.gradient(X, y)) for r in counts]
    return limit("Clamped minus free of the pyramid becomes backprop in a deep network.", counts,
                 errors,
                 "exponent of the error in r, exact sums", -1, "C21")


def prediction_errors(rng, n):
    """Yield the claim on an energy of prediction errors, of which backprop is a response too
    (C23)"""
    mlp = MLP((5, 4, 3), Binary(), SquaredError(Binary()), rng)
    nudges = np.array([0.02, 0.01, 0.005])
    X, y = rng.standard_normal((10, 5)), rng.random((10, 3))
    errors = [distance(prediction_slopes(mlp, X, y, nudge), mlp.gradient(X, y)) for nudge in nudges]
    yield limit("Backprop is a response of an energy without temperature, too.", nudges, errors,
                "exponent of the error in the nudge", 2, "C23")


def prediction_slopes(mlp, X, y, nudge):
    """Return the slopes of E nudged by nudge minus those of E nudged by -nudge, over 2 nudge  (C23)

    E = |h - sigma(x W1 + b1)|^2 / 2 + |m - sigma(h W2 + b2)|^2 / 2 + nudge |m - y|^2 / 2 at its
    minimum over h, m."""
    W1, b1, W2, b2 = mlp.parameters.values()

    def slopes(nudge):
        expected_h = unit.mean(X @ W1 + b1)
        c_h, h = expected_h - expected_h**2, expected_h
        for _ in range(200):
            expected = unit.mean(h @ W2 + b2)
            m = (expected + nudge * y) / (1 + nudge)
            error = (m - expected) * (expected - expected**2)
            h = expected_h + error @ W2.T
        error_h = (h - expected_h) * c_h
        return {"W1": -X.T @ error_h, "b1": -error_h.sum(axis=0), "W2": -h.T @ error,
                "b2": -error.sum(axis=0)}

    up, down = slopes(nudge), slopes(-nudge)
    return {name: (up[name] - down[name]) / (2 * nudge * len(X)) for name in up}
