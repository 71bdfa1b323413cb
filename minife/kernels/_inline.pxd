"""What the kernels share, inlined into each: exponential, sigmoid, the counter-based generator."""
cimport cython
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

ctypedef fused real:
    float
    double

cdef extern from "platform.h":
    ctypedef void cloned "MINIFE_CLONES void"      # of functions compiled per instruction set
    const unsigned int CHECKSUM "MINIFE_CHECKSUM"  # of the sources; __init__.py computes it again
    float power_of_two_float(float) nogil
    double power_of_two_double(double) nogil
    double exponent_of(double) nogil
    double mantissa_of(double) nogil
    int available_threads() nogil
    void prefetch "MINIFE_PREFETCH"(const void *address, int write) nogil
    void sum_rows_float_2(const uint16_t *active, Py_ssize_t n, const float *panel,
                          float *total) nogil
    void sum_rows_float_4(const uint16_t *active, Py_ssize_t n, const float *panel,
                          float *total) nogil
    void sum_rows_double_2(const uint16_t *active, Py_ssize_t n, const double *panel,
                           double *total) nogil
    void sum_rows_double_4(const uint16_t *active, Py_ssize_t n, const double *panel,
                           double *total) nogil
    void transpose_float(const float *source, Py_ssize_t step, float *target,
                         Py_ssize_t stride) nogil
    void transpose_double(const double *source, Py_ssize_t step, double *target,
                          Py_ssize_t stride) nogil


cdef inline Py_ssize_t piece(double n_operations, int n_threads) noexcept:
    """Return how many items of so many operations take about a tenth of a second."""
    return max(1, <Py_ssize_t>(1e8 * n_threads / max(n_operations, 1.)))


cdef inline bint is_odd(const void *first, Py_ssize_t step, Py_ssize_t size) noexcept:
    """Return whether numbers of this size lie where such numbers do not, as in packed records."""
    return ((<size_t>first | <size_t>step) & (size - 1)) != 0


@cython.cdivision(True)
cdef inline real exponential(real x) noexcept nogil:
    """e^x = 2^n e^r with n = round(x / ln 2) and |r| <= ln(2)/2, e^r by its Taylor polynomial  (K4)

    x is clipped to where 2^n is a normal number. Adding and subtracting 1.5 * 2^(mantissa bits)
    rounds to an integer without a branch, so the compiler turns a loop over this function into
    vector instructions. Even and odd powers, from the second on, are two sums that need not wait
    for each other."""
    cdef real low, high, shift, shifted, n, r, r2, even, odd, p
    cdef real log2_e = 1.4426950408889634
    if real is float:
        low, high, shift = -87, 88, 12582912
    else:
        low, high, shift = -708, 709, 6755399441055744
    x = low if x < low else x
    x = high if x > high else x
    shifted = x * log2_e + shift
    n = shifted - shift
    if real is float:  # ln 2 in two parts: n times the first is exact
        r = (x - n * <real>0.693359375) + n * <real>2.12194440e-4
        even, odd = <real>(1 / 720.), <real>(1 / 5040.)
        r2 = r * r
    else:
        r = (x - n * <real>0.693147180369123816490) - n * <real>1.90821492927058770002e-10
        r2 = r * r
        even, odd = <real>(1 / 479001600.), <real>(1 / 6227020800.)
        even, odd = even * r2 + <real>(1 / 3628800.), odd * r2 + <real>(1 / 39916800.)
        even, odd = even * r2 + <real>(1 / 40320.), odd * r2 + <real>(1 / 362880.)
        even, odd = even * r2 + <real>(1 / 720.), odd * r2 + <real>(1 / 5040.)
    even, odd = even * r2 + <real>(1 / 24.), odd * r2 + <real>(1 / 120.)
    even, odd = even * r2 + <real>(1 / 2.), odd * r2 + <real>(1 / 6.)
    p = <real>1 + (r + r2 * (even + r * odd))
    if real is float:
        return p * power_of_two_float(shifted)
    else:
        return p * power_of_two_double(shifted)


@cython.cdivision(True)
cdef inline real sigmoid(real x) noexcept nogil:
    """sigma(x)  (K4)"""
    #> return 1 / (1 + np.exp(np.clip(-x, low, high)))
    return <real>1 / (<real>1 + exponential(-x))


cdef inline void philox(uint32_t block, uint32_t row, uint32_t draw, uint64_t key,
                        uint32_t *x0, uint32_t *x1, uint32_t *x2, uint32_t *x3) noexcept nogil:
    """Four random 32-bit words: Philox4x32-10 of the counter (block, row, draw, 0)  (K2)

    Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011)."""
    cdef uint64_t c0 = block, c1 = row, c2 = draw, c3 = 0, low = 0xFFFFFFFF, product0, product1
    cdef uint32_t k0 = <uint32_t>key, k1 = <uint32_t>(key >> 32)
    cdef int i
    for i in range(10):  # in 64 bits, which vectorises best; only the low 32 of each c count
        #> product0 = np.uint64(0xD2511F53) * c0
        #> product1 = np.uint64(0xCD9E8D57) * c2
        product0 = <uint64_t>0xD2511F53u * (c0 & low)
        product1 = <uint64_t>0xCD9E8D57u * (c2 & low)
        #> c0, c1 = (product1 >> word) ^ c1 ^ k0, product1 & low
        #> c2, c3 = (product0 >> word) ^ c3 ^ k1, product0 & low
        c0 = (product1 >> 32) ^ c1 ^ k0
        c1 = product1
        c2 = (product0 >> 32) ^ c3 ^ k1
        c3 = product0
        #> k0 = (k0 + np.uint64(0x9E3779B9)) & low
        #> k1 = (k1 + np.uint64(0xBB67AE85)) & low
        k0 += 0x9E3779B9u
        k1 += 0xBB67AE85u
    x0[0] = <uint32_t>c0
    x1[0] = <uint32_t>c1
    x2[0] = <uint32_t>c2
    x3[0] = <uint32_t>c3
