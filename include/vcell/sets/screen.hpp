#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/core/name_places.hpp"
#include "vcell/data/anndata.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/sets/dose.hpp"
#include "vcell/sets/near_names.hpp"
#include "vcell/sets/part.hpp"
#include "vcell/sets/row_reader.hpp"

VCELL_BEGIN_NAMESPACE

struct ScreenOptions {
  /// The obs column that says what was done to a cell.
  std::string perturbation_key = "perturbation";
  /// The label of unperturbed cells in that column.
  std::string control = "non-targeting";
  /// The obs columns that make up a cell's context (cell line, donor, condition, replicate), joined
  /// by '|' in this order. Without any, all cells are of one context.
  std::vector<std::string> context_keys = {};
  /// The name of that one context.
  std::string context_name = "all";
  /// The obs column of the experimental batch, if it is to be known.
  std::optional<std::string> batch_key = {};
  /// What stands between the parts of a combination of perturbations, as + in A+B. Never guessed:
  /// empty, and every label is of one perturbation.
  std::string combination_separator = {};
  /// The obs column of doses: a perturbation at a dose is one of its own, labelled `NAME@DOSE`
  /// (sets/dose.hpp). Never guessed: empty, and cells have none.
  std::string dose_key = {};
};

/// A perturbation screen as models see it: expression, and for each cell what was done to it, in
/// which context and in which batch.
struct Screen {
  CsrMatrix<float> expression;     ///< log1p, (cells, genes); or an embedding (embedding_screen)
  std::vector<std::string> genes;  ///< the columns' names
  Factor perturbation;             ///< the control's label among them
  Factor context;
  Factor batch;               ///< no names and no codes when batches are not known
  int32_t control = -1;       ///< the code of the control in perturbation
  bool is_embedding = false;  ///< values may be below 0, so nothing that is predicted is clipped
  /// Reads the expression of a screen that is not in memory (open_screen), whose own `expression`
  /// is zero everywhere then; null: it is in memory.
  RowReader elsewhere = {};
  /// (cells) Where controls are kept apart: the part whose cells each is an input of
  /// (keep_controls_apart); of other cells it says nothing. Empty: controls serve every part.
  std::vector<Part> control_parts = {};

  size_t cells() const { return expression.rows; }
  /// Reads the expression, wherever it is. The screen must outlive it and stay where it is.
  RowReader reader() const { return elsewhere ? elsewhere : RowReader(&expression); }
  bool has_batches() const { return !batch.names.empty(); }
  bool is_control(size_t cell) const { return perturbation.codes[cell] == control; }
  /// Whether a cell is a control for the cells of a part.
  bool serves(size_t cell, Part part) const {
    return is_control(cell) && (control_parts.empty() || control_parts[cell] == part);
  }
  /// Whether it is one for the cells of every part.
  bool serves_all(size_t cell) const { return is_control(cell) && control_parts.empty(); }
};

namespace detail {

template <class = void>
void check_factor(const char* name, const Factor& factor, size_t cells) {
  check_size_match("check_screen", name, factor.size(), "cells", cells);
  for (const int32_t code : factor.codes)
    if (code < 0 || size_t(code) >= factor.names.size()) [[unlikely]]
      fail<ConfigError>("check_screen: ", name, " has code ", code, ", expected 0 .. ",
                        int64_t(factor.names.size()) - 1, ": every cell must have a label");
}

template <class = void>
void check_labelled(const Factor& factor, std::string_view what, std::string_view keys) {
  size_t missing = 0;
  for (const int32_t code : factor.codes) missing += code < 0;
  if (missing)
    throw ConfigError(message("make_labels: ", missing, " of ", factor.size(), " cells have no ",
                              what, " (missing values in ", keys,
                              "); label them or leave these cells out"));
}

/// @param first  cell of adata that the first row is
template <class = void>
void check_finite(const CsrView<float>& x, const AnnData& adata, size_t first = 0) {
  for (size_t row = 0; row < x.rows; ++row)
    for (size_t i = 0; i < x.row_size(row); ++i)
      if (!std::isfinite(x.row_values(row)[i])) [[unlikely]]
        fail<ConfigError>("make_screen: X is ", x.row_values(row)[i], " in cell ",
                          quoted(adata.obs.index[first + row]), ", gene ",
                          quoted(adata.var.index[size_t(x.row_indices(row)[i])]),
                          "; expected finite log1p values");
}

}  // namespace detail

