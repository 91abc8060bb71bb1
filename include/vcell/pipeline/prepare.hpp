#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/callbacks.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/core/name_places.hpp"
#include "vcell/data/dense_matrix.hpp"
#include "vcell/data/watched_rows.hpp"
#include "vcell/models/perturbation_features.hpp"
#include "vcell/pipeline/controls_of_split.hpp"
#include "vcell/pipeline/draw_validation.hpp"
#include "vcell/pipeline/screen_cells.hpp"
#include "vcell/preprocess/filter_cells.hpp"
#include "vcell/preprocess/filter_genes.hpp"
#include "vcell/preprocess/highly_variable_genes.hpp"
#include "vcell/preprocess/with_log1p_rows.hpp"
#include "vcell/sets/default_split.hpp"
#include "vcell/sets/gene_symbols.hpp"
#include "vcell/sets/keep_controls_apart.hpp"
#include "vcell/sets/parts_by_dataset.hpp"
#include "vcell/sets/split_column.hpp"
#include "vcell/train/experiment.hpp"

VCELL_BEGIN_NAMESPACE

struct TrainedEmbedding;

/// A screen that methods can learn from and be scored on.
struct Prepared {
  AnnData annotations;           ///< filtered: the file's own columns, without X
  NormalizedToLog1p normalized;  ///< how X became log1p
  Screen screen;                 ///< with the genes that predictions have
  /// The genes of the model, by name, where they are fewer than the screen's
  /// (Experiment::all_genes); else empty.
  std::vector<std::string> model_genes;
  size_t genes_before = 0;  ///< genes among which the model's were chosen
  SplitSpec split;
  std::string split_text;         ///< where the split is from, for people
  std::vector<Part> parts;        ///< (cells), with validation drawn where the split has none
  std::vector<Part> split_parts;  ///< (cells) before it was drawn; empty where it was not
  Factor dataset = {};            ///< (cells) of which data set each is; empty: there is one
  PerturbationFeatures features;  ///< what models read of perturbations
  GeneSymbols symbols;            ///< how perturbations are matched with their own genes
  /// (cells, E) what the model reads in place of expression; empty: expression.
  DenseMatrix<float> embedding = {};
  /// What made it; null where the cells came with it.
  std::shared_ptr<const TrainedEmbedding> embedder = {};
};

/// What an experiment takes from files, for who has it in memory.
struct PrepareInputs {
  std::optional<SplitSpec> split;  ///< none: the default split
  std::string dataset = "screen";  ///< what a given split calls this screen (dataset_name)
  /// The same of each file, where there are several; obs [data] dataset_column has the name of
  /// every cell's. Empty: there is one.
  std::vector<SplitDataset> datasets = {};
  std::string split_text;                        ///< where it is from
  std::optional<PerturbationFeatures> features;  ///< none: one-hot
  std::vector<std::string> genes;  ///< of the model, in this order; empty: as the experiment says
  std::shared_ptr<const TrainedEmbedding> embedder;  ///< that [data] embedding names
  /// Puts the embedding of the filtered cells, which are not normalised yet, into what is prepared
  /// of them until then (screen_embedder); none: there is none. Cells have X beside them.
  std::function<void(const AnnData&, const AnyRows& X, Prepared&)> embed;
};

namespace detail {

/// @param drop_cells, drop_genes  options -> Filtered
template <class Cells, class Genes>
void filter(AnnData& adata, size_t min_genes, size_t min_cells, const Callbacks& callbacks,
            Cells&& drop_cells, Genes&& drop_genes) {
  const auto say_uncut = [&](const std::vector<std::string>& names) {
    if (!names.empty())
      note(callbacks, "left out, since what is kept unread cannot be cut: ", list_of(names));
  };
  if (min_genes) {
    const auto not_cut = uncut(adata, true, false);
    const Filtered kept = drop_cells(FilterCellsOptions{.min_genes = double(min_genes)});
    note(callbacks, "dropped ", kept.dropped(), " of ", kept.keep.size(), " cells with fewer than ",
         min_genes, " genes");
    if (kept.dropped()) say_uncut(not_cut);
    if (adata.cells() == 0)
      throw ConfigError(
          message("no cell has ", min_genes, " genes, so none is left; lower [data] min_genes"));
  }
  if (min_cells) {
    const auto not_cut = uncut(adata, false, true);
    const Filtered kept = drop_genes(FilterGenesOptions{.min_cells = double(min_cells)});
    note(callbacks, "dropped ", kept.dropped(), " of ", kept.keep.size(), " genes in fewer than ",
         min_cells, " cells");
    if (kept.dropped()) say_uncut(not_cut);
    if (adata.genes() == 0)
      throw ConfigError(
          message("no gene is in ", min_cells, " cells, so none is left; lower [data] min_cells"));
  }
}

}  // namespace detail

