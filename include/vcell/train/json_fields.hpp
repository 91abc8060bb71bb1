#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "vcell/sets/near_names.hpp"
#include "vcell/train/choices.hpp"

VCELL_BEGIN_NAMESPACE

/// Reads the members of a JSON object one by one. Every error names the file, the key and what was
/// expected; a member that nobody asked for is one too.
/// @tparam Json  what nlohmann calls basic_json
template <class Json>
class JsonFields {
 public:
  /// @param where  what messages begin with: the function and the file
  /// @param path   the keys that lead to this object, "" or "model."
  JsonFields(const Json& object, std::string where, std::string path = "")
      : object_(object), where_(std::move(where)), path_(std::move(path)) {
    if (!object.is_object())
      fail(path_.empty() ? "the file" : quoted(path_), ": expected an object");
  }

  /// The object under a key.
  JsonFields object(const std::string& key) { return {member(key), where_, path_ + key + "."}; }

  void read(const std::string& key, std::string& field) { field = text(member(key), key); }
  void read(const std::string& key, bool& field) {
    expect(key, member(key).is_boolean(), "true or false");
    member(key).get_to(field);
  }
  void read(const std::string& key, double& field) {
    expect(key, member(key).is_number(), "a number");
    member(key).get_to(field);
  }
  void read(const std::string& key, std::vector<std::string>& field) {
    expect(key, member(key).is_array(), "a list of texts");
    field.clear();
    for (const auto& entry : member(key)) field.push_back(text(entry, key));
  }
  /// Whole numbers and settings with a few choices.
  template <class T>
  void read(const std::string& key, T& field) {
    if constexpr (std::is_enum_v<T>) {
      const std::string name = text(member(key), key);
      const auto choice = choice_of<T>(name);
      expect(key, choice.has_value(), message("one of ", list_of(choice_names<T>())));
      field = *choice;
    } else {
      static_assert(std::is_unsigned_v<T>);
      expect(key, member(key).is_number_unsigned(), "a whole number, not negative");
      member(key).get_to(field);
    }
  }
  /// null stands for nothing.
  template <class T>
  void read(const std::string& key, std::optional<T>& field) {
    field.reset();
    if (!member(key).is_null()) read(key, field.emplace());
  }

  /// Leaves the field as it is where there is no such member: for keys that older files lack.
  template <class T>
  void read_if_there(const std::string& key, T& field) {
    if (object_.contains(key)) read(key, field);
  }

  /// @throws FormatError if there is a member that was not read
  void finish() const {
    for (const auto& [key, value] : object_.items())
      if (std::find(read_.begin(), read_.end(), key) == read_.end())
        fail(quoted(path_ + key), " is not known; ", names_there({key}, read_));
  }

 private:
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    throw FormatError(message(where_, ": ", parts...));
  }
  void expect(const std::string& key, bool ok, const std::string& what) const {
    if (!ok) fail(quoted(path_ + key), " is ", object_.at(key).dump(), ", expected ", what);
  }
  const Json& member(const std::string& key) {
    if (!object_.contains(key)) fail(quoted(path_ + key), " is not there");
    if (std::find(read_.begin(), read_.end(), key) == read_.end()) read_.push_back(key);
    return object_.at(key);
  }
  std::string text(const Json& value, const std::string& key) const {
    expect(key, value.is_string(), "text");
    return value.template get<std::string>();
  }

  const Json& object_;
  std::string where_, path_;
  std::vector<std::string> read_;
};

VCELL_END_NAMESPACE
