// Files of anndata before 0.8, of every kind that HDF5 makes, and the same made to contradict
// themselves.
#include "legacy_anndata.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/data/row_sink.hpp"
#include "vcell/io/atomic_file.hpp"
#include "vcell/io/h5ad.hpp"

using namespace vcell;
using hdf5::Handle;
using vcell_test::check_error;
using vcell_test::edit;
using vcell_test::FileKind;
using vcell_test::must;
using vcell_test::put;
namespace fs = std::filesystem;

namespace {

using Write = bool (*)(const fs::path&, const FileKind&);
const std::vector<Write> writers = {vcell_test::write_records_anndata,
                                    vcell_test::write_references_anndata};

/// Reads a file in every way that there is.
void check_read(const fs::path& path, const AnnData& expected) {
  std::vector<std::string> warnings;
  H5adReadOptions options;
  options.warnings = &warnings;
  const AnnData a = read_h5ad(path, options);
  CHECK(warnings == std::vector<std::string>{});
  CHECK(a.obs == expected.obs);
  CHECK(a.var == expected.var);
  CHECK(a.uns == expected.uns);
  CHECK(a == expected);
  for (const char* element : {"X", "raw/X", "layers/dense"}) {
    H5adRowsOptions rows;
    rows.element = element;
    const H5adRows source(path, rows);
    CsrMatrix<double> blocks;
    blocks.columns = source.columns();
    copy_rows<double>(source, blocks, {.rows = 2});
    const Matrix& whole = *element == 'X'   ? *a.X
                          : *element == 'r' ? *a.raw->X
                                            : a.layers.at("dense");
    CHECK(Matrix(blocks) == Matrix(to_csr<double>(whole)));
  }
}

/// Writes a sound file, changes it, and expects an error that names the element and these texts.
template <class F>
void fails(Write write, F&& change, std::vector<std::string> texts) {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  write(path, {});
  edit(path, change);
  texts.push_back("read_h5ad: file '" + path.string() + "'");
  check_error<FormatError>([&] { read_h5ad(path); }, texts);
  try {
    describe_h5ad(path);
  } catch (const FormatError&) {
  }
}
template <class F>
void records_fail(F&& change, std::vector<std::string> texts) {
  fails(vcell_test::write_records_anndata, change, std::move(texts));
}
template <class F>
void references_fail(F&& change, std::vector<std::string> texts) {
  fails(vcell_test::write_references_anndata, change, std::move(texts));
}

}  // namespace

TEST_CASE("h5ad of every age: within every bound of HDF5's versions, packed or not", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  size_t kinds = 0;
  for (const Write write : writers)
    for (int low = 0; low < H5F_LIBVER_NBOUNDS; ++low)
      for (int high = low; high < H5F_LIBVER_NBOUNDS; ++high)
        for (const unsigned gzip : {0u, 4u}) {
          hdf5::LibraryUse quiet;
          if (!write(path, {H5F_libver_t(low), H5F_libver_t(high), gzip})) continue;
          INFO("low " << low << " high " << high << " gzip " << gzip);
          check_read(path, vcell_test::legacy_anndata());
          ++kinds;
        }
  CHECK(kinds >= 2 * 5 * 2);
}

TEST_CASE("h5ad of every age: what is written of it is a file of today", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad", now = folder.path() / "now.h5ad";
  for (const Write write : writers) {
    write(path, {});
    write_h5ad(now, read_h5ad(path));
    check_read(now, vcell_test::legacy_anndata());
  }
}

