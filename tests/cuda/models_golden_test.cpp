// Whole models on the GPU beside the goldens: what they predict, every term of their losses and
// every gradient, within what the goldens allow of float.
#include "support/catch.hpp"
#include "vcell/cuda.cuh"
//
#include "cuda/support/device.hpp"
#include "models/state_embedding_step.hpp"
#include "models/state_transition_step.hpp"
#include "support/golden.hpp"

using namespace vcell;

namespace {

struct Chosen {
  std::vector<std::string> variants, others;
};

/// On a GPU all variants of a folder. The emulation takes its time: there the smallest by their
/// files, as many as come to so many bytes together.
Chosen choose(const std::filesystem::path& folder, std::vector<std::string> variants,
              [[maybe_unused]] size_t bytes) {
#if defined(VCELL_EMULATE_CUDA)
  const auto size_of = [&](const std::string& variant) {
    return std::filesystem::file_size(folder / (variant + ".data.safetensors"));
  };
  std::ranges::stable_sort(variants, {}, size_of);
  Chosen out;
  size_t sum = 0;
  for (const std::string& variant : variants)
    ((sum += size_of(variant)) <= bytes ? out.variants : out.others).push_back(variant);
  return out;
#else
  return {variants, {}};
#endif
}

/// Checks those that are chosen, and says what is left out.
template <class Check>
void check_chosen(const Chosen& chosen, Check&& check) {
  CHECK_FALSE(chosen.variants.empty());
  for (const std::string& variant : chosen.variants) {
    INFO(variant);
    check(variant);
  }
  std::string left_out;  // all of them, where list_of would give some
  for (const std::string& variant : chosen.others) left_out += ' ' + variant;
  if (!left_out.empty()) VCELL_SKIP("goldens of whole models, on the emulation:" + left_out);
}

}  // namespace

TEST_CASE("cuda StateTransition golden: float", "[cuda][golden]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto folder = vcell_test::golden_folder("state_transition");
  if (!folder) VCELL_SKIP("golden folder state_transition is absent");
  check_chosen(choose(*folder, vcell_test::variants_of(*folder), 400'000),
               [&](const auto& variant) {
                 vcell_test::check_state_transition_step<float, Cuda>({*folder, variant});
               });
}

TEST_CASE("cuda StateEmbedding golden: float", "[cuda][golden]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto folder = vcell_test::golden_folder("state_embedding");
  if (!folder) VCELL_SKIP("golden folder state_embedding is absent");
  check_chosen(choose(*folder, vcell_test::embedding_variants_of(*folder), 200'000),
               [&](const auto& variant) {
                 vcell_test::check_state_embedding_step<float, Cuda>({*folder, variant});
               });
}
