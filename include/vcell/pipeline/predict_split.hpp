#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "vcell/core/callbacks.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/core/name_places.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/io/number_text.hpp"
#include "vcell/models/predict_cells.hpp"
#include "vcell/models/predict_rows.hpp"
#include "vcell/pipeline/infer_cells.hpp"
#include "vcell/preprocess/declared_scale.hpp"
#include "vcell/sets/control_pairing.hpp"
#include "vcell/sets/split.hpp"

VCELL_BEGIN_NAMESPACE

/// Cells that are predicted, and the control cell that each starts from: rows of the data.
struct CellsWithControls {
  std::vector<size_t> cells, controls;
};

struct PredictSplitOptions {
  std::string embedding = {};  ///< the obsm entry that the model reads; empty: X, by name
  /// (cells, E) what a model in an embedding reads in place of either; given exactly for such a
  /// one.
  DenseMatrix<float> embedded = {};
  Part part = Part::test;       ///< whose perturbed cells are predicted
  bool shared = false;          ///< those alone whose perturbation trains, too
  CellsWithControls rows = {};  ///< in this order; empty: chosen, with controls drawn
  uint64_t seed = 42;           ///< of that draw
  Callbacks callbacks = {};
};

/// Predicted cells beside the observed ones that they stand for, as X of annotated cells.
struct PredictedSplit {
  AnnData predicted, observed;
};