TEST_CASE("describe_h5ad: files of every age", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  for (const Write write : writers) {
    write(path, {});
    edit(path, [](hid_t f) { vcell_test::put_group(f, "uns/log1p"); });
    std::map<std::string, H5adElement> found;
    for (H5adElement& e : describe_h5ad(path)) found[e.path] = e;
    using Texts = std::vector<std::string>;
    CHECK(found.at("/X").encoding == "csr_matrix");
    CHECK(found.at("/X").density() == 0.5);
    CHECK(found.at("/X").scale == "log1p");
    CHECK(found.at("/obs").shape[0] == 3);
    CHECK(found.at("/obs/perturbation").encoding == "categorical");
    CHECK(found.at("/obs/perturbation").labels == 2);
    CHECK(found.at("/obs/perturbation").first == Texts{"A", "β"});
    CHECK(found.at("/obs/plate").dtype == "1 labels (int64)");
    CHECK(found.at("/obs/umi").first == Texts{"5", "-3", "1073741824"});
    CHECK(found.at("/obs/tag").first == Texts{"x", "", "long"});
    CHECK(found.at("/obs/passed").first == Texts{"True", "False", "True"});
  }
}

TEST_CASE("h5ad of every age: a member that is not read costs itself alone", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  vcell_test::write_records_anndata(path);
  edit(path, [](hid_t f) {
    struct Row {
      const char* name;
      float pair[2];
      int64_t kind;
      hvl_t list;
    };
    const std::vector<Row> rows = {{"h0", {1, 2}, 5, {0, nullptr}},
                                   {"h1", {3, 4}, 6, {0, nullptr}}};
    const hsize_t two = 2;
    const Handle type(H5Tcreate(H5T_COMPOUND, sizeof(Row))),
        pair(H5Tarray_create2(H5T_NATIVE_FLOAT, 1, &two)), list(H5Tvlen_create(H5T_NATIVE_INT));
    must(H5Tinsert(type, "gene", offsetof(Row, name), hdf5::text_type()));
    must(H5Tinsert(type, "pair", offsetof(Row, pair), pair));
    must(H5Tinsert(type, "list", offsetof(Row, list), list));
    must(H5Tinsert(type, "kind", offsetof(Row, kind), H5T_NATIVE_INT64));
    vcell_test::remove(f, "var");
    vcell_test::put_records(f, "var", type, type, rows.data(), rows.size(), {});
  });
  std::vector<std::string> warnings;
  H5adReadOptions options;
  options.warnings = &warnings;
  const AnnData a = read_h5ad(path, options);
  CHECK(a.var.index == std::vector<std::string>{"h0", "h1"});
  CHECK(a.var.index_name == "gene");
  CHECK(a.var.names() == std::vector<std::string>{"kind"});
  CHECK(a.var.column("kind").numbers() == std::vector<double>{5, 6});
  REQUIRE(warnings.size() == 2);
  CHECK_THAT(warnings[0], vcell_test::contains("'/var': its member 'pair' holds an array type"));
  CHECK_THAT(warnings[1], vcell_test::contains("'list' holds a variable-length type"));
}

