"""NumPy's products kept to one core each, and several of them done at the same time.

NumPy leaves products to a BLAS with threads of its own. Those of OpenBLAS, which comes with NumPy
from PyPI, wait for work in a loop, which takes a core from the threads of the kernels; and where
another process works on one of two cores, two of them take two to three times as long as one. Their
number is all that can be chosen. Of other libraries not even that: with them nothing changes."""
import ctypes
from contextlib import ContextDecorator
from itertools import product
from threading import Lock, Thread

import numpy as np

NAMES = "scipy_openblas_{}_num_threads", "openblas_{}_num_threads"


def find(action):
    """Return OpenBLAS's function that will get or set the number of its threads, or None."""
    library = ctypes.CDLL(np._core._multiarray_umath.__file__)  # with what it needs
    names = [name.format(action) + suffix for name, suffix in product(NAMES, ("64_", ""))]
    return next((getattr(library, name) for name in names if hasattr(library, name)), None)


class OneCore(ContextDecorator):
    """Keeps each product of NumPy to one core: `with one_core:`, or a function under @one_core.

    That is so in the whole process, until as many have left as have entered. OpenBLAS rounds
    differently with more threads; here its numbers do not depend on the machine's cores."""

    def __init__(self):
        self.get, self.set, self.lock = find("get"), find("set"), Lock()
        self.inside, self.before = 0, 1

    def __enter__(self):
        with self.lock:
            if self.inside == 0 and self.get and self.set:
                self.before = self.get()
                self.set(1)
            self.inside += 1

    def __exit__(self, *_):
        with self.lock:
            self.inside -= 1
            if self.inside == 0 and self.get and self.set:
                self.set(self.before)


one_core = OneCore()


def together(calls):
    """Make calls at the same time, each but the first in a thread of its own."""
    first, *others = calls
    threads = [Thread(target=call) for call in others]
    for thread in threads:
        thread.start()
    first()
    for thread in threads:
        thread.join()
