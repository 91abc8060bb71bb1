// What strangers may send: files cut short anywhere, sizes of 2^60, names that lead elsewhere. Each
// is an error that names the file, or the element in it.
#include <functional>

#include "legacy_anndata.hpp"
#include "small_anndata.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/io/cell_rows.hpp"
#include "vcell/io/describe_10x_h5.hpp"
#include "vcell/io/h5ad.hpp"
#include "write_10x_h5.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::edit;
using vcell_test::must;

namespace {

/// Paths of all datasets below a group.
void datasets_below(hid_t file, const std::string& group, std::vector<std::string>& out) {
  struct Found {
    hid_t file;
    const std::string& group;
    std::vector<std::string>& out;
  } found{file, group, out};
  const auto each = [](hid_t, const char* name, const H5L_info_t*, void* to) -> herr_t {
    const auto& [id, above, all] = *static_cast<Found*>(to);
    const std::string path = above + "/" + name;
    const vcell_test::Handle object(must(H5Oopen(id, path.c_str(), H5P_DEFAULT)));
    if (H5Iget_type(object) == H5I_DATASET)
      all.push_back(path);
    else
      datasets_below(id, path, all);
    return 0;
  };
  must(H5Literate_by_name(file, group.empty() ? "/" : group.c_str(), H5_INDEX_NAME, H5_ITER_INC,
                          nullptr, each, &found, H5P_DEFAULT));
}

/// Replaces a dataset by one of its type and attributes with 2^60 elements, none of which are
/// there.
void make_huge(hid_t file, const std::string& path) {
  vcell_test::Handle type, rank_of;
  {
    const vcell_test::Handle old(must(H5Dopen2(file, path.c_str(), H5P_DEFAULT)));
    type = vcell_test::Handle(must(H5Dget_type(old)));
    rank_of = vcell_test::Handle(must(H5Dget_space(old)));
  }
  const int rank = std::max(1, H5Sget_simple_extent_ndims(rank_of));
  std::vector<hsize_t> shape(size_t(rank), 1), chunk(size_t(rank), 1);
  shape[0] = hsize_t(1) << 60;
  chunk[0] = 1024;
  const vcell_test::Handle creation(must(H5Pcreate(H5P_DATASET_CREATE)));
  must(H5Pset_chunk(creation, rank, chunk.data()));
  const vcell_test::Handle space(must(H5Screate_simple(rank, shape.data(), nullptr)));
  must(H5Lmove(file, path.c_str(), file, "/moved", H5P_DEFAULT, H5P_DEFAULT));
  const vcell_test::Handle made(
      must(H5Dcreate2(file, path.c_str(), type, space, H5P_DEFAULT, creation, H5P_DEFAULT)));
  const vcell_test::Handle old(must(H5Dopen2(file, "/moved", H5P_DEFAULT)));
  for (const char* name : {"encoding-type", "encoding-version"})
    if (H5Aexists(old, name) > 0) {
      const vcell_test::Handle from(must(H5Aopen(old, name, H5P_DEFAULT)));
      const vcell_test::Handle as(must(H5Aget_type(from))), one(must(H5Aget_space(from)));
      const vcell_test::Handle to(must(H5Acreate2(made, name, as, one, H5P_DEFAULT, H5P_DEFAULT)));
      char* text = nullptr;
      must(H5Aread(from, as, &text));
      must(H5Awrite(to, as, &text));
      H5free_memory(text);
    }
  vcell_test::remove(file, "/moved");
}

using Read = std::function<void(const std::filesystem::path&)>;

void read_all_blocks(const std::filesystem::path& path) {
  const OpenCells open = open_cells(path);
  for_each_row_block<float>(open.X, [](size_t, const CsrView<float>&) {}, {.rows = 1});
}

}  // namespace

TEST_CASE("hostile files: one that was cut short anywhere is refused", "[io][damage]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a", whole = folder.path() / "whole";
  const Read h5ad[] = {[](const auto& p) { read_h5ad(p); }, [](const auto& p) { H5adRows{p}; },
                       [](const auto& p) { describe_h5ad(p); }, read_all_blocks};
  const Read tenx[] = {[](const auto& p) { read_10x_h5(p); },
                       [](const auto& p) { describe_10x_h5(p); }, read_all_blocks};
  const auto check = [&](std::span<const Read> readers) {
    const std::string bytes = read_text(whole);
    for (size_t i = 0; i <= 24; ++i) {
      const size_t length = i == 24 ? bytes.size() - 1 : bytes.size() * i / 24;
      INFO(length << " of " << bytes.size() << " bytes");
      write_text(path, bytes.substr(0, length));
      for (const Read& read : readers) check_error<Error>([&] { read(path); }, {path.string()});
    }
    write_text(path, bytes);
    for (const Read& read : readers) CHECK_NOTHROW(read(path));
  };
  for (const int gzip : {0, 1}) {
    write_h5ad(whole, vcell_test::small_anndata(), {.gzip = gzip});
    check(h5ad);
  }
  REQUIRE(vcell_test::write_records_anndata(whole));
  check(h5ad);
  vcell_test::write_10x_v3(whole);
  check(tenx);
}

