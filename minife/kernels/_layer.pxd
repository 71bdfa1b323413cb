"""What sweeps over layers need, inlined: sums over a layer, its cumulants, the worst of its units.

A layer (order, n, n_units) holds m, c = m - m^2 and skew = c (1/2 - m) as far as the order goes;
`stride` is the distance from one to the next."""
from libc.stdint cimport uint32_t, uint64_t

from ._inline cimport cloned, real

cdef extern from "platform.h":
    uint32_t bits_of_float(float) nogil
    uint64_t bits_of_double(double) nogil
    float float_of_bits(uint32_t) nogil
    double double_of_bits(uint64_t) nogil


cdef enum:
    ROWS = 4      # rows of a layer that share each number of W that is loaded
    COLUMNS = 32  # sums of one row that stay in registers; GCC leaves shorter loops without vectors


cdef inline cloned layer_sums(const real *layer, Py_ssize_t n, Py_ssize_t stride,
                              const real *powers, Py_ssize_t n_in, Py_ssize_t n_columns,
                              int order, real *sums) noexcept nogil:
    """sums (order, ROWS, n_columns) = m @ W, c @ W^2, skew @ W^3 of n <= ROWS rows, as far as the
    order goes  (T9)

    powers (order, n_in, n_columns), with n_columns a multiple of COLUMNS. Of a single row there is
    one sum, of more there are ROWS, of which the missing ones repeat the last."""
    cdef Py_ssize_t i, j, k, r, l, block
    cdef real total[ROWS][COLUMNS]
    cdef const real *x[ROWS]
    cdef const real *row
    for k in range(order):
        for r in range(ROWS):
            x[r] = layer + k * stride + min(r, n - 1) * n_in
        for block in range(n_columns // COLUMNS):
            j = block * COLUMNS
            row = powers + k * n_in * n_columns + j
            for r in range(ROWS):
                for l in range(COLUMNS):
                    total[r][l] = x[r][0] * row[l]
            if n == 1:
                for i in range(1, n_in):
                    row += n_columns
                    for l in range(COLUMNS):
                        total[0][l] += x[0][i] * row[l]
            else:
                for i in range(1, n_in):
                    row += n_columns
                    for r in range(ROWS):
                        for l in range(COLUMNS):
                            total[r][l] += x[r][i] * row[l]
            for r in range(ROWS):
                for l in range(COLUMNS):
                    sums[(k * ROWS + r) * n_columns + j + l] = total[r][l]


cdef inline void complete(real *layer, Py_ssize_t stride, Py_ssize_t n, int order) noexcept nogil:
    """c = m - m^2 and skew = c (1/2 - m) of one row of a layer, as far as the order goes"""
    cdef Py_ssize_t j
    cdef real half = 0.5
    cdef real *c = layer + stride
    cdef real *skew = c + stride
    #> c_in = m_in - m_in**2
    if order >= 2:
        for j in range(n):
            c[j] = layer[j] - layer[j] * layer[j]
    #> skew_in, c = c_in * (0.5 - m_in), m - m**2
    if order >= 3:
        for j in range(n):
            skew[j] = c[j] * (half - layer[j])


cdef inline real largest(const real *x, Py_ssize_t n) noexcept nogil:
    """max x_j of x_j >= 0, NaN if one of them is

    The bits of such numbers are in the order of the numbers, those of a NaN above infinity, and a
    maximum of integers is what the compiler can vectorise."""
    cdef Py_ssize_t j
    cdef uint32_t bits_32, worst_32 = 0
    cdef uint64_t bits_64, worst_64 = 0
    for j in range(n):
        if real is float:
            bits_32 = bits_of_float(x[j])
            worst_32 = bits_32 if bits_32 > worst_32 else worst_32
        else:
            bits_64 = bits_of_double(x[j])
            worst_64 = bits_64 if bits_64 > worst_64 else worst_64
    return float_of_bits(worst_32) if real is float else double_of_bits(worst_64)
