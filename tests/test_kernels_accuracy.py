"""How accurate the kernels' exponentials, sigmoids and softplus are, against extended precision."""
import os

import numpy as np
import pytest

from kernel_calls import KEY, needs_extended_precision, sigma
from minife.kernels import reference
from proofs import proves


def softplus(x):
    """Return log(1 + e^x) in extended precision."""
    x = np.asarray(x, np.longdouble)
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def units_of_the_last_place(got, exact, scale=None):
    """Return the largest |got - exact|, in the spacing of numbers of got's type at the scale, by
    default at exact."""
    return np.max(np.abs(got - exact)
                  / np.spacing((exact if scale is None else scale).astype(got.dtype)))


def sigmoid_by(kernel, x):
    """Return sigma(x) of a kernel: with W = 0, one undamped sweep gives m_h = sigma(b)."""
    W, m_v = np.zeros((1, x.size), x.dtype), np.zeros((1, 1), x.dtype)
    return kernel.damped_fixed_point(W, m_v[0], x, 1.0, m_v, W, 1, 1.0, 1e-3, 1)[1][0]


@proves("K4")
@pytest.mark.filterwarnings("error")
@needs_extended_precision
def test_the_sigmoid_is_accurate_over_the_whole_range(twin):
    """(K4) in float64; far below 0 it is e^x. Measured on these 600003 numbers: 2.3 ulp and 1.6."""
    x = np.concatenate([np.linspace(-r, r, 200001) for r in (700, 40, 1e-3)])
    m_h, tail = sigmoid_by(twin, x), np.flatnonzero(x < -45)
    assert units_of_the_last_place(m_h, sigma(x.astype(np.longdouble))) < 2.5
    assert units_of_the_last_place(m_h[tail], np.exp(x[tail].astype(np.longdouble))) < 2
    assert np.all(sigmoid_by(twin, np.array([-1e4, 1e4])) - [0, 1] < 1e-300)


@proves("K4")
@pytest.mark.filterwarnings("error")
def test_the_sigmoid_is_accurate_for_the_numbers_of_single_precision(twin):
    """(K4) in float32: every 1009th number, and all around the worst one; where e^-x has left the
    range, beyond -87.3, the error is below the smallest normal number.

    Of all 2^32 numbers (MINIFE_ALL_FLOATS=1 python -m pytest tests/test_kernels_accuracy.py, some
    minutes) the sigmoid is off by 2.481 ulp at most, at x = -16.635704, and below -20, where it is
    e^x, by 1.508; the twin by 3.678 and 2.992."""
    most, most_exp = (3.68, 3.0) if twin is reference else (2.481, 1.508)
    step = 1 if os.environ.get("MINIFE_ALL_FLOATS") else 1009
    worst_place = np.array(-16.635704, np.float32).view(np.uint32).astype(np.int64)
    pieces = [np.arange(worst_place - 10**4, worst_place + 10**4)]
    for sign in (0, 2**31):                                    # all finite numbers, by their bits
        for first in range(sign, sign + 0x7F800000, step * 2**20):
            pieces.append(np.arange(first, min(sign + 0x7F800000, first + step * 2**20), step))
    for bits in pieces:
        x = bits.astype(np.uint32).view(np.float32)
        m_h, y = sigmoid_by(twin, x), np.clip(x.astype(float), -700, 700)
        exact, normal, tail = sigma(y), y > -87.3, (y > -87.3) & (y < -20)
        assert np.all(np.abs(m_h - exact)[~normal] < 1.2e-38)
        for inside, wanted, n_ulp in ((normal, exact, most), (tail, np.exp(y), most_exp)):
            if inside.any():
                assert units_of_the_last_place(m_h[inside], wanted[inside]) <= n_ulp


@pytest.mark.filterwarnings("error")
def test_the_softplus_product_over_the_whole_range(twin):
    """(R15): softplus(x + y) is 0 far below zero and x + y far above, and log 2 at 0."""
    for x, y in [(0, 0), (700, 0.5), (-700, 0.5), (1e4, -250), (-1e4, 250), (340, 299),
                 (360, -299), (500, -500), (-400, 400), (1e5, 1e5)]:
        got = twin.softplus_product(np.full((1, 70), float(x)), np.full((70, 2), float(y)))
        np.testing.assert_allclose(got, 70 * np.logaddexp(0, x + y), rtol=1e-14, atol=1e-20)


@needs_extended_precision
def test_a_softplus_made_of_exponentials_is_accurate_over_the_whole_range(twin):
    """(R15) of one term, x + y from -630 to 630, in ulp of the result or of 1, whichever is larger,
    as its factor 1 + e^x e^y is rounded. Measured: 2.0 ulp, the twin 1.0."""
    rng = np.random.default_rng(9)
    for x_limit, y_limit in [(340, 290), (30, 5), (1, 1)]:
        x, y = rng.uniform(-x_limit, x_limit, (4001, 1)), rng.uniform(-y_limit, y_limit, (1, 64))
        exact = softplus(x.astype(np.longdouble) + y)
        assert units_of_the_last_place(twin.softplus_product(x, y), exact, np.maximum(exact, 1)) < 3


@needs_extended_precision
@pytest.mark.parametrize("n_terms", [10, 784, 5000])
def test_a_long_sum_of_softplus_is_as_accurate_as_a_short_one(twin, n_terms):
    """(R15) in ulp: relative errors of factors are absolute ones of the product's logarithm, and do
    not grow with it. Measured: 1.2 ulp at any length; the twin, which rounds as it adds, half of
    the root of the length."""
    rng = np.random.default_rng(10)
    for scale in (0.3, 3, 30):
        x, y = scale * rng.standard_normal((20, n_terms)), scale * rng.standard_normal((n_terms, 3))
        exact = np.array([[softplus(row.astype(np.longdouble) + column).sum() for column in y.T]
                          for row in x])
        error = units_of_the_last_place(twin.softplus_product(x, y), exact, np.maximum(exact, 1))
        assert error < (np.sqrt(n_terms) if twin is reference else 2)


@needs_extended_precision
@pytest.mark.parametrize("beta_0, beta_1", [(0.0, 1.0), (0.5, 0.7), (1.0, 1.0001)])
@pytest.mark.parametrize("dtype, limit", [(np.float64, 700), (np.float32, 80)])
def test_an_annealed_change_is_accurate_over_the_whole_range(twin, dtype, limit, beta_0, beta_1):
    """(E3) of one unit, in ulp of the larger softplus, or of 1: always float64. Measured: 1.3 ulp,
    the twin 1.4."""
    x = np.concatenate([np.linspace(-r, r, 501) for r in (limit, 40, 1)]).astype(dtype)
    states = np.eye(x.size, dtype=np.uint8)
    change = twin.anneal_units(states, x[:, None], np.zeros(1, dtype), beta_0, beta_1, KEY, 0)[1]
    parts = [softplus(np.longdouble(beta) * x) for beta in (beta_0, beta_1)]
    assert change.dtype == np.float64
    assert units_of_the_last_place(change, parts[1] - parts[0],
                                   np.maximum(1, np.maximum(*parts))) < 2