namespace detail {

/// The cells of a part, and the controls of their contexts: by context and perturbation, the
/// control last.
template <class = void>
std::vector<size_t> cells_of_part(const Screen& screen, std::span<const Part> parts,
                                  const PredictSplitOptions& options) {
  std::set<int32_t> trains;
  for (size_t i = 0; i < screen.cells(); ++i)
    if (parts[i] == Part::train) trains.insert(screen.perturbation.codes[i]);
  using Key = std::tuple<int32_t, bool, int32_t>;
  std::map<Key, std::vector<size_t>> groups;
  std::set<int32_t> contexts;
  for (size_t i = 0; i < screen.cells(); ++i) {
    const int32_t code = screen.perturbation.codes[i];
    if (screen.is_control(i) || parts[i] != options.part || (options.shared && !trains.count(code)))
      continue;
    groups[{screen.context.codes[i], false, code}].push_back(i);
    contexts.insert(screen.context.codes[i]);
  }
  if (groups.empty())
    throw ConfigError(
        message("predict_split: the split has no perturbed cell in ", name_of(options.part),
                options.shared ? " whose perturbation trains, too" : "", "; name another split"));
  for (size_t i = 0; i < screen.cells(); ++i)
    if (screen.serves(i, options.part) && contexts.contains(screen.context.codes[i]))
      groups[{screen.context.codes[i], true, screen.control}].push_back(i);
  std::vector<size_t> out;
  for (const auto& group : groups) out.insert(out.end(), group.second.begin(), group.second.end());
  return out;
}

/// @throws ConfigError if these are not the cells of the part, each once, with controls of their
///         contexts
template <class = void>
void check_rows(const Screen& screen, const std::vector<size_t>& expected,
                const CellsWithControls& rows) {
  check_size_match("predict_split", "controls", rows.controls.size(), "cells", rows.cells.size());
  auto sorted = rows.cells, wanted = expected;
  std::sort(sorted.begin(), sorted.end());
  std::sort(wanted.begin(), wanted.end());
  if (sorted != wanted)
    throw ConfigError(message("predict_split: the list of controls is of ", sorted.size(),
                              " cells, and the split's are ", wanted.size(),
                              ", or others; expected every cell of the part and every control of ",
                              "their contexts once"));
  for (size_t i = 0; i < rows.cells.size(); ++i) {
    check_index("predict_split", "control", rows.controls[i], screen.cells());
    if (!screen.is_control(rows.controls[i]))
      throw ConfigError(message("predict_split: row ", rows.controls[i],
                                " is to be the control of row ", rows.cells[i],
                                ", and it is none"));
  }
}

/// The cells under their own labels, with names of what they are and start from.
template <class = void>
AnnData labelled_rows(const AnnData& data, const ScreenOptions& labels,
                      const CellsWithControls& rows, std::vector<std::string> genes) {
  AnnData out;
  std::vector<std::string> index, cell, control;
  for (size_t i = 0; i < rows.cells.size(); ++i) {
    index.push_back(message(i));
    cell.push_back(data.obs.index[rows.cells[i]]);
    control.push_back(data.obs.index[rows.controls[i]]);
  }
  out.obs = DataFrame(std::move(index));
  std::vector<std::string> kept{labels.perturbation_key};
  kept.insert(kept.end(), labels.context_keys.begin(), labels.context_keys.end());
  if (labels.batch_key) kept.push_back(*labels.batch_key);
  for (const std::string& name : kept)
    if (!out.obs.has(name)) out.obs.set(name, data.obs.column(name).select_rows(rows.cells));
  out.obs.set("pert_cell_barcode", std::move(cell));
  out.obs.set("ctrl_cell_barcode", std::move(control));
  out.var = DataFrame(std::move(genes));
  declare_scale(out, Scale::log1p, declared_target_sum(data));
  return out;
}

/// Genes decoded of predicted cells, as predict_cells makes them: those of the control cell, moved
/// by what the perturbation and nothing differ in.
/// @param expression  (cells, decoded genes) log1p
template <class = void>
DenseMatrix<float> decoded_rows(const TrainedModel& m, const DenseMatrix<float>& embedded,
                                const CsrMatrix<float>& expression, RowRequests requests,
                                const std::vector<std::vector<size_t>>& groups) {
  const auto inputs = to_csr<float>(Matrix(embedded));
  auto out = predict_rows(m, inputs, requests, groups, m.set_size, true);
  requests.perturbation.assign(requests.size(), m.perturbations.place(m.labels.control));
  UnmovedCells unmoved;
  unmoved.decoded.push_back(predict_rows(m, inputs, requests, groups, m.set_size, true));
  unmoved.measured =
      to_dense<float>(Matrix(select_rows(expression, std::span<const size_t>(requests.control))));
  move_from(unmoved, 0, out);
  return out;
}

/// @throws ConfigError if what the model reads is not what is given
template <class = void>
void check_space(const TrainedModel& m, const PredictSplitOptions& options, size_t cells) {
  const bool in_embedding = m.model.config().output_space == OutputSpace::embedding;
  if (in_embedding && m.decoded_genes.empty())
    throw ConfigError(
        "predict_split: the model predicts an embedding and decodes no genes of it, and genes are "
        "expected; train one with a gene decoder");
  if (in_embedding != (options.embedded.columns > 0))
    throw ConfigError(message(
        "predict_split: the model reads ",
        in_embedding ? "an embedding, and none is given" : "expression, and an embedding is given",
        "; see PredictSplitOptions::embedded"));
  if (!in_embedding) return;
  check_size_match("predict_split", "embedded cells", options.embedded.rows, "cells", cells);
  check_size_match("predict_split", "values of an embedded cell", options.embedded.columns,
                   "inputs of the model", m.model.config().input_width);
}

}  // namespace detail

