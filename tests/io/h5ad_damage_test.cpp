// Files that contradict themselves, made on purpose: an error that names the element, never a
// guess. Then files with bytes changed at random: each is read, or refused with one of vcell's
// errors.
#include <cstdio>
#include <cstring>

#include "edit_hdf5.hpp"
#include "legacy_anndata.hpp"
#include "small_anndata.hpp"
#include "support/errors.hpp"
#include "support/forked.hpp"
#include "support/golden.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/data/row_sink.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/io/sandbox.hpp"

// HDF5 asks for as much memory as a damaged header says, and copes when it gets none.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
// What it held of a damaged file when it gave up, it does not release, and complains of at exit.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libhdf5\n"; }
static const herr_t no_complaint = H5dont_atexit();

using namespace vcell;
using vcell_test::check_error;
using vcell_test::edit;
using vcell_test::put;
using vcell_test::put_integers;
using vcell_test::put_text;

namespace {

/// Writes a sound file, changes it, and expects an error that names the element and these texts.
template <class F>
void fails(F&& change, std::vector<std::string> texts) {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  write_h5ad(path, vcell_test::small_anndata());
  REQUIRE_NOTHROW(read_h5ad(path));
  edit(path, change);
  texts.push_back("read_h5ad: file '" + path.string() + "'");
  check_error<FormatError>([&] { read_h5ad(path); }, texts);
}

}  // namespace

