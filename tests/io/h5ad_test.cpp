// What is written comes back, and nothing is lost when it cannot be.
#include "vcell/io/h5ad.hpp"

#include <chrono>
#include <limits>
#include <thread>

#include "edit_hdf5.hpp"
#include "small_anndata.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/data/sort_rows.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::small_anndata;

namespace {

AnnData there_and_back(const AnnData& a, const H5adWriteOptions& options = {}) {
  const vcell_test::TemporaryFolder folder;
  write_h5ad(folder.path() / "a.h5ad", a, options);
  return read_h5ad(folder.path() / "a.h5ad");
}

}  // namespace

TEST_CASE("h5ad: a little of everything comes back the same", "[io]") {
  const AnnData a = small_anndata();
  for (int gzip : {0, 1, 9}) CHECK(there_and_back(a, {.gzip = gzip}) == a);
}

TEST_CASE("h5ad: nothing at all comes back the same", "[io]") {
  AnnData a;
  CHECK(there_and_back(a) == a);
  a.X = CsrMatrix<float>{};
  a.layers["dense"] = DenseMatrix<double>{};
  CHECK(there_and_back(a) == a);
  a = {};
  a.var = DataFrame({"g0", "g1"});  // genes, no cells
  a.X = CsrMatrix<float>{0, 2, {0}, {}, {}};
  a.obsm["X_pca"] = Matrix(DenseMatrix<float>{0, 3, {}});
  CHECK(there_and_back(a) == a);
  a = {};
  a.obs = DataFrame({"c0"});  // a cell, no genes
  a.X = DenseMatrix<float>{1, 0, {}};
  CHECK(there_and_back(a) == a);
}

TEST_CASE("h5ad: text with repeats or gaps becomes a categorical", "[io]") {
  AnnData a;
  a.obs = DataFrame({"c0", "c1", "c2"});
  a.obs.set("repeats", std::vector<std::string>{"b", "a", "b"});
  a.obs.set("gaps", Column{std::vector<std::string>{"b", "", "a"}, {0, 1, 0}});
  a.obs.set("numbers", Column{std::vector<double>{1, 2, 3}, {0, 1, 0}});
  const AnnData back = there_and_back(a);
  CHECK(back.obs.column("repeats") ==
        Column(Categorical{{1, 0, 1}, std::vector<std::string>{"a", "b"}, false}));
  CHECK(back.obs.column("gaps") ==
        Column(Categorical{{1, -1, 0}, std::vector<std::string>{"a", "b"}, false}));
  CHECK(back.obs.column("numbers").is_missing()[1]);
  CHECK(back.obs.column("numbers").numbers()[2] == 3);
}

TEST_CASE("h5ad: codes are as wide as the number of labels asks for", "[io]") {
  for (size_t n : {127u, 128u, 32767u, 32768u}) {
    Categorical c;
    std::vector<std::string> names, cells;
    for (size_t i = 0; i < n; ++i) {
      names.push_back("n" + std::to_string(i));
      c.codes.push_back(int32_t(n - 1 - i));
    }
    c.categories = names;
    AnnData a;
    a.obs = DataFrame(names);
    a.obs.set("label", c);
    CHECK(there_and_back(a).obs == a.obs);
  }
}

TEST_CASE("h5ad: many columns, long names and long texts", "[io]") {
  AnnData a;
  a.obs = DataFrame({"c0", std::string(100000, 'x')});
  for (int i = 0; i < 5000; ++i)  // more names than an attribute of 64 KiB holds
    a.obs.set("column " + std::to_string(i), Numbers::truths({0, 1}));
  CHECK(there_and_back(a) == a);
}

TEST_CASE("h5ad: the same content gives the same bytes", "[io]") {
  const vcell_test::TemporaryFolder folder;
  write_h5ad(folder.path() / "a.h5ad", small_anndata());
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // in another second
  write_h5ad(folder.path() / "b.h5ad", small_anndata());
  CHECK(read_text(folder.path() / "a.h5ad") == read_text(folder.path() / "b.h5ad"));
}

