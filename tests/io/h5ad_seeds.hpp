// Small h5ad files of every age, and reading them in every way. Tests change a few bytes; the
// fuzzer (tests/fuzz/h5ad.cpp) looks for more.
#pragma once

#include "io/legacy_anndata.hpp"
#include "vcell/io/atomic_file.hpp"
#include "vcell/io/h5ad.hpp"

namespace vcell_test {

/// The bytes of files of every encoding, of the oldest and the latest format, packed and not.
/// @param path  a file that may be written
inline std::vector<std::string> h5ad_seeds(const std::filesystem::path& path) {
  std::vector<std::string> out;
  for (const auto write : {write_records_anndata, write_references_anndata})
    for (const FileKind& kind : {FileKind{}, FileKind{H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST, 1},
                                 FileKind{H5F_LIBVER_LATEST, H5F_LIBVER_LATEST, 1}})
      if (write(path, kind)) out.push_back(vcell::read_text(path));
  vcell::AnnData a = legacy_anndata();
  a.obs.set("age", vcell::Column{std::vector<int64_t>{1, 0, 3}, {0, 1, 0}});
  a.layers["by_columns"] =
      vcell::Matrix(vcell::CsrMatrix<float>{3, 2, {0, 2, 2, 3}, {0, 1, 0}, {1.5f, 2, -4}},
                    {true, vcell::DType::i32, vcell::DType::i64});
  for (const int gzip : {0, 1}) {
    vcell::write_h5ad(path, a, {.gzip = gzip});
    out.push_back(vcell::read_text(path));
  }
  return out;
}

/// Calls f, which reads something.
/// @return false where it was refused as a reader refuses a file; other exceptions pass
template <class F>
bool is_h5ad_read(F&& f) {
  try {
    f();
    return true;
  } catch (const vcell::FormatError&) {
    return false;
  } catch (const vcell::IoError&) {
    return false;
  }
}

/// Reads all blocks of rows of a matrix.
inline void read_blocks(const std::filesystem::path& path, const char* element, size_t budget) {
  std::vector<std::string> warnings;
  vcell::H5adRowsOptions options;
  options.element = element;
  options.budget = budget;
  options.memory = budget;
  options.warnings = &warnings;
  const vcell::H5adRows rows(path, options);
  for (size_t first = 0; first < rows.rows();) {
    const size_t last = vcell::block_end(rows, first, 64);
    rows.read(first, last);
    first = last;
    if (first > 100'000) return;  // rows without a value, which nothing bounds
  }
}

/// Describes and reads a file whole and in blocks.
inline void read_in_every_way(const std::filesystem::path& path, size_t budget) {
  is_h5ad_read([&] { vcell::describe_h5ad(path); });
  std::vector<std::string> warnings;
  vcell::H5adReadOptions options;
  options.budget = budget;
  options.warnings = &warnings;
  is_h5ad_read([&] { vcell::read_h5ad(path, options); });
  for (const char* element : {"X", "raw/X", "layers/dense", "layers/by_columns", "obsm/X_pca"})
    is_h5ad_read([&] { read_blocks(path, element, budget); });
}

}  // namespace vcell_test
