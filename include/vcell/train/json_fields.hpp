#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "vcell/io/json.hpp"
#include "vcell/sets/near_names.hpp"
#include "vcell/train/choices.hpp"

VCELL_BEGIN_NAMESPACE

/// Reads the members of a JSON object one by one. Every error names the file, the key and what was
/// expected; a member that nobody asked for is one too.
class JsonFields {
 public:
  /// @param object  has to outlive this
  /// @param where   what messages begin with: the function and the file
  /// @param path    the keys that lead to this object, "" or "model."
  JsonFields(const Json& object, std::string where, std::string path = "")
      : object_(object), where_(std::move(where)), path_(std::move(path)) {
    if (object.kind != Json::Kind::object)
      fail(path_.empty() ? "the file" : quoted(path_), ": expected an object");
  }

  /// The object under a key.
  JsonFields object(const std::string& key) { return {member(key), where_, path_ + key + "."}; }

  /// A text, true or false, a number, a whole number that is not negative, a list of such, or a
  /// setting with a few choices. Of an optional, null stands for nothing.
  template <class T>
  void read(const std::string& key, T& field) {
    take(member(key), key, field);
  }

  /// Leaves the field as it is where there is no such member: for keys that older files lack.
  template <class T>
  void read_if_there(const std::string& key, T& field) {
    if (object_.find(key)) read(key, field);
  }

  /// @throws FormatError if there is a member that was not read
  template <class = void>
  void finish() const {
    for (const std::string& key : object_.keys)
      if (std::find(read_.begin(), read_.end(), key) == read_.end())
        fail(quoted(path_ + key), " is not known; ", names_there({key}, read_));
  }

 private:
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    throw FormatError(message(where_, ": ", parts...));
  }
  const Json& member(const std::string& key) {
    const Json* const found = object_.find(key);
    if (!found) fail(quoted(path_ + key), " is not there");
    if (std::find(read_.begin(), read_.end(), key) == read_.end()) read_.push_back(key);
    return *found;
  }
  template <class What>
  void expect(bool ok, const Json& value, const std::string& key, const What& what) const {
    if (!ok) fail(quoted(path_ + key), " is ", shown(value), ", expected ", what);
  }
  /// A value in a message: of what is long the beginning, of lists and objects their kind alone.
  template <class = void>
  static std::string shown(const Json& value) {
    size_t most = 80;
    if (value.text.size() <= most) most = value.text.size();
    while (most < value.text.size() && (value.text[most] & 0xC0) == 0x80) --most;
    const std::string text = value.text.substr(0, most) + (most < value.text.size() ? "..." : "");
    switch (value.kind) {
      case Json::Kind::null:
        return "null";
      case Json::Kind::text:
        return message('"', text, '"');
      case Json::Kind::array:
        return "a list";
      case Json::Kind::object:
        return "an object";
      default:
        return text;
    }
  }
  template <class T>
  void take(const Json& value, const std::string& key, T& field) const {
    using Kind = Json::Kind;
    if constexpr (std::is_same_v<T, std::string>) {
      expect(value.kind == Kind::text, value, key, "text");
      field = value.text;
    } else if constexpr (std::is_same_v<T, bool>) {
      expect(value.kind == Kind::boolean, value, key, "true or false");
      field = value.text == "true";
    } else if constexpr (std::is_same_v<T, double>) {
      expect(value.kind == Kind::number, value, key, "a number");
      field = *parse_number(value.text);
    } else if constexpr (requires { field.emplace_back(); }) {
      expect(value.kind == Kind::array, value, key, "a list");
      field.clear();
      for (const Json& item : value.items) take(item, key, field.emplace_back());
    } else if constexpr (std::is_enum_v<T>) {
      std::string name;
      take(value, key, name);
      const auto choice = choice_of<T>(name);
      expect(choice.has_value(), value, key, message("one of ", list_of(choice_names<T>())));
      field = *choice;
    } else if constexpr (std::is_unsigned_v<T>) {
      const auto number = value.whole();
      expect(number && T(*number) == *number, value, key, "a whole number, not negative");
      field = T(*number);
    } else {  // an optional
      field.reset();
      if (value.kind != Kind::null) take(value, key, field.emplace());
    }
  }

  const Json& object_;
  std::string where_, path_;
  std::vector<std::string> read_;
};

VCELL_END_NAMESPACE
