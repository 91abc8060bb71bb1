#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "vcell/core/check.hpp"
#include "vcell/core/cmath.hpp"
#include "vcell/models/pair_shifts.hpp"
#include "vcell/models/perturbation_features.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE

/// What brings features to mean 0 and variance 1: z = (features - centre) weight. A feature that is
/// the same everywhere has the weight 0, so that nothing comes of it.
struct StandardFeatures {
  std::vector<float> centre, weight;  ///< (P)

  /// @throws ShapeError if there are not P features
  template <class = void>
  std::vector<float> operator()(std::span<const float> features) const {
    check_size_match("StandardFeatures", "features given", features.size(), "features learnt from",
                     centre.size());
    std::vector<float> z(features.size());
    for (size_t j = 0; j < z.size(); ++j)
      z[j] = float((double(features[j]) - double(centre[j])) * double(weight[j]));
    return z;
  }
};

/// Standardises rows, (n, P), in place.
template <class = void>
StandardFeatures standardise(Tensor<float, 2>& rows) {
  const size_t n = rows.shape(0);
  StandardFeatures out;
  for (size_t j = 0; j < rows.shape(1); ++j) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; ++i) sum += double(rows(i, j));
    const double mean = n ? sum / double(n) : 0;
    for (size_t i = 0; i < n; ++i) squares += std::pow(double(rows(i, j)) - mean, 2);
    const double sd = n ? std::sqrt(squares / double(n)) : 0;
    out.centre.push_back(float(mean));
    // What differs by no more than rounding is constant.
    const float weight = sd > 1e-6 * std::abs(mean) ? float(1 / sd) : 0.f;
    out.weight.push_back(std::isfinite(weight) ? weight : 0.f);
  }
  for (size_t i = 0; i < n; ++i) {
    const auto z = out(std::span<const float>(rows[i].data, rows.shape(1)));
    std::copy(z.begin(), z.end(), rows[i].begin());
  }
  return out;
}

/// The perturbations of some shifts.
struct LearntPerturbations {
  std::vector<int32_t> codes;  ///< (n) ascending
  Tensor<float, 2> features;   ///< (n, P)
};

/// @param names  of the codes
/// @throws ConfigError if one of them has no features
template <class = void>
LearntPerturbations learnt_perturbations(const PairShifts& shifts,
                                         const PerturbationFeatures& features,
                                         std::span<const std::string> names) {
  LearntPerturbations out{shifts.perturbation, {}};
  std::sort(out.codes.begin(), out.codes.end());
  out.codes.erase(std::unique(out.codes.begin(), out.codes.end()), out.codes.end());
  out.features = Tensor<float, 2>({out.codes.size(), features.width()});
  for (size_t i = 0; i < out.codes.size(); ++i) {
    const auto row = out.features[i];
    features.copy<float>(features.place(names[size_t(out.codes[i])]), {row.begin(), row.end()});
  }
  return out;
}

VCELL_END_NAMESPACE
