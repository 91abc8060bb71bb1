// What vcell reads of HDF5 files by itself.
#include <zlib.h>

#include <chrono>
#include <cstring>

#include "edit_hdf5.hpp"
#include "small_anndata.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "support/threads.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/io/hdf5/check_datatype.hpp"
#include "vcell/io/hdf5/lzf_filter.hpp"

using namespace vcell;
using vcell_test::edit;
using vcell_test::put;

namespace {

std::string unpacked(const std::vector<uint8_t>& packed, size_t most = 1000) {
  const auto* bytes = reinterpret_cast<const char*>(packed.data());
  const auto out = hdf5::lzf_decompress({bytes, packed.size()}, most);
  return out ? std::string(out->begin(), out->end()) : "refused";
}

/// Makes a file that holds the dataset /x alone, in HDF5's oldest format.
void write_x(const std::filesystem::path& path, const std::vector<int32_t>& values,
             hid_t creation) {
  const hdf5::Handle file(
      vcell_test::must(H5Fcreate(path.string().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)));
  put(file, "/x", values, {}, creation);
}

std::vector<int32_t> read_x(const std::filesystem::path& path) {
  const hdf5::LibraryUse use;
  hdf5::Reading reading;
  reading.function = "read_x";
  const hdf5::Object x = hdf5::open_file(path, reading).open("x");
  return hdf5::read_numbers<int32_t>(hdf5::open_dataset(x));
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
        const Array x = *read_h5ad(path).uns.at("x").array();
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
  CHECK(read_h5ad(path).uns.at("holes").array()->as<int>() ==
        std::vector<int>{-7, -7, -7, -7, 1, 2, 3, 4, -7, -7});
}

TEST_CASE("hdf5: filters in an order of their own", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  write_h5ad(path, AnnData{});
  std::vector<int32_t> values(1001);
  for (size_t i = 0; i < values.size(); ++i) values[i] = int32_t(i * 7919 % 1000);
  edit(path, [&](hid_t f) {
    const hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE));
    const hsize_t chunk = 500;
    H5Pset_chunk(creation, 1, &chunk);
    H5Pset_deflate(creation, 4);
    H5Pset_shuffle(creation);  // of packed bytes, which are no whole number of elements
    put(f, "/uns/shuffled_last", values, {}, creation);
    H5Pset_deflate(creation, 4);  // twice
    put(f, "/uns/packed_twice", values, {}, creation);
    H5Pset_fletcher32(creation);
    put(f, "/uns/summed", values, {}, creation);
    const hdf5::Handle sum_alone(H5Pcreate(H5P_DATASET_CREATE));
    H5Pset_chunk(sum_alone, 1, &chunk);
    H5Pset_fletcher32(sum_alone);
    put(f, "/uns/sum_alone", values, {}, sum_alone);
    H5Pset_shuffle(sum_alone);
    H5Pset_deflate(sum_alone, 1);
    put(f, "/uns/sum_first", values, {}, sum_alone);
  });
  const Dict uns = read_h5ad(path).uns;
  for (const char* name : {"shuffled_last", "packed_twice", "summed", "sum_alone", "sum_first"})
    CHECK(uns.at(name) == Value(Array::of<int32_t>({1001}, values)));
}

TEST_CASE("hdf5: large datasets are the same on one thread and on three", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  AnnData a;
  std::vector<int64_t> values(1'000'003);
  for (size_t i = 0; i < values.size(); ++i) values[i] = int64_t(i * i % 1009);
  a.uns["x"] = Array::of<int64_t>({values.size()}, values);
  write_h5ad(path, a);  // in 31 chunks
  for (const int n : {1, 3}) {
    const vcell_test::Threads threads(n);
    CHECK(read_h5ad(path).uns == a.uns);
  }
}

