"""Claims about what training minimises: a difference of free energies, or one whose energy is
normalised."""
import numpy as np

from ... import tap
from ...data import bars_and_stripes
from ...gradcheck import check_gradient
from ...rbm import exact
from ...rbm.model import RBM, unit
from ..vae import VAE
from .claim import Claim, machine


def training(rng, n):
    """Yield the claims on what may be minimised over the weights  (C18)"""
    rbm, _ = machine(rng, 4, 3, scale=0.1)
    gamma, W = descend_alone(rbm, 2000, 0.05)
    yield Claim("Training may minimise the free energy Gamma_1* of a machine alone.", "false",
                float(gamma[-1]),
                f"Gamma_1* after {len(gamma) - 1} steps, from {gamma[0]:.1f}; |W| from {W[0]:.1f} "
                f"to {W[-1]:.0f}",
                -np.inf, -100, "C18", (np.arange(len(gamma)), gamma))
    rbm, X = RBM.initialise(9, 8, rng), bars_and_stripes(3)
    rbm.W *= 10
    data, model = descend_difference(rbm, X, 2000, 0.2)
    yield Claim("Learning by likelihood lowers F(x) and raises the free energy F.", "false",
                float(model[-1] - model[0]),
                f"change of F on bars and stripes; F(x) changes by {data[-1] - data[0]:.1f}",
                -np.inf, -1, "C18",
                (np.arange(len(data)), np.array([data, model])))


def descend_alone(rbm, n_steps, rate):
    """Return Gamma_1* and |W| at each step of minimising Gamma_1* over W, in place: both diverge
    (C18)"""
    course, star = [], None
    for _ in range(n_steps + 1):
        start = (None, None) if star is None else (star.m_v, star.m_h)
        star = tap.fixed_point(rbm, 1, *start, step=1.0)
        course.append((star.free_energy[0], np.linalg.norm(rbm.W)))
        rbm.W[...] -= rate * tap.free_energy_gradient(rbm, star.m_v, star.m_h, 1)["W"]
    return np.array(course).T


def least_rate(rbm):
    """Return a bound (n_visible, n_hidden) below which no m_v,i m_h,j falls while Gamma_1* descends
    in W  (C18)"""
    # no weight ever falls, so that no field is ever below that of the negative weights at the start
    least_v = rbm.a + np.minimum(rbm.W, 0).sum(axis=1)                      # (n_visible,)
    least_h = rbm.b + np.minimum(rbm.W, 0).sum(axis=0)                      # (n_hidden,)
    return np.outer(unit.mean(rbm.beta * least_v), unit.mean(rbm.beta * least_h))


def descend_difference(rbm, X, n_steps, rate):
    """Return mean F(x) and F = -log Z / beta at each step of maximising the likelihood of X,
    exactly, in place  (C18)"""
    course = []
    for _ in range(n_steps + 1):
        course.append((rbm.free_energy(X).mean(), -exact.log_partition_function(rbm) / rbm.beta))
        for name, slope in exact.log_likelihood_gradient(rbm, X).items():
            rbm.parameters[name] += rate * slope
    return np.array(course).T


def autoencoder(rng, n):
    """Yield the claims on the unravelled network, from integrals over its single latent
    (C24, C25, C26)"""
    vae = VAE(4, 5, 1, rng)
    x, z = exact.all_states(4), np.linspace(-40, 40, 8001)[:, None]
    step, log_prior = z[1, 0] - z[0, 0], -(z[:, 0] ** 2 + np.log(2 * np.pi)) / 2
    p = vae.decode(z)
    joint = np.log(p) @ x.T + np.log(1 - p) @ (1.0 - x).T + log_prior[:, None]      # log p(x, z)
    log_p = np.log(step * np.exp(joint).sum(axis=0))
    mean, deviation = (part[:, 0] for part in vae.encode(x))
    log_q = -(((z - mean) / deviation) ** 2 + np.log(2 * np.pi)) / 2 - np.log(deviation)
    divergence = step * (np.exp(log_q) * (log_q - joint + log_p)).sum(axis=0)  # KL(q || p(z|x))
    F = np.array([vae.free_energy(np.tile(row, (len(z), 1)), z).F @ np.exp(log_prior) * step
                  for row in x])
    yield Claim("The energy of a VAE is normalised: F(x) = -log p(x).", "exact",
                abs(np.exp(log_p).sum() - 1),
                "|sum over x of e^-F(x) - 1|", 0, 1e-9, "C24")
    yield Claim("The loss of a VAE is a free energy, U - S.", "exact",
                np.abs(F - (divergence - log_p)).max(),
                "largest |U - S - (KL(q || posterior) - log p(x))|", 0, 1e-9, "C25")
    noise = rng.standard_normal((16, 1))
    yield Claim("Backprop gives the gradient of this free energy.", "exact", max(check_gradient(
        lambda _: vae.free_energy(x, noise).F.mean(), vae.parameters,
        vae.gradient(x, noise)).values()),
                "relative error against finite differences", 0, 1e-7, "C26")
