#pragma once

#include <string>
#include <vector>

#include "vcell/data/dense_matrix.hpp"

VCELL_BEGIN_NAMESPACE

/// A vector for every perturbation, by name, from which a model can predict those it never saw.
struct FeatureTable {
  std::vector<std::string> perturbations;  ///< different from each other
  std::vector<std::string> dimensions;     ///< a name for every entry of the vectors
  DenseMatrix<float> vectors;              ///< (perturbations, dimensions)

  friend bool operator==(const FeatureTable&, const FeatureTable&) = default;
};

VCELL_END_NAMESPACE
