"""Claims about machines that come to rest: the backward pass is a response, and two equilibria give
it too."""
import numpy as np

from ... import tap
from ...backprop.losses import BinaryCrossEntropy
from ...gradcheck import check_gradient
from ...parameters import norm
from ..unrolled import unroll
from .claim import Claim, clamped, cosine, distance, limit, machine

PRECISE = {"tol": 1e-13}


def responses(rng, n):
    """Yield the claims that backprop is the response of a free energy: by iterations and by nudges
    (C8 to C11)"""
    iterations, nudges = np.arange(1, 101), np.array([0.1, 0.03, 0.01, 0.003])
    problems = {order: clamped(rng, order) for order in (1, 2)}
    exactly = {order: network.implicit_gradient(X, y, **PRECISE)
               for order, (network, X, y) in problems.items()}
    for order, (network, X, y) in problems.items():
        errors = np.array([distance(network.backprop_gradient(X, y, int(t)), exactly[order])
                           for t in iterations])
        yield Claim(f"Backprop through n iterations tends to a linear response of Gamma_{order}.",
                    "limit", errors[-1],
                    "relative error at n = 100, x clamped", 0, 1e-9, "C8" if order == 1 else "C9",
                    (iterations, errors))
    for symmetric, tag in ((False, "C10"), (True, "C11")):
        for order, (network, X, y) in problems.items():
            errors = [distance(network.equilibrium_propagation_gradient(X, y, nudge, symmetric,
                                                                        **PRECISE),
                               exactly[order]) for nudge in nudges]
            ways = "two nudges, up and down" if symmetric else "one nudge"
            yield limit(f"The response is a difference of slopes of Gamma_{order}, by {ways}.",
                        nudges, errors, "exponent of the error in the nudge",
                        2 if symmetric else 1, tag)


def finite_nudges(rng, n):
    """Yield the claims on the loss that a nudge of any size descends, from backprop's to clamped
    minus free  (C12)"""
    worst, outside = 0.0, -np.inf
    for order in (1, 2):
        network, X, y = clamped(rng, order, sizes=(3, 3, 2))
        free = network.loss(X, y, **PRECISE)
        for nudge in (0.1, 8.0, np.inf):
            errors = check_gradient(lambda _: network.contrastive_loss(X, y, nudge, **PRECISE),
                                    network.parameters,
                                    network.contrastive_gradient(X, y, nudge, **PRECISE))
            worst = max(worst, *errors.values())
        for nudge in (0.1, 1.0, 4.0, 8.0, 1000.0):
            value = network.contrastive_loss(X, y, nudge, **PRECISE)
            nudged = network.loss_of(network.nudged(X, y, nudge, **PRECISE).m_y, y)
            outside = max(outside, nudged - value, value - free)
    yield Claim("A nudge of any size has exactly the gradient of a free-energy difference.",
                "exact", worst,
                "against finite differences, nudges 0.1 to infinity, both orders", 0, 1e-7, "C12")
    yield Claim("That difference lies between the loss nudged and the loss free.", "exact", outside,
                "how far outside these bounds, nudges 0.1 to 1000; less than 0: inside", -np.inf,
                1e-12, "C12")
    cosines = []
    for _ in range(n):
        network, X, y = clamped(rng, loss=BinaryCrossEntropy())
        cosines.append(cosine(network.implicit_gradient(X, y), network.contrastive_gradient(X, y)))
    yield Claim("Clamped minus free is the gradient of the cross entropy at rest.", "false",
                float(np.mean(cosines)),
                f"mean cosine of the two in {n} problems: near, not equal", 0.8, 0.999, "C12")


def levels(rng, n):
    """Yield the claim that a loss has the gradient of a free energy, by a path on which only the
    loss moves  (C13)"""
    network, X, y = clamped(rng)
    loss, drift = on_a_level(network, X, y, 30, 1.0)
    yield Claim("The gradient of a loss of one's choice is that of the free energy.", "false",
                loss[-1] / loss[0],
                f"share of the loss left on a path where Gamma* moves by {drift:.0e}", 0, 0.9,
                "C13",
                (np.arange(len(loss)), loss))


def on_a_level(network, X, y, n_steps, rate):
    """Return the loss at rest along a path of steepest descent within {theta: Gamma* = its first
    value}  (C13)

    Also the largest distance of Gamma* from that value. If the loss were a function of Gamma*, it
    could not move."""
    def gamma():
        """Return mean Gamma* and its gradient."""
        rest = network.equilibrium(X, **PRECISE)
        return (network.free_energy(X, rest.m_h, rest.m_y).mean(),
                network.free_energy_gradient(X, rest.m_h, rest.m_y))

    level, losses, drift = gamma()[0], [network.loss(X, y, **PRECISE)], 0.0
    for _ in range(n_steps):
        down, across = network.implicit_gradient(X, y, **PRECISE), gamma()[1]
        share = sum((down[name] * across[name]).sum() for name in down) / norm(across) ** 2
        for name, array in network.parameters.items():
            array -= rate * (down[name] - share * across[name])
        for _ in range(3):  # back to the level, by Newton's steps
            value, across = gamma()
            for name, array in network.parameters.items():
                array -= (value - level) / norm(across) ** 2 * across[name]
        losses.append(network.loss(X, y, **PRECISE))
        drift = max(drift, abs(gamma()[0] - level))
    return np.array(losses), drift


def free_energy_as_loss(rng, n):
    """Yield the claim on the loss Gamma_1 itself, whose gradient needs no pass backward  (C22)"""
    ratios = [rate_ratio(*machine(rng, scale=0.5)) for _ in range(n)]
    yield Claim("If the loss is Gamma_1 itself, no pass backward is needed.", "limit",
                float(np.median(ratios)),
                "decay rate of the error in n with that pass, over the rate without it",
                1.9, 2.1, "C22")


def rate_ratio(rbm, X):
    """Return how much faster the gradient of Gamma_1(v_n, h_n) comes to that of Gamma_1* with the
    pass backward  (C22)

    Its error is of order n rho^(2n), that of the explicit partials alone rho^n."""
    star = tap.fixed_point(rbm, order=1, step=1.0, tol=1e-13)
    expected = tap.free_energy_gradient(rbm, star.m_v, star.m_h, 1)

    def error(n, backward):
        found = unroll(rbm, n).free_energy_gradient(X, backward)
        return distance(found, expected) / (n if backward else 1)

    return np.log(error(4, True) / error(7, True)) / np.log(error(4, False) / error(7, False))