TEST_CASE("h5ad damage: sparse matrices", "[io]") {
  // X has 3 rows: indptr (0, 2, 2, 3), indices (1, 3, 0), 4 columns.
  const auto offsets = [](std::vector<int32_t> values, std::vector<std::string> texts) {
    texts.push_back("'/X/indptr'");
    fails([&](hid_t f) { put(f, "/X/indptr", values); }, texts);
  };
  offsets({0, 2, 1, 3}, {"decreases from 2 to 1 at entry 2"});
  offsets({0, 2, 2, 4}, {"ends with 4, but 3 values are stored"});
  offsets({1, 2, 2, 3}, {"begins with 1, expected 0"});
  offsets({0, -1, 2, 3}, {"decreases from 0 to -1"});
  offsets({0, 2, 3}, {"has 3 entries, expected 4"});
  fails([](hid_t f) { put<uint64_t>(f, "/X/indptr", {0, 2, 2, ~uint64_t(0)}); }, {"'/X/indptr'"});
  fails(
      [](hid_t f) {
        put<float>(f, "/X/indptr", {0, 2, 2, 3});
      },
      {"'/X/indptr'", "holds float32, expected whole numbers"});

  const auto indices = [](auto values, std::vector<std::string> texts) {
    texts.push_back("'/X/indices'");
    fails([&](hid_t f) { put(f, "/X/indices", values); }, texts);
  };
  indices(std::vector<int32_t>{1, 4, 0}, {"holds 4 at entry 1, expected 0 .. 4 - 1"});
  indices(std::vector<int32_t>{1, -1, 0}, {"holds -1 at entry 1"});
  indices(std::vector<int64_t>{1, (int64_t(1) << 32) + 3, 0}, {"at entry 1"});
  indices(std::vector<uint64_t>{1, ~uint64_t(0), 0}, {"at entry 1"});
  indices(std::vector<int32_t>{1, 3}, {"has 2 entries, expected 3"});

  const auto shape = [](std::vector<int64_t> values, std::vector<std::string> texts) {
    texts.push_back("'/X'");
    fails([&](hid_t f) { put_integers(f, "/X", "shape", values); }, texts);
  };
  shape({3, 5}, {"has shape (3, 5), expected 3 rows and 4 columns"});
  shape({int64_t(1) << 40, 4}, {"'shape'"});
  shape({-3, 4}, {"'shape'", "(-3, 4)"});
  shape({3}, {"'shape'"});
  fails([](hid_t f) { vcell_test::remove(f, "/X/data"); }, {"'/X'", "has no 'data'", "'indices'"});
  // Rows that nothing stored justifies: columns of a matrix whose size no table tells.
  fails(
      [](hid_t f) {
        put_text(f, "/uns/sparse", "encoding-type", "csc_matrix");
        put_integers(f, "/uns/sparse", "shape", {2'000'000'000, 1});
      },
      {"'/uns/sparse'", "the file is damaged"});
}

TEST_CASE("h5ad damage: dense matrices", "[io]") {
  fails(
      [](hid_t f) {
        put<float>(f, "/layers/dense", {1, 2, 3});
      },
      {"'/layers/dense'", "has shape (3), expected two dimensions"});
  fails(
      [](hid_t f) {
        put<float>(f, "/layers/dense", {1, 2, 3}, {3, 1});
      },
      {"'/layers/dense'", "has shape (3, 1), expected 3 rows and 4 columns"});
  fails([](hid_t f) { put<float>(f, "/varm/PCs", {1, 2, 3}, {3, 1}); }, {"'/varm/PCs'", "(3, 1)"});
  fails(
      [](hid_t f) {
        put<float>(f, "/obsp/distances", std::vector<float>(12), {3, 4});
      },
      {"'/obsp/distances'", "(3, 4)"});
  fails([](hid_t f) { put_text(f, "/layers/dense", "encoding-type", "string"); },
        {"'/layers/dense'", "'string' 0.2.0", "expected an array"});
}

TEST_CASE("h5ad damage: tables", "[io]") {
  fails(
      [](hid_t f) {
        put<int8_t>(f, "/obs/perturbation/codes", {0, -2, 1});
      },
      {"'/obs/perturbation/codes'", "holds -2 at entry 1", "2 - 1"});
  fails(
      [](hid_t f) {
        put<int8_t>(f, "/obs/perturbation/codes", {0, -1, 2});
      },
      {"'/obs/perturbation/codes'", "holds 2 at entry 2"});
  fails(
      [](hid_t f) {
        put<int8_t>(f, "/obs/perturbation/codes", {0, -1});
      },
      {"'/obs/perturbation'", "has 2 values, expected 3"});
  fails(
      [](hid_t f) {
        put<uint8_t>(f, "/obs/age/mask", {0, 1});
      },
      {"'/obs/age/mask'", "has 2 entries, expected 3"});
  fails(
      [](hid_t f) {
        put<uint8_t>(f, "/obs/age/mask", {0, 2, 1});
      },
      {"'/obs/age/mask'", "holds 2 at entry 1"});
  fails(
      [](hid_t f) {
        put<double>(f, "/obs/score", {1, 2, 3}, {3, 1});
      },
      {"'/obs/score'", "has shape (3, 1), expected one dimension"});
  fails([](hid_t f) { vcell_test::remove(f, "/obs/score"); },
        {"'/obs'", "has no 'score'", "'complete'"});
  fails([](hid_t f) { vcell_test::remove(f, "/obs/cell"); }, {"'/obs'", "has no 'cell'"});
  fails([](hid_t f) { put_text(f, "/obs", "_index", "/var/_index"); }, {"'/obs'"});
  fails([](hid_t f) { put_text(f, "/obs", "encoding-version", "0.3.0"); },
        {"'/obs'", "'dataframe' 0.3.0, expected a table: 'dataframe' 0.2.0 or 0.1.0"});
  fails([](hid_t f) { H5Adelete_by_name(f, "/var", "column-order", H5P_DEFAULT); },
        {"'/var'", "lacks the attribute 'column-order'"});
  fails([](hid_t f) { vcell_test::remove(f, "/var"); }, {"'/'", "has no 'var'"});
}

TEST_CASE("h5ad damage: sizes that what is stored cannot justify", "[io]") {
  // Chunks that were never written, in one piece that was never written, and far beyond the file.
  fails(
      [](hid_t f) {
        const hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE));
        const hsize_t chunk = 1000, n = hsize_t(1) << 38;
        H5Pset_chunk(creation, 1, &chunk);
        const hdf5::Handle space(H5Screate_simple(1, &n, nullptr));
        const hdf5::Handle d(H5Dcreate2(f, "/uns/huge", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT,
                                        creation, H5P_DEFAULT));
      },
      {"'/uns/huge'", "cannot hold so much"});
  fails(
      [](hid_t f) {
        const hsize_t n[] = {hsize_t(1) << 30, hsize_t(1) << 30};
        const hdf5::Handle space(H5Screate_simple(2, n, nullptr));
        const hdf5::Handle d(H5Dcreate2(f, "/uns/huge", H5T_NATIVE_FLOAT, space, H5P_DEFAULT,
                                        H5P_DEFAULT, H5P_DEFAULT));
      },
      {"'/uns/huge'", "impossible shape (1073741824, 1073741824)"});
  fails(
      [](hid_t f) {
        const hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE));
        const hsize_t chunk = hsize_t(1) << 28;  // one chunk of 2 GiB for one element
        const hsize_t n = 1, most = H5S_UNLIMITED;
        H5Pset_chunk(creation, 1, &chunk);
        const hdf5::Handle space(H5Screate_simple(1, &n, &most));
        const hdf5::Handle d(H5Dcreate2(f, "/uns/huge", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT,
                                        creation, H5P_DEFAULT));
      },
      {"'/uns/huge'", "cannot hold so much"});
}