TEST_CASE("hdf5: chunks that do not hold what they should", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5";
  // Two chunks of 4 numbers; the second one is stored as these bytes.
  const auto fails = [&](H5Z_filter_t filter, const std::string& bytes, const char* text) {
    const hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE));
    const hsize_t chunk = 4, second = 4;
    H5Pset_chunk(creation, 1, &chunk);
    hdf5::register_lzf_filter();
    H5Pset_filter(creation, filter, H5Z_FLAG_OPTIONAL, 0, nullptr);
    write_x(path, {1, 2, 3, 4, 5, 6, 7, 8}, creation);
    CHECK(read_x(path).back() == 8);
    edit(path, [&](hid_t f) {
      const hdf5::Handle x(H5Dopen2(f, "/x", H5P_DEFAULT));
      vcell_test::must(H5Dwrite_chunk(x, H5P_DEFAULT, 0, &second, bytes.size(), bytes.data()));
    });
    vcell_test::check_error<FormatError>([&] { read_x(path); }, {path.string(), "'/x'", text});
  };
  constexpr H5Z_filter_t gzip = H5Z_FILTER_DEFLATE, lzf = 32000;
  for (const H5Z_filter_t filter : {gzip, lzf})
    fails(filter, std::string(4000, 'x'), "impossible size");
  fails(gzip, "no gzip", "cannot be unpacked with gzip");
  fails(gzip, std::string("\x78\x01\x01\x03\0\xfc\xff\x61\x62\x63\x02\x4d\x01\x27", 14),  // abc
        "not the size of its elements");
  fails(lzf, "no LZF", "cannot be unpacked with LZF");
  fails(lzf, "\x02\x61\x62\x63", "not the size of its elements");                 // abc
  fails(lzf, std::string("\0\x61\xe0\x07\0", 5), "cannot be unpacked with LZF");  // 17 bytes
  constexpr H5Z_filter_t sum = H5Z_FILTER_FLETCHER32;
  fails(sum, "abc", "no room for its checksum");
  fails(sum, std::string(20, 'x'), "another checksum");
  fails(sum, std::string(12, '\0'), "not the size of its elements");
  fails(H5Z_FILTER_SHUFFLE, std::string(17, 'x'), "not the size of its elements");
}

TEST_CASE("hdf5: what is packed twice expands no further than once", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5";
  const hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE));
  const hsize_t chunk = 4, start = 0;
  H5Pset_chunk(creation, 1, &chunk);
  H5Pset_deflate(creation, 9);
  H5Pset_deflate(creation, 9);
  write_x(path, {1, 2, 3, 4}, creation);
  CHECK(read_x(path) == std::vector<int32_t>{1, 2, 3, 4});
  const auto packed = [](const std::string& bytes) {
    uLongf size = compressBound(uLong(bytes.size()));
    std::string out(size, '\0');
    REQUIRE(compress2(reinterpret_cast<Bytef*>(out.data()), &size,
                      reinterpret_cast<const Bytef*>(bytes.data()), uLong(bytes.size()),
                      9) == Z_OK);
    out.resize(size);
    return out;
  };
  const std::string bomb = packed(packed(std::string(5'000'000, '\0')));
  REQUIRE(bomb.size() < 96);  // as a chunk of 16 bytes may be
  edit(path, [&](hid_t f) {
    const hdf5::Handle x(H5Dopen2(f, "/x", H5P_DEFAULT));
    vcell_test::must(H5Dwrite_chunk(x, H5P_DEFAULT, 0, &start, bomb.size(), bomb.data()));
  });
  vcell_test::check_error<FormatError>([&] { read_x(path); },
                                       {"'/x'", "a chunk cannot be unpacked with gzip"});
}

TEST_CASE("hdf5: a chunk whose size in the file's index is another", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5";
  const std::vector<int32_t> values{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  const hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE));
  const hsize_t chunk = 5;
  H5Pset_chunk(creation, 1, &chunk);
  write_x(path, values, creation);
  const std::string sound = read_text(path);
  // The second key of the index: size (4 bytes), mask of filters (4), and where the chunk begins
  // (8). The first one lies 32 bytes before it.
  const size_t key = sound.find(std::string("\x14\0\0\0\0\0\0\0\x05\0\0\0", 12));
  REQUIRE(key != sound.npos);
  CHECK(read_x(path) == values);
  for (const uint32_t size : {0u, 1u, 40u, 1u << 20, ~0u}) {
    CAPTURE(size);
    std::string bytes = sound;
    std::memcpy(&bytes[key - 32], &size, sizeof size);
    write_text(path, bytes);
    vcell_test::check_error<FormatError>([&] { read_x(path); },
                                         {path.string(), "'/x'", "impossible size"});
  }
}

