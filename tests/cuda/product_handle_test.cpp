// The handle of cuBLASLt that a context keeps.
#include "support/catch.hpp"
#include "vcell/tensor/product_handle_cuda.hpp"
//
#include "cuda/support/device.hpp"
#include "vcell/tensor/copy.hpp"
#include "vcell/tensor/memory_cuda.hpp"

using namespace vcell;

namespace {

/// D (2, 3) = A (2, 4) B (4, 3), column by column.
CublasProduct small_product() {
  CublasProduct p;
  p.a = {CUDA_R_32F, 2, 4, 2, 0, 16};
  p.b = {CUDA_R_32F, 4, 3, 4, 0, 16};
  p.c = p.d = {CUDA_R_32F, 2, 3, 2, 0, 16};
  return p;
}

struct Matrices {
  Tensor<float, 1, Cuda> a{{8}}, b{{12}}, d{{64}}, bias{{64}}, stored{{64}};
  /// Why a product was not done; empty when it was.
  std::string multiply(const CublasProduct& p, const void* from, void* to) {
    const float alpha = 1, beta = 0;
    const char* const failure = current_context<Cuda>().own<ProductHandle>().multiply(
        p, &alpha, from, b.data(), &beta, to, to, bias.data(), stored.data());
    return failure ? failure : "";
  }
  std::string multiply(const CublasProduct& p) { return multiply(p, a.data(), d.data()); }
};

}  // namespace

TEST_CASE("cuda product handle: a product column by column", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  Matrices m;
  const float a[] = {1, 2, 3, 4, 5, 6, 7, 8}, b[] = {1, 0, 0, 0, 0, 1, 0, 0, 1, 1, 1, 1};
  Memory<Cuda>::upload(current_context<Cuda>(), m.a.data(), a, sizeof a);
  Memory<Cuda>::upload(current_context<Cuda>(), m.b.data(), b, sizeof b);
  CHECK(m.multiply(small_product()) == "");
  const auto d = to_host(m.d.view());
  const float expected[] = {1, 2, 3, 4, 16, 20};
  for (size_t i = 0; i < 6; ++i) CHECK(d[i] == expected[i]);
  CHECK(d[6] == 0);
}

TEST_CASE("cuda product handle: what is not supported is said", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  auto& handle = current_context<Cuda>().own<ProductHandle>();
  Matrices m;
  CHECK(handle.supports(small_product()));
  auto mixed = small_product();
  mixed.b.type = CUDA_R_16BF;
  CHECK_FALSE(handle.supports(mixed));
  CHECK(m.multiply(mixed).find("cublasLtMatmulAlgoGetHeuristic failed: CUBLAS_STATUS_") == 0);
  auto deeper = small_product();
  deeper.b.rows = deeper.b.stride = 5;
  CHECK_FALSE(handle.supports(deeper));
}

#if defined(VCELL_EMULATE_CUDA)  // the stand-in notices what a device may not
TEST_CASE("cuda product handle: the stand-in refuses what the library does", "[cuda]") {
  auto& handle = current_context<Cuda>().own<ProductHandle>();
  const auto refused = [&](auto change) {
    auto p = small_product();
    change(p);
    return !handle.supports(p);
  };
  CHECK_FALSE(refused([](auto&) {}));
  CHECK(refused([](auto& p) { p.a.stride = 1; }));
  CHECK(refused([](auto& p) { p.d.rows = 3, p.d.stride = 3; }));
  CHECK(refused([](auto& p) { p.c.rows = 3, p.c.stride = 3; }));
  CHECK(refused([](auto& p) { p.c.type = CUDA_R_16BF; }));
  CHECK(refused([](auto& p) { p.d.type = p.c.type = CUDA_R_16BF; }));
  CHECK(refused([](auto& p) { p.scale = CUDA_R_64F; }));
  CHECK(refused([](auto& p) { p.compute = CUBLAS_COMPUTE_64F; }));
  CHECK(refused([](auto& p) { p.a.alignment = 2; }));
  CHECK(refused([](auto& p) { p.batch = 2; }));  // both to one place
  CHECK_FALSE(refused([](auto& p) { p.batch = 2, p.c.batch_stride = p.d.batch_stride = 6; }));
  CHECK_FALSE(refused([](auto& p) { p.epilogue = CUBLASLT_EPILOGUE_BIAS; }));
  const auto stores = [](auto& p) {
    p.epilogue = CUBLASLT_EPILOGUE_GELU_AUX_BIAS;
    p.stored_stride = 8;
  };
  CHECK_FALSE(refused(stores));
  CHECK(refused([&](auto& p) { stores(p), p.stored_stride = 4; }));
  CHECK(refused([&](auto& p) {
    stores(p), p.batch = 2, p.c.batch_stride = p.d.batch_stride = 6, p.stored_batch_stride = 12;
  }));
  CHECK(refused([](auto& p) {
    p.compute = CUBLAS_COMPUTE_64F, p.scale = CUDA_R_64F;
    for (auto* x : {&p.a, &p.b, &p.c, &p.d}) x->type = CUDA_R_64F;
    p.epilogue = CUBLASLT_EPILOGUE_BIAS;
  }));
}

TEST_CASE("cuda product handle: the stand-in minds addresses", "[cuda]") {
  Matrices m;
  const auto p = small_product();
  const std::string refused =
      "cublasLtMatmul failed: CUBLAS_STATUS_INVALID_VALUE (an unsupported value or parameter was "
      "passed to the function)";
  const float host[8] = {};
  float to_host_memory[6];
  CHECK(m.multiply(p) == "");
  CHECK(m.multiply(p, host, m.d.data()) == refused);
  CHECK(m.multiply(p, m.a.data(), to_host_memory) == refused);
  CHECK(m.multiply(p, m.a.data() + 4, m.d.data()) == refused);  // not all of it is there
  CHECK(m.multiply(p, m.a.data(), m.d.data() + 1) == refused);  // not aligned as it was said
  CHECK(m.multiply(p, m.d.data() + 4, m.d.data()) == refused);  // what is read is written
  CHECK(m.multiply(p, m.d.data() + 8, m.d.data()) == "");
}

TEST_CASE("cuda product handle: not made while work is recorded", "[cuda]") {
  const Context<Cuda> context;
  detail::CudaBlocks blocks;
  detail::CudaWork work(blocks);
  context.keep_work(&work);
  work.begin_recording();
  CHECK_THROWS_WITH(context.own<ProductHandle>(),
                    "ProductHandle: the first product of a context, in work that is recorded; the "
                    "run before had none");
  work.end_recording();
  context.keep_work(nullptr);
  context.own<ProductHandle>();
}
#endif