TEST_CASE("h5ad of every age: records that contradict the rest", "[io]") {
  records_fail([](hid_t f) { put<int64_t>(f, "uns/plate_categories", {}); },
               {"'/obs'", "'plate' holds 0 at entry 0, expected -1 (missing) .. 0 - 1",
                "'/uns/plate_categories'"});
  records_fail(
      [](hid_t f) {
        vcell_test::remove(f, "uns/perturbation_categories");
        vcell_test::put_texts(f, "uns/perturbation_categories", {"A"});
      },
      {"'/obs'", "'perturbation' holds 1 at entry 0"});
  records_fail(
      [](hid_t f) {
        vcell_test::remove(f, "uns/perturbation_categories");
        vcell_test::put_group(f, "uns/perturbation_categories");
      },
      {"'/uns/perturbation_categories'", "expected an array"});
  records_fail([](hid_t f) { vcell_test::remove(f, "raw.var"); }, {"'/'", "has no 'raw.var'"});
  records_fail(
      [](hid_t f) {
        put<float>(f, "var", {1, 2});
      },
      {"'/var'", "expected a table: 'dataframe' 0.2.0 or 0.1.0, or records"});
  records_fail(
      [](hid_t f) {
        vcell_test::remove(f, "var");
        vcell_test::put_names(f, "var", {"g0"}, {});
      },
      {"'/X'", "has shape (3, 2), expected 3 rows and 1 columns"});
  records_fail([](hid_t f) { vcell_test::put_text(f, "X", "h5sparse_format", "coo"); },
               {"'/X'", "'coo_matrix'", "expected an array, a csr_matrix"});
  records_fail(
      [](hid_t f) {
        vcell_test::put_integers(f, "X", "h5sparse_shape", {int64_t(1) << 60, 2});
      },
      {"'/X'", "'shape'"});
  const auto other = [](hid_t f, const char* path, const std::vector<hsize_t>& shape) {
    vcell_test::remove(f, path);
    const Handle type(H5Tcreate(H5T_COMPOUND, 4)),
        space(must(H5Screate_simple(int(shape.size()), shape.data(), nullptr)));
    must(H5Tinsert(type, "index", 0, H5T_NATIVE_FLOAT));
    const Handle d(must(H5Dcreate2(f, path, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)));
  };
  records_fail(
      [&](hid_t f) {
        other(f, "obs", {3, 1});
      },
      {"'/obs'", "a compound type of shape (3, 1), expected records"});
  records_fail([&](hid_t f) { other(f, "obs", {hsize_t(1) << 60}); },
               {"'/obs'", "impossible shape"});
  records_fail([&](hid_t f) { other(f, "obs", {hsize_t(1) << 40}); },
               {"'/obs'", "cannot hold so much"});
  records_fail([&](hid_t f) { other(f, "obsm", {2}); }, {"'/obsm'", "(2, 0), expected 3 rows"});
}

TEST_CASE("h5ad of every age: references that lead nowhere", "[io]") {
  const auto to = [](hobj_ref_t place, std::vector<std::string> texts) {
    texts.push_back("'/obs/plate@categories'");
    references_fail([&](hid_t f) { vcell_test::put_reference(f, "obs/plate", place); }, texts);
  };
  to(0, {"the file is damaged"});
  to(1, {"the file is damaged"});
  to(~hobj_ref_t(0), {"the file is damaged"});
  to(hobj_ref_t(1) << 60, {"the file is damaged"});
  references_fail([](hid_t f) { vcell_test::refer(f, "obs/plate", "obs"); },
                  {"'/obs/plate@categories'", "'dataframe' 0.1.0, expected an array"});
  references_fail([](hid_t f) { vcell_test::refer(f, "obs/plate", "layers/dense"); },
                  {"'/obs/plate@categories'", "has shape (3, 2), expected one dimension"});
  references_fail(
      [](hid_t f) {  // numbers, and no header
        const Handle score(must(H5Dopen2(f, "obs/score", H5P_DEFAULT)));
        vcell_test::put_reference(f, "obs/plate", H5Dget_offset(score));
      },
      {"'/obs/plate@categories'", "the file is damaged"});
  references_fail([](hid_t f) { vcell_test::put_integers(f, "obs/plate", "categories", {7}); },
                  {"'/obs/plate'", "'categories' holds int64, expected text"});
  references_fail(
      [](hid_t f) {
        put<int8_t>(f, "obs/plate", {0, -2, 0});
        vcell_test::refer(f, "obs/plate", "obs/__categories/plate");
      },
      {"'/obs/plate'", "holds -2 at entry 1"});
  references_fail(
      [](hid_t f) {
        put<int8_t>(f, "obs/plate", {0, 0});
        vcell_test::refer(f, "obs/plate", "obs/__categories/plate");
      },
      {"'/obs/plate'", "has 2 values, expected 3"});
}

