#pragma once

// The target vcell::instantiations compiles what most programs use of vcell's templates once, and
// defines VCELL_INSTANTIATIONS for whoever links it: that changes where code is made and never
// what it means. Without it every source makes the code that it calls, as of any template. The
// targets vcell::files_instantiations and vcell::pipeline_instantiations with their definitions are
// the same for the group files, and for the groups pipeline and folders.
//
//   VCELL_INSTANTIATE(ops, Variable<float, 0> mean(const Variable<float, 1>&));
//
// at the end of a header declares that the code of mean<float, 1, Cpu> is elsewhere: in the source
// of that group, cmake/instantiations/ops.cpp, which defines VCELL_MAKE_ops as nothing before it
// includes vcell, so that there the same line makes it. One list, which declares and defines.
// Functions that are `inline`, by word or because they are written within their class, are compiled
// by all who call them in any case: what is dear stands outside.
#define VCELL_INSTANTIATE(group, ...) VCELL_INSTANTIATE_##group(__VA_ARGS__)
#if defined(VCELL_INSTANTIATIONS)
#define VCELL_INSTANTIATE_products(...) VCELL_MAKE_products template __VA_ARGS__
#define VCELL_INSTANTIATE_ops(...) VCELL_MAKE_ops template __VA_ARGS__
#define VCELL_INSTANTIATE_models(...) VCELL_MAKE_models template __VA_ARGS__
#define VCELL_INSTANTIATE_data(...) VCELL_MAKE_data template __VA_ARGS__
#else
#define VCELL_INSTANTIATE_products(...) static_assert(true)
#define VCELL_INSTANTIATE_ops(...) static_assert(true)
#define VCELL_INSTANTIATE_models(...) static_assert(true)
#define VCELL_INSTANTIATE_data(...) static_assert(true)
#endif
#if defined(VCELL_FILES_INSTANTIATIONS)
#define VCELL_INSTANTIATE_files(...) VCELL_MAKE_files template __VA_ARGS__
#else
#define VCELL_INSTANTIATE_files(...) static_assert(true)
#endif
#if defined(VCELL_PIPELINE_INSTANTIATIONS)
#define VCELL_INSTANTIATE_pipeline(...) VCELL_MAKE_pipeline template __VA_ARGS__
#define VCELL_INSTANTIATE_folders(...) VCELL_MAKE_folders template __VA_ARGS__
#else
#define VCELL_INSTANTIATE_pipeline(...) static_assert(true)
#define VCELL_INSTANTIATE_folders(...) static_assert(true)
#endif

#if !defined(VCELL_MAKE_products)
#define VCELL_MAKE_products extern
#endif
#if !defined(VCELL_MAKE_ops)
#define VCELL_MAKE_ops extern
#endif
#if !defined(VCELL_MAKE_models)
#define VCELL_MAKE_models extern
#endif
#if !defined(VCELL_MAKE_data)
#define VCELL_MAKE_data extern
#endif
#if !defined(VCELL_MAKE_pipeline)
#define VCELL_MAKE_pipeline extern
#endif
#if !defined(VCELL_MAKE_files)
#define VCELL_MAKE_files extern
#endif
#if !defined(VCELL_MAKE_folders)
#define VCELL_MAKE_folders extern
#endif
