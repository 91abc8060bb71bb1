#pragma once

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/core/check.hpp"
#include "vcell/core/cmath.hpp"
#include "vcell/io/number_text.hpp"
#include "vcell/train/reference_values.hpp"

VCELL_BEGIN_NAMESPACE

/// A training that was described in the words of State's package, in vcell's own.
struct TxSettings {
  std::string preset;                 ///< published settings that it starts from
  std::vector<std::string> settings;  ///< on top, by their names in a file: "training.clip=10"
  std::string out;                    ///< the run's folder
  bool overwrite = false;             ///< a run that is there is replaced
  /// What was said and means nothing here, in the order of the table.
  std::vector<std::string> without_meaning;
};

namespace detail {

/// The last value of every setting that was said, by name.
template <class = void>
std::map<std::string, std::string> said_settings(std::span<const std::string> words) {
  std::vector<std::string> known;
  for (const ReferenceSetting& row : transition_table) known.emplace_back(row.name);
  std::map<std::string, std::string> said;
  for (const std::string& word : words) {
    const size_t begin = std::min(word.find_first_not_of('+'), word.size()),
                 equals = word.find('=', begin);
    const std::string name = word.substr(begin, equals == word.npos ? equals : equals - begin);
    if (equals == word.npos || !row_of(transition_table, name))
      throw ConfigError(message("tx_settings: ", quoted(word),
                                ": expected a setting of State's as training.max_steps=40000",
                                detail::or_near(name, known)));
    said[name] = plain_value(word.substr(equals + 1));
  }
  return said;
}

}  // namespace detail

/// Translates settings of State's training command (`state tx train`, version 0.11.1) to vcell's,
/// by one table (train/reference_table.hpp). What is not said has State's default. Of two
/// equal names the last wins.
///
/// A setting without a counterpart that would change the result is an error unless it has the value
/// that changes nothing; one that has no meaning here, as `wandb.*`, is listed.
///
/// @param words  "name=value", as the command line has them; a `+` in front is allowed
/// @throws ConfigError naming the setting, for one that is not known with the nearest known ones
template <class = void>
TxSettings tx_settings(std::span<const std::string> words) {
  auto said = detail::said_settings(words);
  const auto value_of = [&](const char* name, const char* otherwise) {
    const auto found = said.find(name);
    return found == said.end() ? std::string(otherwise) : found->second;
  };
  const auto mapped = [](const std::string& name, const std::string& value, std::string_view map) {
    return detail::mapped_value("tx_settings", name, value, map);
  };
  TxSettings out;
  out.preset =
      mapped("model", value_of("model", "state"), "state state_sm state_lg tahoe_best:tahoe");
  const auto set = [&](std::string_view name, const std::string& value) {
    out.settings.push_back(message(name, '=', value));
  };
  // The package's own, where nothing is said; a preset has the model's.
  for (const ReferenceSetting& row : detail::transition_table)
    if (!row.silent.empty() && !row.name.starts_with("model.")) said.emplace(row.name, row.silent);

  // Which cells the model reads and which it predicts hang together.
  const std::string key = value_of("data.kwargs.embed_key", ""),
                    space = value_of("data.kwargs.output_space", "all");
  mapped("data.kwargs.output_space", space, "all gene embedding");
  if (key == "X_hvg") {
    if (space != "gene")
      throw ConfigError(message(
          "tx_settings: 'data.kwargs.embed_key' is 'X_hvg' and ", "'data.kwargs.output_space' ",
          quoted(space), "; a model that reads variable genes predicts these: expected gene"));
    set("data.gene_list", "uns:X_hvg_var_names");
  } else if (key.empty()) {
    if (space == "embedding")
      throw ConfigError(
          "tx_settings: 'data.kwargs.output_space' is embedding and "
          "'data.kwargs.embed_key' says none; name a key of obsm");
    set("data.hvgs", "0");
    set("model.output_space", space == "all" ? "all_genes" : "hvg");
  } else {
    set("data.embedding", "obsm:" + key);
    set("model.output_space", "embedding");
    if (space == "all") set("data.hvgs", "0");
    if (space != "embedding") {
      const std::string residual = value_of("model.kwargs.residual_decoder", "false");
      set("model.decoder", residual == "true" || residual == "True" ? "residual" : "plain");
    }
  }

  // The backbone has the model's width, and as many heads of keys as of queries.
  const std::string backbone = "model.kwargs.transformer_backbone_kwargs.";
  const auto same = [&](const std::string& name, const std::string& as) {
    const auto found = said.find(name);
    if (found == said.end() || found->second.starts_with("${")) return;
    if (found->second != value_of(as.c_str(), ""))
      throw ConfigError(message("tx_settings: ", quoted(name), " is ", found->second, " and ",
                                quoted(as), " is ", quoted(value_of(as.c_str(), "")),
                                "; expected the same"));
  };
  for (const char* name : {"hidden_size", "n_embd"})
    same(backbone + name, "model.kwargs.hidden_dim");
  same(backbone + "num_key_value_heads", backbone + "num_attention_heads");
  if (value_of("model.kwargs.transformer_backbone_key", "llama") == "GPT2") {
    // Its heads share the width, and its MLP is four times as wide.
    const auto width = parse_number(value_of("model.kwargs.hidden_dim", "")),
               heads = parse_number(value_of((backbone + "n_head").c_str(), ""));
    if (!width || !heads || !(*heads >= 1) || std::fmod(*width, *heads) != 0)
      throw ConfigError(message("tx_settings: a GPT2 backbone needs 'model.kwargs.hidden_dim' and ",
                                quoted(backbone + "n_head"), ", of which the second divides the ",
                                "first"));
    set("model.head_dim", message(*width / *heads));
    if (value_of((backbone + "n_inner").c_str(), "").empty())
      set("model.mlp_width", message(4 * *width));
  }

  out.out = message(value_of("output_dir", "./debugging"), '/', value_of("name", "debug"));
  out.overwrite = value_of("overwrite", "false") == "true" || value_of("overwrite", "") == "True";
  for (const ReferenceSetting& row : detail::transition_table)
    for (auto i = said.begin(); i != said.end();) {
      if (!detail::fits(row, i->first)) {
        ++i;
        continue;
      }
      const auto [name, value] = *i;
      i = said.erase(i);  // the first row that fits is the one
      if (row.meaning == ReferenceMeaning::none) {
        out.without_meaning.push_back(name);
      } else if (row.meaning == ReferenceMeaning::fixed) {
        if (!value.starts_with("${")) mapped(name, value, row.values);
      } else if (row.meaning == ReferenceMeaning::setting && !value.empty()) {
        std::string word = detail::truth_value(value);
        if (!row.values.empty()) word = mapped(name, word, row.values);
        set(row.ours, word);
      }
    }
  return out;
}

VCELL_END_NAMESPACE