/// @throws ShapeError if expression, names and labels differ in size
/// @throws ConfigError if a cell has no label or the control is no label
template <class = void>
void check_screen(const Screen& screen) {
  check_size_match("check_screen", "columns of expression", screen.expression.columns, "genes",
                   screen.genes.size());
  if (screen.elsewhere) {
    check_size_match("check_screen", "rows that are read", screen.elsewhere.rows(), "cells",
                     screen.cells());
    check_size_match("check_screen", "columns that are read", screen.elsewhere.columns(), "genes",
                     screen.genes.size());
  }
  detail::check_factor("perturbation", screen.perturbation, screen.cells());
  detail::check_factor("context", screen.context, screen.cells());
  if (screen.has_batches()) detail::check_factor("batch", screen.batch, screen.cells());
  if (!screen.control_parts.empty())
    check_size_match("check_screen", "control_parts", screen.control_parts.size(), "cells",
                     screen.cells());
  if (screen.control < 0 || size_t(screen.control) >= screen.perturbation.names.size())
    throw ConfigError(message("check_screen: the control's code is ", screen.control,
                              ", expected one of the ", screen.perturbation.names.size(),
                              " perturbations"));
}

namespace detail {

/// @param setting  what messages call the column: "[data] dose_key"
template <class = void>
void check_column(const AnnData& adata, const char* setting, const std::string& name) {
  if (!adata.obs.has(name))
    throw ConfigError(message(setting, " ", quoted(name), ": no such column in obs; ",
                              names_there({name}, adata.obs.names())));
}

/// What was done to each cell, at which dose.
template <class = void>
Factor perturbation_labels(const AnnData& adata, const ScreenOptions& options) {
  const Column& names = adata.obs.column(options.perturbation_key);
  if (options.dose_key.empty()) return factor(names);
  check_column(adata, "[data] dose_key", options.dose_key);
  const auto missing = names.is_missing();
  return factor(
      with_doses(names.text(), missing, options.control, adata.obs.column(options.dose_key),
                 adata.obs.index, message("[data] dose_key ", quoted(options.dose_key))),
      missing);
}

}  // namespace detail

/// The labels of annotated cells and the names of their genes: a screen whose expression is zero
/// everywhere, which is enough to split it.
/// @throws ConfigError if a column is absent, a cell misses a label, or the control is no label
///         (listing those there are)
template <class = void>
Screen make_labels(const AnnData& adata, const ScreenOptions& options = {}) {
  detail::check_column(adata, "[data] perturbation_key", options.perturbation_key);
  for (const std::string& key : options.context_keys)
    detail::check_column(adata, "[data] context_keys", key);
  if (options.batch_key) detail::check_column(adata, "[data] batch_key", *options.batch_key);
  Screen screen;
  screen.perturbation = detail::perturbation_labels(adata, options);
  detail::check_labelled(screen.perturbation, "perturbation",
                         message("obs column ", quoted(options.perturbation_key)));
  screen.control = screen.perturbation.code(options.control);
  if (screen.control < 0)
    throw ConfigError(message("make_labels: no cell has the control label ",
                              quoted(options.control), " in obs column ",
                              quoted(options.perturbation_key), "; ",
                              names_there({options.control}, screen.perturbation.names)));
  screen.context = joined_factor(adata.obs, options.context_keys, options.context_name);
  detail::check_labelled(screen.context, "context",
                         message("obs columns ", list_of(options.context_keys)));
  if (options.batch_key) {
    screen.batch = factor(adata.obs.column(*options.batch_key));
    detail::check_labelled(screen.batch, "batch",
                           message("obs column ", quoted(*options.batch_key)));
  }
  screen.genes = adata.var.index;
  screen.expression = {
      adata.cells(), adata.genes(), std::vector<int64_t>(adata.cells() + 1), {}, {}};
  check_screen(screen);
  return screen;
}