TEST_CASE("hdf5: chunks of another rank or of other elements than the data", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5";
  // The layout message in the oldest format: version 3, in chunks, their rank and one more, the
  // address of their index, their extents, and the bytes of an element.
  const auto fails = [&](std::vector<hsize_t> shape, std::vector<hsize_t> chunk, int at, char value,
                         const std::vector<std::string>& texts) {
    for (const bool packed : {false, true}) {
      const hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE));
      H5Pset_chunk(creation, int(chunk.size()), chunk.data());
      if (packed) H5Pset_deflate(creation, 1);
      {
        const hdf5::Handle file(vcell_test::must(
            H5Fcreate(path.string().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)));
        put<int32_t>(file, "/x", std::vector<int32_t>(64), shape, creation);
      }
      CHECK(read_x(path).size() == 64);
      std::string bytes = read_text(path);
      const char start[] = {3, 2, char(chunk.size() + 1)};
      std::string extents;
      for (const hsize_t extent : chunk) extents += {char(extent), 0, 0, 0};
      extents += {4, 0, 0, 0};
      size_t layout = bytes.find(std::string_view(start, 3));
      while (layout != bytes.npos && bytes.substr(layout + 11, extents.size()) != extents)
        layout = bytes.find(std::string_view(start, 3), layout + 1);
      REQUIRE(layout != bytes.npos);
      bytes[layout + size_t(at)] = value;
      write_text(path, bytes);
      std::vector<std::string> all = texts;
      all.insert(all.end(), {path.string(), "'/x'", "damaged"});
      vcell_test::check_error<FormatError>([&] { read_x(path); }, all);
      vcell_test::check_error<FormatError>([&] { describe_h5ad(path); }, all);
    }
  };
  fails({8, 8}, {2, 4}, 2, 2, {"its chunks have 1 dimensions, expected 2"});
  fails({8, 8}, {4, 1}, 2, 2, {"its chunks have 1 dimensions, expected 2"});
  fails({64}, {4}, 2, 3, {"chunk"});
  fails({64}, {4}, 15, 2, {"elements of 2 bytes, expected 4"});
  fails({64}, {4}, 15, 8, {"elements of 8 bytes, expected 4"});
  fails({64}, {4}, 2, 1, {"impossible rank"});
}

