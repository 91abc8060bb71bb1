#pragma once

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/name_places.hpp"
#include "vcell/eval/labelled_cells.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// (context, perturbation), by name; the context is empty when cells are not divided.
using Pair = std::pair<std::string, std::string>;

/// The pair of a cell, by name.
template <class = void>
Pair pair_of(const LabelledCells& cells, size_t cell) {
  return {cells.has_contexts() ? cells.context.names[size_t(cells.context.codes[cell])] : "",
          cells.perturbation.names[size_t(cells.perturbation.codes[cell])]};
}

template <class = void>
bool takes_part(const LabelledCells& cells, size_t cell) {
  return cells.perturbation.codes[cell] >= 0 &&
         (!cells.has_contexts() || cells.context.codes[cell] >= 0);
}

template <class = void>
std::set<Pair> pairs_of(const LabelledCells& cells) {
  std::set<Pair> pairs;
  for (size_t cell = 0; cell < cells.X.rows; ++cell)
    if (takes_part(cells, cell)) pairs.insert(pair_of(cells, cell));
  return pairs;
}

template <class = void>
std::string text_of(const Pair& pair) {
  return pair.first.empty() ? pair.second : message(pair.second, " in ", pair.first);
}
inline const std::string& text_of(const std::string& name) { return name; }

/// Appends "what: 'a', 'b'" for those of the first set that are not in the second, if there are.
template <class T>
void add_only_in(std::vector<std::string>& out, const char* what, const std::set<T>& set,
                 const std::set<T>& other, size_t most) {
  std::vector<std::string> names;
  for (const T& element : set)
    if (!other.contains(element)) names.push_back(text_of(element));
  if (!names.empty()) out.push_back(message(what, ": ", list_of(names, most)));
}

/// Says how many cells of a side have no label, if there are.
template <class = void>
void add_unlabelled(std::vector<std::string>& out, const char* side, const LabelledCells& cells) {
  size_t n = 0;
  for (size_t cell = 0; cell < cells.X.rows; ++cell) n += !takes_part(cells, cell);
  if (n) out.push_back(message("cells without a label in ", side, ": ", n));
}

/// What differs between the two sides, one sentence each.
/// @param most  how many names each lists
template <class = void>
std::vector<std::string> differences(const LabelledCells& real, const LabelledCells& predicted,
                                     const std::set<Pair>& real_pairs,
                                     const std::set<Pair>& predicted_pairs, size_t most) {
  const std::set<std::string> real_genes(real.genes.begin(), real.genes.end());
  const std::set<std::string> predicted_genes(predicted.genes.begin(), predicted.genes.end());
  std::vector<std::string> out;
  add_only_in(out, "genes only in real", real_genes, predicted_genes, most);
  add_only_in(out, "genes only in predicted", predicted_genes, real_genes, most);
  if (out.empty() && real.genes != predicted.genes) {
    size_t i = 0;
    while (real.genes[i] == predicted.genes[i]) ++i;
    out.push_back(message("genes in another order, first gene ", i, ": ", quoted(real.genes[i]),
                          " in real, ", quoted(predicted.genes[i]), " in predicted"));
  }
  add_only_in(out, "labels only in real", real_pairs, predicted_pairs, most);
  add_only_in(out, "labels only in predicted", predicted_pairs, real_pairs, most);
  return out;
}

/// Keeps these genes, in this order, and takes the label from the cells of all other pairs.
template <class = void>
void restrict_cells(LabelledCells& cells, const std::vector<std::string>& genes,
                    const std::set<Pair>& pairs) {
  if (cells.genes != genes) {
    const NamePlaces places(cells.genes);
    std::vector<size_t> columns;
    for (const std::string& gene : genes) columns.push_back(places.find(gene).value());
    cells.X = select_columns(cells.X, columns);
    cells.genes = genes;
  }
  for (size_t cell = 0; cell < cells.X.rows; ++cell)
    if (takes_part(cells, cell) && !pairs.contains(pair_of(cells, cell)))
      cells.perturbation.codes[cell] = -1;
}

