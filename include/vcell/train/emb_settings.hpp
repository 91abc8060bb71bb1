#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/train/reference_values.hpp"

VCELL_BEGIN_NAMESPACE

/// A training of State Embedding that was described in the words of State's package, in vcell's
/// own.
struct EmbSettings {
  std::vector<std::string> settings;  ///< by their names in a file: "training.clip=10"
  std::string cells;                  ///< the CSV that names the files of the training
  double epochs = 0;                  ///< times that each cell is seen
  size_t cells_per_step = 0;
  size_t accumulate = 1;  ///< batches of a step
  std::string out;        ///< the run's folder
  /// What was said and means nothing here, in the order of its names.
  std::vector<std::string> without_meaning;

  /// The settings that the number of cells decides: steps, and the schedule over them, which the
  /// package makes once in every batch and once more in every step, over 2 x its steps: warm-up
  /// over 3 % of these, then a cosine.
  template <class = void>
  std::vector<std::string> of_cells(size_t cells_of_training) const {
    const double steps = std::ceil(epochs * double(cells_of_training) / double(cells_per_step));
    const auto whole = uint64_t(std::max(1., steps));
    return {message("training.max_steps=", whole),
            message("training.schedule_steps=", accumulate + 1),
            message("training.schedule_total=", 2 * whole),
            message("training.warmup=", uint64_t(0.03 * double(2 * whole)))};
  }
};

namespace detail {

/// A name with NAME for the embedding or data set that is current, and OTHER for another.
template <class = void>
std::string general_name(const std::string& name, const std::string& embedding,
                         const std::string& dataset) {
  for (const auto& [section, current] :
       {std::pair<std::string, std::string>{"embeddings.", embedding}, {"dataset.", dataset}}) {
    const size_t dot = name.find('.', section.size());
    if (!name.starts_with(section) || dot == name.npos) continue;
    const bool is_current = name.substr(section.size(), dot - section.size()) == current;
    return section + (is_current ? "NAME" : "OTHER") + name.substr(dot);
  }
  return name;
}

}  // namespace detail

/// Translates settings of State's embedding command (`state emb fit`, version 0.11.1) to vcell's,
/// by one table (train/reference_table.hpp). What is not said has State's default. Of two equal
/// names the last wins, and words win over the file.
///
/// @param file   the settings of its --conf
/// @param words  "name=value", as the command line has them; a `+` in front is allowed
/// @throws ConfigError naming the setting, for one that is not known with the nearest known ones
template <class = void>
EmbSettings emb_settings(const FlatSettings& file, std::span<const std::string> words) {
  const std::string source = "emb_settings";
  FlatSettings all = file;
  for (const std::string& word : words) {
    const size_t begin = std::min(word.find_first_not_of('+'), word.size()),
                 equals = std::min(word.find('=', begin), word.size());
    if (equals == word.size())
      throw ConfigError(message(source, ": ", quoted(word),
                                ": expected a setting of State's as model.emsize=512"));
    all[word.substr(begin, equals - begin)] = detail::plain_value(word.substr(equals + 1));
  }
  const auto value_in = [](const FlatSettings& from, const std::string& name,
                           const std::string& otherwise) {
    const auto found = from.find(name);
    return found == from.end() ? otherwise : found->second;
  };
  const std::string embedding = value_in(all, "embeddings.current", ""),
                    dataset = value_in(all, "dataset.current", "");
  std::vector<std::string> known;
  for (const ReferenceSetting& row : detail::embedding_table) known.emplace_back(row.name);
  EmbSettings out;
  FlatSettings said;
  for (const auto& [name, value] : all) {
    const std::string general = detail::general_name(name, embedding, dataset);
    const ReferenceSetting* row = detail::row_of(detail::embedding_table, general);
    if (!row)
      throw ConfigError(message(source, ": ", quoted(name), " is no setting of State's",
                                detail::or_near(general, known)));
    if (row->meaning == ReferenceMeaning::none) out.without_meaning.push_back(name);
    if (row->meaning == ReferenceMeaning::fixed && !value.starts_with("${"))
      detail::mapped_value(source, name, value, row->values);
    said[general] = value;
  }
  const auto value_or_silent = [&](const std::string& name) {
    const ReferenceSetting* row = detail::row_of(detail::embedding_table, name);
    return value_in(said, name, std::string(row->silent));
  };
  const auto number_of = [&](const std::string& name) {
    const std::string value = value_or_silent(name);
    const auto number = parse_number(value);
    if (!number || !(*number > 0 && *number < 1e12))
      throw ConfigError(message(source, ": ", quoted(name), " is ", quoted(value),
                                ", expected a number above 0"));
    return *number;
  };

  out.settings = {"model.kind=state_embedding", "model.cls_value=gene",
                  "model.floor_squared=1e-8",   "training.optimizer=adamw",
                  "training.schedule=chained",  "training.last_rate=0.3"};
  for (const ReferenceSetting& row : detail::embedding_table) {
    if (row.meaning != ReferenceMeaning::setting) continue;
    std::string value = detail::truth_value(value_in(said, std::string(row.name), ""));
    if (value.empty()) value = std::string(row.silent);
    if (value.empty()) continue;
    if (!row.values.empty())
      value = detail::mapped_value(source, std::string(row.name), value, row.values);
    out.settings.push_back(message(row.ours, '=', value));
  }
  if (value_in(said, "embeddings.NAME.all_embeddings", "").empty())
    throw ConfigError(message(source, ": 'embeddings.", embedding.empty() ? "NAME" : embedding,
                              ".all_embeddings' is missing: the file of the genes' vectors, or ",
                              "random or identity; 'embeddings.current' says which NAME counts"));
  const auto is_true = [&](const std::string& name) {
    return detail::truth_value(value_or_silent(name)) == "true";
  };
  if (is_true("model.ema"))
    out.settings.push_back(message("training.ema=", value_or_silent("model.ema_decay")));
  out.cells = value_in(said, "dataset.NAME.train", "");
  if (out.cells.empty())
    throw ConfigError(message(source, ": 'dataset.", dataset.empty() ? "NAME" : dataset,
                              ".train' is missing: the CSV that names the files to train on, with ",
                              "a column path; 'dataset.current' says which NAME counts"));
  out.epochs = number_of("experiment.num_epochs");
  out.accumulate = size_t(number_of("optimizer.gradient_accumulation_steps"));
  out.cells_per_step = size_t(number_of("model.batch_size")) * out.accumulate;
  const std::string name = value_in(said, "experiment.name", "embedding");
  out.out = message(value_in(said, "experiment.checkpoint.path", "."), '/', name);
  return out;
}

VCELL_INSTANTIATE(files, EmbSettings emb_settings<void>(const FlatSettings&,
                                                        std::span<const std::string>));

VCELL_END_NAMESPACE
