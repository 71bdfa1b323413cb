# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Sampling binary units: their fields, the means in them, the draws, and what annealing asks of the fields besides.

Above each block stands the NumPy line that it computes; reference.py holds the same functions in NumPy.
One call spreads its rows over the threads; a row's numbers depend on the row alone, so the threads never matter."""
import numpy as np

from cython.parallel cimport prange, threadid
from libc.math cimport fabs, log
from libc.string cimport memcpy

from . import reference
from ._inline cimport (CHECKSUM, cloned, descend, descend_with_momentum, exponential, philox, prefetch,
                       real, sigmoid, sum_rows_double_2, sum_rows_double_4, sum_rows_float_2, sum_rows_float_4,
                       transpose_double, transpose_float, uint8_t, uint16_t, uint32_t, uint64_t)
from ._threads cimport threads_for
from .reference import aligned_empty

checksum = CHECKSUM


include "_row_sums.pxi"


cdef cloned mean_row(real *field, const real *bias, real beta, Py_ssize_t n) noexcept nogil:
    """field = sigma(beta * (bias + field))  (R4)"""
    cdef Py_ssize_t j
    for j in range(n):
        field[j] = sigmoid(beta * (bias[j] + field[j]))


cdef cloned random_row(uint64_t key, uint32_t draw, uint32_t row, Py_ssize_t n_blocks,
                       uint32_t *words) noexcept nogil:
    """words = 4 * n_blocks random words of one row; word w of block k stands at w * n_blocks + k  (K3)"""
    cdef Py_ssize_t k
    for k in range(n_blocks):
        philox(<uint32_t>k, row, draw, key,
               words + k, words + n_blocks + k, words + 2 * n_blocks + k, words + 3 * n_blocks + k)


cdef cloned draw_row(const real *mean, const uint32_t *words, Py_ssize_t n, uint8_t *sample) noexcept nogil:
    """sample = uniform < mean  (R4)"""
    cdef Py_ssize_t j
    cdef int bits = 23 if real is float else 31  # so that uniform is exact, and never 0 or 1
    cdef real half = 0.5, unit = 1 / <real>(1 << 23) if real is float else 1 / <real>(1u << 31)
    # uniform = ((words >> (32 - bits)) + 0.5) * 2.0**-bits
    for j in range(n):
        sample[j] = (<real><int>(words[j] >> (32 - bits)) + half) * unit < mean[j]


cdef cloned potential_changes(const real *field, const real *bias, double beta_0, double beta_1, Py_ssize_t n,
                              double *linear, double *factor, double *change) noexcept nogil:
    """change += sum of softplus(beta_1 x) - softplus(beta_0 x), x = bias + field: one logarithm for 512 units  (E3)"""
    cdef Py_ssize_t start, j, width, half
    cdef double x, y0, y1, zero = 0
    for start in range(0, n, 512):
        width = min(512, n - start)
        # softplus(y) = max(y, 0) + log(1 + e^-|y|), and the factors 1 + e^-|y| lie between 1 and 2
        for j in range(width):
            x = bias[start + j] + field[start + j]
            y0 = beta_0 * x
            y1 = beta_1 * x
            linear[j] = (y1 if y1 > zero else zero) - (y0 if y0 > zero else zero)
            factor[j] = (1 + exponential(-fabs(y1))) / (1 + exponential(-fabs(y0)))
        while width > 1:  # the second half joins the first
            half = width // 2
            width -= half
            for j in range(half):
                linear[j] += linear[width + j]
                factor[j] *= factor[width + j]
        change[0] += linear[0] + log(factor[0])


def unit_means(const uint8_t[:, :] states, const real[:, :] W, const real[::1] bias, real beta):
    """Return the means (n, n_out) of the units that see the 0/1 states (n, n_in) through W (n_in, n_out)  (R4)"""
    cdef Py_ssize_t n = states.shape[0], n_out = W.shape[1], r
    cdef int threads = threads_for(<double>n * n_out * states.shape[1])
    mean_array = binary_product(states, W)
    cdef real[:, ::1] mean = mean_array
    # mean = sigmoid(beta * (bias + states @ W))
    for r in prange(n, nogil=True, num_threads=threads, schedule="static"):
        mean_row(&mean[r, 0], &bias[0], beta, n_out)
    return mean_array


def random_words(uint64_t key, uint32_t draw, Py_ssize_t n_rows, Py_ssize_t n_units):
    """Return random 32-bit words (n_rows, n_units), a function of key, draw, row, unit and ceil(n_units / 4)  (K3)"""
    cdef Py_ssize_t n_blocks = (n_units + 3) // 4, r
    words_array = np.empty((n_rows, 4 * n_blocks), dtype=np.uint32)
    cdef uint32_t[:, ::1] words = words_array
    for r in range(n_rows):
        random_row(key, draw, <uint32_t>r, n_blocks, &words[r, 0])
    return words_array[:, :n_units]


def draw_units(const real[:, ::1] mean, uint64_t key, uint32_t draw):
    """Return samples (n, n_units) uint8 of units with these means  (R4)"""
    cdef Py_ssize_t n = mean.shape[0], n_units = mean.shape[1], n_blocks = (n_units + 3) // 4, r, t
    cdef int threads = threads_for(100. * n * n_units)
    sample_array = np.empty((n, n_units), dtype=np.uint8)
    cdef uint8_t[:, ::1] sample = sample_array
    cdef uint32_t[:, ::1] words = np.empty((threads, 4 * n_blocks), dtype=np.uint32)
    # sample = uniform < mean
    for r in prange(n, nogil=True, num_threads=threads, schedule="static"):
        t = threadid()
        random_row(key, draw, <uint32_t>r, n_blocks, &words[t, 0])
        draw_row(&mean[r, 0], &words[t, 0], n_units, &sample[r, 0])
    return sample_array


def sample_units(const uint8_t[:, :] states, const real[:, :] W, const real[::1] bias, real beta,
                 uint64_t key, uint32_t draw):
    """Return samples (n, n_out) uint8 of the units that see the 0/1 states (n, n_in) through W (n_in, n_out)  (R4)"""
    return draw_units(unit_means(states, W, bias, beta), key, draw)


def anneal_units(const uint8_t[:, :] states, const real[:, :] W, const real[::1] bias, double beta_0, double beta_1,
                 uint64_t key, uint32_t draw):
    """Return samples (n, n_out) uint8 at beta_1, and the change (n,) of sum softplus(beta field) from beta_0  (R4, E3)

    The field is that of the units that see the 0/1 states (n, n_in) through W (n_in, n_out)."""
    cdef Py_ssize_t n = states.shape[0], n_out = W.shape[1], r, t
    cdef int threads = threads_for(<double>n * n_out * states.shape[1])
    field_array, change_array = binary_product(states, W), np.zeros(n)
    cdef real[:, ::1] field = field_array
    cdef double[::1] change = change_array
    cdef double[:, :, ::1] scratch = np.empty((threads, 2, 512))
    for r in prange(n, nogil=True, num_threads=threads, schedule="static"):
        t = threadid()
        # change = (softplus(beta_1 * field) - softplus(beta_0 * field)).sum(axis=1)
        potential_changes(&field[r, 0], &bias[0], beta_0, beta_1, n_out, &scratch[t, 0, 0], &scratch[t, 1, 0],
                          &change[r])
        # mean = sigmoid(beta_1 * field)
        mean_row(&field[r, 0], &bias[0], <real>beta_1, n_out)
    return draw_units(field_array, key, draw), change_array
