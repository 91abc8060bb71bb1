// Files that versions of Python's anndata wrote, against what it finds in them.
#include <hdf5.h>

#include "expected_anndata.hpp"
#include "support/errors.hpp"
#include "support/golden.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/io/h5ad.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::read_json;

namespace {

/// Reads, compares, writes, reads again, compares again; the same content gives the same bytes.
/// @param unread  how many elements of kinds that vcell keeps unread the file has
void check_there_and_back(const std::filesystem::path& file, const vcell_test::Json& expected,
                          size_t unread = 0) {
  std::vector<std::string> warnings;
  H5adReadOptions options;
  options.warnings = &warnings;
  const AnnData a = read_h5ad(file, options);
  CHECK(warnings.size() == unread);
  for (const std::string& warning : warnings)
    CHECK_THAT(warning, vcell_test::contains("which is kept as it is, unread"));
  vcell_test::check_anndata(a, expected);

  const vcell_test::TemporaryFolder folder;
  const auto copy = folder.path() / "copy.h5ad", again = folder.path() / "again.h5ad";
  for (int gzip : {0, 1}) {
    write_h5ad(copy, a, {.gzip = gzip});
    const AnnData back = read_h5ad(copy);
    vcell_test::check_anndata(back, expected);
    CHECK(back.X == a.X);
    CHECK(back.layers == a.layers);
    CHECK(back.obsm == a.obsm);
    CHECK(back.raw == a.raw);
    CHECK(back.uns == a.uns);
    write_h5ad(again, back, {.gzip = gzip});
    CHECK(read_text(again) == read_text(copy));
  }
}

/// The h5ad files of a folder, sorted.
std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".h5ad") out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

/// X, read in blocks of rows from the file while it stays open, is what read_h5ad finds.
void check_blocks(const std::filesystem::path& file) {
  const AnnData a = read_h5ad(file);
  for (const std::string element : {"X", "raw/X", "layers/dense"}) {
    const Matrix* whole = element == "X"            ? a.X ? &*a.X : nullptr
                          : element == "raw/X"      ? a.raw && a.raw->X ? &*a.raw->X : nullptr
                          : a.layers.count("dense") ? &a.layers.at("dense")
                                                    : nullptr;
    if (!whole || whole->layout.by_columns) continue;
    INFO(element);
    H5adRowsOptions options;
    options.element = element;
    const H5adRows rows(file, options);
    REQUIRE(rows.rows() == whole->rows());
    REQUIRE(rows.columns() == whole->columns());
    for (size_t first = 0; first < rows.rows(); first += 7) {
      std::vector<size_t> wanted;
      for (size_t i = first; i < std::min(first + 7, rows.rows()); ++i) wanted.push_back(i);
      CHECK(rows.read(first, first + wanted.size()) == select_rows(*whole, wanted));
    }
  }
}

}  // namespace

TEST_CASE("h5ad: reads what anndata 0.6 to 0.13 writes, and writes it back", "[io][golden]") {
  const auto folder = vcell_test::golden_folder("formats");
  if (!folder) VCELL_SKIP("golden folder formats is absent");
  size_t legacy = 0;
  for (const auto& file : files_in(*folder)) {
    INFO(file);
    const std::string name = file.stem().string();
    legacy += name.starts_with("anndata-0.6.") || name.starts_with("anndata-0.7.");
    if (name.ends_with("zstd") && H5Zfilter_avail(32015) <= 0) {
      const std::vector<std::string> said = {file.string(), "zstd (32015)",
                                             "install hdf5plugin from PyPI", "gzip"};
      check_error<FormatError>([&] { read_h5ad(file); }, said);
      check_error<FormatError>([&] { H5adRows rows(file); }, said);
      continue;
    }
    check_there_and_back(file, read_json(*folder / (name + ".json")));
    check_blocks(file);
  }
  CHECK(legacy > 0);
}

TEST_CASE("h5ad: reads what other people's software wrote, and writes it back", "[io][golden]") {
  const auto folder = vcell_test::folder_from("VCELL_FILES");
  if (!folder) VCELL_SKIP("VCELL_FILES names no folder");
  for (const auto& file : files_in(*folder)) {
    INFO(file);
    const bool has_records = file.stem() == "anndata-0.7.8";  // in uns
    check_there_and_back(file, read_json(file.string() + ".json"), has_records ? 1 : 0);
    check_blocks(file);
  }
  check_error<FormatError>([&] { read_h5ad(*folder / "10x-v3.h5"); },
                           {"10x-v3.h5", "10x file", "read_10x_h5"});
}

TEST_CASE("h5ad: opens real screens", "[io]") {
  const auto folder = vcell_test::folder_from("VCELL_DATA");
  if (!folder) VCELL_SKIP("VCELL_DATA names no folder");
  const AnnData papalexi = read_h5ad(*folder / "papalexi2021_lowmoi_demo.h5ad");
  CHECK(papalexi.cells() == 6343);
  CHECK(papalexi.genes() == 299);
  CHECK(papalexi.X->values().size() == 430414);
  CHECK(papalexi.obs.column("perturbation").text().size() == 6343);
  const AnnData jurkat = read_h5ad(*folder / "datlinger2021_jurkat_tcr.h5ad");
  CHECK(jurkat.cells() == 7500);
  CHECK(jurkat.genes() == 2000);
  const vcell_test::TemporaryFolder temporary;
  write_h5ad(temporary.path() / "back.h5ad", jurkat);
  const AnnData back = read_h5ad(temporary.path() / "back.h5ad");
  CHECK(back.X == jurkat.X);
  CHECK(back.obs == jurkat.obs);
}
