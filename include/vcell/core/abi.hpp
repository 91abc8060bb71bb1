#pragma once

#include "vcell/core/compiled_for.hpp"
#include "vcell/core/strict_math.hpp"

// Two inline namespaces enclose all of vcell: one is named after the library for products that a
// translation unit was configured with, one after the instructions that it was compiled for. Units
// that differ in either therefore have different types and functions, and linking them together is
// either right or an error, never a silent mixture (one definition rule): of the two bodies of an
// inline function the linker would keep one, and it may hold instructions that the processor of
// the other unit does not have. The targets vcell::blas and vcell::vcell set these macros; nothing
// else may depend on them. What is Eigen's or the standard library's stays shared.
#if defined(VCELL_BLAS_DNNL)
#define VCELL_ABI with_dnnl
#elif defined(VCELL_BLAS_OPENBLAS)
#define VCELL_ABI with_openblas
#elif defined(VCELL_BLAS_BLIS)
#define VCELL_ABI with_blis
#else
#define VCELL_ABI with_eigen
#endif

/// Everything public lives between these two. Macros, because ctags and the outlines of editors
/// lose every definition behind the words `namespace vcell::inline`.
#define VCELL_BEGIN_NAMESPACE namespace vcell::inline VCELL_ABI::inline VCELL_COMPILED_FOR {
#define VCELL_END_NAMESPACE }
