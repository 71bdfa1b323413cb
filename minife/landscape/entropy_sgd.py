"""Local entropy: a loss averaged over a neighbourhood of the weights, its slope, Entropy-SGD."""
import numpy as np

from .. import validation
from ..backprop.mlp import MLP


def local_free_energy(f, x, gamma):
    """Return -log of the integral of e^(-f(x') - gamma (x - x')^2 / 2) at points x, and <x'>  (L21)

    f   values of a function on the points x (n,), equally spaced; elsewhere it is infinite"""
    f, x = validation.real_array(f, "f", n_dims=1), validation.real_array(x, "x", n_dims=1)
    gamma = validation.positive(gamma, "gamma")
    if f.shape != x.shape:
        raise ValueError(f"f and x must have the same shape, got {f.shape} and {x.shape}")
    exponent = -f - gamma / 2 * (x[:, None] - x) ** 2                         # (n at x, n at x')
    log_sum = np.logaddexp.reduce(exponent, axis=1)
    p = np.exp(exponent - log_sum[:, None])
    return -log_sum - np.log(x[1] - x[0]), p @ x


def langevin_direction(mlp, X, y, gamma, n_steps, step, noise, rng, batch_size=50):
    """Return gamma (x - <x'>), the slope of minus the local entropy at the parameters x  (L21)

    <x'> is a running mean over n_steps of Langevin dynamics from x in f(x') + gamma |x - x'|^2 / 2:
    each goes down its slope on a batch by `step`, plus noise of standard deviation
    sqrt(step) * noise. A temperature of 1 over the number of rows has noise = sqrt(2 / n).
    The parameters are those from before when it returns. Source: Chaudhari et al. (2017)."""
    validation.instance(mlp, "mlp", MLP)
    gamma, step = validation.positive(gamma, "gamma"), validation.positive(step, "step")
    n_steps = validation.positive_integer(n_steps, "n_steps")
    noise, rng = validation.not_negative(noise, "noise"), validation.generator(rng)
    x = {name: array.copy() for name, array in mlp.parameters.items()}
    mean = {name: array.copy() for name, array in x.items()}
    for _ in range(n_steps):
        rows = rng.integers(len(X), size=batch_size)
        slope = mlp.gradient(X[rows], y[rows])
        for name, array in mlp.parameters.items():
            kick = noise * np.sqrt(step) * rng.standard_normal(array.shape)
            array -= step * (slope[name] - gamma * (x[name] - array)) - kick
            mean[name] += MEMORY * (array - mean[name])
    for name, array in mlp.parameters.items():
        array[...] = x[name]
    return {name: gamma * (x[name] - mean[name]) for name in x}


MEMORY = 0.25                               # share of each step in the running mean, as published
