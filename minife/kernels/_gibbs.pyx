# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Sampling binary units. Their fields need no multiplication: they are sums of the rows of W that are switched on.

Above each block stands the NumPy line that it computes; reference.py holds the same functions in NumPy.
One call spreads its rows over the threads; a row's numbers depend on the row alone, so the threads never matter."""
import numpy as np

from cython.parallel cimport prange, threadid
from libc.math cimport fabs, log
from libc.string cimport memcpy

from ._inline cimport (available_threads, cloned, exponential, philox, real, sigmoid, threads_for, uint8_t, uint32_t,
                       uint64_t)
from .reference import aligned_copy

cdef enum:
    TILE = 32  # rows of states that share what the cache holds of the matrix

cdef int n_threads = available_threads()


def set_threads(int n):
    """Let the kernels of this module use n threads; results do not depend on n."""
    global n_threads
    n_threads = n


cdef cloned list_active(const uint8_t *state, Py_ssize_t n_in, Py_ssize_t *active, Py_ssize_t *n_active) noexcept nogil:
    # active = np.flatnonzero(state)
    cdef Py_ssize_t i, k = 0
    for i in range(n_in):
        active[k] = i
        k += state[i]
    n_active[0] = k


cdef cloned sum_rows(const Py_ssize_t *active, Py_ssize_t n_active, const real *matrix, Py_ssize_t stride,
                     Py_ssize_t n_out, real *total) noexcept nogil:
    """total += matrix[active].sum(axis=0), four rows at a time  (K1)"""
    cdef Py_ssize_t j, k
    cdef const real *row0
    cdef const real *row1
    cdef const real *row2
    cdef const real *row3
    for k in range(0, n_active - 3, 4):
        row0 = matrix + active[k] * stride
        row1 = matrix + active[k + 1] * stride
        row2 = matrix + active[k + 2] * stride
        row3 = matrix + active[k + 3] * stride
        for j in range(n_out):
            total[j] = total[j] + row0[j] + row1[j] + row2[j] + row3[j]
    for k in range(n_active - n_active % 4, n_active):
        row0 = matrix + active[k] * stride
        for j in range(n_out):
            total[j] += row0[j]


