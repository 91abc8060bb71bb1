// What vcell reads of HDF5 files by itself.
#include "edit_hdf5.hpp"
#include "small_anndata.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/io/h5ad.hpp"

using namespace vcell;
using vcell_test::edit;
using vcell_test::put;

namespace {

std::string unpacked(const std::vector<uint8_t>& packed, size_t most = 1000) {
  const auto out = hdf5::lzf_decompress(packed.data(), packed.size(), most);
  return out ? std::string(out->begin(), out->end()) : "refused";
}

}  // namespace

TEST_CASE("hdf5: LZF runs and copies, and what is neither", "[io]") {
  CHECK(unpacked({}) == "");
  CHECK(unpacked({2, 'a', 'b', 'c'}) == "abc");
  CHECK(unpacked({0, 'a', 0x20, 0}) == "aaaa");                   // 3 bytes from 1 back
  CHECK(unpacked({1, 'a', 'b', 0x40, 1}) == "ababab");            // 4 bytes from 2 back
  CHECK(unpacked({0, 'a', 0xe0, 1, 0}) == std::string(11, 'a'));  // 7 + 1 + 2 from 1 back
  CHECK(unpacked({2, 'a', 'b'}) == "refused");
  CHECK(unpacked({0x20, 0}) == "refused");
  CHECK(unpacked({0, 'a', 0x20}) == "refused");
  CHECK(unpacked({0, 'a', 0xe0, 1}) == "refused");
  CHECK(unpacked({0, 'a', 0x21, 0}) == "refused");
  CHECK(unpacked({0, 'a', 0xe0, 255, 0}, 100) == "refused");
}

TEST_CASE("hdf5: chunks of any shape, filters or none, and such as were never written", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  write_h5ad(path, AnnData{});
  const size_t rows = 7, columns = 5, depth = 3;
  std::vector<int32_t> values(rows * columns * depth);
  for (size_t i = 0; i < values.size(); ++i) values[i] = int32_t(i * i) - 40;
  for (const auto& chunk : {std::array<hsize_t, 3>{7, 5, 3}, {2, 2, 2}, {1, 5, 1}, {4, 3, 3}})
    for (bool shuffle : {false, true})
      for (int gzip : {0, 4}) {
        edit(path, [&](hid_t f) {
          const hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE));
          H5Pset_chunk(creation, 3, chunk.data());
          if (shuffle) H5Pset_shuffle(creation);
          if (gzip) H5Pset_deflate(creation, unsigned(gzip));
          put(f, "/uns/x", values, {rows, columns, depth}, creation);
        });
        const Array x = std::get<Array>(read_h5ad(path).uns.at("x").held);
        CHECK(x == Array::of<int32_t>({rows, columns, depth}, values));
      }
  edit(path, [&](hid_t f) {
    const hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE));
    const hsize_t chunk = 4, start = 4, n = 4;
    const int16_t fill = -7, some[] = {1, 2, 3, 4};
    H5Pset_chunk(creation, 1, &chunk);
    H5Pset_deflate(creation, 1);
    H5Pset_fill_value(creation, H5T_NATIVE_INT16, &fill);
    const hdf5::Handle d = put<int16_t>(f, "/uns/holes", {}, {10}, creation);
    const hdf5::Handle place(H5Dget_space(d)), window(H5Screate_simple(1, &n, nullptr));
    H5Sselect_hyperslab(place, H5S_SELECT_SET, &start, nullptr, &n, nullptr);
    vcell_test::must(H5Dwrite(d, H5T_NATIVE_INT16, window, place, H5P_DEFAULT, some));
  });
  CHECK(std::get<Array>(read_h5ad(path).uns.at("holes").held).as<int>() ==
        std::vector<int>{-7, -7, -7, -7, 1, 2, 3, 4, -7, -7});
}

TEST_CASE("hdf5: numbers of the other byte order and text of a fixed width", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  write_h5ad(path, AnnData{});
  edit(path, [&](hid_t f) {
    const hsize_t n = 2;
    const double values[] = {0.1, -3};
    const hdf5::Handle space(H5Screate_simple(1, &n, nullptr));
    const hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE));
    H5Pset_chunk(creation, 1, &n);
    H5Pset_deflate(creation, 1);
    const hdf5::Handle numbers(vcell_test::must(
        H5Dcreate2(f, "/uns/big", H5T_IEEE_F64BE, space, H5P_DEFAULT, creation, H5P_DEFAULT)));
    vcell_test::must(H5Dwrite(numbers, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values));
    for (const auto& [name, padding] :
         {std::pair{"/uns/zeros", H5T_STR_NULLPAD}, std::pair{"/uns/spaces", H5T_STR_SPACEPAD}}) {
      const hdf5::Handle type(H5Tcopy(H5T_C_S1));
      H5Tset_size(type, 4);
      H5Tset_strpad(type, padding);
      const char* text = padding == H5T_STR_NULLPAD ? "ab\0\0wxyz" : "ab  wxyz";
      const hdf5::Handle d(vcell_test::must(
          H5Dcreate2(f, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)));
      vcell_test::must(H5Dwrite(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text));
    }
  });
  const Dict uns = read_h5ad(path).uns;
  CHECK(std::get<Array>(uns.at("big").held) ==
        Array::of<double>({2}, std::vector<double>{0.1, -3}));
  for (const char* name : {"zeros", "spaces"})
    CHECK(uns.at(name) == Value(std::vector<std::string>{"ab", "wxyz"}));
}

TEST_CASE("describe_h5ad: every element, parents first, without reading values", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  write_h5ad(path, vcell_test::small_anndata());
  std::map<std::string, H5adElement> found;
  for (const H5adElement& e : describe_h5ad(path)) {
    if (e.path != "/") {
      const auto parent = std::filesystem::path(e.path).parent_path();
      CHECK((found.contains(parent.string()) || e.path == "/obs/group/part"));
    }
    found[e.path] = e;
  }
  using Shape = std::vector<size_t>;
  CHECK(found.at("/").encoding == "anndata");
  CHECK(found.at("/").stored_bytes > found.at("/X").stored_bytes);
  CHECK(found.at("/X").encoding == "csr_matrix");
  CHECK(found.at("/X").shape == Shape{3, 4});
  CHECK(found.at("/X").dtype == "float32");
  CHECK(found.at("/X").stored_values == 3);
  CHECK(found.at("/X").filters == std::vector<std::string>{"shuffle", "gzip"});
  CHECK(found.at("/obs").shape == Shape{3, 9});
  CHECK(found.at("/obs/perturbation").dtype == "2 labels (text)");
  CHECK(found.at("/obs/plate").dtype == "2 labels (int64)");
  CHECK(found.at("/obs/age").encoding == "nullable-integer");
  CHECK(found.at("/layers/dense").chunks == Shape{3, 4});
  CHECK(found.at("/uns/inner/deep/x").dtype == "int64");
  CHECK(found.at("/uns/half").dtype == "float16");
  vcell_test::check_error<IoError>([&] { describe_h5ad(folder.path() / "no"); }, {"describe_h5ad"});
  vcell_test::check_error<FormatError>([&] { describe_h5ad(folder.path()); }, {"describe_h5ad"});
}