/// Takes out the contexts that have nothing but controls, and says so.
template <class = void>
void leave_out_idle_contexts(std::set<Pair>& pairs, const std::string& control,
                             std::vector<std::string>& left_out) {
  std::set<std::string> busy, idle;
  for (const auto& [context, perturbation] : pairs)
    if (perturbation != control) busy.insert(context);
  for (const auto& [context, perturbation] : pairs)
    if (!busy.contains(context)) idle.insert(context);
  std::erase_if(pairs, [&](const Pair& pair) { return idle.contains(pair.first); });
  add_only_in(left_out, "contexts without a perturbation that both have", idle, {}, idle.size());
}

template <class = void>
void check_controls(const std::set<Pair>& pairs, const std::string& control) {
  std::set<std::string> without;
  for (const auto& [context, perturbation] : pairs)
    if (!pairs.contains({context, control})) without.insert(context);
  if (without.empty()) return;
  const bool divided = !without.begin()->empty();
  throw ConfigError(message("evaluate: real or predicted has no cells labelled ", quoted(control),
                            ", the control", divided ? ", in " + list_of(without) : std::string(),
                            "; each side is measured against its own control"));
}

}  // namespace detail

/// Makes sure that two sides have the same genes in the same order, the same perturbations in the
/// same contexts, and controls in each of these. Contexts that have nothing but controls and cells
/// without a label are left out.
///
/// @param real, predicted  without duplicate genes; with `subset` they are changed to what they
///                         share, in the order of real: other cells lose their label
/// @param control          the label of unperturbed cells
/// @param subset           restrict both sides where they differ; otherwise that is an error
/// @return                 what was left out, one sentence each; empty when nothing was
/// @throws ConfigError listing what differs, the contexts without control, or that nothing is left
template <class = void>
std::vector<std::string> align_cells(LabelledCells& real, LabelledCells& predicted,
                                     const std::string& control, bool subset) {
  if (real.has_contexts() != predicted.has_contexts())
    throw ConfigError(
        "evaluate: one side is divided into contexts and the other is not; name the context "
        "columns of both or of neither");
  const auto real_pairs = detail::pairs_of(real), predicted_pairs = detail::pairs_of(predicted);
  constexpr size_t most_left_out = 100, most_in_error = 8;
  auto left_out = detail::differences(real, predicted, real_pairs, predicted_pairs,
                                      subset ? most_left_out : most_in_error);
  if (!left_out.empty() && !subset) {
    std::string text;
    for (const std::string& difference : left_out) text += (text.empty() ? "" : "; ") + difference;
    throw ConfigError(message("evaluate: real and predicted differ: ", text,
                              "; the option subset compares what both have"));
  }

  detail::add_unlabelled(left_out, "real", real);
  detail::add_unlabelled(left_out, "predicted", predicted);

  std::set<detail::Pair> shared;
  std::set_intersection(real_pairs.begin(), real_pairs.end(), predicted_pairs.begin(),
                        predicted_pairs.end(), std::inserter(shared, shared.end()));
  detail::leave_out_idle_contexts(shared, control, left_out);
  if (shared.empty())
    throw ConfigError(message("evaluate: real and predicted share no perturbation; real has ",
                              list_of(real.perturbation.names), " and predicted ",
                              list_of(predicted.perturbation.names)));
  detail::check_controls(shared, control);

  std::vector<std::string> genes;
  const NamePlaces there(predicted.genes);
  for (const std::string& gene : real.genes)
    if (there.contains(gene)) genes.push_back(gene);
  if (genes.empty())
    throw ConfigError(message("evaluate: real and predicted share no gene; real has ",
                              list_of(real.genes), " and predicted ", list_of(predicted.genes)));
  detail::restrict_cells(real, genes, shared);
  detail::restrict_cells(predicted, genes, shared);
  return left_out;
}

VCELL_END_NAMESPACE
