#pragma once

#include "vcell/data/uns.hpp"
#include "vcell/io/h5ad/read_matrix.hpp"
#include "vcell/io/hdf5/records.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Entries of obsm or varm as anndata up to 0.5 wrote them: records, one a cell or gene, whose
/// members hold an array each.
template <class = void>
Dict read_legacy_entries(const hdf5::Object& element, size_t rows) {
  const hdf5::Dataset d = hdf5::open_dataset(element);
  const hdf5::Records records = hdf5::read_records(d, d.rows());
  check_extents(element, records.count, 0, {rows, {}});
  Dict out;
  for (const hdf5::Records::Member& member : records.members) {
    auto numbers = hdf5::member_numbers(records, member);
    if (!numbers) {
      if (member.name != "index")
        element.warn("its member ", quoted(member.name), " holds ", hdf5::type_name(member.type),
                     ", which is left out");
      continue;
    }
    const size_t rank = numbers->shape.size();
    const size_t columns = rank == 1 ? 1 : numbers->shape[1];
    const bool is_new =
        rank > 2
            ? out.emplace(member.name, std::move(*numbers)).second
            : out.emplace(member.name, Matrix(rows, columns, std::move(numbers->values))).second;
    if (!is_new) element.fail("has the member ", quoted(member.name), " twice");
  }
  return out;
}

/// What anndata up to 0.6 wrote as lists of one value are single values; so it read them, too.
template <class = void>
void unwrap_single_values(Dict& values) {
  for (auto& [name, value] : values) {
    if (const Dict* inner = value.dict()) {
      Dict unwrapped = *inner;
      unwrap_single_values(unwrapped);
      value = std::move(unwrapped);
    } else if (value.array() && value.array()->shape == std::vector<size_t>{1}) {
      value = Array{{}, value.array()->values};
    } else if (value.texts() && value.texts()->size() == 1) {
      value = std::string(value.texts()->front());
    }
  }
}

/// Where an element of the name that later files have lies in this one: anndata up to 0.6 has
/// `raw.X` in the root, and no group `raw`.
template <class = void>
std::string stored_path(const hdf5::Object& root, const std::string& path) {
  if (path.starts_with("raw/") && !root.has("raw") && root.has("raw.X"))
    return "raw." + path.substr(4);
  return path;
}

}  // namespace detail
VCELL_END_NAMESPACE
