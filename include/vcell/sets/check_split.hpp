#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "vcell/sets/contexts_with_controls.hpp"
#include "vcell/sets/split_spec.hpp"

VCELL_BEGIN_NAMESPACE

struct CheckSplitOptions {
  /// Whether contexts of [zeroshot] and [fewshot] and held-out perturbations that the screen does
  /// not have are remarks, for a split that several files share. Else they are errors, since a name
  /// that is misspelt trains on what it was to hold out.
  bool lenient = false;
};

namespace detail {

/// Collects what is wrong with a split, so that one run shows all of it.
class SplitReport {
 public:
  template <class = void>
  SplitReport(const Screen& screen, const SplitSpec& spec, const std::string& dataset,
              const CheckSplitOptions& options)
      : screen_(screen), spec_(spec), dataset_(dataset), options_(options) {
    const size_t contexts = screen.context.names.size();
    pairs_.assign(contexts * screen.perturbation.names.size(), false);
    for (size_t i = 0; i < screen.cells(); ++i)
      pairs_[pair(screen.context.codes[i], screen.perturbation.codes[i])] = true;
    used_.assign(contexts, spec.training.contains(dataset));
    named_.assign(contexts, false);
  }

  template <class = void>
  std::vector<std::string> check() {
    datasets();
    for (const auto& [key, part] : spec_.zeroshot) zeroshot(key, part);
    for (const auto& [key, held] : spec_.fewshot) fewshot(key, held);
    cells();
    controls();
    if (errors_.empty()) return std::move(warnings_);
    std::string text = "check_split: the split does not fit the screen:";
    for (const std::string& error : errors_) text += "\n  " + error;
    throw ConfigError(text);
  }

 private:
  template <class = void>
  size_t pair(int32_t context, int32_t perturbation) const {
    return size_t(context) * screen_.perturbation.names.size() + size_t(perturbation);
  }
  template <class... Parts>
  void error(const Parts&... parts) {
    errors_.push_back(message(parts...));
  }

  /// Of names that the screen does not have: what is left out when lenient.
  template <class... Parts>
  void unknown(const Parts&... parts) {
    if (options_.lenient)
      warnings_.push_back(message(parts..., "; left out"));
    else
      error(parts..., "; mend it, or leave out what the screen does not have ([split] ",
            "lenient_split)");
  }

  template <class = void>
  std::vector<std::string> declared() const {
    std::vector<std::string> names;
    for (const auto& entry : spec_.datasets) names.push_back(entry.first);
    return names;
  }

  template <class = void>
  void datasets() {
    const auto path = spec_.datasets.find(dataset_);
    if (path == spec_.datasets.end()) {
      error("the data set ", quoted(dataset_), " is not in [datasets]; ",
            names_there({dataset_}, declared()));
    } else {
      // The same cells under two names can be held out under one and trained on under the other.
      for (const auto& [name, other] : spec_.datasets)
        if (name != dataset_ && other == path->second)
          error("leakage: [datasets] names ", quoted(other), " twice, as ", quoted(name), " and ",
                quoted(dataset_));
    }
    for (const std::string& name : spec_.training)
      if (!spec_.datasets.contains(name))
        error("[training] ", quoted(name), " is not in [datasets]; ",
              names_there({name}, declared()));
  }

  /// The code of the key's context; -1 if the key is of another data set, or wrong.
  template <class = void>
  int32_t context_of(const char* table, const std::string& key) {
    const auto parts = split_key(spec_, key);
    if (!parts) {
      error(table, " ", quoted(key), " does not begin with a declared data set and a dot; there ",
            "are ", list_of(declared()));
      return -1;
    }
    if (parts->dataset != dataset_) return -1;
    const int32_t code = screen_.context.code(parts->context);
    if (code < 0)
      unknown(table, " ", quoted(key), ": the screen has no context ", quoted(parts->context), "; ",
              names_there({parts->context}, screen_.context.names));
    return code;
  }

  template <class = void>
  void zeroshot(const std::string& key, Part part) {
    const int32_t context = context_of("[zeroshot]", key);
    if (part == Part::unused)
      error("[zeroshot] ", quoted(key), " is ", name_of(part),
            ", expected train, validation or test");
    if (spec_.fewshot.contains(key)) error("conflict: ", quoted(key), " is zeroshot and fewshot");
    if (context >= 0) used_[size_t(context)] = named_[size_t(context)] = true;
  }

