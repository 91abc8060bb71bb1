#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"
#include "vcell/io/number_text.hpp"

VCELL_BEGIN_NAMESPACE

/// The settings of a file of the reference with every nesting gone: "hidden_dim",
/// "transformer_backbone_kwargs.hidden_size", "decoder_cfg.hidden_dims.0", each with its value as
/// text. What is null is not there.
using FlatSettings = std::map<std::string, std::string>;

/// Reads such settings by name, and knows which were not read.
class FlatReader {
 public:
  /// @param source  what messages begin with
  FlatReader(FlatSettings settings, std::string source)
      : left_(std::move(settings)), source_(std::move(source)) {}

  /// The value of a setting, or nothing where it is absent; it counts as read.
  template <class = void>
  std::optional<std::string> find(const std::string& key) {
    if (const auto found = left_.find(key); found != left_.end()) {
      read_[key] = std::move(found->second);
      left_.erase(found);
    }
    const auto found = read_.find(key);
    return found == read_.end() ? std::nullopt : std::optional(found->second);
  }
  /// What a setting counts as where it is absent.
  template <class = void>
  void give(const std::string& key, std::string value) {
    if (!left_.contains(key)) read_.emplace(key, std::move(value));
  }
  template <class = void>
  std::string text(const std::string& key, const std::string& otherwise) {
    return find(key).value_or(otherwise);
  }
  template <class = void>
  bool truth(const std::string& key, bool otherwise) {
    const auto value = find(key);
    if (!value) return otherwise;
    if (*value != "true" && *value != "True" && *value != "false" && *value != "False")
      fail(key, *value, "true or false");
    return *value == "true" || *value == "True";
  }
  template <class = void>
  double number(const std::string& key, double otherwise) {
    const auto value = find(key);
    if (!value) return otherwise;
    const auto number = parse_number(*value);
    if (!number) fail(key, *value, "a number");
    return *number;
  }
  /// @throws ConfigError also if it is absent and nothing is given in its place
  template <class = void>
  size_t whole(const std::string& key, std::optional<size_t> otherwise = {}) {
    const auto value = find(key);
    if (!value && otherwise) return *otherwise;
    if (!value)
      throw ConfigError(message(source_, ": ", quoted(key), " is not there, and the shape of the ",
                                "model needs it"));
    const auto number = parse_number(*value);
    if (!number || !(*number >= 0 && *number < 1e15) || *number != double(size_t(*number)))
      fail(key, *value, "a whole number, not negative");
    return size_t(*number);
  }
  /// The entries key.0, key.1, ...
  template <class = void>
  std::vector<size_t> list(const std::string& key) {
    std::vector<size_t> out;
    for (std::string at = key + ".0"; find(at); at = message(key, '.', out.size()))
      out.push_back(whole(at));
    return out;
  }

  /// Settings that nobody has asked for.
  template <class = void>
  std::vector<std::string> unread() const {
    std::vector<std::string> names;
    for (const auto& [key, value] : left_) names.push_back(key);
    return names;
  }

  [[noreturn]] void fail(const std::string& key, const std::string& value,
                         std::string_view expected) const {
    throw ConfigError(
        message(source_, ": ", quoted(key), " is ", quoted(value), ", expected ", expected));
  }

 private:
  FlatSettings left_, read_;
  std::string source_;
};

VCELL_END_NAMESPACE
