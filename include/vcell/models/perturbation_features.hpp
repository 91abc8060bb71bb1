#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "vcell/core/check.hpp"
#include "vcell/sets/near_names.hpp"

VCELL_BEGIN_NAMESPACE

/// What a model reads of a perturbation, by name: a vector of width P, either one-hot (a place of
/// its own for every name) or features, which let a model predict perturbations it has not seen.
class PerturbationFeatures {
 public:
  /// One place a name; P is their number.
  /// @throws ConfigError if a name comes twice
  template <class = void>
  static PerturbationFeatures one_hot(const std::vector<std::string>& names) {
    PerturbationFeatures out(names.size());
    out.is_one_hot_ = true;
    for (const std::string& name : names) out.add_name(name);
    return out;
  }
  /// No names yet, vectors of this width.
  explicit PerturbationFeatures(size_t width = 0) : width_(width) {}

  /// Adds a perturbation with its features, e.g. zeros for a control that has none of its own.
  /// @param features  (P) finite numbers
  /// @throws ConfigError if the name is taken, a number is not finite, or this is one-hot
  /// @throws ShapeError if there are not P of them
  template <class = void>
  void add(const std::string& name, std::span<const float> features) {
    if (is_one_hot_)
      throw ConfigError(message("PerturbationFeatures: ", quoted(name),
                                " cannot be given features beside one-hot perturbations"));
    check_size_match("PerturbationFeatures", "features given", features.size(), "width", width_);
    for (const float v : features)
      if (!std::isfinite(v))
        throw ConfigError(message("PerturbationFeatures: the features of ", quoted(name), " hold ",
                                  v, ", expected finite numbers"));
    add_name(name);
    values_.insert(values_.end(), features.begin(), features.end());
  }

  /// Makes the vector of a perturbation zeros: nothing was learnt about its name.
  /// @throws ConfigError if there is no such name
  template <class = void>
  void silence(const std::string& name) {
    const size_t i = place(name);
    if (is_one_hot_) {
      silent_.resize(names_.size(), 0);
      silent_[i] = 1;
    } else {
      std::fill_n(values_.begin() + std::ptrdiff_t(i * width_), width_, 0.f);
    }
  }
  /// The names whose place in a one-hot vector stays empty, in the order of names().
  template <class = void>
  std::vector<std::string> silent() const {
    std::vector<std::string> out;
    for (size_t i = 0; i < silent_.size(); ++i)
      if (silent_[i]) out.push_back(names_[i]);
    return out;
  }

  bool is_one_hot() const { return is_one_hot_; }
  /// P
  size_t width() const { return width_; }
  const std::vector<std::string>& names() const { return names_; }
  bool has(const std::string& name) const { return places_.contains(name); }

  /// The place of a name in names().
  /// @throws ConfigError if there is none, with the names that may have been meant
  template <class = void>
  size_t place(const std::string& name) const {
    const auto found = places_.find(name);
    if (found == places_.end())
      throw ConfigError(message("PerturbationFeatures: the perturbation ", quoted(name),
                                " is not known to the model; ", names_there({name}, names_)));
    return found->second;
  }

  /// Writes the vector of the perturbation at a place. (P)
  template <class T>
  void copy(size_t place, std::span<T> out) const {
    check_index("PerturbationFeatures::copy", "place", place, names_.size());
    check_size_match("PerturbationFeatures::copy", "size of out", out.size(), "width", width_);
    if (is_one_hot_) {
      std::fill(out.begin(), out.end(), T(0));
      out[place] = T(silent_.empty() || !silent_[place]);
    } else {
      std::copy_n(values_.data() + place * width_, width_, out.begin());
    }
  }
  /// The vector of a perturbation. (P)
  /// @throws ConfigError if there is no such name
  template <class = void>
  std::vector<float> vector(const std::string& name) const {
    std::vector<float> out(width_);
    copy<float>(place(name), out);
    return out;
  }

  bool operator==(const PerturbationFeatures&) const = default;

 private:
  template <class = void>
  void add_name(const std::string& name) {
    if (!places_.emplace(name, names_.size()).second)
      throw ConfigError(
          message("PerturbationFeatures: the perturbation ", quoted(name), " comes twice"));
    names_.push_back(name);
  }

  size_t width_;
  bool is_one_hot_ = false;
  std::vector<std::string> names_;
  std::unordered_map<std::string, size_t> places_;
  std::vector<float> values_;    // (names, P); empty when one-hot
  std::vector<uint8_t> silent_;  // (names) one-hot ones that are zeros; empty: none
};

VCELL_END_NAMESPACE
