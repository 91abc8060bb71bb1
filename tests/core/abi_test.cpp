#include "vcell/core/abi.hpp"

#include <string_view>
#include <type_traits>
#include <typeinfo>

#include "support/catch.hpp"
#include "vcell/core/error.hpp"

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
