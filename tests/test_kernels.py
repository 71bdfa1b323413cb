"""Every compiled kernel gives the numbers of its NumPy twin, and both give the right ones."""
import os
import re
import subprocess
import sys
import time
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from minife import kernels
from minife.kernels import reference
from proofs import proves

SHAPES = [(1, 1, 1), (1, 7, 5), (3, 1, 18), (2, 33, 1), (90, 16, 48), (3, 784, 101),  # n, n_in, n_out
          (33, 170, 101)]                                                         # whose sweeps take BLAS's products
DENSITIES = [0, 0.05, 0.5, 1]  # of the states that are 1
KEY = 0x0123456789ABCDEF
CALLS = [("binary_product",), ("draw_units",), ("random_words",),
         ("anneal_units", 0.3, 0.4), ("anneal_units", 2.0, 0.0), ("softplus_product", 1.0), ("softplus_product", 100.0),
         *product(["collapsed_sweep"], [1.0, 30.0, 300.0]),                     # 30 fills groups, 300 leaves the range
         *product(["damped_fixed_point"], [1, 2, 3], [0.5, 1.5], [0.5, 1.0]),   # order, beta, step
         *product(["block_fixed_point"], [1, 2], [0.5, 1.5])]                   # order, beta
SOLVERS = ("damped_fixed_point", "block_fixed_point")
STEPS = {"descent_step": {"rate": 0.1},                                           # these change their arrays in place
         "momentum_step": {"velocity": None, "rate": 0.1, "momentum": 0.9},
         "adaptive_step": {"mean": None, "square": None, "rate": 0.1, "share": 0.1, "square_share": 0.01, "held": 0.7,
                           "square_held": 0.3, "epsilon": 1e-8}}
needs_extended_precision = pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18,
                                              reason="no floating-point type wider than float64")


def sigma(x):
    return 1 / (1 + np.exp(-x))


def load_compiled():
    """Return the compiled kernels side by side, as reference holds their twins, or skip the test."""
    modules = [pytest.importorskip(f"minife.kernels.{name}") for name in kernels.MODULES]
    return SimpleNamespace(**{name: thing for module in modules for name, thing in vars(module).items()})


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
        return {"states": states, "W": W, "bias": b, "beta_0": options[0], "beta_1": options[1], "key": KEY, "draw": 3}
    if name == "softplus_product":                                                # in double precision alone
        return {"x": options[0] * rng.normal(size=(n, n_in)), "y": options[0] * W.astype(np.float64)}
    if name == "collapsed_sweep":
        return {"states": states, "W": options[0] * W.T.astype(np.float64), "a": b.astype(np.float64),
                "b": a.astype(np.float64), "uniform": rng.random((n, n_in))}
    solver = {"W": W, "a": a, "b": b, "beta": options[1], "m_v": m_v, "m_h": m_h, "order": options[0],
              "tol": 1e-10 if dtype == np.float64 else 1e-5, "max_iter": 200}
    return solver | ({"step": options[2]} if name == "damped_fixed_point" else {})


