# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Sums of softplus over many neighbouring fields, as products: e^(x + y) = e^x e^y leaves no
exponential in the loop.

They are summed for all pairs of rows and columns, or as the units that make the fields are drawn
one by one. A line after #> is a line of the twin in reference.py, computed by the block below
it."""
import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from cython.parallel cimport prange, threadid
from libc.math cimport fabs, log
from libc.string cimport memcpy

from . import reference
from ._inline cimport (CHECKSUM, cloned, exponential, exponent_of, is_odd, mantissa_of, piece,
                       sigmoid, uint8_t)
from ._layer cimport largest
from ._threads cimport threads_for
from .arrays import aligned_empty, mismatch

checksum = CHECKSUM

cdef enum:
    WIDTH = 64  # columns: what is multiplied stays in the fastest cache

# e^(350 + 300) is a number, and softplus(+-350 + y) is exact
cdef double LARGEST_X = 350, LARGEST_Y = 300


cdef cloned exponentials(Py_ssize_t n, const double *x, double bound, double *out,
                         double *top) noexcept nogil:
    """out = e^x, with x clipped to +-bound; top = the largest of them"""
    cdef Py_ssize_t i
    cdef double clipped
    for i in range(n):
        clipped = bound if x[i] > bound else x[i]
        clipped = -bound if clipped < -bound else clipped
        out[i] = exponential(clipped)
    top[0] = largest(out, n)


cdef cloned multiply(Py_ssize_t n_terms, const double *u, const double *w, double *mantissa,
                     double *exponent) noexcept nogil:
    """mantissa * 2^exponent *= product over k of (1 + u_k w_k), column by column, if that fits the
    range of a double"""
    cdef Py_ssize_t j, k
    cdef double u0, u1, u2, u3
    cdef const double *row
    for k in range(0, n_terms - 3, 4):
        row = w + k * WIDTH
        u0, u1, u2, u3 = u[k], u[k + 1], u[k + 2], u[k + 3]
        for j in range(WIDTH):
            mantissa[j] *= (((1 + u0 * row[j]) * (1 + u1 * row[WIDTH + j]))
                            * ((1 + u2 * row[2 * WIDTH + j]) * (1 + u3 * row[3 * WIDTH + j])))
    for k in range(n_terms - n_terms % 4, n_terms):
        row = w + k * WIDTH
        u0 = u[k]
        for j in range(WIDTH):
            mantissa[j] *= 1 + u0 * row[j]
    for j in range(WIDTH):
        exponent[j] += exponent_of(mantissa[j])
        mantissa[j] = mantissa_of(mantissa[j])


cdef void one_row(Py_ssize_t n_terms, Py_ssize_t n_columns, Py_ssize_t group, const double *u,
                  const double *w, double excess, double *mantissa, double *exponent,
                  double *out) noexcept nogil:
    """out = excess + sum over k of log(1 + u_k w_k) for a panel of columns, in groups of terms"""
    cdef Py_ssize_t j, k, g
    for j in range(WIDTH):
        mantissa[j] = 1
        exponent[j] = 0
    for g in range((n_terms + group - 1) // group):
        k = g * group
        multiply(min(group, n_terms - k), u + k, w + k * WIDTH, mantissa, exponent)
    for j in range(n_columns):
        out[j] = excess + (log(mantissa[j]) + exponent[j] * 0.69314718055994530942)


cdef void fill_panel(const double *y, Py_ssize_t row_step, Py_ssize_t column_step,
                     Py_ssize_t n_terms, Py_ssize_t n_columns, double *w,
                     double *size) noexcept nogil:
    """w (n_terms, WIDTH) = up to WIDTH columns of y and zeros after them; size = the largest |y|"""
    cdef Py_ssize_t j, k
    cdef double[WIDTH] sizes
    for j in range(WIDTH):
        sizes[j] = 0
    for k in range(n_terms):
        for j in range(n_columns):
            w[j] = y[j * column_step]
        for j in range(n_columns, WIDTH):
            w[j] = 0
        for j in range(WIDTH):
            sizes[j] = fabs(w[j]) if fabs(w[j]) > sizes[j] else sizes[j]
        y += row_step
        w += WIDTH
    size[0] = largest(sizes, WIDTH)


cdef double excess_of(const double *x, Py_ssize_t n_terms) noexcept nogil:
    """Return the sum of what exceeds LARGEST_X: there softplus(x + y) is x + y."""
    cdef Py_ssize_t k
    cdef double excess = 0
    for k in range(n_terms):
        if x[k] > LARGEST_X:
            excess += x[k] - LARGEST_X
    return excess


def softplus_product(const double[:, :] x not None, const double[:, :] y not None):
    """Return sum over k of log(1 + e^(x_rk + y_ks)) (n, n_columns)  (R15)

    x (n, n_terms), y (n_terms, n_columns)"""
    if x.shape[1] != y.shape[0]:
        raise mismatch(x=x, y=y)
    cdef Py_ssize_t n = x.shape[0], n_terms = x.shape[1], n_columns = y.shape[1]
    cdef Py_ssize_t job, r, panel, start, stop
    #> total = np.zeros((len(x), y.shape[1]))
    out_array = np.zeros((n, n_columns))
    if n == 0 or n_terms == 0 or n_columns == 0:
        return out_array
    if x.strides[1] != 8 or is_odd(&x[0, 0], x.strides[0], 8):
        x = np.array(x, order="C")
    if is_odd(&y[0, 0], y.strides[0] | y.strides[1], 8):
        y = np.array(y, order="C")
    cdef Py_ssize_t n_panels = (n_columns + WIDTH - 1) // WIDTH, row_step = y.strides[0] // 8
    cdef Py_ssize_t column_step = y.strides[1] // 8
    cdef int threads = threads_for(<double>n * n_terms * n_columns), t
    cdef Py_ssize_t size = piece(WIDTH * <double>n_terms, threads)
    cdef double[:, ::1] out = out_array, u = np.empty((n, n_terms))
    cdef double[:, ::1] scratch = np.empty((threads, 2 * WIDTH))
    cdef double[:, ::1] w = aligned_empty(n_panels, n_terms * WIDTH, np.float64)
    cdef double[::1] excess = np.empty(n), top_u = np.empty(n)
    cdef double[::1] top_w = np.empty(n_panels), largest_y = np.empty(n_panels)
    # w = e^y, panel by panel of columns: each stays in the cache while all rows of x meet it
    for start in range(0, n_panels, size):
        PyErr_CheckSignals()
        stop = min(start + size, n_panels)
        for panel in prange(start, stop, nogil=True, num_threads=threads, schedule="static"):
            fill_panel(&y[0, 0] + panel * WIDTH * column_step, row_step, column_step, n_terms,
                       min(WIDTH, n_columns - panel * WIDTH), &w[panel, 0], &largest_y[panel])
            exponentials(n_terms * WIDTH, &w[panel, 0], LARGEST_Y, &w[panel, 0], &top_w[panel])
    if not np.max(largest_y) <= LARGEST_Y:  # out of the range of what follows
        return reference.softplus_product(np.asarray(x), np.asarray(y))
    # u = e^x up to LARGEST_X, and the sum of what exceeds it
    for start in range(0, n, size):
        PyErr_CheckSignals()
        stop = min(start + size, n)
        for r in prange(start, stop, nogil=True, num_threads=threads, schedule="static"):
            exponentials(n_terms, &x[r, 0], LARGEST_X, &u[r, 0], &top_u[r])
            excess[r] = excess_of(&x[r, 0], n_terms)
    if np.isnan(top_u).any():
        return reference.softplus_product(np.asarray(x), np.asarray(y))
    cdef double factor = max(np.log1p(np.max(top_u) * np.max(top_w)), 0.01)
    # a product of so many factors fits the range
    cdef Py_ssize_t group = max(1, <Py_ssize_t>(700 / factor))
    #> total += softplus(x[:, k, None] + y[k])
    for start in range(0, n_panels * n, size):
        PyErr_CheckSignals()
        stop = min(start + size, n_panels * n)
        for job in prange(start, stop, nogil=True, num_threads=threads, schedule="static"):
            t = threadid()
            panel = job // n
            r = job % n
            one_row(n_terms, min(WIDTH, n_columns - panel * WIDTH), group, &u[r, 0], &w[panel, 0],
                    excess[r], &scratch[t, 0], &scratch[t, WIDTH], &out[r, panel * WIDTH])
    return out_array


cdef cloned sum_of_softplus(Py_ssize_t n, Py_ssize_t group, const double *u, const double *w,
                            double *mantissa, double *exponent, double *total) noexcept nogil:
    """total = the sum of log(1 + u w) over n pieces of 2 WIDTH terms, in groups of pieces"""
    cdef Py_ssize_t g, k, j, i, width = WIDTH
    for j in range(WIDTH):
        mantissa[j] = 1
        exponent[j] = 0
    for g in range((n + group - 1) // group):
        for k in range(g * group, min((g + 1) * group, n)):
            i = k * 2 * WIDTH
            for j in range(WIDTH):
                mantissa[j] *= (1 + u[i + j] * w[i + j]) * (1 + u[i + WIDTH + j] * w[i + WIDTH + j])
        for j in range(WIDTH):
            exponent[j] += exponent_of(mantissa[j])
            mantissa[j] = mantissa_of(mantissa[j])
    while width > 1:  # the second half joins the first
        width //= 2
        for j in range(width):
            mantissa[j] *= mantissa[width + j]
            exponent[j] += exponent[width + j]
    total[0] = log(mantissa[0]) + exponent[0] * 0.69314718055994530942


cdef cloned multiply_row(Py_ssize_t n, const double *w, double *u) noexcept nogil:
    """u *= w"""
    cdef Py_ssize_t i
    for i in range(n):
        u[i] *= w[i]


cdef void collapsed_row(Py_ssize_t n, Py_ssize_t n_units, Py_ssize_t group, const double *tables,
                        const double *b, const double *uniform, double *u, double *mantissa,
                        double *exponent, uint8_t *h, double *before, double *after) noexcept nogil:
    """One sweep over the units h of a row; u = e^a at first; tables = e^W, e^-W, a row of ones"""
    cdef Py_ssize_t j
    cdef double now = 0, other = 0, field
    cdef const double *factor
    #> x = a + states @ W.T
    #> before = states @ b + softplus(x).sum(axis=1)
    for j in range(n_units):
        if h[j]:
            multiply_row(n, tables + j * n, u)
            before[0] += b[j]
    sum_of_softplus(n // (2 * WIDTH), group, u, tables + 2 * n_units * n, mantissa, exponent, &now)
    after[0] = before[0]
    before[0] += now
    for j in range(n_units):
        #> field = b[j] + softplus(on).sum(axis=1) - softplus(off).sum(axis=1)
        factor = tables + (j + n_units * h[j]) * n  # of u, if the unit is flipped
        sum_of_softplus(n // (2 * WIDTH), group, u, factor, mantissa, exponent, &other)
        field = b[j] + ((now - other) if h[j] else (other - now))
        #> states[:, j] = uniform[:, j] < sigmoid(field)
        if (uniform[j] < sigmoid(field)) != h[j]:
            after[0] += (-b[j]) if h[j] else b[j]
            h[j] = 1 - h[j]
            now = other
            multiply_row(n, factor, u)
    after[0] += now


def collapsed_sweep(const uint8_t[:, :] states not None, const double[:, :] W not None,
                    const double[:] a not None, const double[:] b not None,
                    const double[:, :] uniform not None):
    """Return states (n, n_units) uint8, each unit drawn given the others, and log w (n,) before and
    after  (E8)

    w(h) = e^(b.h) prod_i (1 + e^(a_i + (W h)_i)), with what they see through W (n_seen, n_units)
    summed out  (E7)"""
    cdef Py_ssize_t n = states.shape[0], n_seen = W.shape[0], n_units = W.shape[1]
    cdef Py_ssize_t r, start, stop, width = 2 * WIDTH
    if (states.shape[1] != n_units or a.shape[0] != n_seen or b.shape[0] != n_units
        or uniform.shape[0] != n or uniform.shape[1] != n_units):
        raise mismatch(states=states, W=W, a=a, b=b, uniform=uniform)
    #> states = states.copy()
    states_array = np.array(states, order="C")
    before_array, after_array = np.zeros(n), np.zeros(n)
    W_array, a_array = np.asarray(W), np.asarray(a)
    reach = np.abs(a_array) + np.abs(W_array).sum(axis=1)           # of the fields
    if n == 0 or n_seen == 0 or n_units == 0 or not np.max(reach) <= LARGEST_X:
        return reference.collapsed_sweep(states_array, W_array, a_array, np.asarray(b),
                                         np.asarray(uniform))
    if states_array.max() > 1:
        raise ValueError(f"states must be 0 or 1, got {states_array.max()}")
    cdef Py_ssize_t padded = (n_seen + width - 1) // width * width
    cdef int threads = threads_for(10. * n * n_units * n_seen), t
    cdef Py_ssize_t size = piece(<double>n_units * padded, threads)
    tables_array, u_array = aligned_empty(2 * n_units + 1, padded, np.float64), np.zeros(padded)
    tables_array[...] = 1
    np.exp(W_array.T, out=tables_array[:n_units, :n_seen])
    np.exp(-W_array.T, out=tables_array[n_units:-1, :n_seen])
    np.exp(a_array, out=u_array[:n_seen])  # and 0 in the padding, whose factors are 1
    cdef uint8_t[:, ::1] h = states_array
    cdef double[::1] before = before_array, after = after_array, u = u_array
    cdef const double[::1] bias = np.array(b)
    cdef const double[:, ::1] numbers = np.require(uniform, requirements=("C", "A"))
    cdef double[:, ::1] tables = tables_array
    cdef double[:, ::1] scratch = aligned_empty(threads, padded + width, np.float64)
    cdef double factor = max(np.log1p(np.exp(a_array + np.maximum(W_array, 0).sum(axis=1))).max(),
                             0.01)
    # a product of twice as many factors fits the range
    cdef Py_ssize_t group = <Py_ssize_t>(LARGEST_X / factor)
    for start in range(0, n, size):
        PyErr_CheckSignals()
        stop = min(start + size, n)
        for r in prange(start, stop, nogil=True, num_threads=threads, schedule="static"):
            t = threadid()
            memcpy(&scratch[t, 0], &u[0], padded * sizeof(double))
            collapsed_row(padded, n_units, group, &tables[0, 0], &bias[0], &numbers[r, 0],
                          &scratch[t, 0], &scratch[t, padded], &scratch[t, padded + WIDTH],
                          &h[r, 0], &before[r], &after[r])
    #> return states, before, after
    return states_array, before_array, after_array
