# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Sweeps of magnetisations to a fixed point of the TAP equations, each row to its own convergence.

Two kinds of half steps move a layer: the damped one goes a share of the way to sigma(theta), the
block minimiser to the exact minimum of Gamma_1 or Gamma_2 over the layer. One driver sweeps with
either. A line after #> is a line of the twin in reference.py, computed by the block below it. The
twin climbs to the minimum by Newton's steps, which are easier to read; the steps here are longer,
so that fewer exponentials are needed, and lead to the same place: chapter T derives both."""
from functools import partial

import numpy as np

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from cython.parallel cimport prange, threadid
from libc.math cimport fabs

from ._inline cimport CHECKSUM, cloned, exponential, piece, real, sigmoid
from ._layer cimport ROWS, complete, largest, layer_sums
from ._threads cimport threads_for
from .arrays import layer_of, mismatch, padded_powers
from .blas import one_core, together

checksum = CHECKSUM

# The damped half step


cdef cloned move_row(const real *sums, Py_ssize_t sums_stride, const real *bias, Py_ssize_t n_out,
                     int order, real beta, real step, real floor, real *m, Py_ssize_t stride,
                     real *theta, real *residual) noexcept nogil:
    """Move one row of a layer towards sigma(theta); residual = its worst unit before  (T10)"""
    cdef Py_ssize_t j
    cdef real c, mean, half = 0.5, third = 1 / 3.
    cdef const real *onsager_2 = sums + sums_stride
    cdef const real *onsager_3 = onsager_2 + sums_stride
    #> theta = beta * (bias + m_in @ W)
    for j in range(n_out):
        theta[j] = beta * (bias[j] + sums[j])
    #> theta = theta + beta**2 * (0.5 - m) * (c_in @ W**2)
    if order >= 2:
        for j in range(n_out):
            theta[j] += beta * beta * (half - m[j]) * onsager_2[j]
    #> theta = theta + beta**3 * (1 / 3 - 2 * c) * (skew_in @ W**3)
    if order >= 3:
        for j in range(n_out):
            c = m[j] - m[j] * m[j]
            theta[j] += beta * beta * beta * (third - (c + c)) * onsager_3[j]
    #> mean = sigmoid(theta)
    #> return m + step * (mean - m), worst(mean - m, m)
    for j in range(n_out):
        c = m[j] - m[j] * m[j]
        mean = sigmoid(theta[j])
        theta[j] = fabs((mean - m[j]) / (c + floor))
        m[j] += step * (mean - m[j])
    complete(m, stride, n_out, order)
    #> return np.max(np.abs(way) / (c + floor), axis=1)
    residual[0] = largest(theta, n_out)


# The half step to the minimum over a layer


cdef cloned fields(const real *sums, Py_ssize_t sums_stride, const real *bias, Py_ssize_t n_out,
                   int order, real beta, real floor, const real *m, real *x, real *onsager,
                   real *t, real *e, real *climb, real *residual) noexcept nogil:
    """x, onsager of the units of one row, the point t = |theta| from where they step, e = exp(-t),
    and the residual"""
    cdef Py_ssize_t j
    cdef real tail, top, one = 1, half = 0.5, zero = 0
    #> x = beta * (bias + m_in @ W)
    #> onsager = beta**2 * ((m_in - m_in**2) @ W**2) if order == 2 else np.zeros_like(x)
    for j in range(n_out):
        x[j] = beta * (bias[j] + sums[j])
        onsager[j] = 0
    if order == 2:
        for j in range(n_out):
            onsager[j] = beta * beta * sums[sums_stride + j]
    #> theta = x + (0.5 - m) * onsager
    for j in range(n_out):
        t[j] = x[j] + (half - m[j]) * onsager[j]
    #> return np.max(np.abs(way) / (c + floor), axis=1)
    # with way = sigmoid(theta) - m, which is 1 / (1 + e) - m for theta > 0, else e / (1 + e) - m
    for j in range(n_out):
        tail = exponential(-fabs(t[j]))
        top = one if t[j] > zero else tail
        e[j] = tail
        t[j] = fabs(t[j])
        climb[j] = fabs(top - m[j] * (one + tail)) / ((one + tail) * (m[j] - m[j] * m[j] + floor))
    residual[0] = largest(climb, n_out)


cdef cloned step_to_root(const real *x, const real *onsager, Py_ssize_t n_out, real small,
                         real tiny, real *t, const real *e, real *climb,
                         int *moving) noexcept nogil:
    """Move t by the longer step if it is below the root, by Newton's if it is above; moving = it is
    not there yet

    With s = 1 + e^-t, what is left of |x| - t - onsager (sigma(t) - 1/2) is r = rest / s, its slope
    is D = slope / s^2 and its bend k r = bend / s^2; the longer step is r (D + k r) / (D^2 + k r),
    and t stays above its bounds |x| - onsager / 2 and 0  (T18)"""
    cdef Py_ssize_t j
    cdef int far = 0
    cdef real s, rest, slope, bend, low, up, one = 1, half = 0.5, zero = 0
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
    #> e = np.exp(-t)
    for j in range(n_out):
        e[j] = exponential(-t[j])


cdef cloned settle(const real *x, const real *e, const real *climb, Py_ssize_t n_out, int order,
                   real *m, Py_ssize_t stride) noexcept nogil:
    """m = the means at t; e^-t is that before the last climb times e^-climb, and climb is small"""
    cdef Py_ssize_t j
    cdef real last, one = 1, half = 0.5, zero = 0
    #> return sigmoid(np.where(x > 0, t, -t))
    for j in range(n_out):
        last = e[j] * (one - climb[j] * (one - half * climb[j]))
        m[j] = (one if x[j] > zero else last) / (one + last)
    complete(m, stride, n_out, order)


cdef void minimise_row(const real *sums, Py_ssize_t sums_stride, const real *bias,
                       Py_ssize_t n_out, int order, real beta, real floor, real *m,
                       Py_ssize_t stride, real *scratch, Py_ssize_t width,
                       real *residual) noexcept nogil:
    """Move one row of a layer to its exact minimum; residual = its worst unit before  (T18)"""
    cdef real *x = scratch
    cdef real *onsager = x + width
    cdef real *t = onsager + width
    cdef real *e = t + width
    cdef real *climb = e + width
    cdef real small = 3e-3 if real is float else 5e-6  # a longer step leaves less than its cube,
    cdef real tiny = 3e-4 if real is float else 1e-8   # Newton's less than its square
    cdef int step, moving
    fields(sums, sums_stride, bias, n_out, order, beta, floor, m, x, onsager, t, e, climb, residual)
    for step in range(40):
        step_to_root(x, onsager, n_out, small, tiny, t, e, climb, &moving)
        if moving == 0:
            break
        exponentials(t, n_out, e)
    settle(x, e, climb, n_out, order, m, stride)


# The driver


cdef void half_step(bint block, const real *sums, Py_ssize_t sums_stride, const real *bias,
                    Py_ssize_t n_out, int order, real beta, real step, real floor, real *m,
                    Py_ssize_t stride, real *scratch, Py_ssize_t width,
                    real *residual) noexcept nogil:
    """Move one row of a layer by a half step of either kind; residual = its worst unit before"""
    if block:
        minimise_row(sums, sums_stride, bias, n_out, order, beta, floor, m, stride, scratch,
                     width, residual)
    else:
        move_row(sums, sums_stride, bias, n_out, order, beta, step, floor, m, stride, scratch,
                 residual)


cdef sweep_rows(bint block, const real[:, :] W, const real[::1] a, const real[::1] b, real beta,
                const real[:, :] m_v, const real[:, :] m_h, int order, real step, real tol,
                int max_iter):
    """Sweep over few rows or a small machine: four rows share each weight, tiles go to threads."""
    dtype = np.float32 if real is float else np.float64
    cdef Py_ssize_t n = m_v.shape[0], n_visible = W.shape[0], n_hidden = W.shape[1]
    cdef real[:, :, ::1] visible = layer_of(np.asarray(m_v), order)
    cdef real[:, :, ::1] hidden = layer_of(np.asarray(m_h), order)
    residual_array, n_iter_array = np.full(n, np.inf, dtype=dtype), np.zeros(n, dtype=np.intp)
    cdef real[::1] residual = residual_array
    cdef Py_ssize_t[::1] n_iter = n_iter_array
    cdef const real[:, :, ::1] powers = padded_powers(np.asarray(W), order)
    cdef const real[:, :, ::1] powers_T = padded_powers(np.asarray(W).T, order)
    cdef Py_ssize_t n_h = powers.shape[2], n_v = powers_T.shape[2], width = max(n_h, n_v)
    cdef Py_ssize_t tile, first, end, r, start, stop, tiles = (n + ROWS - 1) // ROWS
    cdef int threads = threads_for(<double>n * n_visible * n_hidden * max_iter)
    cdef int t, sweep, moving, last, done
    # some tiles and a few sweeps at a time: between them it listens for Ctrl-C
    cdef double work = 2. * order * n_v * n_h                       # of a sweep of one row
    cdef Py_ssize_t some = piece(16 * ROWS * work, threads)
    cdef int few = <int>min(piece(min(n, some * ROWS) * work, threads), 2**30)
    cdef real[:, ::1] sums = np.empty((threads, 3 * ROWS * width), dtype=dtype)
    cdef real[:, ::1] scratch = np.empty((threads, 5 * width), dtype=dtype)
    cdef real[:, :, ::1] worst = np.empty((threads, ROWS, 2), dtype=dtype)
    cdef real floor = np.finfo(dtype).eps ** (1 / 3.)
    for start in range(0, tiles, some):
        done = 0
        while done < max_iter:
            PyErr_CheckSignals()
            last = max_iter if max_iter - done < few else done + few
            stop = min(start + some, tiles)
            for tile in prange(start, stop, nogil=True, num_threads=threads, schedule="dynamic"):
                t = threadid()
                first = tile * ROWS
                end = min(first + ROWS, n)
                for sweep in range(done, last):
                    #> rows = np.flatnonzero(residual > tol)
                    moving = 0
                    for r in range(first, end):
                        moving = moving | (residual[r] > tol)
                    if moving == 0:
                        break
                    #> m_h[rows], worst_h = moved(m_v[rows], m_h[rows], W, b)
                    layer_sums(&visible[0, first, 0], n - first, n * n_visible, &powers[0, 0, 0],
                               n_visible, n_h, order, &sums[t, 0])
                    for r in range(first, end):
                        if residual[r] > tol:
                            half_step(block, &sums[t, (r - first) * n_h], ROWS * n_h, &b[0],
                                      n_hidden, order, beta, step, floor, &hidden[0, r, 0],
                                      n * n_hidden, &scratch[t, 0], width, &worst[t, r - first, 0])
                    #> m_v[rows], worst_v = moved(m_h[rows], m_v[rows], W.T, a)
                    layer_sums(&hidden[0, first, 0], n - first, n * n_hidden, &powers_T[0, 0, 0],
                               n_hidden, n_v, order, &sums[t, 0])
                    for r in range(first, end):
                        if residual[r] > tol:
                            half_step(block, &sums[t, (r - first) * n_v], ROWS * n_v, &a[0],
                                      n_visible, order, beta, step, floor, &visible[0, r, 0],
                                      n * n_visible, &scratch[t, 0], width, &worst[t, r - first, 1])
                            #> residual[rows] = np.maximum(worst_h, worst_v)
                            residual[r] = largest(&worst[t, r - first, 0], 2)
                            #> n_iter[rows] += 1
                            n_iter[r] = n_iter[r] + 1
            done, moving = last, 0
            for r in range(start * ROWS, min(stop * ROWS, n)):
                moving |= residual[r] > tol
            if moving == 0:
                break
    return np.asarray(visible[0]), np.asarray(hidden[0]), residual_array, n_iter_array


cdef move_layer(bint block, const real[:, :, ::1] sums, const real[::1] bias, real beta,
                real[:, :, ::1] layer, real step):
    """Move a layer (order, n, n_out) in place by a half step; return the residual (n,) before it"""
    dtype = np.float32 if real is float else np.float64
    cdef Py_ssize_t n = layer.shape[1], n_out = layer.shape[2], r
    cdef int order = layer.shape[0], threads = threads_for((1000. if block else 100.) * n * n_out)
    cdef real[:, ::1] scratch = np.empty((threads, 5 * n_out), dtype=dtype)
    cdef real floor = np.finfo(dtype).eps ** (1 / 3.)
    residual_array = np.empty(n, dtype=dtype)
    cdef real[::1] residual = residual_array
    for r in prange(n, nogil=True, num_threads=threads, schedule="dynamic"):
        half_step(block, &sums[0, r, 0], n * n_out, &bias[0], n_out, order, beta, step, floor,
                  &layer[0, r, 0], n * n_out, &scratch[threadid(), 0], n_out, &residual[r])
    return residual_array


@cython.boundscheck(True)                                           # also of the lists
@cython.wraparound(True)
cdef products(layer, powers, bint backwards):
    """Return the sums (order, n, n_out) over a layer, by BLAS, the last one first if backwards."""
    sums = np.empty((len(powers), layer.shape[1], powers[0].shape[1]), dtype=layer.dtype)
    calls = [partial(np.matmul, layer[k], powers[k], out=sums[k]) for k in range(len(powers))]
    calls = calls[::-1] if backwards else calls
    if threads_for(<double>sums[0].size * layer.shape[2]) > 1:
        together(calls)
    else:
        for call in calls:
            call()
    return sums


@cython.boundscheck(True)
@cython.wraparound(True)
cdef sweep_blocks(bint block, const real[:, :] weights, const real[::1] a, const real[::1] b,
                  real beta, const real[:, :] m_v, const real[:, :] m_h, int order, real step,
                  real tol, int max_iter):
    """Sweep over many rows of a large machine together: the sums are products by BLAS."""
    W, n = np.ascontiguousarray(weights), len(m_v)
    cdef real[:, :, ::1] sums, layer
    visible, hidden = layer_of(np.asarray(m_v), order), layer_of(np.asarray(m_h), order)
    residual, n_iter = np.full(n, np.inf, dtype=W.dtype), np.zeros(n, dtype=np.intp)
    copied = real is float and W.size < 2**19
    powers, powers_T = [W], [W.T.copy() if copied else W.T]    # BLAS likes it, if a cache holds it
    for k in range(1, order):
        powers.append(powers[k - 1] * W)
        powers_T.append(powers_T[k - 1] * powers_T[0] if copied else powers[k].T)
    for _ in range(max_iter):
        PyErr_CheckSignals()
        rows = np.flatnonzero(residual > tol)
        if len(rows) == 0:
            break
        v, h = [x if len(rows) == n else x.take(rows, axis=1) for x in (visible, hidden)]
        sums, layer = products(v, powers, False), h
        worst_h = move_layer(block, sums, b, beta, layer, step)
        sums, layer = products(h, powers_T, True), v  # the cache still holds the last power
        worst_v = move_layer(block, sums, a, beta, layer, step)
        residual[rows] = np.maximum(worst_h, worst_v)
        n_iter[rows] += 1
        if len(rows) < n:
            visible[:, rows], hidden[:, rows] = v, h
    return visible[0], hidden[0], residual, n_iter


cdef fixed_point(bint block, const real[:, :] W, const real[:] a, const real[:] b, real beta,
                 const real[:, :] m_v, const real[:, :] m_h, int order, real step, real tol,
                 int max_iter):
    """Check what was given, and choose who does the products of the sweeps."""
    cdef Py_ssize_t n = m_v.shape[0], n_visible = W.shape[0], n_hidden = W.shape[1], size, first
    if (a.shape[0] != n_visible or b.shape[0] != n_hidden or m_v.shape[1] != n_visible
        or m_h.shape[0] != n or m_h.shape[1] != n_hidden):
        raise mismatch(W=W, a=a, b=b, m_v=m_v, m_h=m_h)
    if n == 0:
        nothing = np.zeros(0, np.float32 if real is float else np.float64)
        return np.array(m_v), np.array(m_h), nothing, nothing.astype(np.intp)
    if n_visible == 0 or n_hidden == 0:
        raise ValueError(f"W must not be empty, got {(n_visible, n_hidden)}")
    if not 1 <= order <= (2 if block else 3):
        raise ValueError(f"order must be 1{' or 2' if block else ', 2 or 3'}, got {order}")
    cdef const real[::1] bias_v = np.array(a), bias_h = np.array(b)
    if n < 32 or n_visible * n_hidden < 2**14:
        return sweep_rows(block, W, bias_v, bias_h, beta, m_v, m_h, order, step, tol, max_iter)
    size = max(256, 8 * piece(<double>order * n_visible * n_hidden, 1))
    parts = []                                                 # of rows, to answer Ctrl-C in time
    with one_core:
        for first in range(0, n, size):
            parts.append(sweep_blocks(block, W, bias_v, bias_h, beta, m_v[first:first + size],
                                      m_h[first:first + size], order, step, tol, max_iter))
    return parts[0] if len(parts) == 1 else tuple(map(np.concatenate, zip(*parts)))


def damped_fixed_point(const real[:, :] W not None, const real[:] a not None,
                       const real[:] b not None, real beta, const real[:, :] m_v not None,
                       const real[:, :] m_h not None, int order, real step, real tol, int max_iter):
    """Return m_v, m_h, residual (n,), n_iter (n,) of damped sweeps to that tol  (T10, T12)"""
    return fixed_point(False, W, a, b, beta, m_v, m_h, order, step, tol, max_iter)


def block_fixed_point(const real[:, :] W not None, const real[:] a not None,
                      const real[:] b not None, real beta, const real[:, :] m_v not None,
                      const real[:, :] m_h not None, int order, real tol, int max_iter):
    """Return m_v, m_h, residual (n,), n_iter (n,) of block sweeps to that tol  (T12, T18)"""
    return fixed_point(True, W, a, b, beta, m_v, m_h, order, 1, tol, max_iter)
