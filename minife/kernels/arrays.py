"""How arrays go into the kernels: which axes are equally long, and how they lie in memory."""
import inspect
from functools import wraps

import numpy as np


def shapes(**axes):
    """Return a decorator that checks the arrays of a twin, as shapes(states="n n_in", matrix="n_in
    n_out"): axes of the same name have the same length. States are of uint8, all other arrays are
    of one real type."""
    def decorate(twin):
        signature = inspect.signature(twin)

        @wraps(twin)
        def checked(*args, **options):
            given, lengths, types = signature.bind(*args, **options).arguments, {}, set()
            arrays = {name: given[name] for name in axes}
            for name, array in arrays.items():
                if not isinstance(array, np.ndarray):
                    raise TypeError(f"{name} must be an array, got {type(array).__name__}")
                if array.dtype not in ((np.uint8,) if name == "states"
                                       else (np.float32, np.float64)):
                    raise TypeError(f"{name} cannot be of {array.dtype}")
                if name != "states":
                    types.add(array.dtype)
                elif array.size > 0 and array.max() > 1:
                    raise ValueError(f"states must be 0 or 1, got {array.max()}")
                names = axes[name].split()
                if array.ndim != len(names) or any(lengths.setdefault(*axis) != axis[1]
                                                   for axis in zip(names, array.shape)):
                    raise mismatch(**arrays)
            if len(types) > 1:
                raise TypeError(f"arrays must be of one type, got {', '.join(map(str, types))}")
            return twin(*args, **options)
        checked.axes = axes
        return checked
    return decorate


def mismatch(**arrays):
    """Return the ValueError that says which shapes do not go together."""
    return ValueError("the shapes do not go together: "
                      + ", ".join(f"{name} {tuple(array.shape)}" for name, array in arrays.items()))


def aligned_empty(n, m, dtype):
    """Return an array (n, m), not filled, whose rows begin at multiples of 64 bytes, where vector
    registers load best.

    It may have gaps between its rows."""
    width = 64 // np.dtype(dtype).itemsize                # numbers per register
    stride = -(-m // width) * width
    raw = np.empty(n * stride + width, dtype)
    start = -raw.ctypes.data % 64 // raw.itemsize
    return raw[start:start + n * stride].reshape(n, stride)[:, :m]


def padded_powers(W, order):
    """Return W, W^2, W^3 (order, n_in, n_columns) as far as the order goes, aligned, with zeros
    after the n_out columns

    n_columns is a multiple of 32, so that the sweeps need no code for what is left over."""
    n_in, n_out = W.shape
    powers = aligned_empty(order * n_in, -(-n_out // 32) * 32, W.dtype).reshape(order, n_in, -1)
    powers[0, :, :n_out], powers[0, :, n_out:] = W, 0
    for k in range(1, order):
        np.multiply(powers[k - 1], powers[0], out=powers[k])
    return powers


def layer_of(m, order):
    """Return the layer (order, n, n_units) of m (n, n_units): m, c = m - m^2, c (1/2 - m)  (T9)"""
    layer = np.empty((order, *m.shape), m.dtype)
    layer[0] = m
    if order >= 2:
        layer[1] = m - m**2
    if order >= 3:
        layer[2] = layer[1] * (0.5 - m)
    return layer
