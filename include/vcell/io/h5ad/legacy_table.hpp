#pragma once

#include "vcell/data/dataframe.hpp"
#include "vcell/io/h5ad/read_labels.hpp"
#include "vcell/io/hdf5/records.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// What a member of records holds in one dimension: text or numbers; nothing where it is neither.
template <class = void>
std::optional<Labels> member_labels(const hdf5::Records& records,
                                    const hdf5::Records::Member& member) {
  if (auto texts = hdf5::member_texts(records, member)) return Labels(std::move(*texts));
  if (H5Tget_class(member.type) == H5T_ARRAY) return {};
  if (auto numbers = hdf5::member_numbers(records, member))
    return Labels(std::move(numbers->values));
  return {};
}

/// Which member of a table of records has the names of the rows: `index`, or else the first.
template <class = void>
size_t index_member(const std::vector<hdf5::Records::Member>& members) {
  for (size_t i = 0; i < members.size(); ++i)
    if (members[i].name == "index") return i;
  return 0;
}

/// A table as anndata up to 0.6 wrote it: a dataset of records, one a row, with a member for each
/// column. Categoricals are their codes there; see LegacyLabels.
template <class = void>
DataFrame read_legacy_table(const hdf5::Object& element) {
  const hdf5::Dataset d = hdf5::open_dataset(element);
  const hdf5::Records records = hdf5::read_records(d, d.rows());
  const size_t index = index_member(records.members);
  const auto labels = member_labels(records, records.members[index]);
  if (!labels)
    element.fail("its first member ", quoted(records.members[index].name),
                 " holds neither numbers nor text, expected the names of the rows");
  DataFrame out(labels->text());
  if (records.members[index].name != "index") out.index_name = records.members[index].name;
  for (size_t i = 0; i < records.members.size(); ++i) {
    const std::string& name = records.members[i].name;
    if (i == index) continue;
    if (out.has(name)) element.fail("has the member ", quoted(name), " twice");
    if (auto column = member_labels(records, records.members[i]))
      out.set(name, Column(std::move(*column)));
    else
      element.warn("its member ", quoted(name), " holds ", hdf5::type_name(records.members[i].type),
                   ", which is left out");
  }
  return out;
}

/// The labels of categoricals as anndata up to 0.6 kept them: of the column NAME of obs or var in
/// `uns/NAME_categories`, which may be a single one. Later files have none.
class LegacyLabels {
 public:
  template <class = void>
  explicit LegacyLabels(const hdf5::Object& root)
      : is_legacy_(root.has("obs") && hdf5::holds_records(root.open("obs"))) {
    if (is_legacy_ && root.has("uns")) uns_ = root.open("uns");
    if (uns_.reading && !uns_.is_group())
      uns_.fail("is a dataset, expected a group of named values");
  }

  /// Whether the file is of anndata 0.6 or before.
  bool is_legacy() const { return is_legacy_; }
  static std::string name_of(const std::string& column) { return column + "_categories"; }
  /// The labels of a column of codes, if there are some.
  template <class = void>
  std::optional<hdf5::Object> of(const std::string& column) const {
    if (!uns_.reading || column.find('/') != column.npos || !uns_.has(name_of(column))) return {};
    return uns_.open(name_of(column));
  }

  /// The same table with labels in place of codes.
  template <class = void>
  DataFrame given_to(DataFrame table, const hdf5::Object& element) {
    if (!is_legacy_) return table;
    for (const std::string& name : std::vector<std::string>(table.names())) {
      const Labels& codes = table.column(name).values();
      if (codes.is_text() || codes.numbers().dtype() == DType::boolean ||
          codes.numbers().dtype() >= DType::f16)
        continue;
      const auto labels = of(name);
      if (!labels) continue;
      Categorical column;
      column.categories = read_one_or_more(*labels);
      const auto values = codes.numbers().template as<double>();
      check_codes(values, column.categories.size(), [&](const auto&... said) {
        element.fail("its member ", quoted(name), " ", said..., " of ", quoted(labels->path));
      });
      column.codes.assign(values.begin(), values.end());
      table.set(name, Column(std::move(column)));
      used_.push_back(name_of(name));
    }
    return table;
  }

  /// Those that were given to a column.
  const std::vector<std::string>& used() const { return used_; }

 private:
  template <class = void>
  static Labels read_one_or_more(const hdf5::Object& element) {
    if (element.is_dataset() &&
        H5Sget_simple_extent_type(hdf5::Handle(H5Dget_space(element.id))) == H5S_SCALAR) {
      const hdf5::Dataset d = hdf5::open_dataset(element);
      if (H5Tget_class(d.type) == H5T_STRING) return hdf5::read_text(d);
      return hdf5::read_array(d).values;
    }
    return read_complete(element);
  }

  bool is_legacy_ = false;
  hdf5::Object uns_;
  std::vector<std::string> used_;
};

}  // namespace detail
VCELL_END_NAMESPACE
