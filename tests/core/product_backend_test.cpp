#include "vcell/core/product_backend.hpp"

#include "support/catch.hpp"

TEST_CASE("product_backend: the library that was chosen when configuring", "[core]") {
#if defined(VCELL_BLAS_DNNL)
  CHECK(vcell::product_backend() == "dnnl");
#elif defined(VCELL_BLAS_OPENBLAS)
  CHECK(vcell::product_backend() == "openblas");
#elif defined(VCELL_BLAS_BLIS)
  CHECK(vcell::product_backend() == "blis");
#else
  CHECK(vcell::product_backend() == "eigen");
#endif
}
