# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Sampling binary units: products with states, draws, and what annealing asks of the fields.

A line after #> is a line of the twin in reference.py, computed by the block below it. One call
spreads its rows over the threads; a row's numbers depend on the row alone, so the threads never
matter."""
import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from cython.parallel cimport prange, threadid
from libc.math cimport fabs, log
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from . import reference
from ._inline cimport (CHECKSUM, cloned, exponential, is_odd, philox, piece, prefetch, real,
                       sigmoid, sum_rows_double_2, sum_rows_double_4, sum_rows_float_2,
                       sum_rows_float_4, transpose_double, transpose_float, uint8_t, uint16_t,
                       uint32_t, uint64_t)
from ._threads cimport threads_for
from .arrays import mismatch

checksum = CHECKSUM

include "_row_sums.pxi"


cdef cloned random_row(uint64_t key, uint32_t draw, uint32_t row, Py_ssize_t n_blocks,
                       uint32_t *words) noexcept nogil:
    """words = those of one row; word w of block k stands at w * n_blocks + k  (K3)"""
    cdef Py_ssize_t k
    #> words = np.hstack(philox(np.arange(n_blocks), np.arange(n_rows)[:, None], draw, int(key)))
    for k in range(n_blocks):
        philox(<uint32_t>k, row, draw, key,
               words + k, words + n_blocks + k, words + 2 * n_blocks + k, words + 3 * n_blocks + k)


def random_words(uint64_t key, uint32_t draw, Py_ssize_t n_rows, Py_ssize_t n_units):
    """Return random 32-bit words (n_rows, n_units) of a key, a draw, the row and the unit  (K3)"""
    if not 0 <= n_rows <= 2**32 or not 0 <= n_units <= 2**34:
        raise ValueError("n_rows and n_units must be counts up to 2^32 and 2^34, "
                         f"got {n_rows} and {n_units}")
    #> n_blocks = (n_units + 3) // 4
    cdef Py_ssize_t n_blocks = (n_units + 3) // 4, size = piece(20. * n_blocks, 1), r
    words_array = np.empty((n_rows, 4 * n_blocks), dtype=np.uint32)
    cdef uint32_t[:, ::1] words = words_array
    if n_blocks > 0:
        for r in range(n_rows):
            if r % size == 0:
                PyErr_CheckSignals()
            random_row(key, draw, <uint32_t>r, n_blocks, &words[r, 0])
    return words_array[:, :n_units]


cdef cloned draw_row(const real *mean, const uint32_t *words, Py_ssize_t n,
                     uint8_t *sample) noexcept nogil:
    """sample = uniform < mean  (R4)"""
    cdef Py_ssize_t j
    #> bits = 23 if mean.dtype == np.float32 else 31
    cdef int bits = 23 if real is float else 31
    cdef real half = 0.5, unit = 1 / <real>(1 << 23) if real is float else 1 / <real>(1u << 31)
    #> uniform = ((words >> np.uint32(32 - bits)) + 0.5).astype(mean.dtype) * 2.0**-bits
    #> return (uniform < mean).astype(np.uint8)
    for j in range(n):
        sample[j] = (<real><int>(words[j] >> (32 - bits)) + half) * unit < mean[j]


def draw_units(const real[:, :] mean not None, uint64_t key, uint32_t draw):
    """Return samples (n, n_units) uint8 of units with these means  (R4)"""
    cdef Py_ssize_t n = mean.shape[0], n_units = mean.shape[1], n_blocks = (n_units + 3) // 4
    cdef Py_ssize_t r, t, start, stop
    cdef int threads = threads_for(100. * n * n_units)
    cdef Py_ssize_t size = piece(5. * n_units, threads)
    sample_array = np.empty((n, n_units), dtype=np.uint8)
    cdef uint8_t[:, ::1] sample = sample_array
    if n == 0 or n_units == 0:
        return sample_array
    cdef Workspace work = Workspace()
    cdef uint32_t *words = <uint32_t *>work.take(threads * 4 * n_blocks * sizeof(uint32_t))
    if mean.strides[1] != sizeof(real) or is_odd(&mean[0, 0], mean.strides[0], sizeof(real)):
        mean = np.array(mean, order="C")
    #> words = random_words(key, draw, *mean.shape)
    for start in range(0, n, size):
        PyErr_CheckSignals()
        stop = min(start + size, n)
        for r in prange(start, stop, nogil=True, num_threads=threads, schedule="static"):
            t = threadid()
            random_row(key, draw, <uint32_t>r, n_blocks, words + t * 4 * n_blocks)
            draw_row(&mean[r, 0], words + t * 4 * n_blocks, n_units, &sample[r, 0])
    return sample_array


cdef cloned mean_row(real *field, const real *bias, real beta, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t j
    #> mean = sigmoid(beta_1 * field)
    for j in range(n):
        field[j] = sigmoid(beta * (bias[j] + field[j]))


cdef cloned potential_changes(const real *field, const real *bias, double beta_0, double beta_1,
                              Py_ssize_t n, double *linear, double *factor,
                              double *change) noexcept nogil:
    """One logarithm of 512 factors 1 + e^-|y|: softplus(y) = max(y, 0) + log(1 + e^-|y|)  (E3)"""
    cdef Py_ssize_t start, j, width, half
    cdef double x, y0, y1, zero = 0
    #> change = (softplus(beta_1 * x) - softplus(beta_0 * x)).sum(axis=1)
    for start in range(0, n, 512):
        width = min(512, n - start)
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


def anneal_units(const uint8_t[:, :] states not None, const real[:, :] W not None,
                 const real[:] bias not None, double beta_0, double beta_1, uint64_t key,
                 uint32_t draw):
    """Return samples (n, n_out) uint8 at beta_1, and the change (n,) of sum softplus(beta field)
    from beta_0  (R4, E3)

    The field is that of the units that see the 0/1 states (n, n_in) through W (n_in, n_out)."""
    if states.shape[1] != W.shape[0] or bias.shape[0] != W.shape[1]:
        raise mismatch(states=states, W=W, bias=bias)
    cdef Py_ssize_t n = states.shape[0], n_out = W.shape[1], r, t, start, stop
    cdef int threads = threads_for(<double>n * n_out * states.shape[1])
    cdef Py_ssize_t size = piece(10. * n_out, threads)
    field_array, change_array = binary_product(states, W), np.zeros(n)
    cdef real[:, ::1] field = field_array
    cdef double[::1] change = change_array
    cdef double[:, :, ::1] scratch = np.empty((threads, 2, 512))
    cdef const real[::1] biases = np.array(bias)
    if n_out == 0:
        return field_array.astype(np.uint8), change_array
    #> field = bias + binary_product(states, W)
    for start in range(0, n, size):
        PyErr_CheckSignals()
        stop = min(start + size, n)
        for r in prange(start, stop, nogil=True, num_threads=threads, schedule="static"):
            t = threadid()
            potential_changes(&field[r, 0], &biases[0], beta_0, beta_1, n_out, &scratch[t, 0, 0],
                              &scratch[t, 1, 0], &change[r])
            mean_row(&field[r, 0], &biases[0], <real>beta_1, n_out)
    #> return draw_units(mean, key, draw), change
    return draw_units(field_array, key, draw), change_array
