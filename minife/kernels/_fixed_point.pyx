# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The damped fixed-point iteration of the TAP equations, each row of magnetisations to its own convergence.

Above each block stands the NumPy line that it computes; reference.py holds the same function in NumPy."""
import numpy as np

from cython.parallel cimport prange, threadid
from libc.math cimport NAN, fabs

from ._inline cimport available_threads, cloned, real, sigmoid, threads_for

cdef int n_threads = available_threads()


def set_threads(int n):
    """Let the kernel of this module use n threads; results do not depend on n."""
    global n_threads
    n_threads = n


cdef cloned half_step(const real *W, const real *bias, Py_ssize_t n_in, Py_ssize_t n_out, int order, real beta,
                      real damping, real floor, const real *m_in, real *m_out, real *theta, real *onsager_2,
                      real *onsager_3, real *residual) noexcept nogil:
    """Move one layer towards its stationary point at fixed m_in, the other layer; residual = its worst unit  (T10)"""
    cdef Py_ssize_t i, j
    cdef int strange = 0
    cdef real m, c, skew, x, mean, w, worst = 0
    cdef real half = 0.5, third = 1 / 3.
    cdef const real *row
    # theta = beta * (bias + m_in @ W)
    # onsager_2 = beta**2 * (c_in @ (W * W))
    # onsager_3 = beta**3 * (skew_in @ (W * W * W))
    for j in range(n_out):
        theta[j] = beta * bias[j]
        onsager_2[j] = 0
        onsager_3[j] = 0
    for i in range(n_in):
        row = W + i * n_out
        m = m_in[i]
        c = m - m * m
        skew = c * (half - m)
        m *= beta
        c *= beta * beta
        skew *= beta * beta * beta
        if order == 1:
            for j in range(n_out):
                theta[j] += m * row[j]
        elif order == 2:
            for j in range(n_out):
                w = row[j]
                theta[j] += m * w
                onsager_2[j] += c * (w * w)
        else:
            for j in range(n_out):
                w = row[j]
                theta[j] += m * w
                onsager_2[j] += c * (w * w)
                onsager_3[j] += skew * (w * w * w)
    # theta += (0.5 - m_out) * onsager_2 + (1 / 3 - 2 * c_out) * onsager_3
    # m_out + damping * (mean - m_out)
    for j in range(n_out):
        m = m_out[j]
        c = m - m * m
        x = theta[j] + (half - m) * onsager_2[j] + (third - 2 * c) * onsager_3[j]
        mean = sigmoid(x)
        theta[j] = fabs(mean - m) / (c + floor)
        m_out[j] = m + damping * (mean - m)
    # residual = np.max(np.abs(mean - m_out) / (c_out + floor))
    for j in range(n_out):
        worst = theta[j] if theta[j] > worst else worst
        strange |= theta[j] != theta[j]
    residual[0] = <real>NAN if strange else worst


def damped_fixed_point(const real[:, ::1] W, const real[::1] a, const real[::1] b, real beta, m_v, m_h,
                       int order, real damping, real tol, int max_iter):
    """Return m_v, m_h, residual (n,), n_iter (n,): sweeps of m_h, then m_v, until residual <= tol  (T10, T12)"""
    dtype = np.float32 if real is float else np.float64
    cdef Py_ssize_t n = m_v.shape[0], n_visible = W.shape[0], n_hidden = W.shape[1], r
    cdef int threads = threads_for(<double>n * n_visible * n_hidden * max_iter, n_threads), t
    m_v, m_h = np.array(m_v, dtype=dtype, order="C"), np.array(m_h, dtype=dtype, order="C")
    residual_array, n_iter_array = np.full(n, np.inf, dtype=dtype), np.zeros(n, dtype=np.intp)
    cdef const real[:, ::1] W_T = np.ascontiguousarray(np.asarray(W).T)
    cdef real[:, ::1] visible = m_v, hidden = m_h
    cdef real[::1] residual = residual_array
    cdef Py_ssize_t[::1] n_iter = n_iter_array
    cdef real[:, :, ::1] scratch = np.empty((threads, 3, max(n_visible, n_hidden)), dtype=dtype)
    cdef real[:, ::1] worst = np.empty((threads, 2), dtype=dtype)
    cdef real floor = np.finfo(dtype).eps ** (1 / 3.)
    for r in prange(n, nogil=True, num_threads=threads, schedule="dynamic"):
        t = threadid()
        while residual[r] > tol and n_iter[r] < max_iter:
            half_step(&W[0, 0], &b[0], n_visible, n_hidden, order, beta, damping, floor, &visible[r, 0],
                      &hidden[r, 0], &scratch[t, 0, 0], &scratch[t, 1, 0], &scratch[t, 2, 0], &worst[t, 0])
            half_step(&W_T[0, 0], &a[0], n_hidden, n_visible, order, beta, damping, floor, &hidden[r, 0],
                      &visible[r, 0], &scratch[t, 0, 0], &scratch[t, 1, 0], &scratch[t, 2, 0], &worst[t, 1])
            residual[r] = worst[t, 0] if worst[t, 0] > worst[t, 1] or worst[t, 0] != worst[t, 0] else worst[t, 1]
            n_iter[r] = n_iter[r] + 1
    return m_v, m_h, residual_array, n_iter_array
