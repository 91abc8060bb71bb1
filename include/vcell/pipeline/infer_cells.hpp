#pragma once

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/callbacks.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/data/anndata.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/number_text.hpp"
#include "vcell/models/predict_rows.hpp"

VCELL_BEGIN_NAMESPACE

struct InferOptions {
  /// The obsm entry that the model reads; empty: X, whose genes are matched by name.
  std::string embedding = {};
  std::optional<uint64_t> set_size = {};  ///< cells at a time; as in training
  /// The row whose cell each row starts from; empty: drawn among the controls of its context.
  std::vector<size_t> controls = {};
  uint64_t seed = 42;  ///< of that draw
  double most = 14;    ///< predicted values above it become it
  Callbacks callbacks = {};
};

namespace detail {

/// A control cell for each row, of its own context where that has any, with replacement.
template <class = void>
std::vector<size_t> drawn_controls(const std::vector<std::string>& perturbation,
                                   const std::vector<std::string>& context,
                                   const std::string& control, const InferOptions& options) {
  std::vector<size_t> all;
  for (size_t i = 0; i < perturbation.size(); ++i)
    if (perturbation[i] == control) all.push_back(i);
  if (all.empty())
    throw ConfigError(message("infer_cells: no cell is a control, ", quoted(control),
                              ", to predict from; name another control, or give --controls"));
  const Factor contexts = factor(context);
  std::vector<std::vector<size_t>> own(contexts.names.size());
  for (const size_t row : all) own[size_t(contexts.codes[row])].push_back(row);
  for (size_t c = 0; c < own.size(); ++c)
    if (own[c].empty()) {
      note(options.callbacks, "no control in context ", quoted(contexts.names[c]),
           ": its cells start from controls of all contexts, as State does");
      own[c] = all;
    }
  Rng rng(options.seed, stream_of("infer"));
  std::vector<size_t> out;
  for (const int32_t code : contexts.codes) {
    const auto& rows = own[size_t(code)];
    out.push_back(rows[size_t(rng.below(rows.size()))]);
  }
  return out;
}

/// X of these genes, by name.
template <class = void>
CsrMatrix<float> expression_of(const AnnData& data, const std::vector<std::string>& genes) {
  if (!data.X) throw ConfigError("infer_cells: the data have no X, and no obsm entry is named");
  Screen screen;
  screen.expression = to_csr<float>(*data.X);
  screen.genes = data.var.index;
  return select_genes(screen, genes).expression;
}

/// X or an obsm entry as the model reads it.
template <class = void>
CsrMatrix<float> infer_inputs(const TrainedModel& m, const AnnData& data,
                              const std::string& embedding) {
  if (!embedding.empty()) {
    auto inputs = to_csr<float>(matrix(data.obsm, embedding, "obsm"));
    check_size_match("infer_cells", message("columns of obsm[", quoted(embedding), "]").c_str(),
                     inputs.columns, "inputs of the model", m.model.config().input_width);
    return inputs;
  }
  return expression_of(data, m.genes);
}

}  // namespace detail

/// Predicts a cell for every cell of the data, as the reference's `tx infer` does: what its label
/// says was done to it, to a control cell, in its own batch. Contexts and perturbations are taken
/// in the order of their names, cells in that of the file, in sets of the training's size.
/// Perturbations and batches that the model does not know become the control and its first batch,
/// and that is said.
///
/// @param m  its labels say which obs columns are read
/// @return   (cells, G), between 0 and options.most
/// @throws ConfigError if a column is absent, a name missing in the model, there are no controls,
///         or a row of options.controls is not there; ShapeError
template <class = void>
DenseMatrix<float> infer_cells(const TrainedModel& m, const AnnData& data,
                               const InferOptions& options = {}) {
  if (is_unnamed(m, "perturbations") || (options.embedding.empty() && is_unnamed(m, "genes")))
    throw ConfigError(message("infer_cells: the names of the model's ", m.unnamed[0],
                              " are not known; import it from its run folder, or name them"));
  const auto perturbation = data.obs.column(m.labels.perturbation_key).text();
  const auto contexts = joined_factor(data.obs, m.labels.context_keys, m.labels.context_name);
  std::vector<std::string> context;
  for (const int32_t code : contexts.codes) {
    if (code < 0) throw ConfigError("infer_cells: a cell has no context; label it or leave it out");
    context.push_back(contexts.names[size_t(code)]);
  }
  RowRequests rows;
  const Factor known = factor(perturbation);
  std::vector<size_t> places;
  for (const std::string& name : known.names) {
    if (!m.perturbations.has(name))
      note(options.callbacks, "the model does not know the perturbation ", quoted(name),
           ": it is predicted as the control, as State does");
    places.push_back(m.perturbations.place(m.perturbations.has(name) ? name : m.labels.control));
  }
  for (const int32_t code : known.codes) rows.perturbation.push_back(places[size_t(code)]);
  if (m.model.config().batches) {
    const Factor batches = factor(data.obs.column(m.labels.batch_key.value_or("batch")));
    std::vector<int32_t> codes;
    for (const std::string& name : batches.names) {
      const auto found = std::find(m.batches.begin(), m.batches.end(), name);
      if (found == m.batches.end())
        note(options.callbacks, "the model does not know the batch ", quoted(name), ": ",
             quoted(m.batches[0]), " is taken for it, as State does");
      codes.push_back(found == m.batches.end() ? 0 : int32_t(found - m.batches.begin()));
    }
    for (const int32_t code : batches.codes)
      rows.batch.push_back(code < 0 ? 0 : codes[size_t(code)]);
  }
  rows.control = options.controls.empty()
                     ? detail::drawn_controls(perturbation, context, m.labels.control, options)
                     : options.controls;
  check_size_match("infer_cells", "controls", rows.control.size(), "cells", data.cells());
  auto out = predict_rows(m, detail::infer_inputs(m, data, options.embedding), rows,
                          groups_by_name(context, perturbation),
                          size_t(options.set_size.value_or(m.set_size)));
  for (float& value : out.values) value = std::clamp(value, 0.f, float(options.most));
  return out;
}

/// Reads which control cell each of n rows starts from: a CSV of `row,control_row`, every row once,
/// both counted from 0.
/// @throws IoError; FormatError naming the file and the line
template <class = void>
std::vector<size_t> read_control_rows(const std::filesystem::path& path, size_t n) {
  const CsvTable table = read_csv(path);
  std::vector<size_t> out(n, n);
  for (size_t i = 0; i < table.rows.size(); ++i) {
    size_t numbers[2] = {};
    for (size_t k = 0; k < 2; ++k) {
      const auto value = table.header.size() == 2 ? parse_number(table.rows[i][k]) : std::nullopt;
      if (!value || !(*value >= 0 && *value < double(n)) || *value != double(size_t(*value)))
        throw FormatError(message("read_control_rows: ", quoted(path.string()), ", row ", i + 1,
                                  ": expected a row and its control row, whole numbers from 0 ",
                                  "below ", n));
      numbers[k] = size_t(*value);
    }
    if (out[numbers[0]] != n)
      throw FormatError(message("read_control_rows: ", quoted(path.string()), ", row ", i + 1,
                                ": the row ", numbers[0], " comes twice"));
    out[numbers[0]] = numbers[1];
  }
  if (const auto none = std::find(out.begin(), out.end(), n); none != out.end())
    throw FormatError(message("read_control_rows: ", quoted(path.string()),
                              " has no control for row ", none - out.begin()));
  return out;
}

VCELL_END_NAMESPACE
