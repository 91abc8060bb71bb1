#pragma once

#include <string_view>

#include "vcell/eval/differential_expression.hpp"

VCELL_BEGIN_NAMESPACE

/// The options by which a package tests differential expression, by its name and version:
/// "pdex-0.3", "cell-eval-0.8" (pdex's with epsilon 0).
/// @throws ConfigError if there is no such preset, listing those that are
template <class = void>
DifferentialExpressionOptions expression_preset(std::string_view name) {
  if (name == "pdex-0.3") return {};
  if (name == "cell-eval-0.8") return {.epsilon = 0};
  throw ConfigError(message("expression_preset: there is no preset ", quoted(std::string(name)),
                            "; there are 'pdex-0.3', 'cell-eval-0.8'"));
}

VCELL_END_NAMESPACE