TEST_CASE("hostile files: 2^60 elements anywhere take no memory", "[io][damage]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  const auto datasets_of = [&] {
    std::vector<std::string> out;
    edit(path, [&](hid_t f) { datasets_below(f, "", out); });
    return out;
  };
  const AnnData a = vcell_test::small_anndata();
  write_h5ad(path, a);
  const auto all = datasets_of();
  REQUIRE(all.size() > 50);
  for (const std::string& dataset : all) {
    if (dataset == "/uns/nothing") continue;  // nothing, whatever is stored for it
    INFO(dataset);
    write_h5ad(path, a);
    edit(path, [&](hid_t f) { make_huge(f, dataset); });
    check_error<FormatError>([&] { read_h5ad(path); }, {path.string(), dataset});
    if (dataset.starts_with("/X/"))
      check_error<FormatError>([&] { H5adRows{path}; }, {path.string(), dataset});
  }
  vcell_test::write_10x_v3(path);
  for (const std::string& dataset : datasets_of()) {
    if (dataset.ends_with("_all_tag_keys")) continue;  // which is not read
    INFO(dataset);
    vcell_test::write_10x_v3(path);
    edit(path, [&](hid_t f) { make_huge(f, dataset); });
    check_error<FormatError>([&] { read_10x_h5(path); }, {path.string(), dataset});
    check_error<FormatError>([&] { open_cells(path); }, {path.string(), dataset});
  }
}

TEST_CASE("hostile files: names of columns that lead elsewhere", "[io][damage]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  const auto columns = [&](const std::string& name, bool padded) {
    write_h5ad(path, vcell_test::small_anndata());
    edit(path, [&](hid_t f) {
      must(H5Adelete_by_name(f, "/obs", "column-order", H5P_DEFAULT));
      const vcell_test::Handle obs(must(H5Oopen(f, "/obs", H5P_DEFAULT)));
      const vcell_test::Handle type(must(H5Tcopy(H5T_C_S1)));
      must(H5Tset_size(type, name.size() + 1));
      must(H5Tset_strpad(type, padded ? H5T_STR_NULLPAD : H5T_STR_NULLTERM));
      const hsize_t one = 1;
      const vcell_test::Handle space(must(H5Screate_simple(1, &one, nullptr)));
      const vcell_test::Handle made(
          must(H5Acreate2(obs, "column-order", type, space, H5P_DEFAULT, H5P_DEFAULT)));
      must(H5Awrite(made, type, name.c_str()));
    });
  };
  columns("score", false);
  CHECK(read_h5ad(path).obs.names() == std::vector<std::string>{"score"});
  columns("group/part", true);
  CHECK(read_h5ad(path).obs.names() == std::vector<std::string>{"group/part"});
  for (const std::string& name :
       {std::string(""), std::string("."), std::string(".."), std::string("../var/_index"),
        std::string("/var/_index"), std::string("/"), std::string("group//part"),
        std::string("group/"), std::string("group/../score"), std::string("./score"),
        std::string("sco\0re", 6), std::string("score\0x", 7), std::string("\0score", 6)})
    for (const bool padded : {false, true}) {
      if (!padded && name == std::string("score\0x", 7)) continue;  // which is score
      INFO(quoted(name) << (padded ? ", padded" : ""));
      columns(name, padded);
      check_error<FormatError>([&] { read_h5ad(path); }, {path.string(), "'/obs"});
      check_error<FormatError>([&] { describe_h5ad(path); }, {path.string(), "'/obs"});
    }
}

TEST_CASE("hostile files: names of a group that claim 4 GB", "[io][damage]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5";
  vcell_test::write_10x_v3(path);
  const std::string bytes = read_text(path);
  size_t heaps = 0;
  for (size_t at = bytes.find("HEAP"); at != bytes.npos; at = bytes.find("HEAP", at + 1), ++heaps) {
    std::string other = bytes;
    other.replace(at + 8, 8, std::string("\0\0\0\xf9\0\0\0\0", 8));
    write_text(path, other);
    if (heaps < 2)  // it does not look at features
      check_error<FormatError>([&] { describe_10x_h5(path); }, {path.string(), "damaged"});
    check_error<FormatError>([&] { read_10x_h5(path); }, {path.string(), "damaged"});
  }
  CHECK(heaps == 3);  // of the root, of /matrix and of its features
}
