# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The block minimiser of Gamma_1 and Gamma_2: each half step is the exact minimum over one layer.

Above each block stands the NumPy line that it computes; reference.py holds the same function in NumPy."""
import numpy as np

from cython.parallel cimport prange, threadid
from libc.math cimport NAN, fabs

from ._inline cimport available_threads, cloned, exponential, real, sigmoid, threads_for

cdef int n_threads = available_threads()


def set_threads(int n):
    """Let the kernel of this module use n threads; results do not depend on n."""
    global n_threads
    n_threads = n


cdef cloned block_half_step(const real *W, const real *bias, Py_ssize_t n_in, Py_ssize_t n_out, int order, real beta,
                            real floor, const real *m_in, real *m_out, real *x, real *onsager, real *t,
                            real *climb, real *residual) noexcept nogil:
    """Move one layer to its exact minimum at fixed m_in, the other layer; residual = its worst unit before  (T18)"""
    cdef Py_ssize_t i, j
    cdef int newton, climbing, strange = 0
    cdef real m, c, w, size, low, e, s, worst = 0
    cdef real one = 1, half = 0.5, quarter = 0.25, small = 3e-4 if real is float else 1e-8
    cdef const real *row
    # x = beta * (bias + m_in @ W)
    # onsager = beta**2 * (c_in @ (W * W))
    for j in range(n_out):
        x[j] = beta * bias[j]
        onsager[j] = 0
    for i in range(n_in):
        row = W + i * n_out
        m = m_in[i]
        c = beta * beta * (m - m * m)
        m *= beta
        if order == 1:
            for j in range(n_out):
                x[j] += m * row[j]
        else:
            for j in range(n_out):
                w = row[j]
                x[j] += m * w
                onsager[j] += c * (w * w)
    # np.abs(sigmoid(x + (0.5 - m_out) * onsager) - m_out) / (c_out + floor)
    # t = np.maximum(np.abs(x) / (1 + onsager / 4), np.abs(x) - onsager / 2)
    for j in range(n_out):
        m = m_out[j]
        c = onsager[j]
        size = fabs(x[j])
        climb[j] = fabs(sigmoid(x[j] + (half - m) * c) - m) / (m - m * m + floor)
        t[j] = size / (one + quarter * c)
        low = size - half * c
        t[j] = low if low > t[j] else t[j]
    # residual = np.max(...)
    for j in range(n_out):
        worst = climb[j] if climb[j] > worst else worst
        strange |= climb[j] != climb[j]
    residual[0] = <real>NAN if strange else worst
    # climb = ((np.abs(x) - t) * s - onsager * (0.5 * (1 - e))) * s / (s * s + onsager * e)
    for newton in range(40):
        for j in range(n_out):
            e = exponential(-t[j])
            s = one + e
            climb[j] = ((fabs(x[j]) - t[j]) * s - onsager[j] * (half * (one - e))) * s / (s * s + onsager[j] * e)
            t[j] += climb[j]
        climbing = 0
        for j in range(n_out):
            climbing |= climb[j] > small * (one + t[j])
        if climbing == 0:
            break
    # m_out = sigmoid(np.copysign(t, x))
    for j in range(n_out):
        m_out[j] = sigmoid(t[j] if x[j] > 0 else -t[j])


def block_fixed_point(const real[:, ::1] W, const real[::1] a, const real[::1] b, real beta, m_v, m_h,
                      int order, real tol, int max_iter):
    """Return m_v, m_h, residual (n,), n_iter (n,): block sweeps of m_h, then m_v, until residual <= tol  (T12, T18)"""
    dtype = np.float32 if real is float else np.float64
    cdef Py_ssize_t n = m_v.shape[0], n_visible = W.shape[0], n_hidden = W.shape[1], r
    cdef int threads = threads_for(<double>n * n_visible * n_hidden * max_iter, n_threads), t
    m_v, m_h = np.array(m_v, dtype=dtype, order="C"), np.array(m_h, dtype=dtype, order="C")
    residual_array, n_iter_array = np.full(n, np.inf, dtype=dtype), np.zeros(n, dtype=np.intp)
    cdef const real[:, ::1] W_T = np.ascontiguousarray(np.asarray(W).T)
    cdef real[:, ::1] visible = m_v, hidden = m_h
    cdef real[::1] residual = residual_array
    cdef Py_ssize_t[::1] n_iter = n_iter_array
    cdef real[:, :, ::1] scratch = np.empty((threads, 4, max(n_visible, n_hidden)), dtype=dtype)
    cdef real[:, ::1] worst = np.empty((threads, 2), dtype=dtype)
    cdef real floor = np.finfo(dtype).eps ** (1 / 3.)
    for r in prange(n, nogil=True, num_threads=threads, schedule="dynamic"):
        t = threadid()
        while residual[r] > tol and n_iter[r] < max_iter:
            block_half_step(&W[0, 0], &b[0], n_visible, n_hidden, order, beta, floor, &visible[r, 0], &hidden[r, 0],
                            &scratch[t, 0, 0], &scratch[t, 1, 0], &scratch[t, 2, 0], &scratch[t, 3, 0], &worst[t, 0])
            block_half_step(&W_T[0, 0], &a[0], n_hidden, n_visible, order, beta, floor, &hidden[r, 0], &visible[r, 0],
                            &scratch[t, 0, 0], &scratch[t, 1, 0], &scratch[t, 2, 0], &scratch[t, 3, 0], &worst[t, 1])
            residual[r] = worst[t, 0] if worst[t, 0] > worst[t, 1] or worst[t, 0] != worst[t, 0] else worst[t, 1]
            n_iter[r] = n_iter[r] + 1
    return m_v, m_h, residual_array, n_iter_array