TEST_CASE("hdf5: every layout and borrowed description that HDF5 writes", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  std::vector<int32_t> values(60);
  for (size_t i = 0; i < values.size(); ++i) values[i] = int32_t(i * 7919 % 1000) - 300;
  const auto names = {"one_piece", "compact",    "single",   "implicit",
                      "fixed",     "extensible", "two_grow", "plain_edges"};
  for (const bool latest : {false, true})
    for (const bool shared : {false, true})
      for (const int gzip : {0, 1}) {
        CAPTURE(latest, shared, gzip);
        const hdf5::Handle access(H5Pcreate(H5P_FILE_ACCESS)), files(H5Pcreate(H5P_FILE_CREATE));
        if (latest) H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
        if (shared) {  // a table of descriptions of types and shapes, of any size
          H5Pset_shared_mesg_nindexes(files, 1);
          H5Pset_shared_mesg_index(files, 0, H5O_SHMESG_ALL_FLAG, 1);
        }
        {
          const hdf5::Handle file(
              vcell_test::must(H5Fcreate(path.string().c_str(), H5F_ACC_TRUNC, files, access)));
          const hdf5::Handle type(H5Tcopy(H5T_STD_I32LE));
          vcell_test::must(H5Tcommit2(file, "/type", type, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
          const hdf5::Handle scalar(H5Screate(H5S_SCALAR));
          const hdf5::Handle note(
              vcell_test::must(H5Acreate2(type, "note", type, scalar, H5P_DEFAULT, H5P_DEFAULT)));
          for (const std::string name : names) {
            const hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE));
            const hsize_t shape[] = {6, 10}, none = H5S_UNLIMITED, most[] = {none, none};
            const hsize_t grows[] = {none, 10}, chunk[] = {4, 3};
            const bool chunked = name != "one_piece" && name != "compact";
            if (chunked) H5Pset_chunk(creation, 2, name == "single" ? shape : chunk);
            if (chunked && gzip && name != "implicit") H5Pset_deflate(creation, 1);
            if (name == "compact") H5Pset_layout(creation, H5D_COMPACT);
            if (name == "implicit") H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY);
            if (name == "plain_edges")
              H5Pset_chunk_opts(creation, H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS);
            const hdf5::Handle space(H5Screate_simple(2, shape,
                                                      name == "extensible" ? grows
                                                      : name == "two_grow" ? most
                                                                           : nullptr));
            for (const hid_t element : {hid_t(type), H5T_STD_I32LE}) {
              const std::string path_in = "/" + name + (element == type ? "_named" : "");
              const hdf5::Handle d(vcell_test::must(H5Dcreate2(
                  file, path_in.c_str(), element, space, H5P_DEFAULT, creation, H5P_DEFAULT)));
              vcell_test::must(
                  H5Dwrite(d, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()));
              const hdf5::Handle a(vcell_test::must(
                  H5Acreate2(d, "seven", element, scalar, H5P_DEFAULT, H5P_DEFAULT)));
              const int seven = 7;
              vcell_test::must(H5Awrite(a, H5T_NATIVE_INT, &seven));
            }
          }
        }
        hdf5::Reading reading;
        const hdf5::Object root = hdf5::open_file(path, reading);
        for (const std::string name : names)
          for (const char* suffix : {"", "_named"}) {
            CAPTURE(name, suffix);
            const hdf5::Object x = root.open(name + suffix);
            CHECK(hdf5::read_numbers<int32_t>(hdf5::open_dataset(x)) == values);
            CHECK(hdf5::integers_attribute(x, "seven") == std::vector<int64_t>{7});
          }
      }
}

TEST_CASE("hdf5: a list in many plain chunks is read where its index says", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5";
  constexpr size_t count = 9001, length = 4;  // more chunks than two levels of nodes name
  std::vector<int32_t> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = int32_t(i * i % 9973);
  for (const hsize_t user_block : {0, 512})
    for (const bool has_gap : {false, true}) {
      CAPTURE(user_block, has_gap);
      {
        const hdf5::Handle files(H5Pcreate(H5P_FILE_CREATE)),
            creation(H5Pcreate(H5P_DATASET_CREATE));
        H5Pset_userblock(files, user_block);
        const hsize_t shape = count, chunk = length;
        H5Pset_chunk(creation, 1, &chunk);
        const int32_t fill = -7;
        H5Pset_fill_value(creation, H5T_NATIVE_INT32, &fill);
        const hdf5::Handle file(
            vcell_test::must(H5Fcreate(path.string().c_str(), H5F_ACC_TRUNC, files, H5P_DEFAULT)));
        const hdf5::Handle space(H5Screate_simple(1, &shape, nullptr)), all(H5Scopy(space));
        const hdf5::Handle x(vcell_test::must(
            H5Dcreate2(file, "/x", H5T_STD_I32LE, space, H5P_DEFAULT, creation, H5P_DEFAULT)));
        // All but the chunk of 4000 .. 4003, or all.
        const hsize_t from = has_gap ? 4000 : 0, n = has_gap ? length : 0;
        if (n) H5Sselect_hyperslab(all, H5S_SELECT_NOTB, &from, nullptr, &n, nullptr);
        vcell_test::must(H5Dwrite(x, H5T_NATIVE_INT32, all, all, H5P_DEFAULT, values.data()));
        for (size_t i = from; i < from + n; ++i) values[i] = fill;
      }
      const hdf5::LibraryUse use;
      hdf5::Reading reading;
      const hdf5::Object x = hdf5::open_file(path, reading).open("x");
      const hdf5::Dataset d = hdf5::open_dataset(x);
      REQUIRE(d.index.known);
      REQUIRE(d.index.chunks.size() == (count + length - 1) / length - has_gap);
      REQUIRE_FALSE(d.needs_library());
      std::vector<int32_t> found = {1, 2, 3};
      for (const hdf5::RowRange rows : {hdf5::RowRange{0, count},
                                        {0, 1},
                                        {3, 4005},
                                        {9000, 9001},
                                        {4001, 4002},
                                        {17, 17},
                                        {4004, 8999}}) {
        hdf5::read_numbers(d, rows, found);
        REQUIRE(found == std::vector<int32_t>(values.begin() + std::ptrdiff_t(rows.first),
                                              values.begin() + std::ptrdiff_t(rows.last)));
      }
    }
}