namespace detail {

template <class = void>
void set_expression(Screen& screen, const AnnData& adata, CsrMatrix<float> expression) {
  screen.expression = std::move(expression);
  check_screen(screen);
  check_finite(screen.expression.view(), adata);
}

template <class = void>
void check_has_x(const AnnData& adata) {
  if (!adata.X) throw ConfigError("make_screen: the data have no X, expected log1p expression");
}

}  // namespace detail

/// Reads a screen from annotated cells. X must be on the log1p scale already: a scale is declared,
/// never guessed, so nothing is transformed here.
/// @throws ConfigError if X is absent, a value is not finite, or as make_labels does
template <class = void>
Screen make_screen(const AnnData& adata, const ScreenOptions& options = {}) {
  detail::check_has_x(adata);
  Screen screen = make_labels(adata, options);
  detail::set_expression(screen, adata, to_csr<float>(*adata.X));
  return screen;
}

/// Gives labels the expression of their cells, and takes it out of adata: X is in memory once.
/// @throws ConfigError if X is absent or a value is not finite; ShapeError if it has another shape
template <class = void>
void take_expression(Screen& screen, AnnData& adata) {
  detail::check_has_x(adata);
  CsrMatrix<float> expression = adata.X->take_csr<float>();
  adata.X.reset();
  detail::set_expression(screen, adata, std::move(expression));
}

/// For who reads `expression` itself.
/// @throws ConfigError naming the function if the screen's expression is not in memory
template <class = void>
void check_in_memory(const char* function, const Screen& screen) {
  if (screen.elsewhere)
    throw ConfigError(message(function, ": the screen's expression is read from disk as sets need ",
                              "it (open_screen), and this needs all of it in memory; make the ",
                              "screen with make_screen"));
}

/// Where genes are in a screen, by name, in this order.
/// @throws ConfigError as select_genes
template <class = void>
std::vector<size_t> columns_of_genes(const Screen& screen, const std::vector<std::string>& names) {
  const NamePlaces places(screen.genes);
  std::vector<size_t> columns, asked(screen.genes.size(), 0);
  std::vector<std::string> absent, ambiguous, repeated;
  for (const std::string& name : names) {
    const auto found = places.find(name);
    if (!found) {
      absent.push_back(name);
      continue;
    }
    if (places.repeats(name)) ambiguous.push_back(name);
    if (++asked[*found] == 2) repeated.push_back(name);
    columns.push_back(*found);
  }
  if (!absent.empty())
    throw ConfigError(message("select_genes: the screen does not have ", absent.size(), " of ",
                              names.size(), " genes: ", list_of(absent), "; ",
                              names_there(absent, screen.genes)));
  if (!ambiguous.empty())
    throw ConfigError(message("select_genes: the screen has several columns of the name ",
                              list_of(ambiguous), "; make its gene names unique"));
  if (!repeated.empty())
    throw ConfigError(message("select_genes: asked for twice: ", list_of(repeated)));
  return columns;
}

/// The same screen with these genes only, in this order: matched by name.
/// @throws ConfigError naming the genes that the screen does not have, that it has twice, or that
///         are asked for twice; or if its expression is not in memory
template <class = void>
Screen select_genes(const Screen& screen, const std::vector<std::string>& names) {
  check_in_memory("select_genes", screen);
  const auto columns = columns_of_genes(screen, names);
  Screen out{select_columns(screen.expression, columns),
             names,
             screen.perturbation,
             screen.context,
             screen.batch,
             screen.control,
             screen.is_embedding,
             {},
             screen.control_parts};
  return out;
}

VCELL_INSTANTIATE(data, Screen make_labels<void>(const AnnData&, const ScreenOptions&));
VCELL_INSTANTIATE(data, Screen make_screen<void>(const AnnData&, const ScreenOptions&));
VCELL_INSTANTIATE(data, void take_expression<void>(Screen&, AnnData&));
VCELL_INSTANTIATE(data, void check_screen<void>(const Screen&));

VCELL_END_NAMESPACE
