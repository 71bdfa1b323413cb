"""Block Gibbs sampling: all hidden units at once given v, all visible units at once given h."""
import numpy as np

from .. import kernels, validation


def sample_hidden(rbm, v, rng):
    """Return binary h (n, n_hidden) drawn from p(h | v) at binary v (n, n_visible)  (R4)"""
    v = validation.states(v, rbm.n_visible, "v")
    return kernels.sample_units(v, rbm.W, rbm.b, rbm.beta, draw_key(rng), 0)


def sample_visible(rbm, h, rng):
    """Return binary v (n, n_visible) drawn from p(v | h) at binary h (n, n_hidden)  (R4)"""
    h = validation.states(h, rbm.n_hidden, "h")
    return kernels.sample_units(h, np.ascontiguousarray(rbm.W.T), rbm.a, rbm.beta, draw_key(rng), 0)


def gibbs_chain(rbm, v, n_steps, rng):
    """Return v (n, n_visible) and h (n, n_hidden), after n_steps of h ~ p(h | v), v ~ p(v | h) from v  (R12)

    Each row is a chain. The returned pair is a state of the joint chain: v was drawn from p(v | h)."""
    v = validation.states(v, rbm.n_visible, "v")
    n_steps = validation.positive_integer(n_steps, "n_steps")
    key, W_T = draw_key(rng), np.ascontiguousarray(rbm.W.T)
    for t in range(n_steps):
        h = kernels.sample_units(v, rbm.W, rbm.b, rbm.beta, key, 2 * t)
        v = kernels.sample_units(h, W_T, rbm.a, rbm.beta, key, 2 * t + 1)
    return v, h


def draw_key(rng):
    """Return a key for the counter-based generator of the kernels, drawn from rng  (K3)"""
    return int(validation.generator(rng).integers(2**64, dtype=np.uint64))
