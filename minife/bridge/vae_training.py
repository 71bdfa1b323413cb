"""Learning of a variational autoencoder: its mean free energy descends, with fresh noise."""
import zlib

import numpy as np

from .. import validation
from ..descent.loop import descend, functions
from .vae import VAE


def train(vae, X, optimizer, n_epochs, rng, *, sample_pixels=False, callbacks=(), **loop):
    """Return the history, one dict per epoch, of minimising the mean free energy of X; vae is
    changed in place.

    X              pixels (n, n_inputs), or their probabilities: grey values in [0, 1]
    sample_pixels  draws the pixels anew for each batch, with those probabilities
    All else is as in descend(). F, U and S in the history are means over the batches as they came,
    with fresh noise."""
    n_inputs = validation.instance(vae, "vae", VAE).n_inputs
    X = validation.means(X, n_inputs, "X").astype(vae.dtype, copy=False)
    sample_pixels, seen = validation.flag(sample_pixels, "sample_pixels"), []

    def gradient(rows):
        x = X[rows]
        if sample_pixels:
            x = (rng.random(x.shape, vae.dtype) < x).astype(vae.dtype)
        value, slope = vae.backward(x, vae.noise(len(x), rng))
        seen.append((value.F.mean(), value.U.mean(), value.S.mean()))
        return slope

    def means(vae, epoch):
        values, seen[:] = np.mean(seen, axis=0).tolist(), []
        return dict(zip("FUS", values, strict=True))

    def kind():
        return (f"a VAE of {vae.n_inputs} inputs, {vae.n_hidden} hidden and {vae.n_latent} latent "
                f"units, {vae.dtype}, {len(X)} rows with checksum "
                f"{zlib.crc32(X.tobytes()):08x}{', sampled' if sample_pixels else ''}")

    return descend(vae, gradient, len(X), optimizer, n_epochs, rng,
                   callbacks=(means, *functions(callbacks)), kind=kind, **loop)