TEST_CASE("hdf5: what borrows its description from nowhere", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5";
  uint64_t type_at = 0;
  {
    const hdf5::Handle file(vcell_test::must(
        H5Fcreate(path.string().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)));
    const hdf5::Handle type(H5Tcopy(H5T_STD_I32LE)), space(H5Screate(H5S_SCALAR));
    vcell_test::must(H5Tcommit2(file, "/type", type, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    const hdf5::Handle x(vcell_test::must(
        H5Dcreate2(file, "/x", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)));
    const int value = 5;
    vcell_test::must(H5Dwrite(x, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value));
#if H5_VERSION_GE(1, 12, 0)
    H5O_info2_t info;
    vcell_test::must(H5Oget_info3(type, &info, H5O_INFO_BASIC));
    vcell_test::must(H5VLnative_token_to_addr(type, info.token, &type_at));
#else
    H5O_info_t info;
    vcell_test::must(H5Oget_info2(type, &info, H5O_INFO_BASIC));
    type_at = info.addr;
#endif
  }
  CHECK(read_x(path) == std::vector<int32_t>{5});
  const std::string sound = read_text(path);
  // The message of the type: version, kind 2 (a named type), address of its header.
  std::string borrowed(10, '\0');
  std::memcpy(&borrowed[2], &type_at, 8);
  borrowed[1] = 2;
  size_t at = sound.npos;
  for (const char version : {2, 3}) {
    borrowed[0] = version;
    if (at == sound.npos) at = sound.find(borrowed);
  }
  REQUIRE(at != sound.npos);
  const auto fails = [&](size_t byte, const std::string& value, const char* text) {
    std::string bytes = sound;
    bytes.replace(byte, value.size(), value);
    write_text(path, bytes);
    vcell_test::check_error<FormatError>([&] { read_x(path); }, {path.string(), "'/x'", text});
  };
  fails(at, std::string(1, 9), "borrowed in an unknown way");
  fails(at, std::string("\3\1", 2), "borrowed in an unknown way");  // the file has no table
  fails(at + 2, "\xff\xff\xff", "the file is damaged");
  fails(at + 2, std::string(3, '\0'), "header");  // of the file itself
}

TEST_CASE("hdf5: texts that lie in large heaps by turns", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5";
  constexpr size_t texts = 20'000;
  // Two heaps beyond the end of what HDF5 wrote, of so many bytes each, the second so many after
  // the first; both hold one text and free space. The texts of /x lie in them by turns.
  const auto write = [&](uint64_t bytes, uint64_t between) {
    uint64_t references = 0;
    {
      const hdf5::Handle file(vcell_test::must(
          H5Fcreate(path.string().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)));
      const hsize_t n = texts;
      const hdf5::Handle type(hdf5::text_type()), space(H5Screate_simple(1, &n, nullptr));
      const hdf5::Handle x(vcell_test::must(
          H5Dcreate2(file, "/x", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)));
      const std::vector<const char*> all(texts, "a");
      vcell_test::must(H5Dwrite(x, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, all.data()));
      references = H5Dget_offset(x);
    }
    const uint64_t first = (std::filesystem::file_size(path) + 7) / 8 * 8;
    std::filesystem::resize_file(path, first + between + bytes);  // with holes, in most places
    std::fstream out(path, std::ios::binary | std::ios::in | std::ios::out);
    const auto number = [&](uint64_t value, std::streamsize width) {
      out.write(reinterpret_cast<const char*>(&value), width);
    };
    for (const uint64_t at : {first, first + between}) {
      out.seekp(std::streamoff(at));
      out.write("GCOL\1\0\0\0", 8);
      number(bytes, 8);
      number(1, 8);
      number(3, 8);
      out.write(at == first ? "one\0\0\0\0\0" : "two\0\0\0\0\0", 8);
      number(0, 8);
      number(bytes - 40, 8);
    }
    out.seekp(std::streamoff(references));
    for (size_t i = 0; i < texts; ++i) {
      number(3, 4);
      number(first + (i % 2 ? between : 0), 8);
      number(1, 4);
    }
  };
  const auto read = [&] {
    hdf5::Reading reading;
    const hdf5::Object x = hdf5::open_file(path, reading).open("x");
    return hdf5::read_text(hdf5::open_dataset(x));
  };
  std::vector<std::string> expected(texts);
  for (size_t i = 0; i < texts; ++i) expected[i] = i % 2 ? "two" : "one";
  for (const uint64_t bytes : {uint64_t(4096), uint64_t(70) << 20}) {
    write(bytes, bytes);
    const auto start = std::chrono::steady_clock::now();
    CHECK(read() == expected);
    // Each heap is read once, in less than a second; for each text it would take half an hour.
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::minutes(1));
  }
  write(uint64_t(1) << 20, 4096);
  vcell_test::check_error<FormatError>(read, {"'/x'", "heaps of texts lie within each other"});
}

TEST_CASE("hdf5: what is newer than HDF5 is no damage", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5";
  const hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE));
  const hsize_t chunk = 4;
  H5Pset_chunk(creation, 1, &chunk);
  write_x(path, {1, 2, 3, 4, 5}, creation);
  const std::string sound = read_text(path);
  const auto fails = [&](size_t at, const std::vector<std::string>& texts) {
    std::string bytes = sound;
    bytes[at] = 9;
    write_text(path, bytes);
    try {
      read_x(path);
      FAIL_CHECK("no error");
    } catch (const FormatError& e) {
      for (const std::string& text : texts) CHECK_THAT(e.what(), vcell_test::contains(text));
      CHECK(std::string(e.what()).find("damaged") == std::string::npos);
    }
  };
  fails(8, {path.string(), "version 9 of the format", "this HDF5 (", "libver='v110'"});
  const char layout[] = {3, 2, 2};
  size_t at = sound.find(std::string_view(layout, 3));
  while (at != sound.npos && sound.substr(at + 11, 8) != std::string("\4\0\0\0\4\0\0\0", 8))
    at = sound.find(std::string_view(layout, 3), at + 1);
  REQUIRE(at != sound.npos);
  fails(at, {path.string(), "'/x'", "a layout is of version 9", "this HDF5 (", "libver='v110'"});
}

