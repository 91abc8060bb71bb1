// Norms, softmax and its like, cross entropy and the Sinkhorn divergence on the GPU against
// goldens.
#include "support/catch.hpp"
#include "vcell/kernels/copy.cuh"
#include "vcell/kernels/cross_entropy.cuh"
#include "vcell/kernels/elementwise.cuh"
#include "vcell/kernels/layer_norm.cuh"
#include "vcell/kernels/log_softmax.cuh"
#include "vcell/kernels/mean.cuh"
#include "vcell/kernels/rms_norm.cuh"
#include "vcell/kernels/sinkhorn_divergence.cuh"
#include "vcell/kernels/swap_axes.cuh"
//
#include "cuda/support/device.hpp"
#include "support/golden_op.hpp"
#include "vcell/ops/cross_entropy.hpp"
#include "vcell/ops/layer_norm.hpp"
#include "vcell/ops/log_softmax.hpp"
#include "vcell/ops/rms_norm.hpp"
#include "vcell/ops/sinkhorn_divergence.hpp"
#include "vcell/tensor/copy.hpp"
#include "vcell/tensor/memory_cuda.hpp"

namespace {

using namespace vcell;
using vcell_test::GoldenBounds;

template <class Run>
void check_golden(const std::string& name, Run run) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto folder = vcell_test::golden_folder("ops");
  if (!folder) VCELL_SKIP("golden folder ops is absent");
  vcell_test::check_golden_op<Cuda>(*folder, name, run);
}

}  // namespace

TEST_CASE("cuda log_softmax: golden", "[cuda][golden]") {
  check_golden("log_softmax", [](auto& c) {
    const int dim = c.attributes.at("dim");
    vcell_test::with_rank(c.rank("x"), [&](auto rank) {
      const auto x = c.template input<rank>("x");
      c.check(dim == -1 ? log_softmax(x) : log_softmax(x, dim < 0 ? dim + rank : dim));
    });
  });
}

TEST_CASE("cuda cross_entropy: golden", "[cuda][golden]") {
  check_golden("cross_entropy", [](auto& c) {
    const auto reduction = c.attributes.at("reduction").template get<std::string>();
    const auto x = c.template input<2>("x");
    const auto labels = c.template data<int32_t, 1>("y");
    if (reduction == "none")
      c.check(cross_entropies(x, labels));
    else
      c.check(cross_entropy(x, labels, reduction == "mean" ? Reduction::mean : Reduction::sum));
  });
}

TEST_CASE("cuda layer_norm: golden", "[cuda][golden]") {
  check_golden("layer_norm", [](auto& c) {
    if (c.name == "offset") c.bounds.out = c.bounds.gradient = c.is_float ? 1e-4 : 1e-10;
    vcell_test::with_rank(c.rank("x"), [&](auto rank) {
      const auto x = c.template input<rank>("x");
      const LayerNormOptions options{.epsilon = c.attributes.at("eps")};
      if (!c.has("weight"))
        c.check(layer_norm(x, {}, {}, options));
      else
        c.check(layer_norm(x, c.template input<1>("weight"), c.template input<1>("bias"), options));
    });
  });
}

TEST_CASE("cuda rms_norm: golden", "[cuda][golden]") {
  check_golden("rms_norm", [](auto& c) {
    vcell_test::with_rank(c.rank("x"), [&](auto rank) {
      const auto x = c.template input<rank>("x");
      c.check(rms_norm(x, c.template input<1>("weight"), {.epsilon = c.attributes.at("eps")}));
    });
  });
}

TEST_CASE("cuda sinkhorn_divergence: golden", "[cuda][golden]") {
  check_golden("sinkhorn_divergence", [](auto& c) {
    if (c.is_float && c.name != "expression") return;  // it is computed in double in any case
    c.bounds = c.is_float ? GoldenBounds{1e-6, 1e-6, 1e-6} : GoldenBounds{1e-10, 1e-10, 1e-12};
    c.check(sinkhorn_divergence(
        c.template input<3>("x"), c.template input<3>("y"),
        {.blur = c.attributes.at("blur"), .scaling = c.attributes.at("scaling")}));
  });
}
