#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/models/trained_model.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

template <class = void>
void check_names(const char* what, const std::vector<std::string>& names, size_t expected) {
  if (names.size() != expected)
    throw ConfigError(message("name_model: ", names.size(), " names of ", what, " for a model of ",
                              expected, "; give one for each, in the order that the model was ",
                              "trained with"));
  std::vector<std::string_view> sorted(names.begin(), names.end());
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end())
    throw ConfigError(
        message("name_model: ", quoted(*twice), " comes twice among the names of ", what));
}

}  // namespace detail

/// The names that name_genes sets: of the genes that a model predicts, or decodes of an embedding.
inline std::vector<std::string>& gene_names(TrainedModel& m) {
  return m.model.config().output_space == OutputSpace::embedding ? m.decoded_genes : m.genes;
}

/// Gives the genes of a model names, in the order of its columns; those it had go.
/// @throws ConfigError if they are not as many, or one comes twice
template <class = void>
void name_genes(TrainedModel& m, std::vector<std::string> names) {
  detail::check_names("genes", names, gene_names(m).size());
  gene_names(m) = std::move(names);
  std::erase(m.unnamed, "genes");
  std::erase(m.unnamed, "decoded genes");
}

/// The same of the perturbations, in the order of their places.
/// @throws ConfigError also if the control is not among them, or the model reads features, which
///         have names
template <class = void>
void name_perturbations(TrainedModel& m, const std::vector<std::string>& names) {
  if (!m.perturbations.is_one_hot())
    throw ConfigError(
        "name_model: the model reads features of perturbations, which have names; "
        "leave --perturbation-names out");
  detail::check_names("perturbations", names, m.perturbations.names().size());
  PerturbationFeatures named = PerturbationFeatures::one_hot(names);
  for (size_t i = 0; i < names.size(); ++i) {
    std::vector<float> vector(named.width());
    m.perturbations.copy<float>(i, vector);
    if (vector[i] == 0) named.silence(names[i]);
  }
  named.place(m.labels.control);
  m.perturbations = std::move(named);
  std::erase(m.unnamed, "perturbations");
}

VCELL_END_NAMESPACE
