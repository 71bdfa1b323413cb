# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The block minimiser of Gamma_1 and Gamma_2: each half step is the exact minimum over one layer.

Above each block stands the NumPy line that it computes; reference.py holds the same functions in NumPy. The twin climbs
to the minimum by Newton's steps, which are easier to read; the steps here are longer, so that fewer exponentials are
needed, and lead to the same place: chapter T derives both."""
import numpy as np

from cython.parallel cimport prange, threadid
from libc.math cimport fabs

from . import reference
from ._inline cimport CHECKSUM, cloned, exponential, real
from ._layer cimport ROWS, complete, largest, layer_sums
from ._threads cimport threads_for

checksum = CHECKSUM


cdef cloned fields(const real *sums, Py_ssize_t sums_stride, const real *bias, Py_ssize_t n_out, int order, real beta,
                   real floor, const real *m, real *x, real *onsager, real *t, real *e, real *climb,
                   real *residual) noexcept nogil:
    """x, onsager of the units of one row, the point t = |theta| from where they step, e = exp(-t), and the residual"""
    cdef Py_ssize_t j
    cdef real tail, top, one = 1, half = 0.5, zero = 0
    # x = beta * (bias + sums[0])
    # onsager = beta**2 * sums[1] if order == 2 else np.zeros_like(x)
    for j in range(n_out):
        x[j] = beta * (bias[j] + sums[j])
        onsager[j] = 0
    if order == 2:
        for j in range(n_out):
            onsager[j] = beta * beta * sums[sums_stride + j]
    # theta = x + (0.5 - m) * onsager
    for j in range(n_out):
        t[j] = x[j] + (half - m[j]) * onsager[j]
    # e = np.exp(-np.abs(theta))
    # residual = np.max(np.abs(np.where(theta > 0, 1, e) - m * (1 + e)) / ((1 + e) * (c + floor)), axis=1)
    for j in range(n_out):
        tail = exponential(-fabs(t[j]))
        top = one if t[j] > zero else tail
        e[j] = tail
        t[j] = fabs(t[j])
        climb[j] = fabs(top - m[j] * (one + tail)) / ((one + tail) * (m[j] - m[j] * m[j] + floor))
    residual[0] = largest(climb, n_out)


cdef cloned step_to_root(const real *x, const real *onsager, Py_ssize_t n_out, real small, real tiny, real *t,
                         const real *e, real *climb, int *moving) noexcept nogil:
    """Move t by the longer step if it is below the root, by Newton's if it is above; moving = it is not there yet"""
    cdef Py_ssize_t j
    cdef int far = 0
    cdef real s, rest, slope, bend, low, up, one = 1, half = 0.5, zero = 0
    # s = 1 + e
    # rest = (np.abs(x) - t) * s - onsager * (0.5 * (1 - e))               r = rest / s
    # slope = s * s + onsager * e                                          D = slope / s^2
    # bend = 0.5 * (1 - e) * np.maximum(rest, 0)                           k r = bend / s^2
    # climb = rest * s * (slope + bend) / (slope**2 + s**2 * bend)         r (D + k r) / (D^2 + k r)
    # t = np.maximum(t + climb, np.maximum(np.abs(x) - 0.5 * onsager, 0))
    for j in range(n_out):
        s = one + e[j]
        rest = (fabs(x[j]) - t[j]) * s - onsager[j] * (half * (one - e[j]))
        slope = s * s + onsager[j] * e[j]
        bend = half * (one - e[j]) * (rest if rest > zero else zero)
        up = t[j] + rest * s * (slope + bend) / (slope * slope + s * s * bend)
        low = fabs(x[j]) - half * onsager[j]
        low = low if low > zero else zero
        up = up if up > low else low
        climb[j] = up - t[j]
        t[j] = up
    for j in range(n_out):
        far |= not ((climb[j] <= small * (one + t[j])) & (climb[j] >= -tiny * (one + t[j])))
    moving[0] = far


cdef cloned exponentials(const real *t, Py_ssize_t n_out, real *e) noexcept nogil:
    cdef Py_ssize_t j
    # e = np.exp(-t)
    for j in range(n_out):
        e[j] = exponential(-t[j])