TEST_CASE("h5ad damage: what a filter expands, and what becomes wider, has a budget", "[io]") {
  // A filter whose data know no measure: 40 kB that claim to be 2 GiB.
  fails(
      [](hid_t f) {
        const hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE));
        const hsize_t n = hsize_t(1) << 28, start = 0;
        H5Pset_chunk(creation, 1, &n);
        H5Pset_scaleoffset(creation, H5Z_SO_INT, 0);
        const hdf5::Handle space(H5Screate_simple(1, &n, nullptr));
        const hdf5::Handle d(vcell_test::must(H5Dcreate2(f, "/uns/huge", H5T_NATIVE_INT64, space,
                                                         H5P_DEFAULT, creation, H5P_DEFAULT)));
        const std::string bytes(40'000, '\0');
        vcell_test::must(H5Dwrite_chunk(d, H5P_DEFAULT, 0, &start, bytes.size(), bytes.data()));
      },
      {"'/uns/huge'", "needs 2147483648 bytes", "1073741824 are granted",
       "H5adReadOptions::budget"});

  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  AnnData a = vcell_test::small_anndata();
  a.uns["wide"] = Array::of<double>({100'000}, std::vector<double>(100'000, 1));
  write_h5ad(path, a);
  H5adReadOptions options;
  const auto refused = [&](size_t budget, const std::vector<std::string>& texts) {
    options.budget = budget;
    check_error<FormatError>([&] { read_h5ad(path, options); }, texts);
  };
  refused(500'000, {"'/uns/wide'", "needs 800000 bytes", "500000 are granted"});
  refused(10, {path.string(), "10 are granted"});
  options.budget = 2'000'000;
  CHECK(read_h5ad(path, options) == a);
  // All of it counts together.
  a.uns["and_another"] = *a.uns.at("wide").array();
  a.uns["one_more"] = *a.uns.at("wide").array();
  write_h5ad(path, a);
  refused(2'000'000, {"needs 800000 bytes of memory beside the 16", "'/uns/wide'"});
}

TEST_CASE("h5ad damage: links in a circle and out of the file", "[io]") {
  fails([](hid_t f) { H5Lcreate_hard(f, "/uns", f, "/uns/inner/again", H5P_DEFAULT, H5P_DEFAULT); },
        {"links in a circle"});
  const auto link = [](hid_t f, const char* name) {
    vcell_test::remove(f, name);
    H5Lcreate_external("/etc/passwd", "/", f, name, H5P_DEFAULT, H5P_DEFAULT);
  };
  fails([&](hid_t f) { link(f, "/X"); }, {"'/X'", "link out of this file"});
  fails([&](hid_t f) { link(f, "/obs"); }, {"'/obs'", "link out of this file"});
  fails(
      [](hid_t f) {
        vcell_test::remove(f, "/var");
        H5Lcreate_soft("/nowhere", f, "/var", H5P_DEFAULT, H5P_DEFAULT);
      },
      {"'/var'", "link to nothing"});
}

