"""The variational autoencoder, an unravelled network whose loss is energy minus entropy."""
from dataclasses import dataclass

import numpy as np

from .. import validation
from ..backprop.layers import (
    activate, activate_backward, dense, dense_backward, dense_backward_input)
from ..backprop.losses import BinaryCrossEntropy
from ..units import Binary, Spin

hidden, pixel, loss = Spin(), Binary(), BinaryCrossEntropy()
LOG_2_PI = float(np.log(2 * np.pi))      # a plain float, so that float32 stays float32


@dataclass(frozen=True, eq=False)
class FreeEnergy:
    """What the loss of each row is made of, in nats, each (n,): F = U - S = reconstruction + kl
    (C25)

    U               energy: the mean of -log p(x, z) over z from q(z|x)
    S               entropy of q(z|x)
    reconstruction  the mean of -log p(x|z), in F and U an estimate, from the one z that the noise
                    gives
    kl              KL(q(z|x) || p(z)), never negative"""
    U: np.ndarray
    S: np.ndarray
    reconstruction: np.ndarray
    kl: np.ndarray
    F = property(lambda self: self.U - self.S)


class VAE:
    """A latent z, normal with mean 0 and variance 1, and binary pixels x given z; q(z|x) is normal
    too  (C24)

    encoder  h = tanh(x W_e + b_e), of which mu = h W_mu + b_mu and s = h W_s + b_s: mean and log
             variance of z
    decoder  g = tanh(z W_d + b_d), of which l = g W_o + b_o: the fields of the pixels, p(x_i = 1 |
             z) = sigma(l_i)
    X        data (n, n_inputs), if given: b_o starts at the fields of its means, so that z need not
             say what all share
    rng, dtype   numpy.random.Generator for the initial weights, numpy.float32 or numpy.float64
    Source: Kingma and Welling, Auto-encoding variational Bayes, 2014."""

    def __init__(self, n_inputs, n_hidden, n_latent, rng, X=None, dtype=np.float64):
        self.n_inputs = validation.positive_integer(n_inputs, "n_inputs")
        self.n_hidden = validation.positive_integer(n_hidden, "n_hidden")
        self.n_latent = validation.positive_integer(n_latent, "n_latent")
        self.dtype = np.dtype(validation.one_of(np.dtype(dtype).name, "dtype",
                                                ("float32", "float64")))
        sizes = {"e": (n_inputs, n_hidden), "mu": (n_hidden, n_latent), "s": (n_hidden, n_latent),
                 "d": (n_latent, n_hidden), "o": (n_hidden, n_inputs)}
        self.parameters = {}
        for name, (n_in, n_out) in sizes.items():
            W = validation.generator(rng).standard_normal((n_in, n_out)) / np.sqrt(n_in)
            self.parameters[f"W_{name}"] = W.astype(self.dtype)
            self.parameters[f"b_{name}"] = np.zeros(n_out, self.dtype)
        if X is not None:
            least = 1 / (len(X) + 2)                                    # what n rows can resolve
            mean = validation.means(X, n_inputs, "X").mean(axis=0)
            self.parameters["b_o"][...] = pixel.field(np.clip(mean, least, 1 - least))

    def free_energy(self, X, noise):
        """Return the FreeEnergy, minus the ELBO, of each row of X (n, n_inputs), pixels or their
        probabilities  (C25)

        noise (n, n_latent), drawn from the standard normal, picks z: z = mu + e^(s/2) noise"""
        x, noise = self.check_rows(X, noise)
        _, _, mu, s, *_, logits = self._forward(x, noise)
        return parts(x, mu, s, logits)

    def gradient(self, X, noise):
        """Return the gradient of the mean free energy at fixed noise, a dict with the keys of the
        parameters  (C26)"""
        return self.backward(*self.check_rows(X, noise))[1]

    def backward(self, x, noise):
        """Return the FreeEnergy of each row and the gradient of its mean, of rows from check_rows()
        (C26)"""
        field_h, h, mu, s, z, field_g, g, logits = self._forward(x, noise)
        p, slope, n = self.parameters, {}, len(x)
        # reconstruction = sum over pixels of A(logits) - x logits, averaged over the rows
        d_logits = loss.gradient(logits, x) / n                         # (B4)
        # logits = dense(g, W_o, b_o)
        slope["W_o"], slope["b_o"] = dense_backward(d_logits, g)
        d_g = dense_backward_input(d_logits, p["W_o"])
        # g = activate(field_g, hidden)
        d_field_g = activate_backward(d_g, field_g, hidden)
        # field_g = dense(z, W_d, b_d)
        slope["W_d"], slope["b_d"] = dense_backward(d_field_g, z)
        d_z = dense_backward_input(d_field_g, p["W_d"])
        # z = mu + exp(s / 2) * noise;  kl = sum of (mu^2 + exp(s) - 1 - s) / 2
        d_mu = d_z + mu / n
        d_s = (d_z * noise * np.exp(s / 2) + (np.exp(s) - 1) / n) / 2
        # mu = dense(h, W_mu, b_mu);  s = dense(h, W_s, b_s)
        slope["W_mu"], slope["b_mu"] = dense_backward(d_mu, h)
        slope["W_s"], slope["b_s"] = dense_backward(d_s, h)
        d_h = dense_backward_input(d_mu, p["W_mu"]) + dense_backward_input(d_s, p["W_s"])
        # h = activate(field_h, hidden)
        d_field_h = activate_backward(d_h, field_h, hidden)
        # field_h = dense(x, W_e, b_e)
        slope["W_e"], slope["b_e"] = dense_backward(d_field_h, x)
        return parts(x, mu, s, logits), {name: slope[name] for name in p}

    def _forward(self, x, noise):
        """Return every line of the forward pass, in order  (C24)"""
        field_h, h, mu, s = self._encode(x)
        z = mu + np.exp(s / 2) * noise
        return field_h, h, mu, s, z, *self._decode(z)

    def _encode(self, x):
        p = self.parameters
        field_h = dense(x, p["W_e"], p["b_e"])                          # (n, n_hidden)
        h = activate(field_h, hidden)
        mu, s = dense(h, p["W_mu"], p["b_mu"]), dense(h, p["W_s"], p["b_s"])    # (n, n_latent)
        return field_h, h, mu, s

    def _decode(self, z):
        p = self.parameters
        field_g = dense(z, p["W_d"], p["b_d"])                          # (n, n_hidden)
        g = activate(field_g, hidden)
        return field_g, g, dense(g, p["W_o"], p["b_o"])                 # logits: (n, n_inputs)

    def encode(self, X):
        """Return mean and standard deviation of q(z|x), both (n, n_latent), of the rows of X (n,
        n_inputs)  (C24)"""
        x = validation.means(X, self.n_inputs, "X").astype(self.dtype, copy=False)
        mu, s = self._encode(x)[2:]
        return mu, np.exp(s / 2)

    def decode(self, z):
        """Return p(x_i = 1 | z) (n, n_inputs) of the rows of z (n, n_latent)  (C24)"""
        return pixel.mean(self._decode(self._latent(z, "z"))[-1])

    def sample(self, n, rng):
        """Return n draws from p(x), binary (n, n_inputs) uint8: z from the prior, then the pixels
        (C24)"""
        z = self.noise(validation.positive_integer(n, "n"), rng)
        return (rng.random((n, self.n_inputs)) < self.decode(z)).astype(np.uint8)

    def elbo(self, X, rng, n_samples=1):
        """Return a lower bound of the mean of log p(x) over the binary rows of X, in nats;
        n_samples z each  (C25)"""
        X = validation.states(X, self.n_inputs, "X")
        draws = range(validation.positive_integer(n_samples, "n_samples"))
        return -float(np.mean([self.free_energy(X, self.noise(len(X), rng)).F.mean()
                               for _ in draws]))

    def log_likelihood(self, X, rng, n_samples=100):
        """Return an estimate of the mean of log p(x) over the binary rows of X (n, n_inputs), in
        nats  (C27)"""
        return float(self.log_likelihoods(X, rng, n_samples).mean())

    def log_likelihoods(self, X, rng, n_samples=100):
        """Return an estimate of log p(x) of each binary row of X: (n,). On average it is no less
        than the ELBO, no more than log p(x), and rises with n_samples (Burda, Grosse and
        Salakhutdinov 2016)  (C27)"""
        x = validation.states(X, self.n_inputs, "X").astype(self.dtype)
        total = -np.inf
        for _ in range(validation.positive_integer(n_samples, "n_samples")):
            noise = self.noise(len(x), rng)
            _, _, _, s, z, *_, logits = self._forward(x, noise)
            # log [p(x, z) / q(z|x)]
            log_weight = (noise**2 + s - z**2).sum(axis=1) / 2 - loss.value(logits, x)
            total = np.logaddexp(total, log_weight)
        return total - np.log(n_samples)

    def noise(self, n, rng):
        """Return standard normal noise (n, n_latent), of the type of the parameters."""
        return validation.generator(rng).standard_normal((n, self.n_latent), dtype=self.dtype)

    def check_rows(self, X, noise):
        """Return X and noise in the type of the parameters, or say what is wrong with them."""
        x = validation.means(X, self.n_inputs, "X").astype(self.dtype, copy=False)
        noise = self._latent(noise, "noise")
        if len(x) != len(noise):
            raise ValueError(f"X and noise must have the same number of rows, got {len(x)} and "
                             f"{len(noise)}")
        return x, noise

    def _latent(self, z, name):
        z = validation.real_array(z, name, n_dims=2, dtype=self.dtype)
        if z.shape[1] != self.n_latent:
            raise ValueError(f"{name} must have shape (n, {self.n_latent}), got {z.shape}")
        return z


def parts(x, mu, s, logits):
    """Return the FreeEnergy of each row  (C25)"""
    reconstruction = loss.value(logits, x)  # -log p(x|z), the matching loss (B5)
    prior = (mu**2 + np.exp(s) + LOG_2_PI).sum(axis=1) / 2              # -<log p(z)>
    return FreeEnergy(U=reconstruction + prior, S=(s + 1 + LOG_2_PI).sum(axis=1) / 2,
                      reconstruction=reconstruction, kl=(mu**2 + np.exp(s) - 1 - s).sum(axis=1) / 2)
