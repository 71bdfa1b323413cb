"""Toy problems small enough to enumerate: every number a model reports has an exact answer beside
it."""
from numbers import Integral

import numpy as np

from ..kernels.products import all_states


def bars_and_stripes(side):
    """Return every distinct image of side x side pixels whose rows, or whose columns, are each all
    on or all off.

    X is uint8 0/1, (2**(side + 1) - 2, side * side): the horizontal patterns first, then the
    vertical. The blank and the full image belong to both families and appear once.

    The best mean log-likelihood that any model can reach on X is -log(len(X)). The rows are N
    distinct states of weight 1/N each, so the mean of log p is -log N - KL(data || p), and a
    Kullback-Leibler divergence is never negative; it is zero only for the model that gives each row
    probability 1/N.

    ValueError unless side is an integer from 1 to 16. Source: MacKay, Information Theory,
    Inference, and Learning Algorithms, 2003, chapter 43."""
    _check_size("bars_and_stripes", "side", side, range(1, 17))
    lines = _counted(side)
    horizontal = np.repeat(lines, side, axis=1)                     # (2**side, side * side)
    vertical = np.tile(lines, side)                                 # (2**side, side * side)
    return np.concatenate([horizontal, vertical[1:-1]])  # blank and full are in horizontal already


def xor():
    """Return the four states of two bits, and whether the bits differ, which no single layer can
    tell.

    X is uint8 0/1, (4, 2), and y int64 0/1, (4,). Source: Minsky and Papert, Perceptrons, 1969."""
    X = _counted(2)
    return X, (X[:, 0] != X[:, 1]).astype(np.int64)


def line_symmetry(n_bits):
    """Return all states of n_bits bits, and whether each equals its own mirror image.

    X is uint8 0/1, (2**n_bits, n_bits), in counting order, and y int64 0/1, (2**n_bits,). The left
    half fixes a symmetric row, so 2**(n_bits / 2) rows have y = 1. No single bit says anything
    about y.

    ValueError unless n_bits is an even integer from 2 to 20. Source: Peterson and Anderson, A mean
    field theory learning algorithm for neural networks, 1987."""
    _check_size("line_symmetry", "n_bits", n_bits, range(2, 21, 2))
    X = _counted(n_bits)
    return X, (X == X[:, ::-1]).all(axis=1).astype(np.int64)


def _counted(n_bits):
    """Return every state of n_bits bits, uint8 0/1, (2**n_bits, n_bits), in counting order,
    leftmost bit slowest."""
    return np.ascontiguousarray(all_states(n_bits)[:, ::-1])


def _check_size(function, name, value, allowed):
    """Raise ValueError unless value is an integer among the allowed ones."""
    # The type comes first because 4.0 == 4 would pass as a member of the range.
    if not (isinstance(value, Integral) and value in allowed):
        kind = "an even integer" if allowed.step == 2 else "an integer"
        span = f"{kind} from {allowed[0]} to {allowed[-1]}"
        raise ValueError(f"{function}: {name} must be {span}, got {value!r}")