cdef cloned settle(const real *x, const real *e, const real *climb, Py_ssize_t n_out, int order, real *m,
                   Py_ssize_t stride) noexcept nogil:
    """m = the means at t. Its exponential is that from before the last climb times e^-climb, and climb is small."""
    cdef Py_ssize_t j
    cdef real last, one = 1, half = 0.5, zero = 0
    # e = np.exp(-t)
    # m = np.where(x > 0, 1, e) / (1 + e)
    for j in range(n_out):
        last = e[j] * (one - climb[j] * (one - half * climb[j]))
        m[j] = (one if x[j] > zero else last) / (one + last)
    complete(m, stride, n_out, order)


cdef void minimise_row(const real *sums, Py_ssize_t sums_stride, const real *bias, Py_ssize_t n_out, int order,
                       real beta, real floor, real *m, Py_ssize_t stride, real *scratch, Py_ssize_t width,
                       real *residual) noexcept nogil:
    """Move one row of a layer to its exact minimum; residual = its worst unit before the move  (T18)"""
    cdef real *x = scratch
    cdef real *onsager = x + width
    cdef real *t = onsager + width
    cdef real *e = t + width
    cdef real *climb = e + width
    cdef real small = 3e-3 if real is float else 5e-6   # what a longer step leaves is below its cube,
    cdef real tiny = 3e-4 if real is float else 1e-8    # what Newton's leaves is below its square
    cdef int step, moving
    fields(sums, sums_stride, bias, n_out, order, beta, floor, m, x, onsager, t, e, climb, residual)
    for step in range(40):
        step_to_root(x, onsager, n_out, small, tiny, t, e, climb, &moving)
        if moving == 0:
            break
        exponentials(t, n_out, e)
    settle(x, e, climb, n_out, order, m, stride)


def minimise_layer(const real[:, :, ::1] sums, const real[::1] bias, real beta, real[:, :, ::1] layer):
    """Move a layer (order, n, n_out) in place to its exact minimum; return the residual (n,) before it  (T18)"""
    dtype = np.float32 if real is float else np.float64
    cdef Py_ssize_t n = layer.shape[1], n_out = layer.shape[2], r
    cdef int order = layer.shape[0], threads = threads_for(1000. * n * n_out)
    cdef real[:, :, ::1] scratch = np.empty((threads, 5, n_out), dtype=dtype)
    cdef real floor = np.finfo(dtype).eps ** (1 / 3.)
    residual_array = np.empty(n, dtype=dtype)
    cdef real[::1] residual = residual_array
    for r in prange(n, nogil=True, num_threads=threads, schedule="dynamic"):
        minimise_row(&sums[0, r, 0], n * n_out, &bias[0], n_out, order, beta, floor, &layer[0, r, 0], n * n_out,
                     &scratch[threadid(), 0, 0], n_out, &residual[r])
    return residual_array


def block_fixed_point(const real[:, ::1] W, const real[::1] a, const real[::1] b, real beta, m_v, m_h,
                      int order, real tol, int max_iter):
    """Return m_v, m_h, residual (n,), n_iter (n,): block sweeps of m_h, then m_v, until residual <= tol  (T12, T18)"""
    dtype = np.float32 if real is float else np.float64
    cdef Py_ssize_t n = m_v.shape[0], n_visible = W.shape[0], n_hidden = W.shape[1]
    if n >= 32 and n_visible * n_hidden >= 2**14:  # many rows of a large machine: BLAS does the products
        return reference.sweep_layers(minimise_layer, np.asarray(W), np.asarray(a), np.asarray(b), beta, m_v, m_h,
                                      order, tol, max_iter)
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
    cdef real[:, :, ::1] scratch = np.empty((threads, 5, max(n_v, n_h)), dtype=dtype)
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
                    minimise_row(&sums[t, (r - first) * n_h], ROWS * n_h, &b[0], n_hidden, order, beta, floor,
                                 &hidden[0, r, 0], n * n_hidden, &scratch[t, 0, 0], scratch.shape[2],
                                 &worst[t, r - first, 0])
            layer_sums(&hidden[0, first, 0], n - first, n * n_hidden, &powers_T[0, 0, 0], n_hidden, n_v, order,
                       &sums[t, 0])
            for r in range(first, min(first + ROWS, n)):
                if residual[r] > tol:
                    minimise_row(&sums[t, (r - first) * n_v], ROWS * n_v, &a[0], n_visible, order, beta, floor,
                                 &visible[0, r, 0], n * n_visible, &scratch[t, 0, 0], scratch.shape[2],
                                 &worst[t, r - first, 1])
                    residual[r] = largest(&worst[t, r - first, 0], 2)
                    n_iter[r] = n_iter[r] + 1
    return np.asarray(visible[0]), np.asarray(hidden[0]), residual_array, n_iter_array
