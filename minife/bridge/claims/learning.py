"""Claims about learning: ordinary networks, classifiers, autoencoders, and what may be minimised over the weights.

A claim is a tuple of the fields of a Finding."""
import numpy as np

from ... import tap
from ...backprop.losses import CategoricalCrossEntropy, SquaredError
from ...backprop.mlp import MLP
from ...gradcheck import check_gradient
from ...rbm import exact
from ...rbm.model import RBM, unit
from ...units import Binary, Potts
from .equilibrium import distance, machine, slope
from ..layered import LayeredMeanField
from ..vae import VAE

label_unit = Potts()


def ordinary_networks(rng, n):
    """Yield the findings on networks with weights of their own in each layer."""
    mlp = MLP((5, 7, 6, 3), Binary(), SquaredError(Binary()), rng)
    X, y = rng.standard_normal((10, 5)), rng.random((10, 3))
    errors = [distance(LayeredMeanField(mlp, feedback).equilibrium_propagation_gradient(X, y, nudge=0.01),
                       mlp.gradient(X, y)) for feedback in (0.002, 0.001)]
    yield ("backprop in an MLP is a difference of free-energy slopes", "limit", slope(errors),
           "exponent of the error in the feedback", 0.9, 1.1, "C14")
    one_layer = MLP((5, 4, 3), Binary(), SquaredError(Binary()), rng)
    errors = [distance(prediction_slopes(one_layer, X, y, nudge), one_layer.gradient(X, y)) for nudge in (0.01, 0.005)]
    yield ("and one of slopes of an energy of prediction errors", "limit", slope(errors),
           "exponent of the error in the nudge", 1.9, 2.1, "C15")


def prediction_slopes(mlp, X, y, nudge):
    """Return the slopes of E nudged by nudge minus those of E nudged by -nudge, over 2 nudge  (C15)

    E = |h - sigma(x W1 + b1)|^2 / 2 + |m - sigma(h W2 + b2)|^2 / 2 + nudge |m - y|^2 / 2 at its minimum over h, m."""
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
        return {"W1": -X.T @ error_h, "b1": -error_h.sum(axis=0), "W2": -h.T @ error, "b2": -error.sum(axis=0)}

    up, down = slopes(nudge), slopes(-nudge)
    return {name: (up[name] - down[name]) / (2 * nudge * len(X)) for name in up}


def classification(rng, n):
    """Yield the findings on an RBM that sees x and a one-hot label y in its visible layer."""
    rbm, X = machine(rng, n_visible=9)
    X, y = X[:, :6], rng.integers(3, size=len(X))
    v = with_label(X, y, 3)
    h = exact.all_states(rbm.n_hidden)
    F = [-np.logaddexp.reduce(-rbm.beta * rbm.energy(np.tile(row, (len(h), 1)), h)) / rbm.beta for row in v]
    yield ("one sigmoid layer minimises energy minus entropy", "exact",
           np.abs(tap.free_energy(rbm, v, rbm.hidden_mean(v), 1) - F).max(), "largest |Gamma_1(v, h) - F(v)|",
           0, 1e-12, "C16")
    network = CategoricalCrossEntropy().value(label_fields(rbm, X, 3), np.eye(3)[y])
    F = free_energies_of_labels(rbm, X, 3)
    difference = rbm.beta * F[np.arange(len(y)), y] + label_unit.potential(-rbm.beta * F)
    yield ("cross entropy is a difference of free energies", "exact", np.abs(network - difference).max(),
           "largest |L - beta (F(x, y) - F(x))|", 0, 1e-12, "C17")
    yield ("and its backprop gradient is clamped minus free", "exact", max(check_gradient(
        lambda _: CategoricalCrossEntropy().value(label_fields(rbm, X, 3), np.eye(3)[y]).mean(), rbm.parameters,
        clamped_minus_free(rbm, X, y, 3)).values()), "against finite differences", 0, 1e-7, "C17")
    distances = [label_distance(rng) for _ in range(n)]
    yield ("mean field over label and hidden units is as good", "false", float(np.mean(distances)),
           f"total variation distance of p(y|x), mean; the largest is {max(distances):.2f}", 0.01, 0.5, "C17")


def with_label(X, y, n_classes):
    """Return the rows of X with the one-hot labels y behind them, binary (n, n_visible)."""
    return np.hstack([X, np.eye(n_classes, dtype=np.uint8)[y]])


def free_energies_of_labels(rbm, X, n_classes):
    """Return F(x, y) (n, n_classes) of the rows of X with each label  (C16)"""
    return np.stack([rbm.free_energy(with_label(X, np.full(len(X), k), n_classes)) for k in range(n_classes)], axis=1)


def label_fields(rbm, X, n_classes):
    """Return the output fields (n, n_classes) of a network: for each label a sum of softplus units and a bias  (C17)"""
    n = rbm.n_visible - n_classes
    x = rbm.b + X @ rbm.W[:n]
    hidden = np.stack([unit.potential(rbm.beta * (x + U)).sum(axis=1) for U in rbm.W[n:]], axis=1)
    return rbm.beta * rbm.a[n:] + hidden


