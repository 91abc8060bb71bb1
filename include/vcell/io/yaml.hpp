#pragma once

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <cctype>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/atomic_file.hpp"
#include "vcell/io/json.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

inline constexpr size_t most_yaml_bytes = 10'000'000, most_yaml_values = 1'000'000;

/// A plain scalar of YAML 1.2's core schema: null, true or false, a number, else a text.
template <class = void>
Json yaml_scalar(const std::string& text) {
  for (const char* word : {"", "~", "null", "Null", "NULL"})
    if (text == word) return {};
  for (const char* word : {"true", "True", "TRUE"})
    if (text == word) return json_of(true);
  for (const char* word : {"false", "False", "FALSE"})
    if (text == word) return json_of(false);
  const size_t digit = text[0] == '-' ? 1 : 0;
  const bool number = digit < text.size() && std::isdigit(uint8_t(text[digit]));
  const auto value = number ? parse_number(text) : std::nullopt;
  return value && std::isfinite(*value) ? Json{Json::Kind::number, text} : json_of(text);
}

/// Takes what yaml-cpp's parser finds. What an alias repeats is counted again.
template <class = void>
class YamlBuilder : public YAML::EventHandler {
 public:
  Json root;

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { put(mark, {}, anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) fail(mark, "names a value that has not ended");
    count(mark, found->second);
    put(mark, found->second, 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (!is_utf8(value)) fail(mark, "is not UTF-8");
    put(mark, tag == "?" ? yaml_scalar(value) : json_of(value), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    start(mark, Json::Kind::array, anchor);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    start(mark, Json::Kind::object, anchor);
  }
  void OnMapEnd() override { end(); }

 private:
  struct Open {
    Json value;
    YAML::anchor_t anchor;
    YAML::Mark mark;
    bool has_key = false;
    std::string key = {};
    std::set<std::string> keys = {};
  };

  [[noreturn]] void fail(const YAML::Mark& mark, std::string_view what) const {
    throw FormatError(message("line ", mark.line + 1, ' ', what));
  }
  void count(const YAML::Mark& mark, const Json& value) {
    if (++values_ > most_yaml_values)
      fail(mark, message("is beyond ", most_yaml_values, " values"));
    for (const Json& item : value.items) count(mark, item);
  }
  void put(const YAML::Mark& mark, Json value, YAML::anchor_t anchor) {
    if (++values_ > most_yaml_values)
      fail(mark, message("is beyond ", most_yaml_values, " values"));
    if (anchor) anchors_[anchor] = value;
    if (open_.empty()) {
      root = std::move(value);
      return;
    }
    Open& parent = open_.back();
    if (parent.value.kind == Json::Kind::array) {
      parent.value.items.push_back(std::move(value));
    } else if (parent.has_key) {
      parent.value.add(std::move(parent.key), std::move(value));
      parent.has_key = false;
    } else {
      if (value.kind == Json::Kind::array || value.kind == Json::Kind::object)
        fail(mark, "has a list or a table as a key");
      parent.key = value.kind == Json::Kind::null ? "null" : value.text;
      if (!parent.keys.insert(parent.key).second)
        fail(mark, message("has the key ", quoted(parent.key), " twice"));
      parent.has_key = true;
    }
  }
  void start(const YAML::Mark& mark, Json::Kind kind, YAML::anchor_t anchor) {
    if (open_.size() == most_json_levels)
      fail(mark, message("is nested more than ", most_json_levels, " deep"));
    open_.push_back({Json{kind}, anchor, mark});
  }
  void end() {
    Open whole = std::move(open_.back());
    open_.pop_back();
    put(whole.mark, std::move(whole.value), whole.anchor);
  }

  std::vector<Open> open_;
  std::map<YAML::anchor_t, Json> anchors_;
  size_t values_ = 0;
};

}  // namespace detail

/// Reads a YAML text of one document, trusting nothing, as the values that JSON has; tags are
/// passed over.
/// @param where  what messages begin with: the function, the file and the part of it
/// @throws FormatError naming the line if it is no YAML, nested more than 64 deep, has more than
///         10 MB, a million values or a key twice
template <class = void>
Json parse_yaml(const std::string& text, const std::string& where) {
  const auto fail = [&](const auto&... parts) {
    throw FormatError(message(where, ": ", parts...));
  };
  if (text.size() > detail::most_yaml_bytes)
    fail("it has ", text.size(), " bytes, expected at most ", detail::most_yaml_bytes);
  std::istringstream in(text);
  detail::YamlBuilder<> builder;
  try {
    YAML::Parser parser(in);
    parser.HandleNextDocument(builder);
  } catch (const YAML::Exception& error) {
    fail(error.what(), "; expected YAML");
  } catch (const FormatError& error) {
    fail(error.what());
  }
  return std::move(builder.root);
}

/// The same of a file.
/// @throws IoError if it cannot be read
template <class = void>
Json read_yaml(const std::filesystem::path& path) {
  return parse_yaml(read_text(path), message("read_yaml: ", quoted(path.string())));
}

VCELL_INSTANTIATE(files, Json parse_yaml<void>(const std::string&, const std::string&));

VCELL_END_NAMESPACE
