#pragma once

#include "vcell/io/h5ad/read_labels.hpp"
#include "vcell/io/hdf5/reference.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Whether a column is a categorical as anndata 0.7 wrote it: a dataset of codes whose attribute
/// `categories` leads to their labels.
template <class = void>
bool is_legacy_categorical(const hdf5::Object& element) {
  return element.is_dataset() && H5Aexists(element.id, "categories") > 0;
}

/// The labels are in a dataset that the attribute refers to, in the group `__categories` beside the
/// column, which says whether they are ordered; in files of 0.7's first releases they are in the
/// attribute itself.
template <class = void>
Categorical read_legacy_categorical(const hdf5::Object& element) {
  Categorical out;
  if (const auto categories = hdf5::referenced_object(element, "categories")) {
    out.categories = read_complete(*categories);
    out.ordered = read_ordered(*categories);
  } else {
    out.categories = *hdf5::texts_attribute(element, "categories");
  }
  read_codes(element, out);
  return out;
}

}  // namespace detail
VCELL_END_NAMESPACE
