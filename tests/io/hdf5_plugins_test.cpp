// Filters of HDF5's plugins: where they are there, files packed by them read as plain ones do;
// where they are not, what is missing is named.
#include <H5PLextern.h>

#include "edit_hdf5.hpp"
#include "small_anndata.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/io/atomic_file.hpp"
#include "vcell/io/h5ad/describe_h5ad.hpp"
#include "vcell/io/h5ad/h5ad_rows.hpp"
#include "vcell/io/h5ad/write_h5ad.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::must;

namespace {

/// A filter that HDF5 knows through a plugin alone, and what it is told when a file is made.
struct PluginFilter {
  H5Z_filter_t id;
  std::string name;
  std::vector<unsigned> settings;
  std::string package;  ///< a part of what the error says of it
};

const std::vector<PluginFilter>& plugin_filters() {
  static const std::vector<PluginFilter> all = {
      {32001, "blosc", {0, 0, 0, 0, 5, 1, 0}, "hdf5-filter-plugin-blosc-serial from Debian"},
      {32004, "lz4", {0}, "hdf5-filter-plugin from Debian"},
      {32008, "bitshuffle", {0, 2}, "hdf5plugin from PyPI"},
      {32015, "zstd", {3}, "hdf5plugin from PyPI"},
      {32026, "blosc2", {0, 0, 0, 0, 5, 1, 1}, "hdf5plugin from PyPI"}};
  return all;
}

/// 301 cells, 211 genes: several chunks, of which the last is not full.
AnnData packable() {
  AnnData a = vcell_test::small_anndata();
  Rng rng(11);
  CsrMatrix<float> counts;
  counts.columns = 211;
  std::vector<std::string> cells, genes;
  for (size_t j = 0; j < counts.columns; ++j) genes.push_back(message("g", j));
  for (size_t i = 0; i < 301; ++i) {
    cells.push_back(message("c", i));
    for (size_t j = 0; j < counts.columns; ++j)
      if (rng.uniform() < 0.3) {
        counts.indices.push_back(int32_t(j));
        counts.values.push_back(float(1 + rng.below(50)));
      }
    counts.end_row();
  }
  AnnData out;
  out.obs = DataFrame(cells);
  out.var = DataFrame(genes);
  out.layers["dense"] = to_dense<float>(Matrix(counts));
  out.X = std::move(counts);
  out.uns = a.uns;
  return out;
}

/// Writes the numbers of a dataset again, in chunks that this filter packs.
template <class T>
void pack(hid_t file, const char* path, const PluginFilter& filter) {
  std::vector<T> values;
  std::vector<hsize_t> shape;
  {
    const vcell_test::Handle dataset(must(H5Dopen2(file, path, H5P_DEFAULT)));
    const vcell_test::Handle space(must(H5Dget_space(dataset)));
    shape.resize(size_t(H5Sget_simple_extent_ndims(space)));
    H5Sget_simple_extent_dims(space, shape.data(), nullptr);
    values.resize(size_t(H5Sget_simple_extent_npoints(space)));
    const vcell_test::Handle type(hdf5::memory_type(dtype_of<T>()));
    must(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()));
  }
  const vcell_test::Handle creation(H5Pcreate(H5P_DATASET_CREATE));
  const std::vector<hsize_t> chunk = shape.size() == 1
                                         ? std::vector<hsize_t>{std::min<hsize_t>(shape[0], 5000)}
                                         : std::vector<hsize_t>{64, 100};
  must(H5Pset_chunk(creation, int(chunk.size()), chunk.data()));
  must(H5Pset_filter(creation, filter.id, H5Z_FLAG_MANDATORY, filter.settings.size(),
                     filter.settings.data()));
  vcell_test::put<T>(file, path, values, shape, creation);
}

void pack_all(const std::filesystem::path& path, const PluginFilter& filter) {
  vcell_test::edit(path, [&](hid_t f) {
    pack<float>(f, "/X/data", filter);
    pack<int32_t>(f, "/X/indices", filter);
    pack<int32_t>(f, "/X/indptr", filter);
    pack<float>(f, "/layers/dense", filter);
  });
}

/// HDF5 looks for no plugins as long as this lives, and forgets the one that it has of this filter.
class NoPlugins {
 public:
  explicit NoPlugins(H5Z_filter_t id) {
    must(H5PLget_loading_state(&before_));
    if (H5Zfilter_avail(id) > 0) must(H5Zunregister(id));
    must(H5PLset_loading_state(0));
  }
  ~NoPlugins() { H5PLset_loading_state(before_); }
  NoPlugins(const NoPlugins&) = delete;

 private:
  unsigned before_ = 0;
};

}  // namespace

TEST_CASE("hdf5 plugins: what they pack reads as what is plain", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto plain = folder.path() / "plain.h5ad", packed = folder.path() / "packed.h5ad",
             again = folder.path() / "again.h5ad";
  const AnnData a = packable();
  write_h5ad(plain, a);
  std::string missing;
  for (const PluginFilter& filter : plugin_filters()) {
    if (H5Zfilter_avail(filter.id) <= 0) {
      missing += (missing.empty() ? "" : ", ") + filter.name;
      continue;
    }
    INFO(filter.name);
    write_text(packed, read_text(plain));
    pack_all(packed, filter);
    // They did pack it: else HDF5 would have left the filter out.
    size_t elements = 0;
    for (const H5adElement& element : describe_h5ad(packed))
      elements += element.filters == std::vector<std::string>{filter.name};
    CHECK(elements >= 2);
    write_h5ad(again, read_h5ad(packed));
    CHECK(read_text(again) == read_text(plain));
    for (const char* element : {"X", "layers/dense"}) {
      const H5adRows rows(packed, {.element = element});
      CsrMatrix<float> blocks;
      blocks.columns = rows.columns();
      copy_rows<float>(rows, blocks, {.rows = 37});
      CHECK(Matrix(blocks) == *a.X);
    }
    const H5adRows rows(packed);
    CHECK(rows.read(290, 301) == H5adRows(plain).read(290, 301));
  }
  if (missing.size())
    VCELL_SKIP(message("HDF5 finds no plugin for ", missing,
                       ": set HDF5_PLUGIN_PATH to a folder that has them (docs/file-formats.md)"));
}

TEST_CASE("hdf5 plugins: one that is not there is named, and what provides it", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  for (const PluginFilter& filter : plugin_filters()) {
    INFO(filter.name);
    const NoPlugins none(filter.id);
    write_h5ad(path, packable());
    // Registered under that number for as long as the file is written, then forgotten.
    const auto keep = [](unsigned, size_t, const unsigned*, size_t n, size_t*, void**) {
      return n;
    };
    const H5Z_class2_t stand_in = {H5Z_CLASS_T_VERS, filter.id, 1,       1,
                                   "test",           nullptr,   nullptr, keep};
    must(H5Zregister(&stand_in));
    pack_all(path, filter);
    must(H5Zunregister(filter.id));
    const std::vector<std::string> said = {path.string(),
                                           message(filter.name, " (", filter.id, ")"),
                                           message("install ", filter.package), "gzip"};
    check_error<FormatError>([&] { read_h5ad(path); }, said);
    check_error<FormatError>([&] { H5adRows rows(path); }, said);
    // What it is can be looked at all the same.
    CHECK(describe_h5ad(path).size() > 3);
  }
}
