"""Block Gibbs sampling: all hidden units at once given v, all visible units at once given h."""
import numpy as np

from .. import validation


def sample_hidden(rbm, v, rng):
    """Return binary h (n, n_hidden) drawn from p(h | v) at visible states v (n, n_visible)  (R4)"""
    return rbm.draw_hidden(rbm.states(v, "v"), draw_key(rng), 0)


def sample_visible(rbm, h, rng):
    """Return visible states v (n, n_visible) drawn from p(v | h) at binary h (n, n_hidden)  (R4)"""
    h = validation.states(h, rbm.n_hidden, "h")
    return rbm.draw_visible(h, draw_key(rng), 0)


def gibbs_chain(rbm, v, n_steps, rng):
    """Return v (n, n_visible) and h (n, n_hidden), after n_steps of h ~ p(h | v), v ~ p(v | h) from v  (R12)

    Each row is a chain. The returned pair is a state of the joint chain: v was drawn from p(v | h)."""
    v = rbm.states(v, "v")
    n_steps = validation.positive_integer(n_steps, "n_steps")
    key = draw_key(rng)
    for t in range(n_steps):
        h = rbm.draw_hidden(v, key, 2 * t)
        v = rbm.draw_visible(h, key, 2 * t + 1)
    return v, h


def draw_key(rng):
    """Return a key for the counter-based generator of the kernels, drawn from rng  (K3)"""
    return int(validation.generator(rng).integers(2**64, dtype=np.uint64))
