#pragma once

// vcell counts on the arithmetic of IEEE 754: sums in the order in which they are written, infinity
// and not-a-number that are what they are. Without it exponential() can be wrong in the first
// digit, and checks for finite values vanish. Compilers do not tell of every option: clang++ does
// not of -fassociative-math and -funsafe-math-optimizations alone.
#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || \
    (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ > 0)
#error \
    "vcell: -ffast-math (-Ofast, -ffinite-math-only, -fassociative-math) gives wrong numbers. \
Compile files that include vcell without it, or add -fno-fast-math behind it."
#endif
