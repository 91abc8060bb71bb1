#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/sets/make_split.hpp"
#include "vcell/sets/split.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The labels of some cells as a screen without genes.
/// @throws ConfigError naming the data set that they are, without control cells
template <class = void>
Screen labels_of_dataset(const Screen& all, const std::vector<size_t>& rows,
                         const std::string& name) {
  const auto labels = [&](const Factor& from) {
    std::vector<std::string> text;
    for (const size_t row : rows) text.push_back(from.names[size_t(from.codes[row])]);
    return factor(text);
  };
  Screen own;
  own.perturbation = labels(all.perturbation);
  own.context = labels(all.context);
  if (all.has_batches()) own.batch = labels(all.batch);
  const std::string& control = all.perturbation.names[size_t(all.control)];
  own.control = own.perturbation.code(control);
  if (own.control < 0)
    throw ConfigError(message("parts_by_dataset: the data set ", quoted(name),
                              " has no control cells (", quoted(control), ")"));
  own.expression = {rows.size(), 0, std::vector<int64_t>(rows.size() + 1), {}, {}};
  return own;
}

/// The cells of each data set.
template <class = void>
std::vector<std::vector<size_t>> rows_by_dataset(const Screen& all, const Factor& dataset) {
  check_factor("dataset", dataset, all.cells());
  std::vector<std::vector<size_t>> rows(dataset.names.size());
  for (size_t i = 0; i < all.cells(); ++i) rows[size_t(dataset.codes[i])].push_back(i);
  return rows;
}

}  // namespace detail

/// The part of every cell of several data sets under a split that names them: that of assign_parts
/// for each by itself, whose contexts are other ones than those of the same names elsewhere.
/// @param dataset  (cells) which one each is of
/// @param remarks  if given, gets what check_split says of each
/// @return         (cells)
/// @throws ConfigError as assign_parts, or naming a data set without control cells
template <class = void>
std::vector<Part> parts_by_dataset(const Screen& all, const Factor& dataset, const SplitSpec& spec,
                                   const AssignOptions& options = {},
                                   std::vector<std::string>* remarks = nullptr) {
  const auto rows = detail::rows_by_dataset(all, dataset);
  std::vector<Part> out(all.cells(), Part::unused);
  for (size_t d = 0; d < rows.size(); ++d) {
    if (rows[d].empty()) continue;
    const Screen own = detail::labels_of_dataset(all, rows[d], dataset.names[d]);
    if (remarks)
      for (const auto& remark :
           check_split(own, spec, dataset.names[d], {.lenient = options.lenient}))
        remarks->push_back(message("data set ", quoted(dataset.names[d]), ": ", remark));
    const auto parts = assign_parts(own, spec, dataset.names[d], options);
    for (size_t k = 0; k < rows[d].size(); ++k) out[rows[d][k]] = parts[k];
  }
  return out;
}

/// A split that was made for several data sets as if they were one, said of each: what it holds out
/// of a context is held out of it in every data set that has it. parts_by_dataset gives every
/// perturbed cell the part that the split gives it.
/// @param spec      of one data set, all of which trains where nothing else is said
/// @param datasets  name and path of each
template <class = void>
SplitSpec split_over_datasets(const SplitSpec& spec, const Screen& all, const Factor& dataset,
                              std::span<const SplitDataset> datasets) {
  SplitSpec out;
  out.cells = spec.cells;
  out.controls = spec.controls;
  for (const SplitDataset& one : datasets) {
    out.datasets[one.name] = one.path;
    out.training.insert(one.name);
  }
  const auto rows = detail::rows_by_dataset(all, dataset);
  for (size_t d = 0; d < rows.size(); ++d) {
    const std::string& name = dataset.names[d];
    std::vector<uint8_t> there(all.context.names.size() * all.perturbation.names.size());
    const auto pair = [&](int32_t context, int32_t perturbation) -> uint8_t& {
      return there[size_t(context) * all.perturbation.names.size() + size_t(perturbation)];
    };
    std::vector<uint8_t> has(all.context.names.size());
    for (const size_t row : rows[d]) {
      pair(all.context.codes[row], all.perturbation.codes[row]) = 1;
      has[size_t(all.context.codes[row])] = 1;
    }
    const auto context_of = [&](const std::string& key) {
      const auto halves = split_key(spec, key);
      const int32_t code = halves ? all.context.code(halves->context) : -1;
      return code >= 0 && has[size_t(code)] ? code : -1;
    };
    const auto key_of = [&](int32_t context) {
      return message(name, '.', all.context.names[size_t(context)]);
    };
    for (const auto& [key, part] : spec.zeroshot)
      if (const int32_t context = context_of(key); context >= 0)
        out.zeroshot[key_of(context)] = part;
    for (const auto& [key, held] : spec.fewshot) {
      const int32_t context = context_of(key);
      if (context < 0) continue;
      HeldOutPerturbations own;
      for (const auto& [from, to] :
           {std::pair(&held.validation, &own.validation), std::pair(&held.test, &own.test)})
        for (const std::string& perturbation : *from)
          if (const int32_t code = all.perturbation.code(perturbation);
              code >= 0 && pair(context, code))
            to->push_back(perturbation);
      if (!own.validation.empty() || !own.test.empty()) out.fewshot[key_of(context)] = own;
    }
  }
  return out;
}

VCELL_END_NAMESPACE
