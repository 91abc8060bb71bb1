#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "vcell/core/check.hpp"
#include "vcell/core/cmath.hpp"
#include "vcell/sets/combination.hpp"
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
    for (const std::string& name : names) {
      out.row_.push_back(out.row_.size());
      out.add_name(name);
    }
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
    row_.push_back(values_.size() / std::max<size_t>(width_, 1));
    values_.insert(values_.end(), features.begin(), features.end());
  }

  /// Adds a perturbation at a dose, whose vector is that of the perturbation times amount(dose).
  /// @param name  its label (label_of)
  /// @throws ConfigError if the name is taken, or nothing is known of the perturbation; Error if no
  ///         range of doses was set
  template <class = void>
  void add_dose(const std::string& name, const Dosed& dosed) {
    if (!has(dosed.name) || is_combination(place(dosed.name)) || is_dosed(place(dosed.name)))
      throw ConfigError(message("PerturbationFeatures: nothing is known of ", quoted(dosed.name),
                                ", the perturbation of ", quoted(name), "; ",
                                names_there({dosed.name}, names_)));
    const AtDose entry{place(dosed.name), amount(dosed.dose)};
    add_name(name);
    row_.push_back(combined);
    dosed_.resize(names_.size());
    dosed_.back() = entry;
  }
  /// The doses between which amounts lie in 0 .. 1.
  /// @throws ConfigError unless 0 < least <= greatest
  void set_doses(double least, double greatest) {
    if (!(least > 0 && least <= greatest && std::isfinite(greatest)))
      throw ConfigError(message("PerturbationFeatures: doses from ", least, " to ", greatest,
                                ", expected numbers above 0, the least first"));
    least_dose_ = least;
    greatest_dose_ = greatest;
  }
  double least_dose() const { return least_dose_; }  ///< 0: there are no doses
  double greatest_dose() const { return greatest_dose_; }
  /// How much of a perturbation's vector a dose gives: log(1 + d / l) / log(1 + g / l), l and g the
  /// least and the greatest dose. 0 at dose 0, 1 at the greatest; equal ratios of doses are about
  /// equal steps, in whatever units.
  double amount(double dose) const {
    if (!(least_dose_ > 0)) throw Error("PerturbationFeatures: no range of doses was set");
    return std::log1p(dose / least_dose_) / std::log1p(greatest_dose_ / least_dose_);
  }
  bool is_dosed(size_t place) const { return place < dosed_.size() && dosed_[place].amount > 0; }
  /// What the entry at a dose is of: the place of its perturbation, and the amount.
  struct AtDose {
    size_t place = 0;
    double amount = 0;  ///< 0: the entry is at no dose

    bool operator==(const AtDose&) const = default;
  };
  /// @param place  of an entry that is_dosed
  const AtDose& at_dose(size_t place) const { return dosed_[place]; }
  /// The entries of the same perturbation at other doses.
  template <class = void>
  std::vector<size_t> other_doses(size_t place) const {
    std::vector<size_t> out;
    if (is_dosed(place))
      for (size_t i = 0; i < dosed_.size(); ++i)
        if (i != place && is_dosed(i) && dosed_[i].place == dosed_[place].place) out.push_back(i);
    return out;
  }

  /// Adds a combination, whose vector is the sum of its parts': of one-hot ones, a one for each.
  /// @throws ConfigError if the name is taken, or a part is not known or a combination itself
  template <class = void>
  void combine(const std::string& name, const std::vector<std::string>& parts) {
    std::vector<size_t> places;
    for (const std::string& part : parts) {
      if (!has(part) || is_combination(place(part)))
        throw ConfigError(message("PerturbationFeatures: nothing is known of ", quoted(part),
                                  ", a part of the combination ", quoted(name), "; ",
                                  names_there({part}, names_)));
      places.push_back(place(part));
    }
    add_name(name);
    row_.push_back(combined);
    parts_.resize(names_.size());
    parts_.back() = std::move(places);
  }
  /// Adds every name of a screen that is a combination or at a dose, and not there yet. The range
  /// of doses is that of the names, unless it was set.
  /// @throws ConfigError as combine, add_dose and parts_of
  template <class = void>
  void combine(const std::vector<std::string>& names, const ScreenOptions& labels) {
    double least = 0, greatest = 0;
    for (const std::string& name : names)
      if (const auto dosed = dose_of(name, labels)) {
        least = least > 0 ? std::min(least, dosed->dose) : dosed->dose;
        greatest = std::max(greatest, dosed->dose);
      }
    if (least > 0 && least_dose_ == 0) set_doses(least, greatest);
    for (const std::string& name : names) derive(name, labels);
  }
  /// The same of one name; one that is neither is left alone.
  template <class = void>
  void derive(const std::string& name, const ScreenOptions& labels) {
    if (has(name)) return;
    const auto pieces = parts_of(name, labels);
    if (pieces.empty()) {
      if (const auto dosed = dose_of(name, labels)) add_dose(name, *dosed);
      return;
    }
    for (const std::string& piece : pieces)
      if (const auto dosed = dose_of(piece, labels); dosed && !has(piece)) add_dose(piece, *dosed);
    combine(name, pieces);
  }
  /// The places of a combination's parts; empty of others.
  std::span<const size_t> parts(size_t place) const {
    if (place < parts_.size()) return parts_[place];
    return {};
  }
  bool is_combination(size_t place) const { return row_[place] == combined && !is_dosed(place); }

  /// Makes the vector of a perturbation zeros: nothing was learnt about its name.
  /// @throws ConfigError if there is no such name
  template <class = void>
  void silence(const std::string& name) {
    const size_t i = place(name);
    if (is_one_hot_ || row_[i] == combined) {
      silent_.resize(names_.size(), 0);
      silent_[i] = 1;
    } else {
      std::fill_n(values_.begin() + std::ptrdiff_t(row_[i] * width_), width_, 0.f);
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
    std::fill(out.begin(), out.end(), T(0));
    if (place < silent_.size() && silent_[place]) return;
    if (!is_combination(place)) return add_to<T>(place, out);
    for (const size_t part : parts_[place]) add_to<T>(part, out);
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
  static constexpr size_t combined = ~size_t(0);

  template <class T>
  void add_to(size_t place, std::span<T> out) const {
    if (is_dosed(place)) return add_to<T>(dosed_[place].place, out, dosed_[place].amount);
    add_to<T>(place, out, 1);
  }
  template <class T>
  void add_to(size_t place, std::span<T> out, double amount) const {
    if (is_one_hot_)
      out[row_[place]] += T(amount);
    else
      for (size_t j = 0; j < width_; ++j)
        out[j] += T(amount * double(values_[row_[place] * width_ + j]));
  }
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
  std::vector<size_t> row_;      // (names) one-hot: its place in vectors; else row of values_
  std::vector<float> values_;    // (rows, P); empty when one-hot
  std::vector<uint8_t> silent_;  // of the first names: whether the vector is zeros
  std::vector<std::vector<size_t>> parts_;  // of the first names: of combinations
  std::vector<AtDose> dosed_;               // of the first names
  double least_dose_ = 0, greatest_dose_ = 0;
};

VCELL_END_NAMESPACE
