"""Chapter K, the hot loops: compiled from Cython where possible, else their twins in reference.py.

All kernels are compiled ones or all are NumPy twins, and `implementation` says which. Where nothing
was compiled, the twins are used without a word. Where a compiled module is missing, cannot be
loaded, or was made from another source than the .pyx file beside it, they are used with one warning
that says why. The environment variable MINIFE_KERNELS=reference asks for the twins, to step through
them with a debugger."""
import os
import warnings
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec

from .reference import (  # noqa: F401  (the names of this package, until compiled ones take over)
    adaptive_step, anneal_units, binary_product, block_fixed_point, collapsed_sweep,
    damped_fixed_point, descent_step, draw_units, momentum_step, random_words, softplus_product)
from .sources import checksum

MODULES = ("_threads", "_gibbs", "_softplus", "_sweeps", "_descent")
implementation, _set_threads = "reference", None

_wanted = os.environ.get("MINIFE_KERNELS", "compiled")
if _wanted not in ("compiled", "reference"):
    raise ValueError(f"MINIFE_KERNELS must be 'compiled' or 'reference', got {_wanted!r}")


@contextmanager
def _short_waits():
    """Let threads that wait for work spin for about 1 ms before they sleep, not for 10 ms.

    Spinning longer takes a core from whoever needs it; sleeping at once costs more than a short job
    gains. GCC's OpenMP reads this variable once, when it is loaded, for all that use it in this
    process; neither what the user has set nor what child processes inherit is changed."""
    mine = "OMP_WAIT_POLICY" not in os.environ and "GOMP_SPINCOUNT" not in os.environ
    if mine:
        os.environ["GOMP_SPINCOUNT"] = "30000"
    try:
        yield
    finally:
        if mine:
            del os.environ["GOMP_SPINCOUNT"]


def _load():
    """Put the compiled kernels in the place of their twins, all or, with an ImportError, none."""
    names = {}
    for name in MODULES:
        with _short_waits():
            module = import_module(f"{__name__}.{name}")
        if checksum(name) not in (None, module.checksum):
            raise ImportError(f"{name} was compiled from another source than {name}.pyx and what "
                              "that includes: build it again, for example by pip install -e .")
        names |= vars(module)
    twins = [name for name, twin in globals().items()
             if getattr(twin, "__module__", None) == f"{__name__}.reference"]
    globals().update({name: names[name] for name in twins},
                     implementation="compiled", _set_threads=names["set_threads"])


if _wanted == "compiled" and any(find_spec(f"{__name__}.{name}") for name in MODULES):
    try:
        _load()
    except ImportError as error:
        warnings.warn("minife computes with the NumPy twins of its kernels, which are slower: "
                      f"{error}", RuntimeWarning, stacklevel=2)


def set_threads(n):
    """Let the compiled kernels use n threads, whatever else the machine does.

    n   None, as at the start: as many as have a core that no other process needs, at most what
        OMP_NUM_THREADS says
    Results do not depend on n. Without OpenMP, and for the NumPy twins, it has no effect."""
    if n is not None and (isinstance(n, bool) or not isinstance(n, int) or n < 1):
        raise ValueError(f"n must be a positive integer or None, got {n!r}")
    if _set_threads is not None:
        _set_threads(n)


if hasattr(os, "register_at_fork"):  # OpenMP's threads do not survive a fork: do not wait for them
    os.register_at_fork(after_in_child=lambda: set_threads(1))
