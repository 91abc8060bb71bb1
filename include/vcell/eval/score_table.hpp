#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"

VCELL_BEGIN_NAMESPACE

/// A score, or null: not defined for this perturbation. NaN is something else, the value of a
/// computation without a result, and makes every mean it enters NaN.
using Score = std::optional<double>;

/// One score of every perturbation.
struct ScoreColumn {
  std::string name;           ///< as cell-eval names it, e.g. "mae"
  std::vector<Score> values;  ///< beside ScoreTable::perturbations
};

/// Scores of every perturbation of one context.
struct ScoreTable {
  std::vector<std::string> perturbations;  ///< sorted
  std::vector<ScoreColumn> columns;        ///< in cell-eval's order, then those it does not have

  /// The column of a name.
  /// @throws ConfigError if there is none, listing those there are
  template <class = void>
  const std::vector<Score>& column(std::string_view name) const {
    std::vector<std::string> names;
    for (const ScoreColumn& c : columns) {
      if (c.name == name) return c.values;
      names.push_back(c.name);
    }
    throw ConfigError(message("ScoreTable::column: there is no score ", quoted(name),
                              "; there are ", list_of(names)));
  }
};

VCELL_END_NAMESPACE
