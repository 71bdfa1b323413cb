"""Handwritten digits: the embedded ones, the full MNIST from disk, and two ways to make them
binary."""
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .mnist_files import read_mnist

EMBEDDED = Path(__file__).with_name("digits.npz")


# eq would ask arrays for a single truth value, which they do not have
@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and test rows with their labels: X (n, 784), y (n,) int64. The arrays are the
    caller's own."""

    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def load_digits(binary=True, mnist=None):
    """Return the embedded digits: 4000 training and 1000 test rows of 784 pixels, balanced over the
    ten classes.

    A Dataset. binary=True gives uint8 0/1, on where the grey value is above one half (just where
    MNIST's pixel is above 127); binary=False gives float64 in [0, 1], one of sixteen levels, level
    / 15. mnist, a path as load_mnist takes it, gives the full MNIST in their place, binary or in
    [0, 1] likewise. Source: LeCun, Cortes and Burges, MNIST; the README beside this file says how
    the subset was made."""
    if mnist is not None:
        full = load_mnist(mnist)
        X_train, X_test = (binarise(X) if binary else X / 255 for X in (full.X_train, full.X_test))
        return Dataset(X_train, full.y_train, X_test, full.y_test)

    def pixels(packed):
        levels = unpack(packed)
        return (levels >= 8).astype(np.uint8) if binary else levels / 15

    with np.load(EMBEDDED, allow_pickle=False) as file:
        return Dataset(pixels(file["x_train"]), file["y_train"].astype(np.int64),
                       pixels(file["x_test"]), file["y_test"].astype(np.int64))


def load_mnist(path=None):
    """Return the full MNIST: X (n, 784) uint8 grey values 0..255, y (n,) int64 in 0..9.

    A Dataset. path, or the environment variable MINIFE_MNIST when path is None, is an .npz file
    with the arrays x_train, y_train, x_test and y_test, or a folder that holds mnist.npz or the
    four IDX files, gzipped or not. Any number of images will do, each of 28 x 28 pixels.
    FileNotFoundError if there is no such file, ValueError if it holds something else. Source:
    LeCun, Bottou, Bengio and Haffner, 1998."""
    arrays = read_mnist(os.environ.get("MINIFE_MNIST") if path is None else path)
    return Dataset(arrays["x_train"].reshape(-1, 784), arrays["y_train"].astype(np.int64),
                   arrays["x_test"].reshape(-1, 784), arrays["y_test"].astype(np.int64))


def binarise(X, threshold=None):
    """Return X > threshold, uint8 0/1, in the shape of X, which holds grey values: uint8, or floats
    in [0, 1].

    threshold is 127 for uint8 and one half for floats, if not given: the same pixels either way.

    ValueError if X holds anything else, or if threshold is not in [0, 255) for uint8, [0, 1) for
    floats: no pixel could be on above that range, nor off below it."""
    X, top = _check_grey("binarise", X)
    threshold = {255: 127, 1: 0.5}[top] if threshold is None else threshold
    if isinstance(threshold, bool) or not isinstance(threshold, (int, float, np.number)):
        raise TypeError(f"binarise: threshold must be a number, got {threshold!r:.60}")
    if not 0 <= threshold < top:
        raise ValueError(
            f"binarise: threshold must be in [0, {top}) for {X.dtype} values, got {threshold!r}")
    return (X > threshold).astype(np.uint8)


def sample_binary(X, rng):
    """Return one draw of binary pixels, uint8 0/1, in the shape of X, each on with its grey value
    as probability.

    X holds grey values, uint8 (divided by 255) or floats in [0, 1]; rng is a
    numpy.random.Generator. ValueError or TypeError otherwise. Source: Salakhutdinov and Murray, On
    the quantitative analysis of deep belief networks, 2008."""
    X, top = _check_grey("sample_binary", X)
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"sample_binary: rng must be a numpy.random.Generator, got {type(rng).__name__}")
    return (rng.random(X.shape) < X / top).astype(np.uint8)


def pack(levels):
    """Return two 4-bit levels a byte, the left pixel in the high half: (n, 2k) uint8 below 16 ->
    (n, k) uint8."""
    return levels[:, 0::2] << 4 | levels[:, 1::2]


def unpack(packed):
    """Return the inverse of pack: (n, k) uint8 -> (n, 2k) uint8 below 16."""
    return np.stack([packed >> 4, packed & 15], axis=2).reshape(len(packed), -1)


def _check_grey(function, X):
    """Return X as an array, and the value that means fully on: 255 for uint8, 1 for floats."""
    X = np.asarray(X)
    if X.size and X.dtype == np.uint8:
        return X, 255
    # NaN fails both comparisons
    if X.size and X.dtype.kind == "f" and X.min() >= 0 and X.max() <= 1:
        return X, 1
    span = f" from {X.min()} to {X.max()}" if X.size and X.dtype.kind in "fiu" else ""
    raise ValueError(f"{function}: X must be uint8 grey values or floats in [0, 1], and not empty, "
                     f"got {X.dtype} of shape {X.shape}{span}")
