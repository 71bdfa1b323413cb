# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The damped fixed-point iteration of the TAP equations, each row of magnetisations to its own convergence.

Above each block stands the NumPy line that it computes; reference.py holds the same functions in NumPy."""
from functools import partial

import numpy as np

from cython.parallel cimport prange, threadid
from libc.math cimport fabs

from . import reference
from ._inline cimport CHECKSUM, cloned, real, sigmoid
from ._layer cimport ROWS, complete, largest, layer_sums
from ._threads cimport threads_for

checksum = CHECKSUM


cdef cloned move_row(const real *sums, Py_ssize_t sums_stride, const real *bias, Py_ssize_t n_out, int order, real beta,
                     real step, real floor, real *m, Py_ssize_t stride, real *theta, real *residual) noexcept nogil:
    """Move one row of a layer towards its stationary point; residual = its worst unit before the move  (T10)"""
    cdef Py_ssize_t j
    cdef real c, mean, half = 0.5, third = 1 / 3.
    cdef const real *onsager_2 = sums + sums_stride
    cdef const real *onsager_3 = onsager_2 + sums_stride
    # theta = beta * (bias + sums[0])
    for j in range(n_out):
        theta[j] = beta * (bias[j] + sums[j])
    # theta += beta**2 * (0.5 - m) * sums[1]
    if order >= 2:
        for j in range(n_out):
            theta[j] += beta * beta * (half - m[j]) * onsager_2[j]
    # theta += beta**3 * (1 / 3 - 2 * c) * sums[2]
    if order >= 3:
        for j in range(n_out):
            c = m[j] - m[j] * m[j]
            theta[j] += beta * beta * beta * (third - (c + c)) * onsager_3[j]
    # np.abs(mean - m) / (c + floor)
    # m + step * (mean - m)
    for j in range(n_out):
        c = m[j] - m[j] * m[j]
        mean = sigmoid(theta[j])
        theta[j] = fabs((mean - m[j]) / (c + floor))
        m[j] += step * (mean - m[j])
    complete(m, stride, n_out, order)
    # residual = np.max(..., axis=1)
    residual[0] = largest(theta, n_out)


def move_layer(const real[:, :, ::1] sums, const real[::1] bias, real beta, real[:, :, ::1] layer, real step):
    """Move a layer (order, n, n_out) in place towards its stationary point; return the residual (n,) before  (T10)"""
    dtype = np.float32 if real is float else np.float64
    cdef Py_ssize_t n = layer.shape[1], n_out = layer.shape[2], r
    cdef int order = layer.shape[0], threads = threads_for(100. * n * n_out)
    cdef real[:, ::1] theta = np.empty((threads, n_out), dtype=dtype)
    cdef real floor = np.finfo(dtype).eps ** (1 / 3.)
    residual_array = np.empty(n, dtype=dtype)
    cdef real[::1] residual = residual_array
    for r in prange(n, nogil=True, num_threads=threads, schedule="static"):
        move_row(&sums[0, r, 0], n * n_out, &bias[0], n_out, order, beta, step, floor, &layer[0, r, 0], n * n_out,
                 &theta[threadid(), 0], &residual[r])
    return residual_array


def damped_fixed_point(const real[:, ::1] W, const real[::1] a, const real[::1] b, real beta, m_v, m_h,
                       int order, real step, real tol, int max_iter):
    """Return m_v, m_h, residual (n,), n_iter (n,): damped sweeps until residual <= tol  (T10, T12)"""
    dtype = np.float32 if real is float else np.float64
    cdef Py_ssize_t n = m_v.shape[0], n_visible = W.shape[0], n_hidden = W.shape[1]
    if n >= 32 and n_visible * n_hidden >= 2**14:  # many rows of a large machine: BLAS does the products
        return reference.sweep_layers(partial(move_layer, step=step), np.asarray(W), np.asarray(a),
                                      np.asarray(b), beta, m_v, m_h, order, tol, max_iter)
    cdef real[:, :, ::1] visible = reference.layer_of(np.asarray(m_v, dtype=dtype), order)
    cdef real[:, :, ::1] hidden = reference.layer_of(np.asarray(m_h, dtype=dtype), order)
    residual_array, n_iter_array = np.full(n, np.inf, dtype=dtype), np.zeros(n, dtype=np.intp)
    cdef real[::1] residual = residual_array
    cdef Py_ssize_t[::1] n_iter = n_iter_array
    cdef const real[:, :, ::1] powers = reference.padded_powers(np.asarray(W), order)
    cdef const real[:, :, ::1] powers_T = reference.padded_powers(np.asarray(W).T, order)
    cdef Py_ssize_t n_h = powers.shape[2], n_v = powers_T.shape[2], tile, first, r, k
    cdef int threads = threads_for(<double>n * n_visible * n_hidden * max_iter), t, sweep, moving
    cdef real[:, ::1] sums = np.empty((threads, 3 * ROWS * max(n_v, n_h)), dtype=dtype)
    cdef real[:, :, ::1] scratch = np.empty((threads, 1, max(n_v, n_h)), dtype=dtype)
    cdef real[:, :, ::1] worst = np.empty((threads, ROWS, 2), dtype=dtype)
    cdef real floor = np.finfo(dtype).eps ** (1 / 3.)
    for tile in prange((n + ROWS - 1) // ROWS, nogil=True, num_threads=threads, schedule="dynamic"):
        t = threadid()
        first = tile * ROWS
        for sweep in range(max_iter):
            moving = 0
            for r in range(first, min(first + ROWS, n)):
                moving = moving | (residual[r] > tol)
            if moving == 0:
                break
            layer_sums(&visible[0, first, 0], n - first, n * n_visible, &powers[0, 0, 0], n_visible, n_h, order,
                       &sums[t, 0])
            for r in range(first, min(first + ROWS, n)):
                if residual[r] > tol:
                    move_row(&sums[t, (r - first) * n_h], ROWS * n_h, &b[0], n_hidden, order, beta, step, floor,
                             &hidden[0, r, 0], n * n_hidden, &scratch[t, 0, 0], &worst[t, r - first, 0])
            layer_sums(&hidden[0, first, 0], n - first, n * n_hidden, &powers_T[0, 0, 0], n_hidden, n_v, order,
                       &sums[t, 0])
            for r in range(first, min(first + ROWS, n)):
                if residual[r] > tol:
                    move_row(&sums[t, (r - first) * n_v], ROWS * n_v, &a[0], n_visible, order, beta, step, floor,
                             &visible[0, r, 0], n * n_visible, &scratch[t, 0, 0], &worst[t, r - first, 1])
                    residual[r] = largest(&worst[t, r - first, 0], 2)
                    n_iter[r] = n_iter[r] + 1
    return np.asarray(visible[0]), np.asarray(hidden[0]), residual_array, n_iter_array
