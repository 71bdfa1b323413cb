"""Products with states: States behave like any array of numbers, and keep or lose their kind where
a reader expects it."""
import pickle

import numpy as np
import pytest

from minife import kernels
from minife.kernels.products import (States, all_states, as_states,
                                     difference_of_products)


@pytest.fixture
def v(rng):
    return as_states(rng.random((300, 20)) < 0.4)


def ordinary(array):
    """Return whether this is an array or a number, but no States."""
    return not isinstance(array, States)


@pytest.mark.parametrize("dtype, rounding", [(np.float64, 1e-13), (np.float32, 1e-5)])
def test_a_product_from_the_left_is_a_row_sum_in_the_type_of_the_matrix(v, rng, dtype, rounding):
    """(K1): of states as they are, transposed, sliced, reversed and with gaps; and so is its result
    ordinary"""
    W, means = rng.standard_normal((20, 6)).astype(dtype), rng.random((300, 6)).astype(dtype)
    for states, matrix in [(v, W), (v.T, means), (v[::2], W), (v[:, ::-1], W),
                           (v[:, ::2], W[::2]), (v[7:8], W), (v, W[:, ::2]), (v[:0], W),
                           (v.T, v[:, :3].astype(dtype)), (v.copy(), np.asfortranarray(W))]:
        got = states @ matrix
        assert isinstance(states, States) and ordinary(got) and got.dtype == dtype
        np.testing.assert_allclose(got, np.asarray(states).astype(float) @ matrix, rtol=0,
                                   atol=300 * rounding)
    assert np.array_equal(v @ W, kernels.binary_product(v, W))


@pytest.mark.parametrize("dtype, rounding", [(np.float64, 1e-13), (np.float32, 1e-5)])
def test_a_difference_of_products_is_one_row_sum(v, rng, dtype, rounding):
    """x.T @ y of one pair less that of another, with other rows; of numbers it is just that"""
    y, y_less = rng.random((300, 6)).astype(dtype), rng.random((40, 6)).astype(dtype)
    x_less, dense = v[100:140][:, ::-1], np.asarray(v).astype(dtype)
    wanted = dense.T @ y - dense[100:140, ::-1].T @ y_less
    for x, less in [(v, x_less), (dense, x_less), (v, np.asarray(x_less).astype(dtype))]:
        got = difference_of_products((x, y), (less, y_less))
        assert ordinary(got) and got.dtype == dtype
        np.testing.assert_allclose(got, wanted, rtol=0, atol=300 * rounding)


def test_other_products_are_those_of_an_ordinary_array(v, rng):
    """From the right, with a vector, with other types, with a stack of matrices, and by function"""
    W, x, dense = rng.standard_normal((20, 6)), rng.standard_normal(20), np.asarray(v).astype(float)
    for got, wanted in [(W.T @ v.T, W.T @ dense.T), (x @ v.T, x @ dense.T), (v @ x, dense @ x),
                        (v[0] @ W, dense[0] @ W), (v[0] @ x, dense[0] @ x),
                        (v @ W.astype(np.longdouble), dense @ W),
                        (v @ (1j * W), dense @ (1j * W)), (v @ W[None], dense @ W[None]),
                        (np.matmul(v, W), dense @ W), (np.dot(v, W), dense @ W)]:
        assert ordinary(got)
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-12)
    assert (v @ W.astype(np.float16)).dtype == np.float16
    out = np.empty((300, 6))
    assert np.matmul(v, W, out=out) is out
    np.testing.assert_allclose(out, dense @ W, rtol=0, atol=1e-12)


def test_counts_of_pairs_do_not_wrap_around_at_256():
    """Two States have a product in float64: 300 rows of ones hold 300 pairs, not 44"""
    ones = as_states(np.ones((300, 2)))
    for other in (ones, np.asarray(ones), np.asarray(ones).astype(bool),
                  np.asarray(ones).astype(int)):
        assert (ones.T @ other).tolist() == [[300, 300],
                                             [300, 300]] and (ones.T @ other).dtype == np.float64


def test_a_matrix_that_does_not_fit_is_an_error(v):
    with pytest.raises(ValueError, match=r"states \(300, 20\), matrix \(6, 20\)"):
        v @ np.zeros((6, 20))


def test_copies_slices_and_transposes_are_states(v):
    for kept in (v.copy(), v[3:5], v[[1, 2]], v[v[:, 0] == 1], v.take([0, 5], axis=0), v.T,
                 v.reshape(600, 10), v[0], np.repeat(v, 2, axis=0), v.astype(np.uint8),
                 pickle.loads(pickle.dumps(v))):
        assert isinstance(kept, States) and kept.dtype == np.uint8 and kept.max() <= 1
    assert np.array_equal(pickle.loads(pickle.dumps(v)), v)


def test_what_is_computed_from_states_is_ordinary(v):
    for made in (v + 1, 1 - v, 2 * v, v / 2, -v, v == 1, v & v, v**2, np.exp(v), v.sum(axis=0),
                 v.sum(), v.mean(axis=0), v.mean(), v.max(axis=1), v.any(axis=0), v.astype(float),
                 v.astype(bool), v.max(), v[0, 0], np.add.outer(v, 1),
                 np.concatenate([v, np.zeros((2, 20), np.uint8)]),
                 np.hstack([np.full((300, 1), 7, np.uint8), v]),
                 np.concatenate([v, np.zeros((2, 20))]), np.concatenate([v, v]),
                 np.where(v == 1, 3, v), np.asarray(v)):
        assert ordinary(made), made
    array = np.zeros((300, 20))
    array += v
    assert ordinary(array) and np.array_equal(array, v)


def test_a_mean_is_that_of_an_ordinary_array(v):
    """Of few rows and of many, along either axis, of either type"""
    for states in (v, v[:255], v[:1]):
        for axis in (None, 0, 1):
            for dtype in (np.float32, np.float64):
                got = states.mean(axis, dtype=dtype)
                wanted = np.asarray(states).mean(axis, dtype=dtype)
                assert got.dtype == wanted.dtype == dtype and np.shape(got) == np.shape(wanted)
                np.testing.assert_allclose(got, wanted, rtol=1e-6 if dtype == np.float32 else 1e-15)
    assert v[:9].mean(axis=0, keepdims=True).shape == (1, 20)


def test_states_that_were_made_wrong_by_hand_are_an_error_where_they_are_listed():
    wrong = np.full((300, 20), 200, np.uint8).view(States)
    for product in (lambda: wrong @ np.ones((20, 3)), lambda: wrong.T @ np.ones((300, 3))):
        with pytest.raises(ValueError, match="states must be 0 or 1, got 200"):
            product()


def test_all_states_count_in_binary():
    assert all_states(2).tolist() == [[0, 0], [1, 0], [0, 1], [1, 1]]
    assert np.array_equal(all_states(5, 7, 19), all_states(5)[7:19])
    assert len(np.unique(all_states(6), axis=0)) == 64
