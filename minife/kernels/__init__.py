"""Chapter K, the hot loops: compiled from Cython where possible, else their NumPy twins in reference.py.

The environment variable MINIFE_KERNELS=reference asks for the twins, to step through them with a debugger."""
import os

from .reference import (adaptive_step, anneal_units, binary_product, block_fixed_point, collapsed_sweep,
                        damped_fixed_point, descent_step, draw_units, momentum_step, random_words, softplus_product)

_wanted = os.environ.get("MINIFE_KERNELS", "compiled")
if _wanted not in ("compiled", "reference"):
    raise ValueError(f"MINIFE_KERNELS must be 'compiled' or 'reference', got {_wanted!r}")

implementation = "reference"
_thread_setters = []
if _wanted == "compiled":
    try:
        from ._gibbs import anneal_units, binary_product, draw_units, random_words, set_threads
        _thread_setters.append(set_threads)
        from ._softplus import collapsed_sweep, set_threads, softplus_product
        _thread_setters.append(set_threads)
        from ._sweeps import block_fixed_point, damped_fixed_point, set_threads
        _thread_setters.append(set_threads)
        from ._descent import adaptive_step, descent_step, momentum_step
        implementation = "compiled"
    except ModuleNotFoundError:  # nothing was compiled here: the twins stay
        pass


def set_threads(n):
    """Let the compiled kernels use n threads (by default all that OMP_NUM_THREADS allows).

    Results do not depend on n. Without OpenMP, and for the NumPy twins, it has no effect."""
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"n must be a positive integer, got {n!r}")
    for setter in _thread_setters:
        setter(n)


if hasattr(os, "register_at_fork"):  # OpenMP's threads do not survive a fork, and the child would wait for them
    os.register_at_fork(after_in_child=lambda: set_threads(1))
