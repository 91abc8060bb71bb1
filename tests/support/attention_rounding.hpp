// What rounding explains of errors of attention in its golden with large logits.
#pragma once

#include "support/golden_op.hpp"

namespace vcell_test {

/// The largest sum |a_id b_jd| over d of any two rows of one head.
inline double largest_product(vcell::View<const double, 4> a, vcell::View<const double, 4> b) {
  double largest = 0;
  for (size_t n = 0; n < a.shape[0]; ++n)
    for (size_t h = 0; h < a.shape[1]; ++h)
      for (size_t i = 0; i < a.shape[2]; ++i)
        for (size_t j = 0; j < b.shape[2]; ++j) {
          double sum = 0;
          for (size_t d = 0; d < a.shape[3]; ++d) sum += std::abs(a(n, h, i, d) * b(n, h, j, d));
          largest = std::max(largest, sum);
        }
  return largest;
}

/// What rounding leaves of attention where logits are as large as 1e4. A logit is a sum of
/// products, each rounded, here and in the reference: `logit` is how far it may be off. A weight P
/// is off by that share of P (1 - P), and with it each gradient by that share of itself; and dP -
/// sum P dP is what cancellation leaves of dP.
template <class T, class Device>
void allow_rounding(GoldenCase<T, Device>& c, double scale) {
  const auto q = c.template data<double, 4>("q"), k = c.template data<double, 4>("k"),
             v = c.template data<double, 4>("v"), cotangent = c.template cotangent<double, 4>();
  constexpr double epsilon = std::numeric_limits<T>::epsilon();
  const double logit = epsilon * scale * largest_product(q.view(), k.view());
  const double cancelled = epsilon * largest_product(cotangent.view(), v.view()) * scale;
  const auto golden = [&](const char* what) {
    return largest_magnitude(c.array(std::string(".f64.") + what).template as<double>());
  };
  c.bounds.rounding = {
      {"out", logit * golden("out")},
      {"grad.v", logit * golden("grad.v")},
      {"grad.q", logit * golden("grad.q") + cancelled * largest_magnitude(k.values())},
      {"grad.k", logit * golden("grad.k") +
                     double(q.shape()[2]) * cancelled * largest_magnitude(q.values())}};
}

}  // namespace vcell_test
