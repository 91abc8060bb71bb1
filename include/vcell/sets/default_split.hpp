#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/sets/contexts_with_controls.hpp"
#include "vcell/sets/make_split.hpp"

VCELL_BEGIN_NAMESPACE

struct DefaultSplitOptions {
  /// Whether the model knows perturbations by features, so that unseen ones can be predicted.
  bool perturbation_features = false;
  /// Which perturbations or cells.
  uint64_t seed = 42;
};

/// A split made by rule, and the rule in words for people to read.
struct DefaultSplit {
  SplitSpec spec;
  std::string description;
};

namespace detail {

/// For each context the names, sorted, of the perturbations that can be tested there and learnt
/// elsewhere: those with cells in this context and in another. A context without control cells,
/// from which nothing can be predicted or learnt, has none and does not count.
template <class = void>
std::vector<std::vector<std::string>> shared_perturbations(const Screen& screen) {
  const size_t contexts = screen.context.names.size(), n = screen.perturbation.names.size();
  std::vector<uint8_t> there(contexts * n);
  for (size_t i = 0; i < screen.cells(); ++i)
    there[size_t(screen.context.codes[i]) * n + size_t(screen.perturbation.codes[i])] = 1;
  const auto has_controls = contexts_with_controls(screen);
  std::vector<size_t> contexts_of(n);
  for (size_t pair = 0; pair < there.size(); ++pair)
    contexts_of[pair % n] += there[pair] && has_controls[pair / n];
  std::vector<std::vector<std::string>> shared(contexts);
  for (size_t c = 0; c < contexts; ++c) {
    if (!has_controls[c]) continue;
    for (size_t code = 0; code < n; ++code)
      if (there[c * n + code] && contexts_of[code] > 1 && int32_t(code) != screen.control)
        shared[c].push_back(screen.perturbation.names[code]);
  }
  return shared;
}

}  // namespace detail

/// The split of a screen that comes without one:
/// - two contexts or more that share perturbations: the context with control cells in which the
///   most perturbations are found that have cells in another context too (of several the last by
///   name) is underrepresented. Of these n perturbations floor(0.3 n) train, but at least one if n
///   is above 1, and the others are test. Everything else trains, also what no other context has;
/// - else, with perturbation features: by perturbation, 64 % train, 16 % validation, 20 % test;
/// - else by cells: 20 % of every perturbation's cells are test.
/// @throws ConfigError if by perturbation is the rule and there are fewer than three
template <class = void>
DefaultSplit default_split(const Screen& screen, const SplitDataset& dataset,
                           const DefaultSplitOptions& options = {}) {
  check_screen(screen);
  // From the end, so that of contexts with as many the last is found.
  const auto shared = detail::shared_perturbations(screen);
  const auto most =
      std::max_element(shared.rbegin(), shared.rend(),
                       [](const auto& a, const auto& b) { return a.size() < b.size(); });
  if (most != shared.rend() && !most->empty()) {
    const std::string& context = screen.context.names[size_t(shared.rend() - most) - 1];
    const size_t n = most->size(), share = detail::floored_share(0.3, n);
    const size_t kept = n > 1 ? std::max<size_t>(1, share) : 0;
    return {detail::tested_but_for(kept, *most, dataset, context, options.seed),
            message("context ", quoted(context), " is underrepresented: of the ", n,
                    " perturbations that other contexts have as well ", kept, " train and ",
                    n - kept, " are test; all others train")};
  }
  if (options.perturbation_features)
    return {split_by_perturbation(screen, dataset, {.seed = options.seed}),
            "by perturbation: 64 % train, 16 % validation, 20 % test"};
  return {split_by_cells(dataset, {.test = 0.2, .seed = options.seed}),
          "by cells: 20 % of every perturbation's cells are test, which measures the fit to "
          "perturbations that were seen and not the prediction of new ones"};
}

VCELL_INSTANTIATE(data, DefaultSplit default_split<void>(const Screen&, const SplitDataset&,
                                                         const DefaultSplitOptions&));

VCELL_END_NAMESPACE