TEST_CASE("h5ad damage: an odd member of uns costs itself alone", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  AnnData expected = vcell_test::small_anndata();
  const auto costs = [&](auto change, const std::vector<std::string>& texts) {
    write_h5ad(path, expected);
    edit(path, change);
    std::vector<std::string> warnings;
    H5adReadOptions options;
    options.warnings = &warnings;
    CHECK(read_h5ad(path, options) == expected);
    REQUIRE(warnings.size() == 1);
    for (const std::string& text : texts) CHECK_THAT(warnings[0], vcell_test::contains(text));
  };
  costs([](hid_t f) { H5Lcreate_soft("/nowhere", f, "/uns/lost", H5P_DEFAULT, H5P_DEFAULT); },
        {"'lost' is left out", "'/uns/lost'", "link to nothing"});
  costs(
      [](hid_t f) {
        H5Lcreate_external("/etc/passwd", "/", f, "/uns/inner/outside", H5P_DEFAULT, H5P_DEFAULT);
      },
      {"'/uns/inner'", "'outside' is left out", "link out of this file"});
  costs(
      [](hid_t f) {
        const hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE));
        H5Pset_external(creation, "/etc/passwd", 0, 8);
        put<uint8_t>(f, "/uns/outside", {}, {8}, creation);
      },
      {"'/uns/outside'", "in another file"});
  costs(
      [](hid_t f) {
        const hdf5::Handle type(H5Tcopy(H5T_NATIVE_INT));
        H5Tcommit2(f, "/uns/type", type, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
      },
      {"'/uns/type'", "named type"});
  costs(
      [](hid_t f) {
        const hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE));
        const hsize_t n = 2;
        const hdf5::Handle space(H5Screate_simple(1, &n, nullptr));
        H5Pset_virtual(creation, space, ".", "/uns/array", space);
        const hdf5::Handle d(H5Dcreate2(f, "/uns/virtual", H5T_NATIVE_UINT64, space, H5P_DEFAULT,
                                        creation, H5P_DEFAULT));
      },
      {"'/uns/virtual'", "in another file"});
}

TEST_CASE("h5ad damage: what is not read is named", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  AnnData expected = vcell_test::small_anndata();
  write_h5ad(path, expected);
  edit(path, [](hid_t f) {
    put<float>(f, "/embedding", {1, 2});
    put_text(f, "/", "author", "A. Nonymous");
    put_text(f, "/obs", "origin", "plate 1");
    put_text(f, "/uns/inner", "seen", "yes");
    put_text(f, "/obsm", "unit", "none");
    H5Lcreate_soft("/uns/array", f, "/uns/link", H5P_DEFAULT, H5P_DEFAULT);
  });
  std::vector<std::string> warnings;
  H5adReadOptions options;
  options.warnings = &warnings;
  expected.uns["link"] = expected.uns["array"];
  CHECK(read_h5ad(path, options) == expected);
  std::string all;
  for (const std::string& warning : warnings) all += warning + "\n";
  CHECK(warnings.size() == 6);
  for (const char* text :
       {"'embedding' is none of an AnnData", "element '/': its attributes 'author'",
        "element '/obs': its attributes 'origin'", "'/uns/inner': its attributes 'seen'",
        "'/obsm': its attributes 'unit'", "'/uns/link': is a link"})
    CHECK_THAT(all, vcell_test::contains(text));
}