/// Drops cells with fewer than `min_genes` genes, then genes in fewer than `min_cells` cells; 0
/// drops none.
/// @throws ConfigError if nothing is left
template <class = void>
void filter(AnnData& adata, size_t min_genes, size_t min_cells, const Callbacks& callbacks = {}) {
  detail::filter(
      adata, min_genes, min_cells, callbacks,
      [&](const FilterCellsOptions& options) { return filter_cells(adata, options); },
      [&](const FilterGenesOptions& options) { return filter_genes(adata, options); });
}

/// The same with X apart from adata, which has none.
template <class S>
void filter(AnnData& adata, SelectedRows<S>& X, size_t min_genes, size_t min_cells,
            const Callbacks& callbacks = {}) {
  detail::filter(
      adata, min_genes, min_cells, callbacks,
      [&](const FilterCellsOptions& options) { return filter_cells(adata, X, options); },
      [&](const FilterGenesOptions& options) { return filter_genes(adata, X, options); });
}

/// Says how X became log1p.
template <class = void>
void note_scale(const NormalizedToLog1p& normalized, const Callbacks& callbacks) {
  if (normalized.found.inferred)
    note(callbacks, "X holds whole numbers only and nothing says what they are: taken as counts ",
         "(declare the scale to be sure)");
  if (normalized.found.scale == Scale::counts)
    note(callbacks, "counts were normalised to ", *normalized.target_sum, " a cell and log1p'd");
  else
    note(callbacks, "X is log1p already and stays as it is",
         normalized.target_sum
             ? message("; it was normalised to ", *normalized.target_sum, " a cell")
             : "");
  if (normalized.empty_cells)
    note(callbacks, normalized.empty_cells, " cells have no counts at all and stay zero");
}

