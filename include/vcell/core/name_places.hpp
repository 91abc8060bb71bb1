#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// Where names are in a list, found by binary search. The list is borrowed and must stay as it is.
class NamePlaces {
 public:
  template <class = void>
  explicit NamePlaces(std::span<const std::string> names) : names_(names) {
    for (size_t i = 0; i < names.size(); ++i) order_.push_back(i);
    std::sort(order_.begin(), order_.end(), [names](size_t a, size_t b) {
      const int order = names[a].compare(names[b]);
      return order == 0 ? a < b : order < 0;
    });
  }

  /// The first place of a name; nothing if it is not there.
  template <class = void>
  std::optional<size_t> find(std::string_view name) const {
    const size_t i = lower_bound(name);
    if (i == order_.size() || names_[order_[i]] != name) return std::nullopt;
    return order_[i];
  }
  template <class = void>
  bool contains(std::string_view name) const {
    return find(name).has_value();
  }

  /// Whether a name is there more than once.
  template <class = void>
  bool repeats(std::string_view name) const {
    const size_t i = lower_bound(name) + 1;
    return i < order_.size() && names_[order_[i]] == name;
  }

 private:
  template <class = void>
  size_t lower_bound(std::string_view name) const {
    size_t first = 0, last = order_.size();
    while (first < last) {
      const size_t middle = first + (last - first) / 2;
      if (names_[order_[middle]].compare(name) < 0)
        first = middle + 1;
      else
        last = middle;
    }
    return first;
  }

  std::span<const std::string> names_;
  std::vector<size_t> order_;  // places, by name and then by place
};

VCELL_END_NAMESPACE
