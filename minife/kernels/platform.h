/* The five things that Cython cannot say.

   1. MINIFE_CLONES compiles a function once for plain x86-64, once for AVX2 and once for AVX-512;
      the loader picks the best one that the machine has, so a wheel is portable and still fast.
   2. Powers of two are made by writing the exponent bits of a floating-point number.
   3. OpenMP may be absent: then there is one thread.
   4. A sum of rows stays in registers: vectors of 64 bytes, which the compiler splits where
      registers are shorter.
   5. A module says what it was compiled from: setup.py gives the checksum of its sources. */
#ifndef MINIFE_PLATFORM_H
#define MINIFE_PLATFORM_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__) \
    && __GNUC__ >= 12 && !defined(MINIFE_BASELINE)
#define MINIFE_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MINIFE_CLONES
#endif

#ifndef MINIFE_CHECKSUM
#define MINIFE_CHECKSUM 0u
#endif

/* shifted = n + 1.5 * 2^23 (float) or n + 1.5 * 2^52 (double): its low bits hold the integer n.
   Returns 2^n. */
static inline float power_of_two_float(float shifted)
{
    uint32_t bits;
    memcpy(&bits, &shifted, 4);
    bits = (bits + 127u) << 23;
    memcpy(&shifted, &bits, 4);
    return shifted;
}

static inline double power_of_two_double(double shifted)
{
    uint64_t bits;
    memcpy(&bits, &shifted, 8);
    bits = (bits + 1023u) << 52;
    memcpy(&shifted, &bits, 8);
    return shifted;
}

/* x = mantissa * 2^exponent with 1 <= mantissa < 2, for normal x > 0. */
static inline double mantissa_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, 8);
    bits = (bits & 0x000FFFFFFFFFFFFFu) | 0x3FF0000000000000u;
    memcpy(&x, &bits, 8);
    return x;
}

static inline double exponent_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, 8);
    return (double)(int)(bits >> 52) - 1023;
}

#ifdef __GNUC__
#define MINIFE_PREFETCH(address, write) __builtin_prefetch(address, write)
/* into each clone, for its instruction set */
#define MINIFE_INLINE static inline __attribute__((always_inline))
#else
#define MINIFE_PREFETCH(address, write)
#define MINIFE_INLINE static inline
#endif

/* total = the sum of the rows of a panel that are listed, each of N vectors. The even and the odd
   ones of the list are added up by themselves, as an addition takes four cycles and two can begin
   in each. */
#ifdef __GNUC__
typedef float float_vector __attribute__((vector_size(64)));
typedef double double_vector __attribute__((vector_size(64)));
#define MINIFE_SUM_ROWS(real, N)                                                                   \
    MINIFE_INLINE void sum_rows_##real##_##N(const uint16_t *active, ptrdiff_t n,                  \
                                             const real *panel, real *total)                       \
    {                                                                                              \
        const real##_vector *rows = (const real##_vector *)panel, *row0, *row1;                    \
        real##_vector even[N] = {{0}}, odd[N] = {{0}};                                             \
        ptrdiff_t k, l;                                                                            \
        for (k = 0; k < n - 1; k += 2) {                                                           \
            row0 = rows + (size_t)N * active[k];                                                   \
            row1 = rows + (size_t)N * active[k + 1];                                               \
            for (l = 0; l < N; l++) {                                                              \
                even[l] += row0[l];                                                                \
                odd[l] += row1[l];                                                                 \
            }                                                                                      \
        }                                                                                          \
        if (k < n)                                                                                 \
            for (l = 0; l < N; l++)                                                                \
                even[l] += rows[(size_t)N * active[k] + l];                                        \
        for (l = 0; l < N; l++) {                                                                  \
            even[l] += odd[l];                                                                     \
            memcpy((char *)total + 64 * l, &even[l], 64);                                          \
        }                                                                                          \
    }
#else
#define MINIFE_SUM_ROWS(real, N)                                                                   \
    static inline void sum_rows_##real##_##N(const uint16_t *active, ptrdiff_t n,                  \
                                             const real *panel, real *total)                       \
    {                                                                                              \
        ptrdiff_t k, l, width = 64 * N / sizeof(real);                                             \
        memset(total, 0, 64 * N);                                                                  \
        for (k = 0; k < n; k++)                                                                    \
            for (l = 0; l < width; l++)                                                            \
                total[l] += panel[active[k] * width + l];                                          \
    }