namespace detail {

/// Says which contexts several data sets have, since their cells are those of one context.
template <class = void>
void say_shared_contexts(const Experiment& e, const Prepared& p, const Callbacks& callbacks) {
  std::vector<int32_t> first(p.screen.context.names.size(), -1);
  std::vector<uint8_t> shared(first.size(), 0);
  for (size_t i = 0; i < p.screen.cells(); ++i) {
    const auto context = size_t(p.screen.context.codes[i]);
    if (first[context] < 0) first[context] = p.dataset.codes[i];
    shared[context] |= first[context] != p.dataset.codes[i];
  }
  std::vector<std::string> names;
  for (size_t c = 0; c < shared.size(); ++c)
    if (shared[c]) names.push_back(p.screen.context.names[c]);
  if (!names.empty())
    note(callbacks, "several data sets have cells of ", list_of(names), ", each taken as one ",
         "context, with the controls of all of them; where it is not, name ",
         quoted(e.dataset_column), " among [data] context_keys");
}

/// Splits labels, and draws validation where the split has none.
template <class = void>
void split_cells(const Experiment& e, const PrepareInputs& given, const AnnData& adata, Prepared& p,
                 const Callbacks& callbacks) {
  if (given.split) {
    p.split = *given.split;
    p.split_text = given.split_text;
  } else {
    auto made =
        default_split(p.screen, {given.dataset, e.data},
                      {!e.perturbation_features.empty() || given.features, e.training.seed});
    p.split = p.dataset.names.empty()
                  ? std::move(made.spec)
                  : split_over_datasets(made.spec, p.screen, p.dataset, given.datasets);
    p.split_text = "default: " + made.description;
  }
  controls_of_split(e, p.split);
  note(callbacks, "split: ", p.split_text);
  const AssignOptions assign = {.lenient = e.lenient_split};
  if (!p.split.column.empty()) {
    p.parts = parts_of_cells(adata, p.screen, p.split, given.dataset, assign);
  } else if (p.dataset.names.empty()) {
    for (const auto& remark :
         check_split(p.screen, p.split, given.dataset, {.lenient = e.lenient_split}))
      note(callbacks, remark);
    p.parts = assign_parts(p.screen, p.split, given.dataset, assign);
  } else {
    std::vector<std::string> remarks;
    p.parts = parts_by_dataset(p.screen, p.dataset, p.split, assign, &remarks);
    for (const auto& remark : remarks) note(callbacks, remark);
    say_shared_contexts(e, p, callbacks);
  }
  if (const size_t mixed = count_mixed_pairs(p.screen, p.parts))
    note(callbacks, "of ", mixed, " pairs of context and perturbation some cells train and others ",
         "are tested: their scores measure fit and not generalisation");
  p.split_parts = p.parts;
  if (p.split.controls) p.screen.control_parts = p.parts;  // which drawing validation reads
  if (!draw_validation(e, p.screen, p.parts, e.training.seed, callbacks)) p.split_parts.clear();
  if (p.split.controls) {
    keep_controls_apart(p.screen, p.parts);
    note(callbacks, "controls are kept apart: each is an input of its own part alone");
  }
  const auto cells = count_parts(p.parts);
  note(callbacks, "cells: ", cells[0], " train, ", cells[1], " validation, ", cells[2], " test, ",
       cells[3], " unused");
}

/// The genes of the model, by name; empty: all.
/// @param X  log1p, of adata
template <class S>
std::vector<std::string> genes_of(const Experiment& e, const PrepareInputs& given,
                                  const AnnData& adata, const S& X,
                                  std::span<const uint8_t> chosen_from) {
  std::vector<std::string> genes;
  if (!given.genes.empty()) {
    const NamePlaces there(adata.var.index);
    std::vector<std::string> absent;
    for (const std::string& gene : given.genes)
      if (!there.contains(gene)) absent.push_back(gene);
    if (!absent.empty())
      throw ConfigError(message("[data] gene_list names ", absent.size(), " genes that the screen ",
                                "does not have (or lost to [data] min_cells): ", list_of(absent),
                                "; take them out of the list"));
    std::vector<std::string> sorted = given.genes;
    std::sort(sorted.begin(), sorted.end());
    const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
    if (twice != sorted.end())
      throw ConfigError(message("[data] gene_list names ", quoted(*twice), " twice"));
    genes = given.genes;
  } else if (e.hvgs && adata.genes() > e.hvgs) {
    for (const size_t gene :
         highly_variable_genes(X, {.n_top_genes = e.hvgs, .cells = chosen_from}).indices())
      genes.push_back(adata.var.index[gene]);
  }
  return genes;
}

/// What models read of perturbations.
template <class = void>
PerturbationFeatures features_of(const Experiment& e, const PrepareInputs& given, const Prepared& p,
                                 const Callbacks& callbacks) {
  if (!given.features) {
    const auto unseen = untold_perturbations(p.screen, p.parts, e.labels);
    if (!unseen.empty())
      throw ConfigError(
          message("the split holds out every cell of ", list_of(unseen),
                  ", and one-hot perturbations say nothing of what was never seen; give [data] "
                  "perturbation_features, or keep these perturbations in another context"));
    auto features = PerturbationFeatures::one_hot(singles(p.screen.perturbation.names, e.labels));
    features.combine(p.screen.perturbation.names, e.labels);
    return features;
  }
  auto features = *given.features;
  if (e.zero_control && !features.has(e.labels.control))
    features.add(e.labels.control, std::vector<float>(features.width(), 0));
  for (const std::string& name : p.screen.perturbation.names)
    if (features.has(name) && !parts_of(name, e.labels).empty())
      throw ConfigError(message("the combination ", quoted(name), " has features of its own, and ",
                                "those of a combination are the sum of its parts'; leave it out ",
                                "of [data] perturbation_features, or set no ",
                                "[data] combination_separator"));
  for (const std::string& name : p.screen.perturbation.names)
    if (features.has(name) && dose_of(name, e.labels))
      throw ConfigError(message(quoted(name), " has features of its own, and those of a dose are ",
                                "its perturbation's, times an amount; leave it out of ",
                                "[data] perturbation_features, or set no [data] dose_key"));
  features.combine(p.screen.perturbation.names, e.labels);
  note(callbacks, "perturbations are described by ", features.width(), " features",
       e.perturbation_features.empty() ? "" : message(" of ", e.perturbation_features));
  return features;
}

/// Gives labels the expression of their cells in these genes; empty: in all of them.
/// @param X  log1p, of adata; read once
template <class S>
void collect_expression(Screen& screen, const AnnData& adata, const S& X,
                        const std::vector<std::string>& genes) {
  std::vector<size_t> columns;
  if (!genes.empty()) {
    columns = columns_of_genes(screen, genes);
    screen.genes = genes;
  }
  CsrMatrix<float>& out = screen.expression;
  out = {};
  out.columns = screen.genes.size();
  for_each_row_block<float>(X, [&](size_t first, const CsrView<float>& block) {
    check_finite(block, adata, first);
    const auto add = [&](const CsrView<float>& rows) {
      // As many values more as are to be expected, so that little is held twice.
      if (out.values.size() + rows.values.size() > out.values.capacity()) {
        const double read = double(first + block.rows), all = double(X.rows()),
                     values = double(out.values.size() + rows.values.size());
        out.values.reserve(size_t(values * (1.05 * all / read)) + 1);
        out.indices.reserve(out.values.capacity());
      }
      out.append(rows);
    };
    if (genes.empty())
      add(block);
    else
      add(select_columns(block, std::span<const size_t>(columns)).view());
  });
  check_screen(screen);
}

}  // namespace detail

