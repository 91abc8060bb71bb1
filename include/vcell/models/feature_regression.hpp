#pragma once

#include <span>
#include <vector>

#include "vcell/core/check.hpp"
#include "vcell/core/cmath.hpp"
#include "vcell/models/standard_features.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE

/// What a regression from features measures likeness by.
enum class FeatureKernel {
  none,     ///< nothing: every perturbation gets its context's mean shift
  linear,   ///< z . z' / P, by which kernel ridge is ridge
  gaussian  ///< exp(-|z - z'|^2 / (2 width^2))
};

/// Shifts of perturbations that were never seen, from their features: kernel ridge, fitted by
/// fit_feature_regression. With z the standardised features of a perturbation, in a context c
///
///   shift(c, z) = offset[c] + sum_i kernel(z, points[i]) coefficients[c, i]
///
/// Row 0 of offsets and coefficients is for a context that nothing was learnt in, row 1 + c for the
/// context of code c.
struct FeatureRegression {
  FeatureKernel kernel = FeatureKernel::none;
  double width = 0;               ///< of the Gaussian kernel; 0 for others
  StandardFeatures standard;      ///< features -> z
  Tensor<float, 2> points;        ///< (n, P) z of what was learnt from; n is 0 without a kernel
  Tensor<float, 2> offset;        ///< (1 + contexts, genes)
  Tensor<float, 3> coefficients;  ///< (1 + contexts, n, genes)
  /// (1 + contexts) How much is held back, as part of the kernel's mean diagonal: of what contexts
  /// have in common, and of what each has beside it; 0: that is left out.
  std::vector<double> ridge;

  size_t features() const { return standard.centre.size(); }
  size_t contexts() const { return ridge.empty() ? 0 : ridge.size() - 1; }
  size_t genes() const { return offset.shape(1); }
};

namespace detail {

/// The kernel of two standardised vectors.
template <class A, class B>
double feature_kernel(FeatureKernel kernel, double width, size_t n, const A& a, const B& b) {
  double sum = 0;
  if (kernel == FeatureKernel::linear) {
    for (size_t i = 0; i < n; ++i) sum += double(a[i]) * double(b[i]);
    return sum / double(n);
  }
  for (size_t i = 0; i < n; ++i) {
    const double d = double(a[i]) - double(b[i]);
    sum += d * d;
  }
  return std::exp(-sum / (2 * width * width));
}

}  // namespace detail

/// The shift of a perturbation, (genes).
/// @param features  (P)
/// @param context   its code; -1, or one beyond those of the regression: nothing was learnt in it
/// @throws ShapeError if there are not P features
template <class = void>
std::vector<float> shift_of(const FeatureRegression& r, std::span<const float> features,
                            int32_t context) {
  const size_t row = context < 0 || size_t(context) >= r.contexts() ? 0 : size_t(context) + 1;
  const auto offset = r.offset[row];
  std::vector<double> sum(offset.begin(), offset.end());
  const auto z = r.standard(features);
  for (size_t i = 0; i < r.points.shape(0); ++i) {
    const double k = detail::feature_kernel(r.kernel, r.width, z.size(), z, r.points[i]);
    const auto learnt = r.coefficients[row][i];
    for (size_t g = 0; g < sum.size(); ++g) sum[g] += k * double(learnt(g));
  }
  return {sum.begin(), sum.end()};
}

/// @throws ShapeError if its parts do not fit each other; ConfigError if a width is not above 0
template <class = void>
void check_feature_regression(const FeatureRegression& r) {
  const char* f = "FeatureRegression";
  check_positive(f, "rows of ridge", r.ridge.size());
  check_size_match(f, "size of weight", r.standard.weight.size(), "of centre", r.features());
  check_size_match(f, "rows of offset", r.offset.shape(0), "of ridge", r.ridge.size());
  check_size_match(f, "columns of points", r.points.shape(1), "features", r.features());
  check_shape_match(f, "coefficients", r.coefficients.shape(), "rows, points and genes",
                    Shape<3>{r.ridge.size(), r.points.shape(0), r.genes()});
  if (r.kernel == FeatureKernel::gaussian) check_positive(f, "width", r.width);
  if (r.kernel == FeatureKernel::none)
    check_size_match(f, "points without a kernel", r.points.shape(0), "none", 0);
}

VCELL_END_NAMESPACE