TEST_CASE("hdf5: a shape larger than what is stored in one piece", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5";
  for (const H5D_layout_t layout : {H5D_COMPACT, H5D_CONTIGUOUS}) {
    const hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE));
    H5Pset_layout(creation, layout);
    write_x(path, std::vector<int32_t>(0x1234), creation);
    CHECK(read_x(path).size() == 0x1234);
    std::string bytes = read_text(path);
    const std::string size("\x34\x12\0\0\0\0\0\0", 8);
    for (size_t at = bytes.find(size); at != bytes.npos; at = bytes.find(size, at))
      bytes[at + 2] = 1;
    write_text(path, bytes);
#if H5_VERSION_GE(1, 14, 0)
    vcell_test::check_error<FormatError>([&] { read_x(path); }, {path.string(), "'/x'", "size"});
#else  // which opens it
    vcell_test::check_error<FormatError>(
        [&] { read_x(path); }, {path.string(), "'/x'", "(70196)", "280784 bytes", "18640"});
#endif
  }
}

TEST_CASE("hdf5: an index of chunks that is shorter than the shape", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5";
  const hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE));
  const hsize_t chunk = 4, n = 0x1234;
  H5Pset_chunk(creation, 1, &chunk);
  H5Pset_deflate(creation, 1);
  H5Pset_chunk_opts(creation, H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS);  // has a layout of version 4
  write_x(path, std::vector<int32_t>(n), creation);
  CHECK(read_x(path).size() == n);
  std::string bytes = read_text(path);
  const std::string extent("\x34\x12\0\0\0\0\0\0", 8);
  const size_t shape = bytes.find(extent + extent);  // it, and what it may grow to
  REQUIRE(shape != bytes.npos);
  bytes[shape + 13] = 1;
  write_text(path, bytes);
  vcell_test::check_error<FormatError>(
      [&] { read_x(path); }, {path.string(), "'/x'", "places for 1165 chunks", "damaged"});
}

