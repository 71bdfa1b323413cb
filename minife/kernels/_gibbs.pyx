# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Sampling binary units. Their fields need no multiplication: they are sums of the rows of W that are switched on.

Above each block stands the NumPy line that it computes; reference.py holds the same functions in NumPy.
One call spreads its rows over the threads; a row's numbers depend on the row alone, so the threads never matter."""
import numpy as np

from cython.parallel cimport prange, threadid

from ._inline cimport available_threads, cloned, philox, real, sigmoid, threads_for, uint8_t, uint32_t, uint64_t

cdef int n_threads = available_threads()


def set_threads(int n):
    """Let the kernels of this module use n threads; results do not depend on n."""
    global n_threads
    n_threads = n


cdef cloned sum_active_rows(const uint8_t *state, Py_ssize_t n_in, const real *matrix, Py_ssize_t n_out,
                            Py_ssize_t *active, real *total) noexcept nogil:
    """total += state @ matrix, four active rows at a time  (K1)"""
    cdef Py_ssize_t i, j, k, n_active = 0
    cdef const real *row0
    cdef const real *row1
    cdef const real *row2
    cdef const real *row3
    # active = np.flatnonzero(state)
    for i in range(n_in):
        active[n_active] = i
        n_active += state[i]
    # total += matrix[active].sum(axis=0)
    for k in range(0, n_active - 3, 4):
        row0 = matrix + active[k] * n_out
        row1 = matrix + active[k + 1] * n_out
        row2 = matrix + active[k + 2] * n_out
        row3 = matrix + active[k + 3] * n_out
        for j in range(n_out):
            total[j] = total[j] + row0[j] + row1[j] + row2[j] + row3[j]
    for k in range(n_active - n_active % 4, n_active):
        row0 = matrix + active[k] * n_out
        for j in range(n_out):
            total[j] += row0[j]


cdef cloned random_row(uint64_t key, uint32_t draw, uint32_t row, Py_ssize_t n_blocks,
                       uint32_t *words) noexcept nogil:
    """words = 4 * n_blocks random words of one row; word w of block k stands at w * n_blocks + k  (K3)"""
    cdef Py_ssize_t k
    for k in range(n_blocks):
        philox(<uint32_t>k, row, draw, key,
               words + k, words + n_blocks + k, words + 2 * n_blocks + k, words + 3 * n_blocks + k)


cdef cloned draw_row(const real *field, real beta, const uint32_t *words, Py_ssize_t n_out,
                     uint8_t *sample) noexcept nogil:
    """sample = 1 with probability sigma(beta * field)  (R4)"""
    cdef Py_ssize_t j
    cdef int bits = 23 if real is float else 31  # so that uniform is exact, and never 0 or 1
    cdef real half = 0.5, unit = 1 / <real>(1 << 23) if real is float else 1 / <real>(1u << 31)
    # uniform = ((words >> (32 - bits)) + 0.5) * 2.0**-bits
    # sample = uniform < 1 / (1 + np.exp(-beta * field))
    for j in range(n_out):
        sample[j] = (<real><int>(words[j] >> (32 - bits)) + half) * unit < sigmoid(beta * field[j])


def binary_product(const uint8_t[:, ::1] states, const real[:, ::1] matrix):
    """Return states @ matrix for 0/1 states (n, n_in) and a matrix (n_in, n_out)  (K1)"""
    cdef Py_ssize_t n = states.shape[0], n_in = states.shape[1], n_out = matrix.shape[1], r
    cdef int threads = threads_for(<double>n * n_in * n_out, n_threads)
    out_array = np.zeros((n, n_out), dtype=np.float32 if real is float else np.float64)
    active_array = np.empty((threads, n_in + 1), dtype=np.intp)
    cdef real[:, ::1] out = out_array
    cdef Py_ssize_t[:, ::1] active = active_array
    for r in prange(n, nogil=True, num_threads=threads, schedule="static"):
        sum_active_rows(&states[r, 0], n_in, &matrix[0, 0], n_out, &active[threadid(), 0], &out[r, 0])
    return out_array


def random_words(uint64_t key, uint32_t draw, Py_ssize_t n_rows, Py_ssize_t n_units):
    """Return random 32-bit words (n_rows, n_units), a function of key, draw, row, unit and ceil(n_units / 4)  (K3)"""
    cdef Py_ssize_t n_blocks = (n_units + 3) // 4, r
    words_array = np.empty((n_rows, 4 * n_blocks), dtype=np.uint32)
    cdef uint32_t[:, ::1] words = words_array
    for r in range(n_rows):
        random_row(key, draw, <uint32_t>r, n_blocks, &words[r, 0])
    return words_array[:, :n_units]


def sample_units(const uint8_t[:, ::1] states, const real[:, ::1] W, const real[::1] bias, real beta,
                 uint64_t key, uint32_t draw):
    """Return samples (n, n_out) uint8 of the units that see the 0/1 states (n, n_in) through W (n_in, n_out)  (R4)"""
    cdef Py_ssize_t n = states.shape[0], n_in = states.shape[1], n_out = W.shape[1], r, n_blocks = (W.shape[1] + 3) // 4
    cdef int threads = threads_for(<double>n * n_in * n_out, n_threads), t
    sample_array = np.empty((n, n_out), dtype=np.uint8)
    active_array = np.empty((threads, n_in + 1), dtype=np.intp)
    words_array = np.empty((threads, 4 * n_blocks), dtype=np.uint32)
    # field = bias + states @ W
    field_array = np.tile(np.asarray(bias), (n, 1))
    cdef uint8_t[:, ::1] sample = sample_array
    cdef Py_ssize_t[:, ::1] active = active_array
    cdef uint32_t[:, ::1] words = words_array
    cdef real[:, ::1] field = field_array
    for r in prange(n, nogil=True, num_threads=threads, schedule="static"):
        t = threadid()
        sum_active_rows(&states[r, 0], n_in, &W[0, 0], n_out, &active[t, 0], &field[r, 0])
        random_row(key, draw, <uint32_t>r, n_blocks, &words[t, 0])
        draw_row(&field[r, 0], beta, &words[t, 0], n_out, &sample[r, 0])
    return sample_array
