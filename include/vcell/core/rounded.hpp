#pragma once

#include "vcell/core/abi.hpp"

/// Before a function template that is to be compiled once in a program, so that its bits are the
/// same for all who call it.
#if defined(__clang__)
#define VCELL_NOT_INLINE [[gnu::noinline]]
#elif defined(__GNUC__)
#define VCELL_NOT_INLINE [[gnu::noinline, gnu::noclone]]
#else
#define VCELL_NOT_INLINE
#endif

VCELL_BEGIN_NAMESPACE

/// A product as it is, rounded: no compiler takes it together with the sum that it goes into
/// (x * y + z, rounded once), which some do in one place where a function is compiled and not in
/// another. For sums whose bits are to be the same whoever calls.
inline double rounded(double product) {
#if defined(__GNUC__) && defined(__x86_64__)
  __asm__("" : "+x"(product));
#elif defined(__GNUC__) && defined(__aarch64__)
  __asm__("" : "+w"(product));
#endif
  return product;
}

VCELL_END_NAMESPACE