TEST_CASE("hdf5: nothing in a header that should hold the data", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5";
  const hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_layout(creation, H5D_COMPACT);
  write_x(path, std::vector<int32_t>(0x1234), creation);
  std::string bytes = read_text(path);
  const size_t layout = bytes.find(std::string("\3\0\xd0\x48", 4));  // version, kind, bytes
  REQUIRE(layout != bytes.npos);
  bytes.replace(layout + 2, 2, 2, '\0');
  write_text(path, bytes);
#if H5_VERSION_GE(1, 14, 0)
  vcell_test::check_error<FormatError>([&] { read_x(path); }, {path.string(), "'/x'", "size"});
#else  // which opens it
  vcell_test::check_error<FormatError>([&] { read_x(path); },
                                       {path.string(), "'/x'", "needs 18640 bytes, and 0"});
#endif
}

TEST_CASE("hdf5: a stored datatype is checked before HDF5 sees it", "[io]") {
  using hdf5::Handle;
  std::vector<Handle> types;
  for (const hid_t type : {H5T_STD_I8LE, H5T_STD_U64BE, H5T_IEEE_F32LE, H5T_IEEE_F64BE,
                           H5T_STD_B16LE, H5T_C_S1, H5T_STD_REF_OBJ})
    types.emplace_back(H5Tcopy(type));
  types.push_back(hdf5::half_type());
  types.push_back(hdf5::bool_type());
  types.push_back(hdf5::text_type());
  types.emplace_back(H5Tcreate(H5T_OPAQUE, 5));
  H5Tset_tag(types.back(), "a tag");
  const hsize_t extents[] = {2, 3};
  types.emplace_back(H5Tarray_create2(H5T_NATIVE_INT16, 2, extents));
  types.emplace_back(H5Tvlen_create(H5T_NATIVE_FLOAT));
  types.emplace_back(H5Tcreate(H5T_COMPOUND, 20));
  H5Tinsert(types.back(), "truth", 0, types[8]);
  H5Tinsert(types.back(), "array", 4, types[11]);
  H5Tinsert(types.back(), "number", 16, H5T_NATIVE_INT32);
  for (const Handle& type : types) {
    CAPTURE(hdf5::type_name(type));
    size_t size = 0;
    H5Tencode(type, nullptr, &size);
    std::string bytes(size, '\0');
    vcell_test::must(H5Tencode(type, bytes.data(), &size));
    bytes.erase(0, 2);  // what H5Tencode itself puts before
    // In memory a text of variable length is a pointer, a sequence a length and a pointer.
    const bool text = H5Tis_variable_str(type) > 0;
    const size_t reference = text ? sizeof(char*) : sizeof(hvl_t);
    hdf5::Cursor cursor{bytes};
    CHECK(hdf5::check_datatype(cursor, reference) == H5Tget_size(type));
    CHECK(cursor.bytes.empty());
    if (text || H5Tget_class(type) == H5T_VLEN) {
      cursor.bytes = bytes;
      CHECK_THROWS_AS(hdf5::check_datatype(cursor, reference - 1), hdf5::Damage);
    }
    for (size_t n = 0; n < bytes.size(); ++n) {
      hdf5::Cursor cut{std::string_view(bytes).substr(0, n)};
      CHECK_THROWS_AS(hdf5::check_datatype(cut, reference), hdf5::Damage);
      for (const char changed : {'\0', '\x7f', '\xff', char(bytes[n] ^ 1)}) {
        std::string other = bytes;
        other[n] = changed;
        hdf5::Cursor rest{other};
        try {
          size = hdf5::check_datatype(rest, reference);
        } catch (const hdf5::Damage&) {
          continue;
        }
        CHECK(size > 0);
      }
    }
  }
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
      const std::string never = std::string(name) + "_never_written";
      H5Pset_fill_value(creation, type, "none");
      const hdf5::Handle fill(vcell_test::must(
          H5Dcreate2(f, never.c_str(), type, space, H5P_DEFAULT, creation, H5P_DEFAULT)));
    }
  });
  const Dict uns = read_h5ad(path).uns;
  CHECK(*uns.at("big").array() == Array::of<double>({2}, std::vector<double>{0.1, -3}));
  for (const std::string name : {"zeros", "spaces"}) {
    CHECK(uns.at(name) == Value(std::vector<std::string>{"ab", "wxyz"}));
    CHECK(uns.at(name + "_never_written") == Value(std::vector<std::string>{"none", "none"}));
  }
}

