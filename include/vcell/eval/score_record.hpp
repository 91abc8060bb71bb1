#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/eval/evaluate.hpp"
#include "vcell/io/atomic_file.hpp"
#include "vcell/io/json.hpp"

VCELL_BEGIN_NAMESPACE

/// By what rules scores were made, so that a number can be quoted: written as scores.json beside
/// the tables. What is not there does not apply, and is left out.
struct ScoreRecord {
  std::string written_by;  ///< the program, its version and the command: "vcell 0.1.0 evaluate"
  std::string rules = {};  ///< of a challenge, e.g. "vcc2025"
  std::string profile = {};
  std::string like = {};               ///< whose rules are pinned, e.g. "cell-eval-0.8"
  std::optional<double> alpha = {};    ///< of significant genes
  std::string means = {};              ///< in fold changes: "geometric" or "arithmetic"
  std::optional<double> epsilon = {};  ///< added to them
  std::string scale = {};              ///< of what was compared: "log1p" or "counts"
  std::vector<std::pair<std::string, double>> target_sum = {};  ///< by side, where it is known
  std::string fdr = {};                                         ///< of a "target" or "global"
  std::vector<std::pair<std::string, uint64_t>> seeds = {};     ///< by what they are of
  std::vector<std::string> metrics = {};
  std::vector<std::pair<std::string, std::string>> more = {};  ///< under keys of their own
};

/// The record of an evaluation.
/// @param options  its metrics, where there are none, are those of the profile "vcell"
template <class = void>
ScoreRecord score_record(std::string written_by, const EvaluationOptions& options) {
  ScoreRecord out{.written_by = std::move(written_by)};
  out.alpha = options.alpha;
  out.means = options.expression.geometric_mean ? "geometric" : "arithmetic";
  out.epsilon = options.expression.epsilon;
  out.scale = options.expression.is_log1p ? "log1p" : "counts";
  out.fdr = options.expression.fdr_scope == FdrScope::global ? "global" : "target";
  for (const Metric& metric : options.metrics.empty() ? metrics_of("vcell") : options.metrics)
    out.metrics.push_back(metric.name);
  return out;
}

/// Writes a record.
/// @throws WriteError; FormatError if a text is not UTF-8 or a number not finite
template <class = void>
void write_score_record(const std::filesystem::path& path, const ScoreRecord& record) {
  Json out{Json::Kind::object};
  const auto add = [&](const char* key, const auto& value) {
    if constexpr (requires { value.has_value(); }) {
      if (value) out.add(key, json_of(*value));
    } else if (!value.empty()) {
      out.add(key, json_of(value));
    }
  };
  const auto add_named = [&](const char* key, const auto& values) {
    if (values.empty()) return;
    Json object{Json::Kind::object};
    for (const auto& [name, value] : values) object.add(name, json_of(value));
    out.add(key, std::move(object));
  };
  add("written_by", record.written_by);
  add("rules", record.rules);
  add("profile", record.profile);
  add("like", record.like);
  add("alpha", record.alpha);
  add("means", record.means);
  add("epsilon", record.epsilon);
  add("scale", record.scale);
  add_named("target_sum", record.target_sum);
  add("fdr", record.fdr);
  add_named("seeds", record.seeds);
  add("metrics", record.metrics);
  for (const auto& [key, value] : record.more) out.add(key, json_of(value));
  write_text(path, json_text(out, 2) + '\n');
}

VCELL_INSTANTIATE(files,
                  void write_score_record<void>(const std::filesystem::path&, const ScoreRecord&));

VCELL_END_NAMESPACE