def clamped_minus_free(rbm, X, y, n_classes):
    """Return beta (dF(x, y) - dF(x)) over (W, a, b), the mean over rows: explicit slopes, clamped minus free  (C17)"""
    p = label_unit.mean(-rbm.beta * free_energies_of_labels(rbm, X, n_classes))
    gradient = {name: 0.0 for name in rbm.parameters}
    for k in range(n_classes):
        v = with_label(X, np.full(len(X), k), n_classes)
        share = rbm.beta * ((y == k) - p[:, k])[:, None] / len(X)       # of the clamped machine, minus of the free one
        share_h = share * rbm.hidden_mean(v)
        slopes = {"W": v.T @ share_h, "a": (share * v).sum(axis=0), "b": share_h.sum(axis=0)}
        gradient = {name: gradient[name] - slopes[name] for name in gradient}
    return gradient


def label_distance(rng):
    """Return the total variation distance of p(y|x) and its mean-field estimate, y and h independent  (C17)"""
    rbm, X = machine(rng, n_visible=9, scale=1.0, beta=1.0)
    x, U, d, best = rbm.b + X[0, :6] @ rbm.W[:6], rbm.W[6:], rbm.a[6:], (np.inf, None)
    for q in (*np.eye(3), np.full(3, 1 / 3)):                           # the lowest of the minima that are found
        for _ in range(200):
            m = unit.mean(x + q @ U)
            q = label_unit.mean(d + U @ m)
        gamma = label_unit.conjugate(q) + unit.conjugate(m).sum() - q @ d - m @ (x + q @ U)
        best = min(best, (gamma, q), key=lambda pair: pair[0])
    return np.abs(best[1] - label_unit.mean(label_fields(rbm, X[:1, :6], 3))).sum() / 2


def autoencoder(rng, n):
    """Yield the findings on the unravelled network, from integrals over its single latent."""
    vae = VAE(4, 5, 1, rng)
    x, z = exact.all_states(4), np.linspace(-40, 40, 8001)[:, None]
    step, log_prior = z[1, 0] - z[0, 0], -(z[:, 0] ** 2 + np.log(2 * np.pi)) / 2
    p = vae.decode(z)
    joint = np.log(p) @ x.T + np.log(1 - p) @ (1.0 - x).T + log_prior[:, None]      # log p(x, z): (n_z, n_x)
    log_p = np.log(step * np.exp(joint).sum(axis=0))
    mean, deviation = (part[:, 0] for part in vae.encode(x))
    log_q = -(((z - mean) / deviation) ** 2 + np.log(2 * np.pi)) / 2 - np.log(deviation)
    divergence = step * (np.exp(log_q) * (log_q - joint + log_p)).sum(axis=0)       # KL(q || p(z|x))
    F = np.array([vae.free_energy(np.tile(row, (len(z), 1)), z).F @ np.exp(log_prior) * step for row in x])
    yield ("the loss of a VAE is a free energy, U - S", "exact", np.abs(F - (divergence - log_p)).max(),
           "largest |U - S - (KL(q || posterior) - log p(x))|", 0, 1e-9, "C19")
    yield ("with an energy that is normalised: F(x) = -log p(x)", "exact", abs(np.exp(log_p).sum() - 1),
           "|sum over x of e^-F(x) - 1|", 0, 1e-9, "C18")
    noise = rng.standard_normal((16, 1))
    yield ("and backprop gives its gradient", "exact", max(check_gradient(
        lambda _: vae.free_energy(x, noise).F.mean(), vae.parameters, vae.gradient(x, noise)).values()),
        "gradient against finite differences", 0, 1e-7, "C20")


def training(rng, n):
    """Yield the findings on what may be minimised over the weights  (C22)"""
    rbm, _ = machine(rng, 4, 3, scale=0.1, beta=1.0)
    start, star = np.linalg.norm(rbm.W), tap.fixed_point(rbm, order=1, step=1.0)
    first = star.free_energy[0]
    for _ in range(2000):
        rbm.W[...] -= 0.05 * tap.free_energy_gradient(rbm, star.m_v, star.m_h, 1)["W"]
        star = tap.fixed_point(rbm, 1, star.m_v, star.m_h, step=1.0)
    yield ("learning minimises the TAP free energy over W", "false", float(star.free_energy[0]),
           f"Gamma_1* after 2000 steps, from {first:.1f}; |W| from {start:.1f} to {np.linalg.norm(rbm.W):.0f}",
           -np.inf, -100, "C22")
    both = 0
    for _ in range(n):
        rbm, X = machine(rng)
        up, data, model = exact.log_likelihood_gradient(rbm, X), rbm.free_energy_gradient(X), exact.moments(rbm)
        free = {"W": -model.vh, "a": -model.v, "b": -model.h}                       # slopes of -log Z / beta
        both += (sum((data[name] * up[name]).sum() for name in up) < 0
                 < sum((free[name] * up[name]).sum() for name in up))
    yield ("likelihood lowers F(x) and raises the free energy F", "false", both / n,
           "share of random machines in which its gradient does both", 0, 0.8, "C22")