TEST_CASE("hdf5: text and names that are not UTF-8", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  AnnData a;
  a.uns["text"] = std::vector<std::string>{"é", "plain"};
  write_h5ad(path, a);
  CHECK(read_h5ad(path).uns == a.uns);
  const auto put_text = [&](const char* name, bool variable) {
    edit(path, [&](hid_t f) {
      const hdf5::Handle type(H5Tcopy(H5T_C_S1)), space(H5Screate(H5S_SCALAR));
      H5Tset_size(type, variable ? H5T_VARIABLE : 4);
      const char* text = "caf\xE9";
      const hdf5::Handle d(vcell_test::must(
          H5Dcreate2(f, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)));
      vcell_test::must(
          H5Dwrite(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                   variable ? static_cast<const void*>(&text) : static_cast<const void*>(text)));
    });
  };
  for (const bool variable : {false, true}) {
    put_text("/uns/latin", variable);
    vcell_test::check_error<FormatError>([&] { read_h5ad(path); },
                                         {"a.h5ad", "/uns/latin", "not UTF-8"});
    edit(path, [](hid_t f) { vcell_test::remove(f, "/uns/latin"); });
  }
  put_text("/uns/caf\xE9", true);
  vcell_test::check_error<FormatError>([&] { read_h5ad(path); },
                                       {"a.h5ad", "'/uns'", "is not UTF-8"});
}

TEST_CASE("describe_h5ad: every element, parents first, with the first values alone", "[io]") {
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
  CHECK(found.at("/X").filters == std::vector<std::string>{"gzip"});
  CHECK(found.at("/obs").shape == Shape{3, 15});
  CHECK(found.at("/obs/perturbation").dtype == "2 labels (text)");
  CHECK(found.at("/obs/plate").dtype == "2 labels (int64)");
  CHECK(found.at("/obs/age").encoding == "nullable-integer");
  CHECK(found.at("/layers/dense").chunks == Shape{3, 4});
  CHECK(found.at("/uns/inner/deep/x").dtype == "int64");
  CHECK(found.at("/uns/half").dtype == "float16");
  CHECK(found.at("/X").density() == 0.25);
  CHECK(found.at("/X").scale == "");
  CHECK(found.at("/layers/dense").density() == 1);
  using Texts = std::vector<std::string>;
  CHECK(found.at("/obs/perturbation").labels == 2);
  CHECK(found.at("/obs/perturbation").first == Texts{"A", "β"});
  CHECK(found.at("/obs/plate").first == Texts{"7", "9"});
  CHECK(found.at("/obs/age").first == Texts{"1", "", "3"});
  CHECK(found.at("/obs/flag").first == Texts{"True", "False", ""});
  CHECK(found.at("/obs/umi").first.size() == 3);
  CHECK(found.at("/obsm/table/q").first == Texts{"1", "2", "3"});
  vcell_test::check_error<IoError>([&] { describe_h5ad(folder.path() / "no"); }, {"describe_h5ad"});
  vcell_test::check_error<FormatError>([&] { describe_h5ad(folder.path()); }, {"describe_h5ad"});
}