TEST_CASE("h5ad: parts are read on request", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  write_h5ad(path, small_anndata());
  H5adReadOptions options;
  options.X = options.layers = options.obsm = options.varm = options.obsp = options.varp =
      options.raw = options.uns = false;
  AnnData expected;
  expected.obs = small_anndata().obs;
  expected.var = small_anndata().var;
  CHECK(read_h5ad(path, options) == expected);
  options.X = true;
  expected.X = small_anndata().X;
  CHECK(read_h5ad(path, options) == expected);
}

TEST_CASE("h5ad: the watcher hears of every part and can stop", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  std::vector<std::string> parts;
  const Progress listen = [&](const ProgressUpdate& u) {
    parts.emplace_back(u.note);
    return u.note != "layers";
  };
  write_text(path, "old");
  CHECK_THROWS_AS(write_h5ad(path, small_anndata(), {.progress = listen}), Stopped);
  CHECK(read_text(path) == "old");
  CHECK(parts == std::vector<std::string>{"X", "obs", "var", "layers"});
  write_h5ad(path, small_anndata());
  H5adReadOptions options;
  options.progress = listen;
  CHECK_THROWS_AS(read_h5ad(path, options), Stopped);
}

TEST_CASE("h5ad: the watcher hears of a large part while it is read", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  constexpr size_t rows = 2100, columns = 9001;  // 76 MB
  AnnData a;
  for (size_t i = 0; i < rows; ++i) a.obs.index.push_back(std::to_string(i));
  for (size_t i = 0; i < columns; ++i) a.var.index.push_back(std::to_string(i));
  DenseMatrix<float> X{rows, columns, std::vector<float>(rows * columns)};
  for (size_t i = 0; i < X.values.size(); ++i) X.values[i] = float(i % 8191);
  a.X = Matrix(std::move(X));
  for (const int gzip : {0, 1}) {
    INFO(gzip);
    write_h5ad(path, a, {.gzip = gzip});
    size_t heard = 0, most = 100;
    H5adReadOptions options;
    options.progress = [&](const ProgressUpdate& u) {
      CHECK(u.stage == "read");
      heard += u.note == "X";
      return heard < most;
    };
    CHECK(read_h5ad(path, options) == a);
    CHECK(heard >= 2);
    heard = 0;
    most = 2;
    CHECK_THROWS_AS(read_h5ad(path, options), Stopped);
  }
}