@pytest.mark.parametrize("call", CALLS, ids=str)
@pytest.mark.parametrize("dtype, rounding", [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_a_kernel_and_its_twin_give_the_same_numbers(call, dtype, rounding):
    """(K1) to (K4), (R4), (E3), (R15), (T10), (T18): words, samples, counts of sweeps are equal, numbers nearly."""
    tolerances = {"binary_product": [rounding], "draw_units": [0], "random_words": [0],
                  "anneal_units": [0, 100 * rounding],
                  "softplus_product": [1e-9 if call[1:] == (100.0,) else 1e-11], "collapsed_sweep": [0, 1e-9, 1e-9],
                  **dict.fromkeys(SOLVERS, [rounding, rounding, 10 * rounding, 0])}[call[0]]
    if dtype == np.float32:  # u may lie within the rounding of p, and the residual within that of tol
        tolerances = {"anneal_units": [1, 100 * rounding], **dict.fromkeys(SOLVERS, tolerances[:2])}.get(call[0], tolerances)
    for shape, density in product(SHAPES, DENSITIES):
        args = arguments(call, shape, density, dtype)
        results = [getattr(kernel, call[0])(**args) for kernel in (load_compiled(), reference)]
        got, wanted = (x if isinstance(x, tuple) else (x,) for x in results)
        assert [(x.dtype, x.shape) for x in got] == [(x.dtype, x.shape) for x in wanted]
        for x, y, tolerance in zip(got, wanted, tolerances):
            np.testing.assert_allclose(x.astype(float), y.astype(float), rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", SOLVERS)
def test_a_residual_does_not_hide_a_unit_that_is_nan(twin, name):
    """(T12): whichever unit it is, and the other rows are none the worse"""
    args = arguments((name, 2, 1.5, 0.5)) | {"max_iter": 1}
    args["m_h"] = args["m_h"].copy()
    args["m_h"][2, 5] = np.nan
    assert np.isnan(getattr(twin, name)(**args)[2]).tolist() == [row == 2 for row in range(5)]


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("l1, l2", [(0.0, 0.0), (0.3, 0.2)])
@pytest.mark.parametrize("dtype, rounding", [(np.float64, 1e-14), (np.float32, 1e-6)])
def test_a_step_and_its_twin_move_the_arrays_to_the_same_place(name, l1, l2, dtype, rounding):
    """(D2), (D3), (D4)"""
    rng, results = np.random.default_rng(8), []
    start = {key: rng.random(103).astype(dtype) for key, value in STEPS[name].items() if value is None}
    theta, slope = rng.standard_normal((2, 103)).astype(dtype)
    theta[:3] = 0, -0.0, 1                                                        # the sign of zero is zero
    for kernel in (load_compiled(), reference):
        arrays = {"theta": theta.copy()} | {key: array.copy() for key, array in start.items()}
        numbers = {key: value for key, value in STEPS[name].items() if value is not None}
        for _ in range(3):
            assert getattr(kernel, name)(**arrays, slope=slope, **numbers, l1=l1, l2=l2) is None
        results.append(arrays)
    for key, got in results[0].items():
        np.testing.assert_allclose(got, results[1][key], rtol=rounding, atol=rounding)
        assert not np.array_equal(got, theta if key == "theta" else start[key])


@proves("K3")
@pytest.mark.parametrize("dtype, bits", [(np.float64, 31), (np.float32, 23)])
def test_a_sample_is_a_uniform_number_below_the_mean(twin, dtype, bits):
    """(K3), (R4) unit by unit: u is made of the upper bits of the word, to the last bit"""
    for shape in SHAPES:
        args = arguments(("draw_units",), shape, dtype=dtype)
        u = ((reference.random_words(KEY, 3, shape[0], shape[2]) >> np.uint32(32 - bits)) + 0.5) * 2.0**-bits
        assert np.array_equal(twin.draw_units(**args), u < args["mean"])


def test_every_kernel_has_a_twin_and_a_pair_test():
    sources = Path(kernels.__file__).parent.glob("*.p[yx][xi]")
    names = {name for source in sources for name in re.findall(r"^def (\w+)", source.read_text(), re.M)}
    names -= {"set_threads", "look_around"}
    assert names == {name for name, *_ in CALLS} | set(STEPS)
    assert all(hasattr(reference, name) and hasattr(kernels, name) for name in names)


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_results_do_not_depend_on_the_number_of_threads(call):
    shape = (20, 301, 103) if call[0] in SOLVERS else (90, 784, 201)  # enough work for several threads
    compiled, args, results = load_compiled(), arguments(call, shape), []
    for n in (1, 2, os.cpu_count()):
        compiled.set_threads(n)
        results.append(getattr(compiled, call[0])(**args))
    assert all(np.array_equal(x, y) for result in results for x, y in zip(result, results[0]))


def test_the_product_with_binary_states_is_exact_for_whole_numbers(twin):
    """(K1) by hand, and against integers: sums of whole numbers are not rounded."""
    assert twin.binary_product(np.array([[1, 0, 1]], np.uint8), np.array([[1.0], [10], [100]])) == 101
    rng = np.random.default_rng(0)
    states, whole = rng.integers(2, size=(20, 90), dtype=np.uint8), rng.integers(-99, 99, size=(90, 35))
    assert np.array_equal(twin.binary_product(states, whole.astype(np.float32)), states @ whole)


@pytest.mark.parametrize("shape", [(9, 33, 21), (90, 784, 101), (1, 7, 5), (300, 300, 64)], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_states_and_matrices_may_lie_in_memory_in_any_way(twin, dtype, shape):
    """(K1): rows with gaps between them, transposes, and columns in reverse give the same sums."""
    states, W = arguments(("binary_product",), shape, 0.3, dtype).values()
    wanted = states.astype(float) @ W
    for v in (states, np.asfortranarray(states), np.repeat(np.repeat(states, 2, axis=0), 2, axis=1)[::2, ::2]):
        for matrix in (W, np.asfortranarray(W), np.repeat(W, 2, axis=1)[:, ::2], W[:, ::-1].copy()[:, ::-1]):
            got = twin.binary_product(v, matrix)
            assert got.dtype == dtype and got.flags.c_contiguous
            np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5 if dtype == np.float32 else 1e-13)


def test_a_sum_of_rows_depends_on_its_row_alone():
    """(K1): to the last bit, whatever other rows stand beside it, and however wide the panel is"""
    states, W = arguments(("binary_product",), (300, 784, 101), 0.3, np.float32).values()
    together = load_compiled().binary_product(states, W)
    for rows in (slice(0, 1), slice(5, 50), slice(130, 300)):
        assert np.array_equal(load_compiled().binary_product(states[rows], W), together[rows])


@pytest.mark.filterwarnings("error")
def test_the_softplus_product_over_the_whole_range(twin):
    """(R15): softplus(x + y) is 0 far below zero and x + y far above, and log 2 at 0."""
    for x, y in [(0, 0), (700, 0.5), (-700, 0.5), (1e4, -250), (-1e4, 250), (340, 299), (360, -299), (500, -500),
                 (-400, 400), (1e5, 1e5)]:
        got = twin.softplus_product(np.full((1, 70), float(x)), np.full((70, 2), float(y)))
        np.testing.assert_allclose(got, 70 * np.logaddexp(0, x + y), rtol=1e-14, atol=1e-20)


def test_an_annealed_change_by_hand(twin):
    """(E3): one unit in the field log 2, from beta 1 to 2: log(1 + 4) - log(1 + 2); and 1500 of them, three chunks."""
    field = np.log(2.0)
    for n in (1, 1500):
        args = np.ones((1, 1), np.uint8), np.full((1, n), field), np.zeros(n), 1.0, 2.0, KEY, 0
        samples, change = twin.anneal_units(*args)
        np.testing.assert_allclose(change, n * np.log(5 / 3), rtol=1e-13)
        assert np.array_equal(samples, twin.draw_units(np.full((1, n), sigma(2 * field)), KEY, 0))


def philox_by_hand(counter, key):
    """Return Philox4x32-10 of any counter (4 words) and key (2 words), in Python's integers."""
    (x0, x1, x2, x3), (k0, k1) = counter, key
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * x0, 2**32)
        high1, low1 = divmod(0xCD9E8D57 * x2, 2**32)
        x0, x1, x2, x3 = high1 ^ x1 ^ k0, low1, high0 ^ x3 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return x0, x1, x2, x3


@pytest.mark.parametrize("counter, key, answer", [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1")])
def test_philox_by_hand_gives_the_published_answers(counter, key, answer):
    """(K2): the known answers of the Random123 distribution. The kernels keep the last counter word at 0."""
    counter, key, answer = ([int(word, 16) for word in words.split()] for words in (counter, key, answer))
    assert philox_by_hand(counter, key) == tuple(answer)


def test_random_words_are_philox_of_block_row_and_draw(twin):
    """(K2), (K3): word w of block k goes to unit w n_blocks + k; at key 0 stands the published answer."""
    assert twin.random_words(0, 0, 1, 4).tolist() == [[0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]]
    for key, draw in [(0, 0), (KEY, 1), (2**64 - 1, 2**32 - 1), (2**32, 12345)]:
        words = np.array([[philox_by_hand((k, row, draw, 0), (key % 2**32, key >> 32)) for k in range(5)]
                          for row in range(3)]).transpose(0, 2, 1).reshape(3, 20)
        assert np.array_equal(twin.random_words(key, draw, 3, 17), words[:, :17])


def test_a_row_has_its_own_stream_and_a_key_and_a_draw_change_all_of_it(twin):
    """(K3): rows do not see each other; two random words agree once in 2^32."""
    words = twin.random_words(KEY, 0, 100, 30)
    assert np.array_equal(twin.random_words(KEY, 0, 3, 30), words[:3])
    for key, draw in [(KEY + 1, 0), (KEY + 2**32, 0), (KEY, 1)]:
        assert not (twin.random_words(key, draw, 100, 30) == words).any()


def chi_square(cells, n_cells):
    """Return sum (count - expected)^2 / expected of numbers 0 to n_cells - 1, in sigmas from its mean, n_cells - 1."""
    counts, expected = np.bincount(cells.ravel(), minlength=n_cells), cells.size / n_cells
    return (((counts - expected) ** 2).sum() / expected - (n_cells - 1)) / np.sqrt(2 * (n_cells - 1))


def test_random_words_are_uniform():
    """(K3) on 2^20 words: each statistic is within 5 sigma of its value for independent uniform words."""
    n, words = 2**20, kernels.random_words(KEY, 0, 1024, 1024)
    u = words / 2.0**32 - 0.5
    for k in (1, 2, 3, 4):                                              # the moment k of u in (-1/2, 1/2), and 2k of it
        moment, square = 0 if k % 2 else 1 / (2**k * (k + 1)), 1 / (4**k * (2 * k + 1))
        assert abs((u**k).mean() - moment) < 5 * np.sqrt((square - moment**2) / n)
    for shift in (0, 8, 16, 24):
        assert abs(chi_square((words >> np.uint32(shift)).astype(np.uint8), 256)) < 5
    for bit in range(32):
        assert abs(((words >> np.uint32(bit)) & np.uint32(1)).mean() - 0.5) < 5 / np.sqrt(4 * n)
    pairs = n * (n - 1) / 2                                             # of which one in 2^32 is of equal words
    assert abs(n - len(np.unique(words)) - pairs / 2**32) < 5 * np.sqrt(pairs / 2**32)


def test_neighbours_in_every_direction_are_independent():
    """(K3) on 2^20 words: the correlation of the pairs, and the 16 x 16 table of their four highest and of their four
    lowest bits, are within 5 sigma of what independent uniform words give."""
    words = kernels.random_words(KEY, 0, 1024, 1024)                    # 256 blocks a row, whose words are 256 apart
    others = [kernels.random_words(*start, 1024, 1024) for start in [(KEY, 1), (KEY + 1, 0), (KEY + 2**32, 0)]]
    neighbours = {"rows": (words[1:], words[:-1]), "blocks": (words[:, 1:], words[:, :-1]),
                  "words of a block": (words[:, 256:], words[:, :-256]), "draws": (words, others[0]),
                  "keys": (words, others[1]), "keys, high half": (words, others[2])}
    for where, (x, y) in neighbours.items():
        assert abs(((x / 2.0**32 - 0.5) * (y / 2.0**32 - 0.5)).mean()) < 5 / 12 / np.sqrt(x.size), where
        for shift in (0, 28):
            first, second = ((z >> np.uint32(shift)) & np.uint32(15) for z in (x, y))
            assert abs(chi_square(16 * first + second, 256)) < 5, where


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_unit_is_on_with_the_probability_of_its_field(twin, dtype):
    """(R4): the frequency of ones over 40000 rows is sigma(beta (b + v W)) within 5 sigma, unit by unit."""
    n, beta, W = 40000, 0.7, np.array([[1, -2, 0.5, 3, 0], [4, 1, -1, 0, -2]], dtype)
    bias = np.array([0, 0.3, -1, -5, 2], dtype)
    for v in np.array([[0, 0], [1, 0], [1, 1]], np.uint8):
        p = sigma(beta * (bias + v @ W))
        samples, _ = twin.anneal_units(np.tile(v, (n, 1)), W, bias, 0.0, beta, KEY, 5)
        frequency = samples.mean(axis=0)
        assert np.all(np.abs(frequency - p) < 5 * np.sqrt(p * (1 - p) / n))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_saturated_units_do_not_fluctuate(twin, dtype):
    """(R4): the numbers of key 0, draw 1 include 0xffffffef, whose u must not round up to 1 in float32."""
    assert reference.random_words(0, 1, 269, 4000)[268, 2183] == 0xFFFFFFEF
    assert twin.draw_units(np.ones((269, 4000), dtype), 0, 1).min() == 1
    assert twin.draw_units(np.zeros((269, 4000), dtype), 0, 1).max() == 0


def softplus(x):
    """Return log(1 + e^x) in extended precision."""
    x = np.asarray(x, np.longdouble)
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def units_of_the_last_place(got, exact, scale=None):
    """Return the largest |got - exact|, in the spacing of numbers of got's type at the scale, by default at exact."""
    return np.max(np.abs(got - exact) / np.spacing((exact if scale is None else scale).astype(got.dtype)))


@pytest.mark.filterwarnings("error")
@needs_extended_precision
@pytest.mark.parametrize("dtype, limit, n_ulp, n_ulp_exp", [(np.float64, 700, 2.5, 2), (np.float32, 85, 4, 3)])
def test_the_sigmoid_is_accurate_over_the_whole_range(twin, dtype, limit, n_ulp, n_ulp_exp):
    """(K4): with W = 0 and no step, one sweep from m_h = 0 gives m_h = sigma(b), which far below 0 is e^b.

    Measured: at most 2.3 ulp in both types, and of the exponential 1.6; the twins in float32 3.3 and 2.7."""
    x = np.concatenate([np.linspace(-r, r, 200001) for r in (limit, 40, 1e-3)] + [[-1e4, 1e4]]).astype(dtype)
    W, m_v = np.zeros((1, x.size), dtype), np.zeros((1, 1), dtype)
    m_h = twin.damped_fixed_point(W, m_v[0], x, 1.0, m_v, W, 1, 1.0, 1e-3, 1)[1][0]
    exact, tail = sigma(x[:-2].astype(np.longdouble)), np.flatnonzero(x[:-2] < -45)
    assert units_of_the_last_place(m_h[:-2], exact) < n_ulp
    assert units_of_the_last_place(m_h[tail], np.exp(x[tail].astype(np.longdouble))) < n_ulp_exp
    assert 0 <= m_h[-2] < 1e-37 and m_h[-1] == 1


@needs_extended_precision
def test_a_softplus_made_of_exponentials_is_accurate_over_the_whole_range(twin):
    """(R15) of one term, x + y from -630 to 630, in ulp of the result or of 1, whichever is larger, as its factor
    1 + e^x e^y is rounded. Measured: 2.0 ulp, the twin 1.0."""
    rng = np.random.default_rng(9)
    for x_limit, y_limit in [(340, 290), (30, 5), (1, 1)]:
        x, y = rng.uniform(-x_limit, x_limit, (4001, 1)), rng.uniform(-y_limit, y_limit, (1, 64))
        exact = softplus(x.astype(np.longdouble) + y)
        assert units_of_the_last_place(twin.softplus_product(x, y), exact, np.maximum(exact, 1)) < 3


@needs_extended_precision
@pytest.mark.parametrize("n_terms", [10, 784, 5000])
def test_a_long_sum_of_softplus_is_as_accurate_as_a_short_one(twin, n_terms):
    """(R15) in ulp: relative errors of factors are absolute ones of the product's logarithm, and do not grow with it.
    Measured: 1.2 ulp at any length; the twin, which rounds as it adds, half of the root of the length."""
    rng = np.random.default_rng(10)
    for scale in (0.3, 3, 30):
        x, y = scale * rng.standard_normal((20, n_terms)), scale * rng.standard_normal((n_terms, 3))
        exact = np.array([[softplus(row.astype(np.longdouble) + column).sum() for column in y.T] for row in x])
        error = units_of_the_last_place(twin.softplus_product(x, y), exact, np.maximum(exact, 1))
        assert error < (np.sqrt(n_terms) if twin is reference else 2)


@needs_extended_precision
@pytest.mark.parametrize("beta_0, beta_1", [(0.0, 1.0), (0.5, 0.7), (1.0, 1.0001)])
@pytest.mark.parametrize("dtype, limit", [(np.float64, 700), (np.float32, 80)])
def test_an_annealed_change_is_accurate_over_the_whole_range(twin, dtype, limit, beta_0, beta_1):
    """(E3) of one unit, in ulp of the larger softplus, or of 1: always float64. Measured: 1.3 ulp, the twin 1.4."""
    x = np.concatenate([np.linspace(-r, r, 501) for r in (limit, 40, 1)]).astype(dtype)
    states = np.eye(x.size, dtype=np.uint8)
    change = twin.anneal_units(states, x[:, None], np.zeros(1, dtype), beta_0, beta_1, KEY, 0)[1]
    parts = [softplus(np.longdouble(beta) * x) for beta in (beta_0, beta_1)]
    assert change.dtype == np.float64
    assert units_of_the_last_place(change, parts[1] - parts[0], np.maximum(1, np.maximum(*parts))) < 2


@pytest.mark.parametrize("order, theta", [(1, 1 / 4), (2, 1 / 4 + 3 / 64), (3, 1 / 4 + 3 / 64 - 1 / 512)])
def test_a_sweep_by_hand(twin, order, theta):
    """(T10) with W = beta = 1, b = 0, m_v = m_h = 1/4, so c = 3/16: W m_v = 1/4; (1/2 - m_h) c_v = 3/64;
    (1/3 - 2 c_h) c_v (1/2 - m_v) = (-1/24) (3/64) = -1/512."""
    one, zero, quarter = np.ones((1, 1)), np.zeros(1), np.full((1, 1), 1 / 4)
    m_h = twin.damped_fixed_point(one, zero, zero, 1.0, quarter, quarter, order, 1.0, 1e-9, 1)[1]
    np.testing.assert_allclose(m_h, sigma(theta), rtol=1e-15)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_each_row_converges_by_itself_and_then_rests(twin, order):
    """(T12): a row ends as it does alone, whatever the others need, and its last sweep is its own."""
    args = arguments(("damped_fixed_point", order, 1.5, 0.6), (12, 20, 13))
    args["W"] = 3 * args["W"]
    start = args["m_v"].copy()
    m_v, m_h, residual, n_iter = twin.damped_fixed_point(**args)
    assert np.all(residual <= args["tol"]) and len(set(n_iter)) > 1
    for r in range(12):
        alone = twin.damped_fixed_point(**{**args, "m_v": args["m_v"][[r]], "m_h": args["m_h"][[r]]})
        rounding = 1e-13 if twin is reference else 0                            # BLAS rounds by the shape
        np.testing.assert_allclose(np.hstack(alone[:2])[0], [*m_v[r], *m_h[r]], rtol=0, atol=rounding)
    early, done = twin.damped_fixed_point(**{**args, "max_iter": int(n_iter.min())}), n_iter == n_iter.min()
    assert np.array_equal(early[0][done], m_v[done]) and np.array_equal(early[1][done], m_h[done])
    assert np.all(early[2][~done] > args["tol"]) and np.all(early[3] == n_iter.min())
    again = twin.damped_fixed_point(**{**args, "m_v": m_v, "m_h": m_h})         # a fixed point is fixed
    assert np.all(again[3] == 1) and np.all(again[2] <= args["tol"])
    assert np.array_equal(args["m_v"], start) and np.all(args["m_h"] == 0.5)


@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
def test_a_sweep_that_overflows_has_not_converged(twin):
    """(T12): W^3 is infinite in float32, and 0 times it is not a number."""
    W, half, zero = (np.full(shape, x, np.float32) for shape, x in [((1, 1), 1e13), ((1, 1), 0.5), (1, 0)])
    _, m_h, residual, _ = twin.damped_fixed_point(W, zero, zero, 1.0, half, half, 3, 0.5, 1e-6, 5)
    assert np.isnan(m_h) and not residual <= 1e-6


@pytest.mark.parametrize("wanted, answer", [("reference", "reference"), ("", "compiled"), ("fast", "'fast'")])
def test_an_environment_variable_chooses_the_twins(monkeypatch, wanted, answer):
    load_compiled()
    monkeypatch.chdir(Path(kernels.__file__).parents[2])
    environment = {name: value for name, value in {**os.environ, "MINIFE_KERNELS": wanted}.items() if value}
    code = "from minife import kernels; print(kernels.implementation)"
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert run.stdout.strip() == answer or "ValueError: MINIFE_KERNELS" in run.stderr and answer in run.stderr


@pytest.mark.parametrize("n", [0, -1, True, 1.5, "2"])
def test_the_number_of_threads_is_a_positive_integer(n):
    with pytest.raises(ValueError, match="n must be a positive integer"):
        kernels.set_threads(n)


@pytest.mark.skipif(not hasattr(os, "fork") or kernels.implementation == "reference", reason="no fork, or no threads")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_does_not_wait_for_the_threads_of_its_parent():
    compiled, args = load_compiled(), arguments(("anneal_units", 0.0, 1.0), (90, 784, 201))
    compiled.set_threads(2)
    compiled.anneal_units(**args)
    child = os.fork()
    if child == 0:
        compiled.anneal_units(**args)
        os._exit(0)
    for _ in range(200):
        if os.waitpid(child, os.WNOHANG)[0]:
            return
        time.sleep(0.05)
    os.kill(child, 9)
    os.waitpid(child, 0)
    pytest.fail("the child hangs")


def test_more_units_than_a_list_can_name(twin):
    """(K1): 65537 of them, the last of which counts"""
    states, matrix = np.zeros((2, 65537), np.uint8), np.zeros((65537, 3))
    states[1, [0, -1]], matrix[[0, -1]] = 1, [[1, 10, 100], [2, 20, 200]]
    assert twin.binary_product(states, matrix).tolist() == [[0, 0, 0], [3, 30, 300]]
    assert twin.binary_product(states[:, 1:], matrix[1:]).tolist() == [[0, 0, 0], [2, 20, 200]]
    assert twin.binary_product(states[1:].T, np.array([[7.0]])).ravel().nonzero()[0].tolist() == [0, 65536]
