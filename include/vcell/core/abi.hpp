#pragma once

// The inline namespace that encloses all of vcell is named after what a translation unit was
// configured with. Two units with different products therefore have different types and functions,
// and linking them together is either right or an error, never a silent mixture (one definition
// rule). The targets vcell::blas and vcell::vcell set these macros; nothing else may depend on
// them.
#if defined(VCELL_BLAS_DNNL)
#define VCELL_ABI with_dnnl
#elif defined(VCELL_BLAS_OPENBLAS)
#define VCELL_ABI with_openblas
#elif defined(VCELL_BLAS_BLIS)
#define VCELL_ABI with_blis
#else
#define VCELL_ABI with_eigen
#endif

/// Everything public lives between these two, in an inline namespace that names the product
/// backend. Macros, because ctags and the outlines of editors lose every definition behind the
/// words `namespace vcell::inline`.
#define VCELL_BEGIN_NAMESPACE namespace vcell::inline VCELL_ABI {
#define VCELL_END_NAMESPACE }
