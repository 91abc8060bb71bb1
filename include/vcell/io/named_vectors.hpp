#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/npz.hpp"
#include "vcell/io/number_text.hpp"
#include "vcell/io/safetensors.hpp"
#include "vcell/io/torch_archive.hpp"

VCELL_BEGIN_NAMESPACE

/// A vector for each name, as a file has them.
struct NamedVectors {
  std::vector<std::string> names;
  size_t width = 0;
  std::vector<float> values;  ///< (names, width)

  std::span<const float> vector(size_t i) const {
    return std::span(values).subspan(i * width, width);
  }
};

/// What a file's vectors are, for messages.
struct VectorsOf {
  std::string_view function;             ///< that reads them
  std::string_view thing;                ///< what each is of: "gene"
  std::string_view vectors = "vectors";  ///< what they are called
};

namespace detail {

template <class = void>
NamedVectors vectors_from_csv(const std::filesystem::path& path, const VectorsOf& of) {
  const CsvTable table = read_csv(path);
  NamedVectors out{{}, table.header.size() - 1, {}};
  for (size_t i = 0; i < table.rows.size(); ++i) {
    const auto& row = table.rows[i];
    out.names.push_back(row[0]);
    for (size_t j = 1; j < row.size(); ++j) {
      const auto number = parse_number(row[j]);
      if (!number)
        throw FormatError(message(of.function, ": ", quoted(path.string()), ", row ", i + 1, " (",
                                  quoted(row[0]), "), column ", quoted(table.header[j]), ": ",
                                  quoted(row[j]), ", expected a number"));
      out.values.push_back(float(*number));
    }
  }
  return out;
}

template <class = void>
NamedVectors vectors_of_arrays(const std::filesystem::path& path,
                               const std::map<std::string, Array>& arrays, const VectorsOf& of) {
  NamedVectors out;
  if (!arrays.empty()) out.width = arrays.begin()->second.count();
  for (const auto& entry : arrays) {
    const std::string& name = entry.first;
    const Array& array = entry.second;
    if (array.shape != std::vector<size_t>{out.width} || array.dtype() < DType::f16)
      throw FormatError(message(of.function, ": ", quoted(path.string()), ", array ", quoted(name),
                                ": ", name_of(array.dtype()), ' ', array.shape,
                                ", expected floating-point numbers of shape (", out.width,
                                "), as the first has"));
    const auto values = array.as<float>();
    out.names.push_back(name);
    out.values.insert(out.values.end(), values.begin(), values.end());
  }
  return out;
}

/// A vector for each name, or one list of names and one matrix of as many rows.
template <class = void>
NamedVectors vectors_from_npz(const std::filesystem::path& path, const VectorsOf& of) {
  auto entries = read_npz(path);
  std::map<std::string, Array> arrays;
  const std::vector<std::string>* names = nullptr;
  for (auto& [name, entry] : entries) {
    if (entry.is_texts)
      names = &entry.texts;
    else
      arrays.emplace(name, std::move(entry.numbers));
  }
  if (!names) return vectors_of_arrays(path, arrays, of);
  const Array* matrix = arrays.empty() ? nullptr : &arrays.begin()->second;
  if (entries.size() != 2 || !matrix || matrix->shape.size() != 2 ||
      matrix->shape[0] != names->size())
    throw FormatError(message(of.function, ": ", quoted(path.string()), " has ", entries.size(),
                              " arrays and a list of ", names->size(),
                              " names among them, expected beside it one matrix with a row for ",
                              "each name"));
  return {*names, matrix->shape[1], matrix->as<float>()};
}

}  // namespace detail

/// Reads a file of vectors, one for each name and all of one width.
///
/// - `.csv`: a line of column names, then on every line a name and its numbers;
/// - `.safetensors`: a vector for each name; so are the dicts of `.pt`, `.pth`, `.torch` and
///   `.pkl`, as ESM-2's are handed round; they stand in the order of their names;
/// - `.npz`: the same, or one list of names and one matrix with a row for each.
///
/// Whether a name comes twice and whether numbers are finite is for who knows what they are.
/// @throws IoError; FormatError naming file and place; ConfigError naming the file if its ending is
///         another, or there is nothing in it
template <class = void>
NamedVectors read_named_vectors(const std::filesystem::path& path, const VectorsOf& of) {
  const auto fail = [&](const auto&... parts) {
    throw ConfigError(message(of.function, ": ", quoted(path.string()), ": ", parts...));
  };
  const std::string ending = path.extension().string();
  NamedVectors out;
  if (ending == ".csv") {
    out = detail::vectors_from_csv(path, of);
  } else if (ending == ".safetensors") {
    out = detail::vectors_of_arrays(path, read_safetensors(path).tensors, of);
  } else if (ending == ".npz") {
    out = detail::vectors_from_npz(path, of);
  } else if (ending == ".pt" || ending == ".pth" || ending == ".torch" || ending == ".pkl") {
    TorchArchive archive(path);
    if (!archive.root().is(PickleKind::dict))
      archive.root().fail(
          message("stands where a dict of a vector for each ", of.thing, " is expected"));
    out = detail::vectors_of_arrays(path, archive.arrays(archive.root()), of);
  } else {
    fail("expected a file that ends in .csv, .safetensors, .pt, .pth, .torch, .pkl or .npz");
  }
  if (out.width == 0 || out.names.empty()) fail("it holds no ", of.vectors);
  return out;
}

VCELL_INSTANTIATE(files, NamedVectors read_named_vectors<void>(const std::filesystem::path&,
                                                               const VectorsOf&));

VCELL_END_NAMESPACE
