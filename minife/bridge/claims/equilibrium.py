"""Claims about machines that come to rest, as the post has them: forward, backward, and differences of free energies.

A claim is a tuple of the fields of a Finding."""
import numpy as np

from ... import tap
from ...backprop.losses import BinaryCrossEntropy, SquaredError
from ...gradcheck import check_gradient
from ...parameters import flatten, norm
from ...rbm.model import RBM
from ...units import Binary
from ..equilibrium import ClampedNetwork
from ..unrolled import forgetting_rate, unroll


def machine(rng, n_visible=6, n_hidden=5, scale=0.7, beta=1.2):
    """Return an RBM and 20 binary rows; no claim may rest on beta = 1."""
    draw = rng.standard_normal
    return (RBM(scale * draw((n_visible, n_hidden)), draw(n_visible) / 2, draw(n_hidden) / 2, beta),
            rng.integers(2, size=(20, n_visible)).astype(np.uint8))


def clamped(rng, order=1, loss=SquaredError(Binary())):
    """Return a ClampedNetwork of 5-4-3 units, 10 rows and their binary targets."""
    draw = rng.standard_normal
    network = ClampedNetwork(0.7 * draw((5, 4)), 0.7 * draw((4, 3)), draw(4) / 2, draw(3) / 2, 1.2, order, loss=loss)
    return network, rng.integers(2, size=(10, 5)), rng.integers(2, size=(10, 3))


def distance(gradient, expected):
    """Return |gradient - expected| / |expected|, over all parameters together."""
    return norm({name: gradient[name] - expected[name] for name in expected}) / norm(expected)


def cosine(one, other):
    """Return the cosine of the angle between two gradients, over all parameters together."""
    return flatten(one) @ flatten({name: other[name] for name in one}) / (norm(one) * norm(other))


def slope(errors):
    """Return the exponent of an error that is measured at some parameter, then at half of it."""
    return float(np.log2(errors[0] / errors[1]))


def forward_pass(rng, n):
    """Yield the findings on the forward pass: a descent of a free energy."""
    machines = [machine(rng, scale=1.5) for _ in range(n)]
    networks = [(unroll(rbm, 5), X) for rbm, X in machines]
    yield ("n mean-field iterations are a network of 2n + 1 layers", "exact",
           max(np.abs(net.untie().predict(X) - net.forward(X)[-1]).max() for net, X in networks),
           "largest difference of the outputs", 0, 1e-12, "C1")
    energies = [net.free_energies(X) for net, X in networks]
    energies = [net.free_energies(X) for net, X in networks]
    starts = [net.rbm.free_energy(X) for net, X in networks]
    yield ("the forward pass starts at F(x)", "exact",
           max(np.abs(gamma[:, 0] - F).max() for gamma, F in zip(energies, starts, strict=True)),
           "largest |Gamma_1(x, h_0) - F(x)|", 0, 1e-12, "C2")
    yield ("and descends the free energy, layer by layer", "exact",
           max(np.diff(gamma, axis=1).max() for gamma in energies), "largest rise of Gamma_1", -np.inf, 1e-12, "C3")
    strong = [machine(rng, scale=3) for _ in range(n)]
    rises = [np.diff(unroll(rbm, 5, order=2, step=0.5).free_energies(X), axis=1).max() > 1e-9 for rbm, X in strong]
    yield ("the damped iterations of EMF, order 2, always descend", "false", np.mean(rises),
           "share of machines with weights of sd 3 in which Gamma_2 rises", 0.2, 1, "C5")
    yield forgetting(rng)


def forgetting(rng):
    """Return the finding that an unclamped network forgets its input, at the rate of its fixed point."""
    rbm, X = machine(rng, scale=0.5)
    spread = [np.ptp(unroll(rbm, t).forward(X)[-1], axis=0).max() for t in (7, 8, 20)]
    star = tap.fixed_point(rbm, order=1, step=1.0)
    rho = forgetting_rate(rbm, star.m_v, star.m_h)[0]
    return ("unclamped, the output depends on x however deep it is", "false", spread[2],
            f"spread of h_20 over x; it falls by {spread[1] / spread[0]:.4f} each time, rho = {rho:.4f}", 0, 1e-6, "C6")


