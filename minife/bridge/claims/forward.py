"""Claims about the forward pass: iterations are layers, they descend a free energy, and they
forget."""
import numpy as np

from ... import tap
from ...backprop.losses import SquaredError
from ...gradcheck import check_gradient
from ..unrolled import forgetting_rate, unroll
from .claim import Claim, machine


def forward_pass(rng, n):
    """Yield the claims on mean-field iterations as the layers of a network
    (C1, C2, C3, C4, C5, C6)"""
    networks = [(unroll(rbm, 5), X) for rbm, X in (machine(rng, scale=1.5) for _ in range(n))]
    yield Claim("n mean-field iterations are a network of 2n + 1 sigmoid layers.", "exact",
                max(np.abs(net.untie().predict(X) - net.forward(X)[-1]).max()
                    for net, X in networks),
                "largest difference of the outputs", 0, 1e-12, "C1")
    energies = [(net.free_energies(X), net.rbm.free_energy(X)) for net, X in networks]
    yield Claim("The forward pass starts at F(x), the free energy of its input.", "exact",
                max(np.abs(gamma[:, 0] - F).max() for gamma, F in energies),
                "largest |Gamma_1(x, h_0) - F(x)|", 0, 1e-12, "C2")
    yield Claim("Each further layer lowers the free energy Gamma_1.", "exact",
                max(np.diff(gamma, axis=1).max() for gamma, _ in energies),
                f"largest rise of Gamma_1 in {n} machines", -np.inf, 1e-12, "C3")
    rbm, X = machine(rng)
    target, net = rng.random((20, 5)), unroll(rbm, 3)
    yield Claim("Backprop through the tied layers gives the gradient of their loss.", "exact",
                max(check_gradient(
                    lambda _: SquaredError().value(net.forward(X)[-1], target).mean(),
                    rbm.parameters, net.gradient(X, net.forward(X)[-1] - target)).values()),
                "relative error against finite differences", 0, 1e-7, "C4")
    strong = [machine(rng, scale=3) for _ in range(n)]
    rises = [np.diff(unroll(rbm, 5, order=2, step=0.5).free_energies(X), axis=1).max() > 1e-9
             for rbm, X in strong]
    yield Claim("The iterations of EMF at order 2 with step 1/2 always lower Gamma_2.", "false",
                float(np.mean(rises)),
                f"share of {n} machines, weights of sd 3, in which Gamma_2 rises", 0.2, 1, "C5")
    yield forgetting(rng)


def forgetting(rng):
    """Return the claim that an unclamped network remembers its input: it forgets at the rate of its
    rest  (C6)"""
    rbm, X = machine(rng, scale=0.5)
    n = np.arange(21)
    spread = [np.ptp(unroll(rbm, int(t)).forward(X)[-1], axis=0).max() for t in n]
    star = tap.fixed_point(rbm, order=1, step=1.0)
    rho = forgetting_rate(rbm, star.m_v, star.m_h)[0]
    return Claim("With x not clamped, the output depends on x however deep the network is.",
                 "false", spread[-1],
                 f"spread of h_20 over x; it falls by {spread[8] / spread[7]:.4f} each time, rho "
                 f"= {rho:.4f}",
                 0, 1e-6, "C6", (n, np.array(spread)))
