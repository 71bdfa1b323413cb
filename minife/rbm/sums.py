"""The sum over states without exponentials: softplus of sums as the logarithm of products."""
import numpy as np

from .. import kernels
from ..kernels.blas import one_core
from ..kernels.products import all_states


@one_core
def log_weights_of_block(rbm, start, size):
    """Return rbm.log_weights of `size` hidden states from number `start` on, in float64  (R15)

    h is cut in two, h = (low units, high units), and the field of v is a sum of two parts. size is
    a power of two."""
    n_low = 2 ** ((size.bit_length() - 1) // 2)
    low = all_states(rbm.n_hidden, 0, n_low).astype(np.float64)
    high = all_states(rbm.n_hidden, start, start + size, n_low).astype(np.float64)
    phi = rbm.beta * (rbm.a + high @ rbm.W.T)                               # (n_high, n_visible)
    chi = rbm.beta * (rbm.W @ low.T)                                        # (n_visible, n_low)
    bias = rbm.beta * ((high @ rbm.b)[:, None] + low @ rbm.b)               # (n_high, n_low)
    return (bias + kernels.softplus_product(phi, chi)).ravel()              # (size,)