  template <class = void>
  void fewshot(const std::string& key, const HeldOutPerturbations& held) {
    const int32_t context = context_of("[fewshot]", key);
    if (context < 0) return;
    used_[size_t(context)] = named_[size_t(context)] = true;
    if (!spec_.training.contains(dataset_))
      warnings_.push_back(message("[fewshot] ", quoted(key), ": ", quoted(dataset_), " is not in ",
                                  "[training], and the rest of this context trains all the same"));
    std::vector<std::string> strange, without_cells, both;
    for (const auto* names : {&held.validation, &held.test})
      for (const std::string& name : *names) {
        const int32_t code = screen_.perturbation.code(name);
        if (code < 0)
          strange.push_back(name);
        else if (code == screen_.control)
          error("conflict: [fewshot] ", quoted(key), " holds out the control ", quoted(name),
                ", which every part needs");
        else if (!pairs_[pair(context, code)])
          without_cells.push_back(name);
      }
    for (const std::string& name : held.validation)
      if (std::find(held.test.begin(), held.test.end(), name) != held.test.end())
        both.push_back(name);
    if (!strange.empty())
      unknown("[fewshot] ", quoted(key),
              " holds out perturbations that the screen does not have: ", list_of(strange), "; ",
              names_there(strange, screen_.perturbation.names));
    if (!without_cells.empty())
      warnings_.push_back(message("[fewshot] ", quoted(key), " holds out perturbations without ",
                                  "cells in this context: ", list_of(without_cells)));
    if (!both.empty())
      warnings_.push_back(message("[fewshot] ", quoted(key), " has perturbations in val and test: ",
                                  list_of(both), "; their cells are test only, since choosing a ",
                                  "model by test cells would be leakage"));
  }

  template <class = void>
  void cells() try {
    if (spec_.cells) check_held_out_cells(*spec_.cells);
    if (spec_.controls) check_held_out_controls(*spec_.controls);
  } catch (const ConfigError& wrong) {
    errors_.push_back(wrong.what());
  }

  template <class = void>
  void controls() {
    if (std::find(used_.begin(), used_.end(), true) == used_.end() && errors_.empty())
      error("no cell is used: ", quoted(dataset_), " is not in [training] and has no context in ",
            "[zeroshot] or [fewshot]");
    const std::string control = quoted(screen_.perturbation.names[size_t(screen_.control)]);
    const auto has_controls = contexts_with_controls(screen_);
    std::vector<std::string> without, named_without;
    bool any = false;
    for (size_t i = 0; i < screen_.context.names.size(); ++i) {
      any = any || (used_[i] && has_controls[i]);
      if (used_[i] && !has_controls[i])
        (named_[i] ? named_without : without).push_back(screen_.context.names[i]);
    }
    if (!named_without.empty())
      error("no control cells (", control, ") in context ", list_of(named_without),
            ": leave it out of the split or give it controls");
    else if (!any && !without.empty())
      error("no control cells (", control, ") in any context that is used: ", list_of(without));
    else if (!without.empty())
      warnings_.push_back(message("no control cells (", control, ") in context ", list_of(without),
                                  ": its cells are not used"));
  }

  const Screen& screen_;
  const SplitSpec& spec_;
  const std::string& dataset_;
  const CheckSplitOptions options_;
  std::vector<bool> pairs_;  // (contexts, perturbations): whether there are cells
  std::vector<bool> used_;   // (contexts)
  std::vector<bool> named_;  // (contexts): in [zeroshot] or [fewshot]
  std::vector<std::string> errors_, warnings_;
};

}  // namespace detail

/// Checks a split against a screen: that data sets, contexts and perturbations exist, that nothing
/// contradicts or leaks, and that every context that is named has control cells; others without any
/// are not used. Keys of other data sets are left to their own screens.
///
/// @param dataset  the screen's name in the split (see dataset_name)
/// @return         remarks that do not stand in the way, each one line
/// @throws ConfigError with all that is wrong, one line each
template <class = void>
std::vector<std::string> check_split(const Screen& screen, const SplitSpec& spec,
                                     const std::string& dataset,
                                     const CheckSplitOptions& options = {}) {
  check_screen(screen);
  return detail::SplitReport(screen, spec, dataset, options).check();
}

VCELL_END_NAMESPACE
