// Compares an AnnData with what Python's anndata found in the same file, kept as JSON.
#pragma once

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "vcell/data/anndata.hpp"
#include "vcell/io/atomic_file.hpp"

namespace vcell_test {

using Json = nlohmann::ordered_json;

inline Json read_json(const std::filesystem::path& path) {
  return Json::parse(vcell::read_text(path));
}

/// Whether a number is the one in the JSON, where null stands for NaN.
inline bool same_number(double x, const Json& expected) {
  return expected.is_null() ? std::isnan(x) : x == expected.get<double>();
}

/// Nested lists, or the non-zero values as sorted triplets beside a shape.
inline void check_matrix(const vcell::Matrix& m, const Json& expected) {
  const auto found = vcell::to_dense<double>(m);
  std::vector<double> values;
  if (expected.is_object()) {
    REQUIRE(expected["shape"] == Json({found.rows, found.columns}));
    values.assign(found.rows * found.columns, 0.0);
    for (size_t i = 0; i < expected["row"].size(); ++i)
      values[expected["row"][i].get<size_t>() * found.columns + expected["col"][i].get<size_t>()] =
          expected["value"][i].get<double>();
  } else {
    REQUIRE(found.rows == expected.size());
    for (const Json& row : expected) {
      REQUIRE(row.size() == found.columns);
      for (const Json& x : row) values.push_back(x.is_null() ? NAN : x.get<double>());
    }
  }
  size_t wrong = 0;
  for (size_t i = 0; i < values.size(); ++i)
    wrong +=
        !(found.values[i] == values[i] || (std::isnan(values[i]) && std::isnan(found.values[i])));
  CHECK(wrong == 0);
}

inline void check_column(const vcell::Column& column, const Json& expected) {
  REQUIRE(column.size() == expected.size());
  const auto text = column.text();
  const auto missing = column.is_missing();
  size_t wrong = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const Json& e = expected[i];
    if (missing[i] || e.is_null())
      wrong += bool(missing[i]) != e.is_null();
    else if (e.is_string())
      wrong += text[i] != e.get<std::string>();
    else if (e.is_boolean())
      wrong += text[i] != (e.get<bool>() ? "True" : "False");
    else
      wrong += !same_number(column.numbers()[i], e);
  }
  CHECK(wrong == 0);
}

inline void check_table(const vcell::DataFrame& table, const Json& expected) {
  CHECK(Json(table.index) == expected["index"]);
  std::vector<std::string> names;
  for (const auto& [name, column] : expected["columns"].items()) {
    INFO("column " << name);
    names.push_back(name);
    check_column(table.column(name), column);
  }
  CHECK(table.names() == names);
}

inline void check_value(const vcell::Value& value, const Json& expected) {
  if (expected.is_object()) {
    const vcell::Dict* dict = value.dict();
    REQUIRE(dict);
    REQUIRE(dict->size() == expected.size());
    for (const auto& [name, inner] : expected.items()) check_value(dict->at(name), inner);
  } else if (expected.is_boolean()) {
    CHECK(value == vcell::Value(expected.get<bool>()));
  } else if (expected.is_number()) {
    double number = 0;
    REQUIRE(value.is_number(number));
    CHECK(number == expected.get<double>());
    CHECK((value.array()->dtype() < vcell::DType::f16) == expected.is_number_integer());
  } else if (expected.is_string()) {
    CHECK(value == vcell::Value(expected.get<std::string>()));
  } else if (const vcell::Array* array = value.array()) {
    CHECK(Json(array->as<double>()) == Json(expected.get<std::vector<double>>()));
  } else {
    CHECK(value == vcell::Value(expected.get<std::vector<std::string>>()));
  }
}

/// Everything that the JSON tells about the file.
inline void check_anndata(const vcell::AnnData& a, const Json& expected) {
  CHECK(Json({a.cells(), a.genes()}) == expected["shape"]);
  check_table(a.obs, expected["obs"]);
  check_table(a.var, expected["var"]);
  REQUIRE(a.X.has_value() == !expected["X"].is_null());
  if (a.X) check_matrix(*a.X, expected["X"]);
  const auto check_entries = [&](const auto& entries, const char* part) {
    if (!expected.contains(part)) return;
    INFO(part);
    size_t matrices = 0;  // tables are not told of
    for (const auto& entry : entries)
      if constexpr (requires { entry.second.table(); })
        matrices += entry.second.table() == nullptr;
      else
        ++matrices;
    CHECK(matrices == expected[part].size());
    for (const auto& [name, matrix] : expected[part].items()) {
      INFO(name);
      using Entry = typename std::decay_t<decltype(entries)>::mapped_type;
      if constexpr (std::is_same_v<Entry, vcell::Matrix>)
        check_matrix(entries.at(name), matrix);
      else
        check_matrix(vcell::matrix(entries, name, part), matrix);
    }
  };
  check_entries(a.layers, "layers");
  check_entries(a.obsm, "obsm");
  check_entries(a.varm, "varm");
  check_entries(a.obsp, "obsp");
  REQUIRE(a.raw.has_value() == !expected["raw"].is_null());
  if (a.raw) {
    REQUIRE(a.raw->X);
    check_matrix(*a.raw->X, expected["raw"]["X"]);
    CHECK(Json(a.raw->var.index) == expected["raw"]["var_names"]);
  }
  if (expected.contains("uns"))
    for (const auto& [name, value] : expected["uns"].items()) {
      INFO("uns " << name);
      check_value(a.uns.at(name), value);
    }
  if (expected.contains("uns_keys")) {
    std::vector<std::string> keys;
    for (const auto& entry : a.uns) keys.push_back(entry.first);
    CHECK(Json(keys) == expected["uns_keys"]);
  }
}

}  // namespace vcell_test
