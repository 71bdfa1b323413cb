/* The three things that Cython cannot say.

   1. MINIFE_CLONES compiles a function once for plain x86-64, once for AVX2 and once for AVX-512; the loader picks
      the best one that the machine has, so a wheel is portable and still fast.
   2. Powers of two are made by writing the exponent bits of a floating-point number.
   3. OpenMP may be absent: then there is one thread. */
#ifndef MINIFE_PLATFORM_H
#define MINIFE_PLATFORM_H
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__) \
    && __GNUC__ >= 12 && !defined(MINIFE_BASELINE)
#define MINIFE_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MINIFE_CLONES
#endif

/* shifted = n + 1.5 * 2^23 (float) or n + 1.5 * 2^52 (double): its low bits hold the integer n. Returns 2^n. */
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

/* The bits of a number as an integer, and back. */
static inline uint32_t bits_of_float(float x) { uint32_t bits; memcpy(&bits, &x, 4); return bits; }
static inline uint64_t bits_of_double(double x) { uint64_t bits; memcpy(&bits, &x, 8); return bits; }
static inline float float_of_bits(uint32_t bits) { float x; memcpy(&x, &bits, 4); return x; }
static inline double double_of_bits(uint64_t bits) { double x; memcpy(&x, &bits, 8); return x; }

#ifdef _OPENMP
#include <omp.h>
static inline int available_threads(void) { return omp_get_max_threads(); }
#else
static inline int available_threads(void) { return 1; }
#endif

#endif