#endif
MINIFE_SUM_ROWS(float, 2)
MINIFE_SUM_ROWS(float, 4)
MINIFE_SUM_ROWS(double, 2)
MINIFE_SUM_ROWS(double, 4)

/* to = the transpose of a square of 64 bytes a side, whose rows lie `step` numbers apart in `from`,
   `stride` in `to`. Interleave row i with row i + m/2 of m rows, log2(m) times: each time the bits
   of the place turn by one. */
#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define MINIFE_SHUFFLES
#endif
#endif
#ifdef MINIFE_SHUFFLES
#define MINIFE_INTERLEAVE(y, x, m, low, high)                                                      \
    for (i = 0; i < m / 2; i++) {                                                                  \
        y[2 * i] = __builtin_shufflevector(x[i], x[i + m / 2], low);                               \
        y[2 * i + 1] = __builtin_shufflevector(x[i], x[i + m / 2], high);                          \
    }
#define MINIFE_LOW_8 0, 8, 1, 9, 2, 10, 3, 11
#define MINIFE_HIGH_8 4, 12, 5, 13, 6, 14, 7, 15
#define MINIFE_LOW_16 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define MINIFE_HIGH_16 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
MINIFE_INLINE void transpose_float(const float *from, ptrdiff_t step, float *to, ptrdiff_t stride)
{
    float_vector x[16], y[16];
    int i;
    for (i = 0; i < 16; i++)
        memcpy(&x[i], from + i * step, 64);
    MINIFE_INTERLEAVE(y, x, 16, MINIFE_LOW_16, MINIFE_HIGH_16)
    MINIFE_INTERLEAVE(x, y, 16, MINIFE_LOW_16, MINIFE_HIGH_16)
    MINIFE_INTERLEAVE(y, x, 16, MINIFE_LOW_16, MINIFE_HIGH_16)
    MINIFE_INTERLEAVE(x, y, 16, MINIFE_LOW_16, MINIFE_HIGH_16)
    for (i = 0; i < 16; i++)
        memcpy(to + i * stride, &x[i], 64);
}
MINIFE_INLINE void transpose_double(const double *from, ptrdiff_t step, double *to,
                                    ptrdiff_t stride)
{
    double_vector x[8], y[8];
    int i;
    for (i = 0; i < 8; i++)
        memcpy(&x[i], from + i * step, 64);
    MINIFE_INTERLEAVE(y, x, 8, MINIFE_LOW_8, MINIFE_HIGH_8)
    MINIFE_INTERLEAVE(x, y, 8, MINIFE_LOW_8, MINIFE_HIGH_8)
    MINIFE_INTERLEAVE(y, x, 8, MINIFE_LOW_8, MINIFE_HIGH_8)
    for (i = 0; i < 8; i++)
        memcpy(to + i * stride, &y[i], 64);
}
#else
#define MINIFE_TRANSPOSE(real)                                                                     \
    MINIFE_INLINE void transpose_##real(const real *from, ptrdiff_t step, real *to,                \
                                        ptrdiff_t stride)                                          \
    {                                                                                              \
        ptrdiff_t i, j, m = 64 / sizeof(real);                                                     \
        for (i = 0; i < m; i++)                                                                    \
            for (j = 0; j < m; j++)                                                                \
                to[j * stride + i] = from[i * step + j];                                           \
    }
MINIFE_TRANSPOSE(float)
MINIFE_TRANSPOSE(double)
#endif

/* The bits of a number as an integer, and back. */
static inline uint32_t bits_of_float(float x) { uint32_t b; memcpy(&b, &x, 4); return b; }
static inline uint64_t bits_of_double(double x) { uint64_t b; memcpy(&b, &x, 8); return b; }
static inline float float_of_bits(uint32_t bits) { float x; memcpy(&x, &bits, 4); return x; }
static inline double double_of_bits(uint64_t bits) { double x; memcpy(&x, &bits, 8); return x; }

#ifdef _OPENMP
#include <omp.h>
static inline int available_threads(void) { return omp_get_max_threads(); }
#else
static inline int available_threads(void) { return 1; }
#endif

#endif