TEST_CASE("h5ad damage: a file that changes while it is read", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad", other = folder.path() / "b.h5ad";
  const AnnData a = vcell_test::small_anndata();
  H5adReadOptions options;
  const auto on_uns = [&](auto f) {
    options.progress = [f](const ProgressUpdate& update) {
      if (update.note == "uns") f();
      return true;
    };
  };
  write_h5ad(path, a);
  on_uns([&] { std::ofstream(path, std::ios::binary | std::ios::app) << "x"; });
  check_error<IoError>([&] { read_h5ad(path, options); },
                       {"read_h5ad: file '" + path.string() + "'", "changed while it was read"});
  write_h5ad(path, a);
  std::filesystem::last_write_time(
      path, std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  on_uns([&] {
    const std::string bytes = read_text(path);
    std::fstream(path, std::ios::binary | std::ios::in | std::ios::out) << bytes[0];
  });
  check_error<IoError>([&] { read_h5ad(path, options); }, {"changed while it was read"});
  // Another file in its place: what was opened is read to its end, checks and all.
  write_h5ad(path, a);
  write_h5ad(other, AnnData{});
  on_uns([&] { std::filesystem::rename(other, path); });
  CHECK(read_h5ad(path, options) == a);
  CHECK(read_h5ad(path) == AnnData{});
}

TEST_CASE("h5ad damage: files that are no AnnData", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  check_error<IoError>([&] { read_h5ad(path); }, {path.string(), "does not exist"});
  check_error<FormatError>([&] { read_h5ad(folder.path()); }, {"is a folder", "zarr"});
  if (std::filesystem::exists("/dev/null"))
    check_error<FormatError>([&] { read_h5ad("/dev/null"); }, {"'/dev/null' is a device"});
  for (const char* text : {"", "x", "\x89HDF\r\n\x1a\n", "{\"a\": 1}"}) {
    write_text(path, text);
    check_error<Error>([&] { read_h5ad(path); }, {path.string()});
    check_error<Error>([&] { describe_h5ad(path); }, {path.string()});
  }
  {
    const hdf5::Handle file(
        H5Fcreate(path.string().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
    put<float>(file, "/numbers", {1, 2});
  }
  check_error<FormatError>([&] { read_h5ad(path); }, {"no AnnData file", "'numbers'"});
  edit(path, [](hid_t f) { put<float>(f, "/matrix", {1}); });
  check_error<FormatError>([&] { read_h5ad(path); }, {"10x"});
  edit(path, [](hid_t f) {
    put<float>(f, "/obs", {1});
    put<float>(f, "/var", {1});
  });
  check_error<FormatError>([&] { read_h5ad(path); }, {"'/obs'", "expected a table"});
  edit(path, [](hid_t f) { put_text(f, "/", "encoding-type", "mudata"); });
  check_error<FormatError>([&] { read_h5ad(path); }, {"'mudata'", "expected 'anndata' 0.1.0"});
}

TEST_CASE("h5ad damage: a filter that is not there is named with what provides it", "[io]") {
  using hdf5::known_filter;
  CHECK(known_filter(32001).name == "blosc");
  CHECK(known_filter(32001).package.find("hdf5-filter-plugin-blosc-serial") != std::string::npos);
  CHECK(known_filter(32004).package.find("hdf5-filter-plugin from Debian") != std::string::npos);
  CHECK(known_filter(32008).name == "bitshuffle");
  CHECK(known_filter(32015).package.find("hdf5plugin from PyPI") != std::string::npos);
  fails(
      [](hid_t f) {
        const hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE));
        const hsize_t chunk = 2;
        H5Pset_chunk(creation, 1, &chunk);
        vcell_test::remove(f, "/layers/dense");
        // Registered for as long as the file is written, then forgotten.
        const auto keep = [](unsigned, size_t, const unsigned*, size_t n, size_t*, void**) {
          return n;
        };
        const H5Z_class2_t filter = {H5Z_CLASS_T_VERS, 31999, 1, 1, "test", nullptr, nullptr, keep};
        H5Zregister(&filter);
        H5Pset_filter(creation, 31999, 0, 0, nullptr);
        put<float>(f, "/layers/dense", {1, 2}, {}, creation);
        H5Fflush(f, H5F_SCOPE_LOCAL);
        H5Zunregister(31999);
      },
      {"'/layers/dense'", "number 31999 (31999)", "install", "gzip"});
}

namespace {

/// Numbers as they are stored, of 1 to 8 bytes, one or two of them: zero, the greatest, one more or
/// less, twice, one bit turned over, or any.
std::string with_other_numbers(std::string bytes, Rng& rng) {
  for (uint64_t edits = 1 + rng.below(2); edits > 0; --edits) {
    const size_t width = size_t(1) << rng.below(4);
    char* const at = &bytes[size_t(rng.below(bytes.size() / width)) * width];
    uint64_t x = 0;
    std::memcpy(&x, at, width);
    const uint64_t others[] = {
        0, ~uint64_t(0), x + 1, x - 1, 2 * x, x ^ uint64_t(1) << rng.below(8 * width), rng.next()};
    std::memcpy(at, &others[rng.below(std::size(others))], width);
  }
  return bytes;
}

/// Every other file with a number or two changed. In the others one to eight places, each up to 64
/// bytes long: other bytes, zeros, or single bits turned over; one in twenty is cut short as well.
std::string damaged(std::string bytes, uint64_t seed) {
  Rng rng(seed, 7);
  if (seed % 2) return with_other_numbers(std::move(bytes), rng);
  for (uint64_t edits = 1 + rng.below(8); edits > 0; --edits) {
    const uint64_t begin = rng.below(bytes.size()), kind = rng.below(3);
    const uint64_t end = std::min<uint64_t>(bytes.size(), begin + 1 + rng.below(64));
    for (uint64_t i = begin; i < end; ++i)
      bytes[i] = kind == 0   ? char(rng.below(256))
                 : kind == 1 ? '\0'
                             : char(bytes[i] ^ (1 << rng.below(8)));
  }
  if (rng.below(20) == 0) bytes.resize(rng.below(bytes.size()));
  return bytes;
}

/// Reads all of a file, and X again in blocks while it stays open: whether that is the same. And
/// describes it, which reads less.
bool reads_both_ways(const std::filesystem::path& path) {
  describe_h5ad(path);
  const auto whole = read_h5ad(path);
  if (!whole.X) return true;
  CsrMatrix<double> blocks;
  blocks.columns = whole.X->columns();
  copy_rows<double>(H5adRows(path), blocks, {.rows = 2});
  return Matrix(blocks) == Matrix(to_csr<double>(*whole.X));  // bit by bit: there may be NaN
}

/// Reads a file; false when it is refused with an error that names it.
bool reads(const std::filesystem::path& path) {
  try {
    const bool same = reads_both_ways(path);
    CHECK(same);
    return true;
  } catch (const Error& e) {
    CHECK(std::string(e.what()).find(path.string()) != std::string::npos);
    return false;
  }
}

/// The same in a process of its own with little memory and time, where a crash of HDF5 is a check
/// that fails and names the variant.
bool reads_apart(const std::filesystem::path& path) {
#if defined(VCELL_TEST_NO_FORK)
  return reads(path);
#else
  std::string said = "read";
  try {
    const std::string differs = in_sandbox(path.string(), [&] {
      return std::string(reads_both_ways(path) ? "" : "the blocks are another matrix");
    });
    CHECK(differs == "");
  } catch (const Error& e) {
    said = e.what();
    CHECK_THAT(said, vcell_test::contains(path.string()));
    CHECK(said.find("the process that read it") == said.npos);
  }
  return said == "read";
#endif
}

/// @param files  sound ones of at most a few hundred kilobytes
/// @param read_one  reads or reads_apart
void check_damaged(const std::vector<std::filesystem::path>& files, uint64_t variants,
                   bool (*read_one)(const std::filesystem::path&) = reads) {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "damaged.h5ad";
  size_t read = 0, refused = 0;
  for (const auto& file : files) {
    const std::string sound = read_text(file);
    // Of a file that is refused as it is, be it too old or its filter absent, a few will do.
    const uint64_t n = reads(file) ? variants : variants / 10;
    for (uint64_t seed = 0; seed < n; ++seed) {
      INFO(file << " seed " << seed);
      std::ofstream(path, std::ios::binary) << damaged(sound, seed);
      ++(read_one(path) ? read : refused);
    }
  }
  std::printf("%zu damaged files: %zu read, %zu refused\n", read + refused, read, refused);
  CHECK(refused > 0);
  CHECK(read > 0);
  CHECK(H5Fget_obj_count(hid_t(H5F_OBJ_ALL), H5F_OBJ_ALL) == 0);
}

}  // namespace

TEST_CASE("h5ad damage: bytes of vcell's files changed at random", "[io]") {
  const vcell_test::TemporaryFolder folder;
  write_h5ad(folder.path() / "plain.h5ad", vcell_test::small_anndata(), {.gzip = 0});
  write_h5ad(folder.path() / "gzip.h5ad", vcell_test::small_anndata(), {.gzip = 1});
  check_damaged({folder.path() / "plain.h5ad", folder.path() / "gzip.h5ad"}, 60);
}

TEST_CASE("h5ad damage: bytes of files of every age changed at random", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const vcell_test::FileKind latest = {H5F_LIBVER_LATEST, H5F_LIBVER_LATEST, 1};
  vcell_test::write_records_anndata(folder.path() / "records.h5ad");
  vcell_test::write_records_anndata(folder.path() / "records_latest.h5ad", latest);
  vcell_test::write_references_anndata(folder.path() / "references.h5ad");
  vcell_test::write_references_anndata(folder.path() / "references_latest.h5ad", latest);
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  check_damaged(files, 100);
}

TEST_CASE("h5ad damage: bytes of anndata's files changed at random", "[io][golden]") {
  const auto folder = vcell_test::golden_folder("formats");
  if (!folder) VCELL_SKIP("golden folder formats is absent");
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(*folder))
    if (entry.path().extension() == ".h5ad") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  REQUIRE_FALSE(files.empty());
  check_damaged(files, 40);
}

TEST_CASE("h5ad damage: bytes of others' files changed at random", "[io][golden]") {
  const auto folder = vcell_test::folder_from("VCELL_FILES");
  if (!folder) VCELL_SKIP("VCELL_FILES names no folder");
  check_damaged({*folder / "anndata-0.11.4.h5ad", *folder / "bpcells-anndata-0.10.9.h5ad"}, 60,
                reads_apart);
}
