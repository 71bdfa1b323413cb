"""NumPy's products kept to one core, and several of them done at the same time.

NumPy gives a product to the threads of its BLAS. OpenBLAS, which comes with NumPy from PyPI, has
each of them wait in a loop that takes a core from the kernels' threads, and a product of 100 rows
takes two to three times as long as with one thread where another process works on one of two cores.
Its number of threads is the one thing that can be chosen."""
import ctypes
from contextlib import ContextDecorator
from threading import Lock, Thread

import numpy as np

PREFIXES = ("scipy_openblas", "openblas")
SUFFIXES = ("64_", "")


def find(action):
    """Return OpenBLAS's function that gets or sets the number of its threads; None if not there."""
    library = ctypes.CDLL(np._core._multiarray_umath.__file__)  # and all that NumPy loads for it
    for name in (f"{prefix}_{action}_num_threads{suffix}" for prefix in PREFIXES for suffix in SUFFIXES):
        if hasattr(library, name):
            return getattr(library, name)
    return None


class OneCore(ContextDecorator):
    """Keeps the products of NumPy to one core, as a context or as the decorator of a function.

    It does so for the whole process, until the last one that entered has left."""
    get, put, lock, inside, before = find("get"), find("set"), Lock(), 0, 1

    def __enter__(self):
        with OneCore.lock:
            if OneCore.inside == 0 and OneCore.get and OneCore.put:
                OneCore.before = OneCore.get()
                OneCore.put(1)
            OneCore.inside += 1

    def __exit__(self, *_):
        with OneCore.lock:
            OneCore.inside -= 1
            if OneCore.inside == 0 and OneCore.put:
                OneCore.put(OneCore.before)
