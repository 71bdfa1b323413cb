"""What a claim is, and the small machines on which all claims are run."""
from dataclasses import dataclass

import numpy as np

from ...backprop.losses import SquaredError
from ...parameters import flatten, norm
from ...rbm.model import RBM
from ...units import Binary
from ..equilibrium import ClampedNetwork


@dataclass(frozen=True)
class Claim:
    """A sentence, and what it comes to when it is run: it stands as judged if `measured` lies from
    low to high.

    status   "exact", "limit" or "false"
    meaning  what the measured number is
    tag      of the equation in the README
    course   what the number was taken from, where that is a line: (x, y), such as nudges and
             errors"""
    text: str
    status: str
    measured: float
    meaning: str
    low: float
    high: float
    tag: str
    course: tuple = None
    holds = property(lambda self: self.low <= self.measured <= self.high)


def machine(rng, n_visible=6, n_hidden=5, scale=0.7, beta=1.2):
    """Return an RBM and 20 binary rows; no claim may rest on beta = 1."""
    draw = rng.standard_normal
    return (RBM(scale * draw((n_visible, n_hidden)), draw(n_visible) / 2, draw(n_hidden) / 2, beta),
            rng.integers(2, size=(20, n_visible)).astype(np.uint8))


def clamped(rng, order=1, loss=SquaredError(Binary()), sizes=(5, 4, 3)):
    """Return a ClampedNetwork of these sizes, 10 rows and their binary targets."""
    draw, (n_x, n_h, n_y) = rng.standard_normal, sizes
    network = ClampedNetwork(0.7 * draw((n_x, n_h)), 0.7 * draw((n_h, n_y)), draw(n_h) / 2,
                             draw(n_y) / 2, 1.2, order,
                             loss=loss)
    return network, rng.integers(2, size=(10, n_x)), rng.integers(2, size=(10, n_y))


def distance(gradient, expected):
    """Return |gradient - expected| / |expected|, over all parameters together."""
    return norm({name: gradient[name] - expected[name] for name in expected}) / norm(expected)


def cosine(one, other):
    """Return the cosine of the angle between two gradients, over all parameters together."""
    return flatten(one) @ flatten({name: other[name] for name in one}) / (norm(one) * norm(other))


def exponent(x, errors):
    """Return d log(error) / d log(x) between the last two points of a course."""
    return float(np.log(errors[-1] / errors[-2]) / np.log(x[-1] / x[-2]))


def limit(text, x, errors, meaning, power, tag, width=0.02):
    """Return the Claim that errors fall like x^power: of the exponent at the end of the course."""
    return Claim(text, "limit", exponent(x, errors), meaning, power - width, power + width, tag,
                 (x, errors))