TEST_CASE("h5ad of every age: files that are cut short", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  for (const Write write : writers) {
    write(path, {});
    const auto size = fs::file_size(path);
    for (uintmax_t left = size - 1; left > 0; left -= std::min(left, 1 + size / 40)) {
      fs::resize_file(path, left);
      check_error<Error>([&] { read_h5ad(path); }, {path.string()});
      check_error<Error>([&] { describe_h5ad(path); }, {path.string()});
      check_error<Error>([&] { H5adRows rows(path); }, {path.string()});
    }
  }
}

TEST_CASE("h5ad of every age: names of members that are none", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  vcell_test::write_records_anndata(path);
  const std::string sound = read_text(path);
  const size_t place = sound.find(std::string("\0inner\0", 7));
  REQUIRE(place != sound.npos);
  const auto named = [&](std::string name) {
    std::string bytes = sound;
    std::copy(name.begin(), name.end(), bytes.begin() + std::ptrdiff_t(place) + 1);
    write_text(path, bytes);
  };
  for (const std::string& name :
       {std::string("in/er"), std::string(".\0ner", 5), std::string(5, '\0')}) {
    named(name);
    check_error<FormatError>([&] { read_h5ad(path); },
                             {path.string(), "'/uns': the name of its member", "cannot be one"});
    check_error<FormatError>([&] { describe_h5ad(path); }, {"'/uns'", "cannot be one"});
  }
  named(std::string("in\0er", 5));  // the name ends there
  CHECK(read_h5ad(path).uns.count("in") == 1);
}

TEST_CASE("h5ad of every age: groups that lie in themselves, in many ways", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  for (const Write write : writers) {
    write(path, {});
    edit(path, [](hid_t f) {
      for (const char* name : {"uns/a", "uns/inner/b", "uns/inner/c"})
        must(H5Lcreate_hard(f, "/uns", f, name, H5P_DEFAULT, H5P_DEFAULT));
    });
    check_error<FormatError>([&] { read_h5ad(path); }, {"'/uns/a'", "links in a circle"});
    check_error<FormatError>([&] { describe_h5ad(path); }, {"'/uns/a'", "links in a circle"});
  }
}

TEST_CASE("h5ad: text and bytes of a fixed width, and numbers of either order", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  vcell_test::write_references_anndata(path);
  edit(path, [](hid_t f) {
    const auto put_fixed = [&](const char* name, const char* encoding, const char* bytes) {
      const hsize_t n = 2;
      const Handle type = vcell_test::fixed_text(4);
      const Handle space(*encoding == 'b' ? H5Screate(H5S_SCALAR)
                                          : H5Screate_simple(1, &n, nullptr));
      {
        const Handle d(
            must(H5Dcreate2(f, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)));
        must(H5Dwrite(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes));
      }
      vcell_test::put_text(f, name, "encoding-type", encoding);
      vcell_test::put_text(f, name, "encoding-version", "0.2.0");
    };
    put_fixed("uns/list", "string-array", "ab\0\0cé");
    put_fixed("uns/bytes", "bytes", "abcd");
    put_fixed("uns/no_text", "bytes", "\xFF\xFE\0");
    const hsize_t n = 2;
    const Handle space(H5Screate_simple(1, &n, nullptr));
    const double numbers[] = {1.5, -2};
    const Handle d(must(
        H5Dcreate2(f, "uns/big", H5T_IEEE_F32BE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)));
    must(H5Dwrite(d, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers));
  });
  std::vector<std::string> warnings;
  H5adReadOptions options;
  options.warnings = &warnings;
  const AnnData a = read_h5ad(path, options);
  CHECK(a.uns.at("list") == Value(std::vector<std::string>{"ab", "cé"}));
  CHECK(a.uns.at("bytes") == Value("abcd"));
  CHECK(a.uns.at("no_text").opaque() != nullptr);
  CHECK(a.uns.at("big") == Value(Array::of<float>({2}, std::vector<float>{1.5f, -2})));
  CHECK(warnings.size() == 2);
  write_h5ad(folder.path() / "b.h5ad", a);
  CHECK(read_h5ad(folder.path() / "b.h5ad") == a);
}
