#include "vcell/kernels/gemm_epilogue.hpp"

#include "support/gemm_case.hpp"

using namespace vcell;
using namespace vcell_test;
using enum EpilogueKind;

namespace {

constexpr EpilogueKind kinds[] = {none, bias, bias_gelu, bias_gelu_tanh, silu_gate, bias_residual};

template <class A, class B, class C>
void check_kinds(size_t m, size_t n, size_t k, bool all) {
  for (const EpilogueKind kind : kinds)
    for (const bool stored : {false, true})
      for (const bool accumulate : {false, true})
        for (const bool with_bias : {false, true}) {
          if (!all && (!with_bias || (stored && accumulate))) continue;
          GemmCase t{m, n, k, accumulate, !accumulate, accumulate, 0.5, kind, with_bias, stored};
          check_gemm<A, B, C>(t);
        }
}

}  // namespace

TEST_CASE("gemm epilogues against plain loops", "[kernels]") {
  for (const auto& s :
       {std::array<size_t, 3>{1, 1, 1}, {0, 3, 2}, {3, 0, 2}, {4, 5, 0}, {7, 33, 5}}) {
    check_kinds<float, float, float>(s[0], s[1], s[2], true);
    check_kinds<double, double, double>(s[0], s[1], s[2], true);
    check_kinds<float, bfloat16, float>(s[0], s[1], s[2], true);
    check_kinds<bfloat16, bfloat16, bfloat16>(s[0], s[1], s[2], true);
  }
}

TEST_CASE("gemm epilogues of many tiles against plain loops", "[kernels]") {
  const Threads set(2);
  check_kinds<float, float, float>(130, 210, 203, false);
  check_kinds<bfloat16, bfloat16, bfloat16>(320, 40, 333, false);
  check_kinds<bfloat16, bfloat16, bfloat16>(30, 150, 470, false);
}

TEST_CASE("gemm epilogues: the same bytes on any number of threads", "[kernels]") {
  for (const EpilogueKind kind : kinds)
    for (const bool stored : {false, true})
      vcell_test::check_same_on_any_threads([&] {
        GemmCase t{150, 170, 190, false, true, false, 1, kind, true, stored};
        t.compare = false;
        const auto r = check_gemm<float, bfloat16, float>(t);
        std::vector<float> all = r.c;
        all.insert(all.end(), r.stored.begin(), r.stored.end());
        for (float& v : all) v = v != v ? 0 : v;  // the frame of what is not stored
        return all;
      });
}
