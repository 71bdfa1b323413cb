# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The steps of the optimizers, each in one pass over its arrays, in place: they are bound by memory, not arithmetic.

Above each block stands the NumPy line that it computes; reference.py holds the same functions in NumPy."""
from libc.math cimport sqrt, sqrtf

from ._inline cimport CHECKSUM, cloned, decayed, descend, descend_with_momentum, real

checksum = CHECKSUM


cdef inline real square_root(real x) noexcept nogil:
    if real is float:
        return sqrtf(x)
    else:
        return sqrt(x)


cdef cloned plain(Py_ssize_t n, real *theta, const real *slope, real rate, real l1, real l2) noexcept nogil:
    descend(n, theta, slope, rate, l1, l2)


cdef cloned with_momentum(Py_ssize_t n, real *theta, real *velocity, const real *slope, real rate, real momentum,
                          real l1, real l2) noexcept nogil:
    descend_with_momentum(n, theta, velocity, slope, rate, momentum, l1, l2)


cdef cloned adaptive(Py_ssize_t n, real *theta, real *mean, real *square, const real *slope, real rate, real share,
                     real square_share, real held, real square_held, real epsilon, real l1, real l2) noexcept nogil:
    cdef Py_ssize_t i
    cdef real g
    for i in range(n):
        g = decayed(slope[i], theta[i], l1, l2)
        mean[i] += share * (g - mean[i])
        square[i] += square_share * (g * g - square[i])
        theta[i] -= rate * (mean[i] / held) / (square_root(square[i] / square_held) + epsilon)


def descent_step(real[::1] theta, const real[::1] slope, real rate, real l1, real l2):
    """Change theta (n,) in place: one step of gradient descent with decay  (D2)"""
    # theta -= rate * (slope + l1 * np.sign(theta) + l2 * theta)
    plain(theta.shape[0], &theta[0], &slope[0], rate, l1, l2)


def momentum_step(real[::1] theta, real[::1] velocity, const real[::1] slope, real rate, real momentum, real l1,
                  real l2):
    """Change velocity and theta (n,) in place: one step of gradient descent with momentum and decay  (D2)"""
    # velocity[...] = momentum * velocity + slope + l1 * np.sign(theta) + l2 * theta
    # theta -= rate * velocity
    with_momentum(theta.shape[0], &theta[0], &velocity[0], &slope[0], rate, momentum, l1, l2)


def adaptive_step(real[::1] theta, real[::1] mean, real[::1] square, const real[::1] slope, real rate, real share,
                  real square_share, real held, real square_held, real epsilon, real l1, real l2):
    """Change mean, square and theta (n,) in place: one step of RMSProp or Adam with decay  (D3, D4)"""
    # slope = slope + l1 * np.sign(theta) + l2 * theta
    # mean += share * (slope - mean)
    # square += square_share * (slope**2 - square)
    # theta -= rate * (mean / held) / (np.sqrt(square / square_held) + epsilon)
    adaptive(theta.shape[0], &theta[0], &mean[0], &square[0], &slope[0], rate, share, square_share, held, square_held,
             epsilon, l1, l2)