def backward_pass(rng, n):
    """Yield the findings on backprop: a response, in the limit of many iterations."""
    rbm, X = machine(rng)
    target, net = rng.random((20, 5)), unroll(rbm, 3)
    yield ("backprop through the tied layers gives their gradient", "exact",
           max(check_gradient(lambda _: SquaredError().value(net.forward(X)[-1], target).mean(), rbm.parameters,
                              net.gradient(X, net.forward(X)[-1] - target)).values()),
           "against finite differences", 0, 1e-7, "C4")
    for order, tag in ((1, "C8"), (2, "C9")):
        network, X, y = clamped(rng, order)
        yield (f"backprop is a linear response of Gamma_{order}, input clamped", "limit", distance(
            network.backprop_gradient(X, y, 100), network.implicit_gradient(X, y, tol=1e-13)),
               "relative error after 100 iterations", 0, 1e-9, tag)
    problems = [clamped(rng) for _ in range(n)]
    cosines = []
    for network, X, y in problems:
        free = network.equilibrium(X)
        cosines.append(cosine(network.implicit_gradient(X, y), network.free_energy_gradient(X, free.m_h, free.m_y)))
    yield ("backprop gives the gradient of the free energy", "false", float(np.mean(cosines)),
           f"mean cosine of the two, {len(problems)} problems", -0.9, 0.9, "C7")


def differences(rng, n):
    """Yield the findings on differences of free energies, whose gradients need no pass backward."""
    for order in (1, 2):
        network, X, y = clamped(rng, order)
        expected = network.implicit_gradient(X, y, tol=1e-13)
        for symmetric, power in ((False, 1), (True, 2)):
            errors = [distance(network.equilibrium_propagation_gradient(X, y, nudge, symmetric, tol=1e-13), expected)
                      for nudge in (0.02, 0.01)]
            ways = "both ways" if symmetric else "one way"
            yield (f"backprop is a difference of Gamma_{order} slopes, nudged {ways}", "limit", slope(errors),
                   "exponent of the error in the nudge", power - 0.1, power + 0.1,
                   "C11" if symmetric else "C10")
    for order in (1, 2):
        network, X, y = clamped(rng, order)
        yield (f"Gamma_{order} clamped minus free has slopes clamped minus free", "exact",
               max(check_gradient(lambda _: network.contrastive_loss(X, y, tol=1e-13), network.parameters,
                                  network.contrastive_gradient(X, y, tol=1e-13)).values()),
               "against finite differences", 0, 1e-7, "C12")
    cosines = []
    for _ in range(n):
        network, X, y = clamped(rng, loss=BinaryCrossEntropy())
        cosines.append(cosine(network.implicit_gradient(X, y), network.contrastive_gradient(X, y)))
    yield ("these are the slopes of the cross entropy at rest", "false", float(np.mean(cosines)),
           f"mean cosine of the two, {n} problems: close", 0.8, 0.999, "C12")
    ratios = [rate_ratio(*machine(rng, scale=0.5)) for _ in range(n)]
    yield ("if the loss is Gamma_1, its slopes need no pass backward", "limit", float(np.median(ratios)),
           "exponent of the error with that pass, over without it; both vanish", 1.9, 2.1, "C13")


def rate_ratio(rbm, X):
    """Return how much faster the gradient of Gamma_1(v_n, h_n) comes to that of Gamma_1* with the pass backward  (C13)

    Its error is of order n rho^(2n), that of the explicit partials alone rho^n."""
    star = tap.fixed_point(rbm, order=1, step=1.0, tol=1e-13)
    expected = tap.free_energy_gradient(rbm, star.m_v, star.m_h, 1)

    def error(n, backward):
        return distance(unroll(rbm, n).free_energy_gradient(X, backward), expected) / (n if backward else 1)

    return np.log(error(4, True) / error(7, True)) / np.log(error(4, False) / error(7, False))
