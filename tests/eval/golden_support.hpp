// Expected tables and the files they were made from.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "support/catch.hpp"
#include "vcell/eval/differential_expression.hpp"
#include "vcell/eval/write_results.hpp"
#include "vcell/io/h5ad.hpp"

namespace vcell_test {

using namespace vcell;

/// Whether a and b agree within a bound that is absolute and relative; infinities must be equal.
inline bool agrees(double a, double b, double absolute, double relative) {
  if (std::isinf(a) || std::isinf(b)) return a == b;
  return std::abs(a - b) <= absolute + relative * std::abs(b);
}

/// How far a table may be from the expected one.
struct TableBounds {
  double mean_relative, log2_absolute, log2_relative, percent_absolute, percent_relative,
      p_relative;
};

/// Compares a table with a CSV file of it, row by row.
inline void require_table(const DifferentialExpression& de, const CsvTable& expected,
                          const TableBounds& bounds) {
  const size_t genes = de.features.size();
  REQUIRE(expected.rows.size() == de.targets.size() * genes);
  const auto column = [&](const char* name) { return expected.column(name); };
  const size_t target = column("target"), feature = column("feature");
  for (size_t r = 0; r < expected.rows.size(); ++r) {
    const size_t t = r / genes, g = r % genes;
    const auto& row = expected.rows[r];
    INFO("row " << r + 1 << ", " << row[target] << ", " << row[feature]);
    REQUIRE(row[target] == de.targets[t]);
    REQUIRE(row[feature] == de.features[g]);
    const auto number = [&](const char* name) { return parse_number(row[column(name)]).value(); };
    REQUIRE(number("target_membership") == double(de.target_membership[t]));
    REQUIRE(number("ref_membership") == double(de.ref_membership));
    REQUIRE(agrees(de.target_mean(t, g), number("target_mean"), 0, bounds.mean_relative));
    REQUIRE(agrees(de.reference_mean(t, g), number("ref_mean"), 0, bounds.mean_relative));
    REQUIRE(agrees(de.log2_fold_change(t, g), number("log2_fold_change"), bounds.log2_absolute,
                   bounds.log2_relative));
    REQUIRE(agrees(de.percent_change(t, g), number("percent_change"), bounds.percent_absolute,
                   bounds.percent_relative));
    REQUIRE(de.statistic(t, g) == number("statistic"));
    REQUIRE(agrees(de.p_value(t, g), number("p_value"), 0, bounds.p_relative));
    REQUIRE(agrees(de.fdr(t, g), number("fdr"), 0, bounds.p_relative));
  }
}

}  // namespace vcell_test
