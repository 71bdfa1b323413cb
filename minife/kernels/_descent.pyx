# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The steps of the optimizers, each in one pass over its arrays, in place: they are bound by
memory, not arithmetic.

A line after #> is a line of the twin in reference.py, computed by the block below it."""
from libc.math cimport sqrt, sqrtf

from ._inline cimport CHECKSUM, cloned, is_odd, real
from .arrays import mismatch

checksum = CHECKSUM


cdef inline real decayed(real slope, real theta, real l1, real l2) noexcept nogil:
    #> slope = slope + l1 * np.sign(theta) + l2 * theta
    return slope + l1 * ((theta > 0) - (theta < 0)) + l2 * theta


cdef inline real square_root(real x) noexcept nogil:
    if real is float:
        return sqrtf(x)
    else:
        return sqrt(x)


cdef check_places(const real *x, const real *y, const real *z, const real *slope):
    """Raise a ValueError unless arrays lie in memory as numbers do: in records they need not."""
    if is_odd(x, <Py_ssize_t>y | <Py_ssize_t>z | <Py_ssize_t>slope, sizeof(real)):
        raise ValueError("the arrays of a step must be aligned in memory")


cdef cloned plain(Py_ssize_t n, real *theta, const real *slope, real rate, real l1,
                  real l2) noexcept nogil:
    cdef Py_ssize_t i
    #> theta -= rate * (slope + l1 * np.sign(theta) + l2 * theta)
    for i in range(n):
        theta[i] -= rate * decayed(slope[i], theta[i], l1, l2)


def descent_step(real[::1] theta not None, const real[::1] slope not None, real rate, real l1,
                 real l2):
    """Change theta (n,) in place: one step of gradient descent with decay  (D2)"""
    cdef Py_ssize_t n = theta.shape[0]
    if slope.shape[0] != n:
        raise mismatch(theta=theta, slope=slope)
    if n > 0:
        check_places(&theta[0], &slope[0], &slope[0], &slope[0])
        plain(n, &theta[0], &slope[0], rate, l1, l2)


cdef cloned with_momentum(Py_ssize_t n, real *theta, real *velocity, const real *slope, real rate,
                          real momentum, real l1, real l2) noexcept nogil:
    cdef Py_ssize_t i
    #> velocity[...] = momentum * velocity + (slope + l1 * np.sign(theta) + l2 * theta)
    #> theta -= rate * velocity
    for i in range(n):
        velocity[i] = momentum * velocity[i] + decayed(slope[i], theta[i], l1, l2)
        theta[i] -= rate * velocity[i]


def momentum_step(real[::1] theta not None, real[::1] velocity not None,
                  const real[::1] slope not None, real rate, real momentum, real l1, real l2):
    """Change velocity and theta (n,) in place: one step with momentum and decay  (D2)"""
    cdef Py_ssize_t n = theta.shape[0]
    if velocity.shape[0] != n or slope.shape[0] != n:
        raise mismatch(theta=theta, velocity=velocity, slope=slope)
    if n > 0:
        check_places(&theta[0], &velocity[0], &slope[0], &slope[0])
        with_momentum(n, &theta[0], &velocity[0], &slope[0], rate, momentum, l1, l2)


cdef cloned adaptive(Py_ssize_t n, real *theta, real *mean, real *square, const real *slope,
                     real rate, real share, real square_share, real held, real square_held,
                     real epsilon, real l1, real l2) noexcept nogil:
    cdef Py_ssize_t i
    cdef real g
    #> mean += share * (slope - mean)
    #> square += square_share * (slope**2 - square)
    #> theta -= rate * (mean / held) / (np.sqrt(square / square_held) + epsilon)
    for i in range(n):
        g = decayed(slope[i], theta[i], l1, l2)
        mean[i] += share * (g - mean[i])
        square[i] += square_share * (g * g - square[i])
        theta[i] -= rate * (mean[i] / held) / (square_root(square[i] / square_held) + epsilon)


def adaptive_step(real[::1] theta not None, real[::1] mean not None, real[::1] square not None,
                  const real[::1] slope not None, real rate, real share, real square_share,
                  real held, real square_held, real epsilon, real l1, real l2):
    """Change mean, square and theta (n,) in place: one step of RMSProp or Adam  (D3, D4)"""
    cdef Py_ssize_t n = theta.shape[0]
    if mean.shape[0] != n or square.shape[0] != n or slope.shape[0] != n:
        raise mismatch(theta=theta, mean=mean, square=square, slope=slope)
    if n > 0:
        check_places(&theta[0], &mean[0], &square[0], &slope[0])
        adaptive(n, &theta[0], &mean[0], &square[0], &slope[0], rate, share, square_share, held,
                 square_held, epsilon, l1, l2)