/// Filters, labels, splits, normalises and chooses genes, as an experiment says.
///
/// The total that counts are normalised to and the genes of the model are chosen from the cells
/// that e.choose_from says.
///
/// Where X is not in memory it is read in blocks: for each filter, to check it and for the totals
/// of counts, for the most variable genes, and once more for the expression that is taken into
/// memory: of the model's genes alone, unless predictions hold all. To the same bytes.
///
/// @param cells  the screen; X in memory is kept once
/// @throws ConfigError naming the setting, if data, split and features do not fit each other
template <class = void>
Prepared prepare(ScreenCells cells, const Experiment& e, const PrepareInputs& given = {},
                 const Callbacks& callbacks = {}) {
  AnnData& adata = cells.adata;
  const bool in_memory = !cells.X;
  for (const auto& key : e.ceiling_by) detail::check_column(adata, "[scores] ceiling_by", key);
  Prepared p;
  if (in_memory) {
    filter(adata, e.min_genes, e.min_cells, callbacks);
  } else if (e.min_genes || e.min_cells) {
    SelectedRows<AnyRows> X(std::move(cells.X));
    filter(adata, X, e.min_genes, e.min_cells, callbacks);
    cells.X = AnyRows::of(std::move(X));
  }
  p.screen = make_labels(adata, e.labels);
  note(callbacks, p.screen.perturbation.names.size() - 1, " perturbations beside the control ",
       quoted(e.labels.control), ", ", p.screen.context.names.size(),
       " contexts: ", list_of(p.screen.context.names));
  if (given.datasets.size() > 1) {
    detail::check_column(adata, "[data] dataset_column", e.dataset_column);
    p.dataset = factor(adata.obs.column(e.dataset_column));
  }
  p.symbols = gene_symbols(adata.var, p.screen.perturbation.names, e.gene_names);
  if (!p.symbols.remark.empty()) note(callbacks, p.symbols.remark);
  detail::split_cells(e, given, adata, p, callbacks);
  p.features = detail::features_of(e, given, p, callbacks);
  if (given.embed)
    given.embed(adata, in_memory ? AnyRows::borrowed(detail::matrix_of("prepare", adata)) : cells.X,
                p);

  std::vector<uint8_t> chosen_from;
  if (e.choose_from == ChooseFrom::training)
    for (size_t i = 0; i < p.parts.size(); ++i)
      chosen_from.push_back(p.parts[i] == Part::train || p.screen.serves_all(i));
  const NormalizeToLog1pOptions scale = {
      .scale = e.scale,
      .target_sum = e.target_sum > 0 ? std::optional(e.target_sum) : std::nullopt,
      .cells = chosen_from,
      .library_log1p = true,
      .progress = callbacks.progress};
  p.genes_before = adata.genes();
  std::vector<std::string> genes;
  if (in_memory) {
    p.normalized = normalize_to_log1p(adata, scale);
    genes = detail::genes_of(e, given, adata, *adata.X, chosen_from);
    take_expression(p.screen, adata);
    if (!genes.empty() && !e.all_genes) p.screen = select_genes(p.screen, genes);
  } else {
    with_log1p_rows(adata, std::move(cells.X), scale, p.normalized, [&](const auto& rows) {
      const WatchedRows X{BorrowedRows{rows}, callbacks.progress, "genes"};
      genes = detail::genes_of(e, given, adata, X, chosen_from);
      detail::collect_expression(p.screen, adata, X,
                                 e.all_genes ? std::vector<std::string>() : genes);
    });
    declare_scale(adata, Scale::log1p, p.normalized.target_sum);
  }
  note_scale(p.normalized, callbacks);
  const char* const reads = given.embed ? "" : "reads and ";
  if (genes.empty())
    note(callbacks, "the model ", reads, "predicts all ", p.genes_before, " genes");
  else
    note(callbacks, "the model ", reads, "predicts the ", genes.size(),
         given.genes.empty() ? " most variable of " : " genes of the list, of ", p.genes_before,
         " genes");
  if (e.all_genes) p.model_genes = std::move(genes);
  p.annotations = std::move(adata);
  return p;
}

VCELL_INSTANTIATE(pipeline, Prepared prepare<void>(ScreenCells, const Experiment&,
                                                   const PrepareInputs&, const Callbacks&));

VCELL_END_NAMESPACE
