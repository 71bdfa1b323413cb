"""Calls every kernel with random shapes, types, strides and nonsense, for a sanitizer to watch.

    python .ci/stress.py [SECONDS] [SEED]

Each call must return or raise ValueError or TypeError; whatever reads or writes outside an array,
the sanitizer says."""
import sys
import time

import numpy as np

from minife import kernels

seconds, seed = (float(sys.argv[1]) if len(sys.argv) > 1 else 60), int((sys.argv[2:] or [0])[0])
rng = np.random.default_rng(seed)
assert kernels.implementation == "compiled", "there are no compiled kernels to try"


def length():
    return int(rng.choice([0, 1, 2, 3, 7, 8, 9, 31, 32, 33, 63, 64, 65, 130, rng.integers(1, 300)],
                          p=[.02] + [.07] * 14))


def laid_out(array):
    """Return the same numbers in another place and order of memory."""
    way = rng.integers(5)
    if way == 1:
        return np.asfortranarray(array)
    if way == 2 and array.ndim:  # every second of each row
        wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
        wide[..., ::2] = array
        return wide[..., ::2]
    if way == 3 and array.ndim:  # backwards
        return array[::-1].copy()[::-1]
    if way == 4:  # at an odd address
        raw = np.zeros(array.nbytes + 1, np.uint8)
        raw = raw[1:] if array.itemsize == 1 else raw[:array.nbytes]
        moved = raw.view(array.dtype)[:array.size].reshape(array.shape)
        moved[...] = array
        return moved
    return array.copy()


def states(*shape):
    array = rng.integers(2, size=shape).astype(np.uint8)
    if array.size and rng.random() < 0.05:
        array.flat[rng.integers(array.size)] = rng.integers(2, 256)
    return array


def reals(*shape):
    scale = rng.choice([0.1, 1, 30, 1000])
    array = scale * rng.standard_normal(shape)
    if array.size and rng.random() < 0.05:
        array.flat[rng.integers(array.size)] = rng.choice([np.nan, np.inf, -np.inf])
    return array.astype(dtype)


def means(*shape):
    return rng.random(shape).astype(dtype)


def arguments(name, n, n_in, n_out):
    """Return the arguments of a kernel for n rows of n_in units that see or are seen by n_out."""
    key, draw, order = int(rng.integers(2**63)), int(rng.integers(2**32)), int(rng.integers(1, 4))
    W, a, b = reals(n_in, n_out), reals(n_in), reals(n_out)
    sweeps = [W, a, b, float(rng.random()), means(n, n_in), means(n, n_out), order]
    steps = [0.1, 0.9][:1 + (name == "momentum_step")] + [0.01, 0.01]
    return {
        "random_words": lambda: [key, draw, n, n_out],
        "draw_units": lambda: [means(n, n_out), key, draw],
        "binary_product": lambda: [states(n, n_in), W],
        "anneal_units": lambda: [states(n, n_in), W, b, 0.5, 1.0, key, draw],
        "softplus_product": lambda: [reals(n, n_in), reals(n_in, n_out)],
        "collapsed_sweep": lambda: [states(n, n_out), W, a, b,
                                    rng.random((n, n_out)).astype(dtype)],
        "damped_fixed_point": lambda: [*sweeps, 0.5, 1e-6, 5],
        "block_fixed_point": lambda: [*sweeps, 1e-6, 5],
        "descent_step": lambda: [b, reals(n_out), *steps],
        "momentum_step": lambda: [b, reals(n_out), reals(n_out), *steps],
        "adaptive_step": lambda: [b, reals(n_out), means(n_out), reals(n_out), 0.1, 0.1, 0.01, 0.7,
                                  0.3, 1e-8, 0.01, 0.01]}[name]()


def spoilt(array):
    """Return something else in the place of an argument."""
    return [None, array[:-1], array[..., :-1], array.ravel(), array[None], array.astype(np.int64),
            np.zeros(0), array.astype(np.float64), array[..., None], array[:0], array.tolist(),
            np.float64(1)][rng.integers(12)]


NAMES = ("random_words", "draw_units", "binary_product", "anneal_units", "softplus_product",
         "collapsed_sweep", "damped_fixed_point", "block_fixed_point", "descent_step",
         "momentum_step", "adaptive_step")
calls = refused = 0
begin = time.monotonic()
with np.errstate(all="ignore"):
    while time.monotonic() - begin < seconds:
        name = NAMES[calls % len(NAMES)]
        dtype = np.float64 if name in ("softplus_product",
                                       "collapsed_sweep") else rng.choice([np.float32, np.float64])
        kernels.set_threads(int(rng.integers(1, 4)))
        values = [laid_out(x) if isinstance(x, np.ndarray) else x
                  for x in arguments(name, *(length() for _ in "abc"))]
        if rng.random() < 0.5:
            arrays = [k for k, x in enumerate(values) if isinstance(x, np.ndarray)]
            if arrays:
                k = rng.choice(arrays)
                values[k] = spoilt(values[k])
        try:
            getattr(kernels, name)(*values)
        except (ValueError, TypeError, BufferError):  # the last of a writeable array that is none
            refused += 1
        calls += 1
print(f"stress: {calls} calls of {len(NAMES)} kernels, {refused} refused, seed {seed}")