cdef void add_products(const uint8_t *states, Py_ssize_t n, Py_ssize_t n_in, const real *matrix, Py_ssize_t stride,
                       Py_ssize_t n_out, Py_ssize_t *active, Py_ssize_t *n_active, real *total,
                       Py_ssize_t total_stride) noexcept nogil:
    """total += states @ matrix for a tile of n rows: 2 kB of a matrix row at a time, so that the cache serves all"""
    cdef Py_ssize_t r, start, panel, width = 2048 // sizeof(real)
    for r in range(n):
        list_active(states + r * n_in, n_in, active + r * (n_in + 1), n_active + r)
    for panel in range((n_out + width - 1) // width):
        start = panel * width
        for r in range(n):
            sum_rows(active + r * (n_in + 1), n_active[r], matrix + start, stride, min(width, n_out - start),
                     total + r * total_stride + start)


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


cdef cloned potential_changes(const real *field, double beta_0, double beta_1, Py_ssize_t n, double *linear,
                              double *factor, double *change) noexcept nogil:
    """change += sum of softplus(beta_1 field) - softplus(beta_0 field): one logarithm for 512 units  (R19)"""
    cdef Py_ssize_t start, j, width, half
    cdef double y0, y1, zero = 0
    for start in range(0, n, 512):
        width = min(512, n - start)
        # softplus(y) = max(y, 0) + log(1 + e^-|y|), and the factors 1 + e^-|y| lie between 1 and 2
        for j in range(width):
            y0 = beta_0 * field[start + j]
            y1 = beta_1 * field[start + j]
            linear[j] = (y1 if y1 > zero else zero) - (y0 if y0 > zero else zero)
            factor[j] = (1 + exponential(-fabs(y1))) / (1 + exponential(-fabs(y0)))
        while width > 1:  # the second half joins the first
            half = width // 2
            width -= half
            for j in range(half):
                linear[j] += linear[width + j]
                factor[j] *= factor[width + j]
        change[0] += linear[0] + log(factor[0])


def binary_product(const uint8_t[:, ::1] states, const real[:, :] matrix):
    """Return states @ matrix for 0/1 states (n, n_in) and a matrix (n_in, n_out)  (K1)"""
    cdef const real[:, :] rows = with_whole_rows(matrix)
    cdef Py_ssize_t n = states.shape[0], n_in = states.shape[1], n_out = matrix.shape[1], r, tile, t
    cdef Py_ssize_t stride = rows.strides[0] // sizeof(real)
    cdef int threads = threads_for(<double>n * n_in * n_out, n_threads)
    cdef Py_ssize_t height = min(TILE, (n + threads - 1) // threads)
    out_array = np.zeros((n, n_out), dtype=np.float32 if real is float else np.float64)
    cdef real[:, ::1] out = out_array
    cdef Py_ssize_t[:, :, ::1] active = np.empty((threads, height, n_in + 2), dtype=np.intp)
    for tile in prange((n + height - 1) // height, nogil=True, num_threads=threads, schedule="static"):
        t = threadid()
        r = tile * height
        add_products(&states[r, 0], min(height, n - r), n_in, &rows[0, 0], stride, n_out, &active[t, 0, 0],
                     &active[t, 0, 0] + height * (n_in + 1), &out[r, 0], n_out)
    return out_array


def random_words(uint64_t key, uint32_t draw, Py_ssize_t n_rows, Py_ssize_t n_units):
    """Return random 32-bit words (n_rows, n_units), a function of key, draw, row, unit and ceil(n_units / 4)  (K3)"""
    cdef Py_ssize_t n_blocks = (n_units + 3) // 4, r
    words_array = np.empty((n_rows, 4 * n_blocks), dtype=np.uint32)
    cdef uint32_t[:, ::1] words = words_array
    for r in range(n_rows):
        random_row(key, draw, <uint32_t>r, n_blocks, &words[r, 0])
    return words_array[:, :n_units]


def sample_units(const uint8_t[:, ::1] states, const real[:, :] W, const real[::1] bias, real beta,
                 uint64_t key, uint32_t draw):
    """Return samples (n, n_out) uint8 of the units that see the 0/1 states (n, n_in) through W (n_in, n_out)  (R4)"""
    return sample_and_change(states, W, bias, beta, 0, 0, key, draw)[0]


def anneal_units(const uint8_t[:, ::1] states, const real[:, :] W, const real[::1] bias, double beta_0, double beta_1,
                 uint64_t key, uint32_t draw):
    """Return samples (n, n_out) uint8 at beta_1, and the change (n,) of sum softplus(beta field) from beta_0  (R4, R19)

    The field is that of the units that see the 0/1 states (n, n_in) through W (n_in, n_out)."""
    return sample_and_change(states, W, bias, <real>beta_1, beta_0, beta_1, key, draw)


cdef sample_and_change(const uint8_t[:, ::1] states, const real[:, :] W, const real[::1] bias, real beta, double beta_0,
                       double beta_1, uint64_t key, uint32_t draw):
    """Return the samples of both functions above, and the changes."""
    cdef const real[:, :] rows = with_whole_rows(W)
    cdef Py_ssize_t n = states.shape[0], n_in = states.shape[1], n_out = W.shape[1], n_blocks = (n_out + 3) // 4
    cdef Py_ssize_t r, k, tile, t
    cdef Py_ssize_t stride = rows.strides[0] // sizeof(real)
    cdef int threads = threads_for(<double>n * n_in * n_out, n_threads)
    cdef Py_ssize_t height = min(TILE, (n + threads - 1) // threads)
    sample_array, change_array = np.empty((n, n_out), dtype=np.uint8), np.zeros(n)
    cdef uint8_t[:, ::1] sample = sample_array
    cdef double[::1] change = change_array
    cdef Py_ssize_t[:, :, ::1] active = np.empty((threads, height, n_in + 2), dtype=np.intp)
    cdef uint32_t[:, ::1] words = np.empty((threads, 4 * n_blocks), dtype=np.uint32)
    cdef real[:, :] field = aligned_copy(np.empty((threads * height, n_out), dtype=np.asarray(bias).dtype))
    cdef Py_ssize_t field_stride = field.strides[0] // sizeof(real)
    cdef double[:, :, ::1] scratch = np.empty((threads, 2, 512))
    for tile in prange((n + height - 1) // height, nogil=True, num_threads=threads, schedule="static"):
        t = threadid()
        r = tile * height
        # field = bias + states @ W
        for k in range(min(height, n - r)):
            memcpy(&field[t * height + k, 0], &bias[0], n_out * sizeof(real))
        add_products(&states[r, 0], min(height, n - r), n_in, &rows[0, 0], stride, n_out, &active[t, 0, 0],
                     &active[t, 0, 0] + height * (n_in + 1), &field[t * height, 0], field_stride)
        for k in range(min(height, n - r)):
            # change = (softplus(beta_1 * field) - softplus(beta_0 * field)).sum(axis=1)
            if beta_0 != beta_1:
                potential_changes(&field[t * height + k, 0], beta_0, beta_1, n_out, &scratch[t, 0, 0],
                                  &scratch[t, 1, 0], &change[r + k])
            random_row(key, draw, <uint32_t>(r + k), n_blocks, &words[t, 0])
            draw_row(&field[t * height + k, 0], beta, &words[t, 0], n_out, &sample[r + k, 0])
    return sample_array, change_array


cdef const real[:, :] with_whole_rows(const real[:, :] matrix):
    """Return the matrix itself if the numbers of a row are neighbours in memory, else a copy where they are."""
    if matrix.strides[1] != sizeof(real):
        return np.ascontiguousarray(matrix)
    return matrix
