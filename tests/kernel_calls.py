"""The calls of the kernels that the tests of chapter K share: every kernel, its arguments, and both
of its versions."""
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest

from minife import kernels
from minife.kernels import reference

# n, n_in, n_out; the sweeps of the last one take BLAS's products
SHAPES = [(1, 1, 1), (1, 7, 5), (3, 1, 18), (2, 33, 1), (90, 16, 48), (3, 784, 101), (33, 170, 101)]
DENSITIES = [0, 0.05, 0.5, 1]  # of the states that are 1
KEY = 0x0123456789ABCDEF
CALLS = [("binary_product",), ("draw_units",), ("random_words",), ("anneal_units", 0.3, 0.4),
         ("anneal_units", 2.0, 0.0), ("softplus_product", 1.0), ("softplus_product", 100.0),
         # 30 fills groups, 300 leaves the range
         *product(["collapsed_sweep"], [1.0, 30.0, 300.0]),
         # order, beta, step
         *product(["damped_fixed_point"], [1, 2, 3], [0.5, 1.5], [0.5, 1.0]),
         *product(["block_fixed_point"], [1, 2], [0.5, 1.5])]
SOLVERS = ("damped_fixed_point", "block_fixed_point")
# these change their arrays in place
STEPS = {"descent_step": {"rate": 0.1},
         "momentum_step": {"velocity": None, "rate": 0.1, "momentum": 0.9},
         "adaptive_step": {"mean": None, "square": None, "rate": 0.1, "share": 0.1,
                           "square_share": 0.01, "held": 0.7, "square_held": 0.3, "epsilon": 1e-8}}
needs_extended_precision = pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18,
                                              reason="no floating-point type wider than float64")


def sigma(x):
    return 1 / (1 + np.exp(-x))


def load_compiled():
    """Return the compiled kernels side by side, as reference holds their twins, or skip the
    test."""
    modules = [pytest.importorskip(f"minife.kernels.{name}") for name in kernels.MODULES]
    return SimpleNamespace(**{name: thing for module in modules for name,
                              thing in vars(module).items()})


@pytest.fixture(params=["compiled", "reference"])
def twin(request):
    return reference if request.param == "reference" else load_compiled()


def arguments(call, shape=(5, 16, 48), density=0.5, dtype=np.float64):
    """Return the keyword arguments of one call; the arrays among them refuse to be written to."""
    (name, *options), (n, n_in, n_out), rng = call, shape, np.random.default_rng(7)
    states = (rng.random((n, n_in)) < density).astype(np.uint8)
    W = (0.5 * rng.normal(size=(n_in, n_out)) / np.sqrt(max(n_in, n_out))).astype(dtype)
    a, b = rng.normal(size=n_in).astype(dtype), rng.normal(size=n_out).astype(dtype)
    m_v, m_h = states.astype(dtype), np.full((n, n_out), 0.5, dtype)
    for array in (states, W, a, b, m_v, m_h):
        array.flags.writeable = False
    if name == "binary_product":
        return {"states": states, "matrix": W}
    if name == "random_words":
        return {"key": KEY, "draw": 3, "n_rows": n, "n_units": n_out}
    if name == "draw_units":
        return {"mean": rng.random((n, n_out)).astype(dtype), "key": KEY, "draw": 3}
    if name == "anneal_units":
        return {"states": states, "W": W, "bias": b, "beta_0": options[0], "beta_1": options[1],
                "key": KEY, "draw": 3}
    # in double precision alone
    if name == "softplus_product":
        return {"x": options[0] * rng.normal(size=(n, n_in)), "y": options[0]
                * W.astype(np.float64)}
    if name == "collapsed_sweep":
        return {"states": states, "W": options[0] * W.T.astype(np.float64),
                "a": b.astype(np.float64), "b": a.astype(np.float64),
                "uniform": rng.random((n, n_in))}
    solver = {"W": W, "a": a, "b": b, "beta": options[1], "m_v": m_v, "m_h": m_h,
              "order": options[0], "tol": 1e-10 if dtype == np.float64 else 1e-5, "max_iter": 200}
    return solver | ({"step": options[2]} if name == "damped_fixed_point" else {})