TEST_CASE("h5ad: what cannot be written leaves the old file as it was", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  write_text(path, "old");
  const auto fails = [&]<class E>(E, auto change, const std::vector<std::string>& texts) {
    AnnData a = small_anndata();
    change(a);
    check_error<E>([&] { write_h5ad(path, a); }, texts);
    CHECK(read_text(path) == "old");
    CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
  };
  fails(ShapeError(""),
        [](AnnData& a) {
          a.X = DenseMatrix<float>{3, 3, std::vector<float>(9)};
        },
        {"X", "(3, 3)", "(3, 4)"});
  fails(ShapeError(""), [](AnnData& a) { a.obsp["distances"] = *a.X; }, {"obsp", "'distances'"});
  fails(ShapeError(""), [](AnnData& a) { a.raw->var = DataFrame({"g"}); }, {"raw.X"});
  fails(ShapeError(""),
        [](AnnData& a) {
          a.uns["m"] = Array{{2, 2}, std::vector<float>{1}};
        },
        {"values of array '/uns/m' (1)", "(4)"});
  fails(ConfigError(""), [](AnnData& a) { a.X->layout.index_type = DType::u8; },
        {"'/X'", "uint8", "int32 or int64"});
  DataFrame uneven({"a", "b"});
  uneven.set("q", std::vector<double>{1, 2});
  uneven.index.pop_back();
  fails(ShapeError(""), [&](AnnData& a) { a.uns["t"] = uneven; }, {"rows of '/uns/t/q' (2)"});
  fails(ConfigError(""), [](AnnData& a) { a.uns["a/b"] = true; }, {"'a/b'", "'/uns'"});
  fails(ConfigError(""), [](AnnData& a) { a.layers["."] = *a.X; }, {"'.'", "'/layers'"});
  fails(ConfigError(""), [](AnnData& a) { a.uns["zero"] = std::string("a\0b", 3); },
        {"/uns/zero", "zero byte"});
  fails(ConfigError(""), [](AnnData& a) { a.uns["latin"] = std::string("caf\xE9"); },
        {"/uns/latin", "not UTF-8"});
  fails(ConfigError(""), [](AnnData& a) { a.uns["caf\xE9"] = true; }, {"'/uns'", "UTF-8"});
  fails(ConfigError(""), [](AnnData& a) { a.uns[std::string("a\0b", 3)] = true; }, {"'/uns'"});
  const Column three{std::vector<double>{1, 2, 3}, {}};
  fails(ConfigError(""), [&](AnnData& a) { a.obs.set("/X", three); }, {"'/X'", "'/obs'"});
  fails(ConfigError(""), [&](AnnData& a) { a.obs.set("", three); }, {"''", "'/obs'"});
  fails(ConfigError(""), [&](AnnData& a) { a.obs.set("cell", three); }, {"'cell'", "index"});
  fails(ConfigError(""),
        [](AnnData& a) {
          a.obs.set("bad", Categorical{{0, 1, 2}, std::vector<int64_t>{4, 5}, false});
        },
        {"/obs/bad", "code 2"});
  check_error<ConfigError>([&] { write_h5ad(path, small_anndata(), {.gzip = 10}); },
                           {"gzip is 10"});
  check_error<IoError>([&] { write_h5ad(folder.path() / "no" / "a.h5ad", AnnData{}); },
                       {"there is no folder"});
}

TEST_CASE("h5ad: a matrix keeps the dtype of its file", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  AnnData a;
  a.obs = DataFrame({"c0"});
  a.var = DataFrame({"g0", "g1"});
  a.X = DenseMatrix<float>{1, 2, {0, 0}};
  write_h5ad(path, a);
  const auto check = [&](auto values) {
    vcell_test::edit(path, [&](hid_t f) { vcell_test::put(f, "/X", values, {1, 2}); });
    CHECK(*read_h5ad(path).X == Matrix(1, 2, values));
  };
  check(std::vector<int8_t>{-1, 2});
  check(std::vector<uint16_t>{1, 65535});
  check(std::vector<int32_t>{-1, 7});
  check(std::vector<uint32_t>{0, ~uint32_t(0)});
  check(std::vector<int64_t>{0, std::numeric_limits<int64_t>::min()});
  check(std::vector<uint64_t>{0, ~uint64_t(0)});
  check(std::vector<double>{0.1, NAN});
  check(std::vector<half>{half::from_bits(0x3c00), half::from_bits(1)});
}

TEST_CASE("h5ad: rows are sorted and duplicates added up, columns turned into rows", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  AnnData a;
  a.obs = DataFrame({"c0", "c1"});
  a.var = DataFrame({"g0", "g1", "g2"});
  a.X = CsrMatrix<float>{2, 3, {0, 3, 4}, {0, 1, 2, 1}, {1, 2, 3, 4}};
  write_h5ad(path, a);
  vcell_test::edit(path, [](hid_t f) {
    vcell_test::put<uint8_t>(f, "/X/indices", {2, 0, 2, 1});
    vcell_test::put<uint64_t>(f, "/X/indptr", {0, 3, 4});
  });
  const CsrMatrix<float> sorted{2, 3, {0, 2, 3}, {0, 2, 1}, {2, 4, 4}};
  CHECK(*read_h5ad(path).X == Matrix(sorted, {false, DType::i32, DType::i64}));
  vcell_test::edit(path, [](hid_t f) {
    vcell_test::put_text(f, "/X", "encoding-type", "csc_matrix");
    vcell_test::put<int32_t>(f, "/X/indices", {0, 1, 0, 0});
    vcell_test::put<int64_t>(f, "/X/indptr", {0, 1, 2, 4});
    vcell_test::put<float>(f, "/X/data", {2, 4, 1, 3});
  });
  CHECK(*read_h5ad(path).X == Matrix(sorted, {true, DType::i32, DType::i64}));
  vcell_test::edit(path, [](hid_t f) { vcell_test::put<int8_t>(f, "/X/data", {100, 4, 100, 3}); });
  CHECK(read_h5ad(path).X->dtype() == DType::i8);
  vcell_test::edit(path, [](hid_t f) {
    vcell_test::put<int32_t>(f, "/X/indices", {0, 1, 0, 0});
    vcell_test::put<int8_t>(f, "/X/data", {100, 4, 100, 100});
  });
  check_error<FormatError>([&] { read_h5ad(path); }, {"'/X'", "more than once"});
}

