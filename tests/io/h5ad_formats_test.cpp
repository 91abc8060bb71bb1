// Files that six versions of Python's anndata wrote, against what it finds in them.
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

const std::vector<std::string> versions = {"0.8.0", "0.10.9", "0.12.19", "0.13.4"};
const std::vector<std::string> variants = {
    "0.10.9-plain-int64", "0.12.19-plain-int64", "0.13.4-plain-int64", "0.10.9-lzf-uint16",
    "0.12.19-lzf-uint16", "0.13.4-lzf-uint16",   "0.12.19-zstd",       "0.13.4-zstd"};

/// Reads, compares, writes, reads again, compares again; the same content gives the same bytes.
void check_there_and_back(const std::filesystem::path& file, const vcell_test::Json& expected) {
  std::vector<std::string> warnings;
  H5adReadOptions options;
  options.warnings = &warnings;
  const AnnData a = read_h5ad(file, options);
  CHECK(warnings.empty());
  vcell_test::check_anndata(a, expected);

  const vcell_test::TemporaryFolder folder;
  const auto copy = folder.path() / "copy.h5ad", again = folder.path() / "again.h5ad";
  for (int gzip : {0, 1}) {
    write_h5ad(copy, a, {gzip, {}});
    const AnnData back = read_h5ad(copy);
    vcell_test::check_anndata(back, expected);
    CHECK(back.X == a.X);
    CHECK(back.layers == a.layers);
    CHECK(back.obsm == a.obsm);
    CHECK(back.raw == a.raw);
    CHECK(back.uns == a.uns);
    write_h5ad(again, back, {gzip, {}});
    CHECK(read_text(again) == read_text(copy));
  }
}

}  // namespace

TEST_CASE("h5ad: reads what anndata 0.8 to 0.13 writes, and writes it back", "[io][golden]") {
  const auto folder = vcell_test::golden_folder("formats");
  if (!folder) VCELL_SKIP("golden folder formats is absent");
  for (const auto& list : {versions, variants})
    for (const std::string& version : list) {
      const auto file = *folder / ("anndata-" + version + ".h5ad");
      INFO(file);
      REQUIRE(std::filesystem::exists(file));
      if (version.ends_with("zstd") && H5Zfilter_avail(32015) <= 0)
        check_error<FormatError>([&] { read_h5ad(file); },
                                 {"read_h5ad", file.string(), "'/obs/", "zstd (32015)",
                                  "install hdf5plugin from PyPI", "gzip"});
      else
        check_there_and_back(file, read_json(*folder / ("anndata-" + version + ".json")));
    }
}

TEST_CASE("h5ad: says how to mend files older than anndata 0.8", "[io][golden]") {
  const auto folder = vcell_test::folder_from("VCELL_FILES");
  if (!folder) VCELL_SKIP("VCELL_FILES names no folder");
  for (const char* name : {"anndata-0.7.8.h5ad", "bpcells-anndata-0.6.22.h5ad"})
    check_error<FormatError>([&] { read_h5ad(*folder / name); },
                             {"read_h5ad", name, "older than 0.8", "anndata.read_h5ad(old)"});
  check_error<FormatError>([&] { read_h5ad(*folder / "10x-v3.h5"); },
                           {"10x-v3.h5", "10x file", "scanpy.read_10x_h5"});
}

TEST_CASE("h5ad: reads what other people's software wrote, and writes it back", "[io][golden]") {
  const auto folder = vcell_test::folder_from("VCELL_FILES");
  if (!folder) VCELL_SKIP("VCELL_FILES names no folder");
  for (const char* name : {"anndata-0.11.4.h5ad", "bpcells-anndata-0.10.9.h5ad"}) {
    INFO(name);
    check_there_and_back(*folder / name, read_json(*folder / (std::string(name) + ".json")));
  }
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
