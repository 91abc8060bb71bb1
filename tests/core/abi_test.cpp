#include "vcell/core/abi.hpp"

#include <string_view>
#include <type_traits>
#include <typeinfo>

#include "support/catch.hpp"
#include "vcell/core/error.hpp"

namespace {

// A macro, as it expands.
#define VCELL_TEST_TEXT(x) VCELL_TEST_TEXT_OF(x)
#define VCELL_TEST_TEXT_OF(x) #x
constexpr std::string_view compiled_for = VCELL_TEST_TEXT(VCELL_COMPILED_FOR);

bool names(std::string_view word) { return compiled_for.find(word) != compiled_for.npos; }

}  // namespace

TEST_CASE("abi: symbols name the product backend, sources need not", "[core]") {
  static_assert(std::is_same_v<vcell::Error, vcell::VCELL_ABI::Error>);
  const std::string_view symbol = typeid(vcell::Error).name();
#if defined(VCELL_BLAS_DNNL)
  CHECK(symbol.find("with_dnnl") != symbol.npos);
#elif defined(VCELL_BLAS_OPENBLAS)
  CHECK(symbol.find("with_openblas") != symbol.npos);
#elif defined(VCELL_BLAS_BLIS)
  CHECK(symbol.find("with_blis") != symbol.npos);
#else
  CHECK(symbol.find("with_eigen") != symbol.npos);
#endif
}

TEST_CASE("abi: symbols name the instructions that the file is compiled for", "[core]") {
  static_assert(std::is_same_v<vcell::Error, vcell::VCELL_ABI::VCELL_COMPILED_FOR::Error>);
  const std::string_view symbol = typeid(vcell::Error).name();
  CHECK(symbol.find(compiled_for) != symbol.npos);
#if defined(__x86_64__)
  CHECK(compiled_for.starts_with("x86_"));
#if defined(__AVX512BW__)
  CHECK((names("x86_v4") || names("_bw")));
#elif defined(__AVX2__)
  CHECK((names("x86_v3") || names("_avx2")));
#elif defined(__SSE4_2__)
  CHECK((names("x86_v2") || names("_sse42")));
#else
  CHECK(names("_sse2"));
#endif
#if defined(__AVX512BF16__)
  CHECK(names("_bf16"));
#endif
#elif defined(__aarch64__)
  CHECK(compiled_for.starts_with("arm"));
#endif
#if defined(VCELL_ADDRESS_SANITIZER)
  CHECK(compiled_for.ends_with("_asan"));
#endif
}