TEST_CASE("h5ad: what is not understood is kept, with one warning each", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad", copy = folder.path() / "copy.h5ad";
  struct Row {
    const char* name;
    double score;
  };
  const Row rows[] = {{"gené", 1.5}, {"b", -2}};
  write_h5ad(path, small_anndata());
  vcell_test::edit(path, [&](hid_t f) {
    const hsize_t n = 2;
    const hdf5::Handle text(hdf5::text_type()), space(H5Screate_simple(1, &n, nullptr));
    const hdf5::Handle type(H5Tcreate(H5T_COMPOUND, sizeof(Row)));
    H5Tinsert(type, "names", HOFFSET(Row, name), text);
    H5Tinsert(type, "scores", HOFFSET(Row, score), H5T_NATIVE_DOUBLE);
    {
      const hdf5::Handle d(vcell_test::must(
          H5Dcreate2(f, "/uns/ranks", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)));
      vcell_test::must(H5Dwrite(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows));
    }
    vcell_test::put_text(f, "/uns/ranks", "encoding-type", "rec-array");
    vcell_test::put_text(f, "/uns/ranks", "encoding-version", "0.2.0");
    vcell_test::put_text(f, "/obs/umi", "encoding-type", "future");
    vcell_test::put_text(f, "/obsm/X_pca", "encoding-version", "9.9");
  });
  std::vector<std::string> warnings;
  H5adReadOptions options;
  options.warnings = &warnings;
  const AnnData a = read_h5ad(path, options);
  REQUIRE(warnings.size() == 3);
  CHECK(warnings[0].find("'/obs/umi'") != std::string::npos);
  CHECK(warnings[0].find("left out") != std::string::npos);
  CHECK(warnings[1].find("'/obsm/X_pca'") != std::string::npos);
  CHECK(warnings[2].find("'/uns/ranks': holds 'rec-array' 0.2.0") != std::string::npos);
  CHECK_FALSE(a.obs.has("umi"));
  std::filesystem::remove(path);  // what was kept needs the file no more

  write_h5ad(copy, a);
  CHECK(read_h5ad(copy).uns == a.uns);
  write_h5ad(path, a);
  CHECK(read_text(path) == read_text(copy));
  vcell_test::edit(copy, [&](hid_t f) {
    const hdf5::Handle d(vcell_test::must(H5Dopen2(f, "/uns/ranks", H5P_DEFAULT)));
    const hdf5::Handle text(hdf5::text_type()), type(H5Tcreate(H5T_COMPOUND, sizeof(Row)));
    H5Tinsert(type, "names", HOFFSET(Row, name), text);
    H5Tinsert(type, "scores", HOFFSET(Row, score), H5T_NATIVE_DOUBLE);
    Row back[2] = {};
    vcell_test::must(H5Dread(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, back));
    for (int i : {0, 1}) {
      CHECK(std::string(back[i].name) == rows[i].name);
      CHECK(back[i].score == rows[i].score);
      free(const_cast<char*>(back[i].name));
    }
    CHECK(H5Lexists(f, "/obsm/X_pca", H5P_DEFAULT) > 0);
  });
}