/// Predicts what a split holds out, as the reference's `tx predict` does: every perturbed cell of a
/// part, and every control of their contexts, each from a control of its context and in its own
/// batch; runs of one perturbation in sets of the training's size, the last at its own length.
/// Nothing is clipped. Of a model in an embedding genes are predicted, as predict_cells does.
///
/// @param m      its labels say which obs columns are read
/// @param data   X or the obsm entry hold log1p values
/// @param parts  (cells), of assign_parts
/// @return       float32, the genes that the model predicts or decodes; obs has `pert_cell_barcode`
///               and `ctrl_cell_barcode`
/// @throws ConfigError if nothing is held out, the model does not know a perturbation or batch, is
///         anchored, or predicts an embedding and decodes no genes of it; ShapeError
template <class = void>
PredictedSplit predict_split(const TrainedModel& m, const AnnData& data, const Screen& screen,
                             std::span<const Part> parts, const PredictSplitOptions& options = {}) {
  check_size_match("predict_split", "parts", parts.size(), "cells", screen.cells());
  detail::check_space(m, options, data.cells());
  const bool in_embedding = options.embedded.columns > 0;
  const auto expected = detail::cells_of_part(screen, parts, options);
  CellsWithControls rows = options.rows;
  if (rows.cells.empty()) {
    rows.cells = expected;
    const ControlPairing pairing(screen, {.part = options.part});
    Rng rng(options.seed, stream_of("predict_split"));
    for (const size_t cell : rows.cells) {
      const auto controls = pairing.controls(screen.context.codes[cell]);
      rows.controls.push_back(controls[size_t(rng.below(controls.size()))]);
    }
  } else {
    detail::check_rows(screen, expected, rows);
  }
  RowRequests requests{rows.controls, {}, {}};
  std::vector<std::string> names;
  for (const size_t cell : rows.cells) {
    names.push_back(screen.perturbation.names[size_t(screen.perturbation.codes[cell])]);
    requests.perturbation.push_back(m.perturbations.place(names.back()));
  }
  if (m.model.config().batches) {
    const NamePlaces places(m.batches);
    for (const size_t cell : rows.cells) {
      const std::string& name = screen.batch.names[size_t(screen.batch.codes[cell])];
      const auto place = places.find(name);
      if (!place)
        throw ConfigError(message("predict_split: the model does not know the batch ", quoted(name),
                                  "; ", names_there({name}, m.batches)));
      requests.batch.push_back(int32_t(*place));
    }
  }
  const auto groups = groups_by_run(names);
  const auto expression = in_embedding ? detail::expression_of(data, m.decoded_genes)
                                       : detail::infer_inputs(m, data, options.embedding);
  PredictedSplit out;
  out.predicted =
      detail::labelled_rows(data, m.labels, rows, in_embedding ? m.decoded_genes : m.genes);
  out.observed = out.predicted;
  out.predicted.X =
      Matrix(in_embedding ? detail::decoded_rows(m, options.embedded, expression, requests, groups)
                          : predict_rows(m, expression, requests, groups, m.set_size));
  out.observed.X =
      Matrix(to_dense<float>(Matrix(select_rows(expression, std::span<const size_t>(rows.cells)))));
  note(options.callbacks, rows.cells.size(), " cells predicted, the controls of their contexts ",
       "among them");
  return out;
}

/// Reads which cells are predicted from which controls, in which order: a CSV of
/// `row,control_row`, rows of the data from 0; or an `adata_pred.h5ad`, whose obs names them.
/// @throws IoError; FormatError or ConfigError naming the file and what is wrong with it
template <class = void>
CellsWithControls read_cells_with_controls(const std::filesystem::path& path, const AnnData& data) {
  CellsWithControls out;
  const auto fail = [&](const auto&... parts) {
    throw FormatError(message("read_cells_with_controls: ", quoted(path.string()), parts...));
  };
  if (path.extension() == ".h5ad") {
    const AnnData named = read_h5ad(path, {.X = false});
    const NamePlaces places(data.obs.index);
    for (const auto& [column, rows] :
         {std::pair("pert_cell_barcode", &out.cells), {"ctrl_cell_barcode", &out.controls}})
      for (const std::string& name : named.obs.column(column).text()) {
        const auto place = places.find(name);
        if (!place) fail(": obs ", column, " has ", quoted(name), ", which is no cell of the data");
        rows->push_back(*place);
      }
    return out;
  }
  const CsvTable table = read_csv(path);
  const size_t columns[] = {table.column("row"), table.column("control_row")};
  for (size_t i = 0; i < table.rows.size(); ++i)
    for (size_t k = 0; k < 2; ++k) {
      const std::string& text = table.rows[i][columns[k]];
      const auto value = parse_number(text);
      if (!value || !(*value >= 0 && *value < double(data.cells())) ||
          *value != double(size_t(*value)))
        fail(", row ", i + 1, ": ", quoted(text), ", expected a whole number from 0 below ",
             data.cells());
      (k ? out.controls : out.cells).push_back(size_t(*value));
    }
  return out;
}

VCELL_INSTANTIATE(folders, PredictedSplit predict_split<void>(const TrainedModel&, const AnnData&,
                                                              const Screen&, std::span<const Part>,
                                                              const PredictSplitOptions&));
VCELL_INSTANTIATE(folders,
                  CellsWithControls read_cells_with_controls<void>(const std::filesystem::path&,
                                                                   const AnnData&));

VCELL_END_NAMESPACE
