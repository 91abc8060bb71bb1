#pragma once

#include "vcell/io/h5ad/h5ad_element.hpp"
#include "vcell/io/h5ad/legacy_table.hpp"
#include "vcell/io/hdf5/reference.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Fills in what the labels of a categorical are.
template <class = void>
void describe_labels(const hdf5::Object& object, H5adElement& out) {
  H5adElement labels;
  describe_nullable(object, labels);
  out.labels = labels.shape.empty() ? 1 : labels.shape[0];
  out.dtype = message(out.labels, " labels (", labels.dtype, ")");
  out.stored_bytes += labels.stored_bytes;
  out.first = first_nullable(object, first_of_column);
}

/// A column of codes that refers to its labels (anndata 0.7).
template <class = void>
void describe_legacy_categorical(const hdf5::Object& object, H5adElement& out) {
  describe_values(object, out);
  out.encoding = "categorical";
  if (const auto labels = hdf5::referenced_object(object, "categories"))
    describe_labels(*labels, out);
}

/// A table that is a dataset of records (anndata up to 0.6), and its columns.
template <class = void>
void describe_records(const hdf5::Object& object, const LegacyLabels& labels,
                      std::vector<H5adElement>& out) {
  const hdf5::Dataset d = hdf5::open_dataset(object);
  const size_t place = out.size() - 1, rows = d.shape.empty() ? 1 : d.shape[0];
  describe_values(object, out[place]);
  out[place].encoding = "records";
  if (d.null) return;
  const auto members = hdf5::members_of(d);
  out[place].shape = {rows, members.size()};
  const bool is_table = object.path == "/obs" || object.path == "/var";
  std::optional<hdf5::Records> first;
  try {
    if (d.shape.size() == 1) first = hdf5::read_records(d, {0, std::min(first_of_column, rows)});
  } catch (const hdf5::OddElement&) {
    // what cannot be read is described all the same
  }
  for (const hdf5::Records::Member& member : members) {
    H5adElement& column = out.emplace_back();
    column.path = object.path_of(member.name);
    column.encoding = "member";
    column.shape = {rows};
    column.dtype = hdf5::type_name(member.type);
    const bool may_be_codes = is_table && H5Tget_class(member.type) == H5T_INTEGER;
    if (const auto codes = may_be_codes ? labels.of(member.name) : std::nullopt) {
      column.encoding = "categorical";
      describe_labels(*codes, column);
    } else if (const auto values = first ? member_labels(*first, member) : std::nullopt) {
      column.first = values->text();
    }
  }
}

}  // namespace detail
VCELL_END_NAMESPACE
