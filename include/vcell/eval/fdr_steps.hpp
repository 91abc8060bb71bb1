#pragma once

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "vcell/core/abi.hpp"
#include "vcell/core/cmath.hpp"

VCELL_BEGIN_NAMESPACE

/// The false discovery rates of many p-values (benjamini_hochberg) as the step function of p that
/// they are: so that those of a few can be found again without all of them.
class FdrSteps {
 public:
  FdrSteps() = default;

  /// @param p  all p-values; one that is NaN counts as 1
  template <class = void>
  explicit FdrSteps(std::vector<double> p);

  /// The rate of one of the p-values.
  template <class = void>
  double operator()(double p) const {
    const auto step = std::lower_bound(
        steps_.begin(), steps_.end(), std::isnan(p) ? 1.0 : p,
        [](const std::pair<double, double>& s, double value) { return s.first < value; });
    return step == steps_.end() ? 1.0 : step->second;
  }

 private:
  std::vector<std::pair<double, double>> steps_;  // the last p of a step, its rate; ascending
};

template <class>
FdrSteps::FdrSteps(std::vector<double> p) {
  std::replace_if(
      p.begin(), p.end(), [](double x) { return std::isnan(x); }, 1.0);
  std::sort(p.begin(), p.end());
  double least = 1;
  for (size_t i = p.size(); i-- > 0;) {
    const double rate = p[i] * double(p.size()) / double(i + 1);
    if (rate < least || steps_.empty()) {
      least = std::min(least, rate);
      steps_.emplace_back(p[i], least);
    }
  }
  std::reverse(steps_.begin(), steps_.end());
}

VCELL_END_NAMESPACE
