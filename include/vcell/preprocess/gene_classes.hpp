#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "vcell/core/check.hpp"
#include "vcell/core/cmath.hpp"

VCELL_BEGIN_NAMESPACE

/// What a gene is by its mean and its normalised dispersion (highly_variable_genes).
enum class GeneClass {
  key,            ///< high mean, high dispersion
  housekeeping,   ///< high mean, low dispersion
  rare,           ///< low mean, high dispersion
  uninformative,  ///< low mean, low dispersion
  unknown         ///< it does not vary, or is never expressed
};

constexpr std::array<std::string_view, 5> choices(GeneClass) {
  return {"key", "housekeeping", "rare", "uninformative", "unknown"};
}

struct GeneClassOptions {
  /// From which on a mean is high. Not given: the median of the genes with a dispersion.
  std::optional<double> mean = {};
  /// The same of the normalised dispersion.
  std::optional<double> dispersion = {};
};

struct GeneClasses {
  std::vector<GeneClass> of_genes;
  double mean = 0, dispersion = 0;  ///< the thresholds
};

/// Classes of genes: a number at its threshold counts as high.
/// @param means        (genes)
/// @param dispersions  (genes) normalised; NaN: unknown
/// @throws ShapeError if they are not as many
template <class = void>
GeneClasses gene_classes(std::span<const double> means, std::span<const float> dispersions,
                         const GeneClassOptions& options = {}) {
  check_size_match("gene_classes", "means", means.size(), "dispersions", dispersions.size());
  std::vector<double> m, d;
  for (size_t g = 0; g < means.size(); ++g) {
    if (std::isnan(dispersions[g])) continue;
    m.push_back(means[g]);
    d.push_back(dispersions[g]);
  }
  const auto median = [](std::vector<double>& x) {
    if (x.empty()) return 0.0;
    const auto middle = x.begin() + std::ptrdiff_t(x.size() / 2);
    std::nth_element(x.begin(), middle, x.end());
    return x.size() % 2 ? *middle : (*std::max_element(x.begin(), middle) + *middle) / 2;
  };
  GeneClasses out{{}, options.mean.value_or(median(m)), options.dispersion.value_or(median(d))};
  for (size_t g = 0; g < means.size(); ++g) {
    const bool high = means[g] >= out.mean, varies = dispersions[g] >= out.dispersion;
    out.of_genes.push_back(std::isnan(dispersions[g]) ? GeneClass::unknown
                           : high && varies           ? GeneClass::key
                           : high                     ? GeneClass::housekeeping
                           : varies                   ? GeneClass::rare
                                                      : GeneClass::uninformative);
  }
  return out;
}

VCELL_END_NAMESPACE
