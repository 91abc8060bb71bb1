// Datasets in chunks: where they lie, whatever the file's index of them is, and how they are read.
#include <cstring>
#include <thread>

#include "edit_hdf5.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "support/threads.hpp"
#include "vcell/io/atomic_file.hpp"
#include "vcell/io/hdf5/numbers.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::must;

namespace {

struct Layout {
  std::vector<hsize_t> shape, chunk, most;
  bool latest = false, gzip = false, shuffle = false, early = false, plain_edges = false;
  hsize_t user_block = 0;
  size_t hole = 0;  // so many rows in the middle were never written
};

constexpr int32_t filling = -7;

/// Makes a file that holds the dataset /x alone.
std::vector<int32_t> write_x(const std::filesystem::path& path, const Layout& l) {
  const hdf5::Handle access(H5Pcreate(H5P_FILE_ACCESS)), files(H5Pcreate(H5P_FILE_CREATE)),
      creation(H5Pcreate(H5P_DATASET_CREATE));
  if (l.latest) H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
  H5Pset_userblock(files, l.user_block);
  const int rank = int(l.shape.size());
  if (!l.chunk.empty()) H5Pset_chunk(creation, rank, l.chunk.data());
  if (l.shuffle) H5Pset_shuffle(creation);
  if (l.gzip) H5Pset_deflate(creation, 1);
  if (l.early) H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY);
  if (l.plain_edges) H5Pset_chunk_opts(creation, H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS);
  H5Pset_fill_value(creation, H5T_NATIVE_INT32, &filling);
  size_t count = 1;
  for (const hsize_t extent : l.shape) count *= size_t(extent);
  std::vector<int32_t> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = int32_t(i * 7919 % 30'011) - 300;
  const hdf5::Handle file(must(H5Fcreate(path.string().c_str(), H5F_ACC_TRUNC, files, access))),
      space(must(H5Screate_simple(rank, l.shape.data(), l.most.empty() ? nullptr : l.most.data()))),
      some(H5Scopy(space));
  const hdf5::Handle x(
      must(H5Dcreate2(file, "/x", H5T_STD_I32LE, space, H5P_DEFAULT, creation, H5P_DEFAULT)));
  const size_t rows = size_t(l.shape[0]), row = rows ? count / rows : 0;
  if (l.hole) {
    std::vector<hsize_t> start(size_t(rank), 0), extents = l.shape;
    start[0] = (rows - l.hole) / 2;
    extents[0] = l.hole;
    must(
        H5Sselect_hyperslab(some, H5S_SELECT_NOTB, start.data(), nullptr, extents.data(), nullptr));
  }
  must(H5Dwrite(x, H5T_NATIVE_INT32, some, some, H5P_DEFAULT, values.data()));
  std::vector<int32_t> stored(count);
  must(H5Dread(x, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, stored.data()));
  if (!l.hole) REQUIRE(stored == values);
  if (l.hole >= 2 * (l.chunk.empty() ? 1 : l.chunk[0])) REQUIRE(stored[rows / 2 * row] == filling);
  return stored;
}

/// An open dataset /x.
struct Open {
  hdf5::LibraryUse use;
  hdf5::Reading reading;
  hdf5::Object x;
  hdf5::Dataset d;

  explicit Open(const std::filesystem::path& path) {
    reading.function = "read_x";
    x = hdf5::open_file(path, reading).open("x");
    d = hdf5::open_dataset(x);
  }
};

std::vector<int32_t> read_x(const std::filesystem::path& path) {
  return hdf5::read_numbers<int32_t>(Open(path).d);
}

/// Reads rows in pieces, some of them twice and in no order, as T.
template <class T>
void check_pieces(const hdf5::Dataset& d, const std::vector<int32_t>& expected,
                  hdf5::ChunkCache* cache) {
  const size_t rows = d.shape[0], row = expected.size() / rows;
  const std::vector<hdf5::RowRange> ranges = {
      {rows - 1, rows},     {0, 1},        {rows / 3, rows}, {0, rows},
      {rows / 2, rows / 2}, {0, rows / 2}, {rows / 2, rows}};
  std::vector<std::vector<T>> found;
  std::vector<hdf5::NumberPiece<T>> pieces;
  for (const hdf5::RowRange r : ranges) found.emplace_back((r.last - r.first) * row, T(1));
  for (size_t i = 0; i < ranges.size(); ++i) pieces.push_back({ranges[i], found[i].data()});
  hdf5::read_numbers<T>(d, pieces, cache);
  for (size_t i = 0; i < ranges.size(); ++i)
    REQUIRE(found[i] == std::vector<T>(expected.begin() + std::ptrdiff_t(ranges[i].first * row),
                                       expected.begin() + std::ptrdiff_t(ranges[i].last * row)));
}

}  // namespace

TEST_CASE("hdf5 chunks: every kind of index, with filters or none, holes, and any size", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5";
  constexpr hsize_t none = H5S_UNLIMITED;
  // Without a limit the latest format has an extensible array, of two such dimensions a B-tree;
  // else a fixed array; none where all was allocated at once, or where there is one chunk alone.
  const std::vector<Layout> layouts = {
      {{101}, {}, {}},
      {{101}, {1}, {}},
      {{101}, {7}, {none}},
      {{101}, {101}, {}},
      {{101}, {500}, {none}},
      {{1}, {1}, {}},
      {{17, 10}, {4, 3}, {}},
      {{17, 10}, {4, 10}, {none, 10}},
      {{17, 10}, {4, 3}, {17, none}},
      {{17, 10}, {4, 3}, {none, 35}},
      {{17, 10}, {4, 3}, {60, 35}},
      {{17, 10}, {4, 3}, {60, 10}},
      {{17, 10}, {5, 7}, {none, none}},
      {{17, 10}, {17, 10}, {}},
      {{9, 5, 7}, {2, 3, 4}, {}},
      {{9, 5, 7}, {1, 5, 7}, {none, 5, 7}},
  };
  for (Layout l : layouts)
    for (int bits = 0; bits < 64; ++bits) {
      l.latest = bits & 1;
      l.gzip = (bits & 2) && !l.chunk.empty();
      l.shuffle = l.gzip && (bits & 4);
      l.hole = bits & 8 ? size_t(l.shape[0]) / 2 : 0;
      l.user_block = bits & 16 ? 512 : 0;
      l.early = (bits & 32) && !l.gzip && !l.chunk.empty();
      l.plain_edges = (bits & 32) && l.gzip && l.latest && !l.chunk.empty();
      if ((bits & 6 && !l.gzip) || (bits & 32 && !l.early && !l.plain_edges)) continue;
      CAPTURE(l.shape, l.chunk, l.most, bits);
      const std::vector<int32_t> values = write_x(path, l);
      const Open open(path);
      // Behind a user's block, or where the shape may grow in width, HDF5 alone finds chunks that
      // are in no tree.
      const bool is_wider = l.most.size() == 2 && l.most[1] != l.shape[1] &&
                            !(l.most[0] == none && l.most[1] == none);
      const bool asks = l.latest && !l.chunk.empty() && (l.user_block || is_wider);
      const bool is_there = open.d.address || open.d.index.known;
      CHECK(is_there == !asks);
      CHECK(open.d.needs_library() == asks);
      for (const size_t bytes : {size_t(0), size_t(100), size_t(1) << 20}) {
        hdf5::ChunkCache cache(bytes);
        for (int i = 0; i < 2; ++i) check_pieces<int32_t>(open.d, values, &cache);
        CHECK((cache.held() <= bytes || cache.held() == open.d.grid.chunk_bytes));
      }
      check_pieces<double>(open.d, values, nullptr);
      check_pieces<int16_t>(open.d, values, nullptr);
    }
}

TEST_CASE("hdf5 chunks: more than HDF5 is asked for, on one thread and on three", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5";
  for (const bool latest : {false, true})
    for (const bool gzip : {false, true}) {
      CAPTURE(latest, gzip);
      Layout l{{25'003}, {10}, {H5S_UNLIMITED}};
      l.latest = latest;
      l.gzip = gzip;
      l.hole = 101;
      const auto values = write_x(path, l);
      for (const int n : {1, 3}) {
        const vcell_test::Threads threads(n);
        CHECK(read_x(path) == values);
        const Open open(path);
        hdf5::ChunkCache cache(1000);
        check_pieces<int32_t>(open.d, values, &cache);
      }
    }
}

TEST_CASE("hdf5 chunks: filters that a chunk went through or not", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5";
  for (const bool latest : {false, true})
    for (const uint32_t mask : {0U, 1U, 2U, 3U}) {
      CAPTURE(latest, mask);
      Layout l{{8}, {4}, {H5S_UNLIMITED}};
      l.latest = latest;
      l.gzip = true;  // the first filter, and shuffle the second
      const std::vector<int32_t> plain{11, 12, 13, 14};
      {
        const hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE));
        l.shuffle = true;
        write_x(path, l);
      }
      // Shuffled or not, packed or not, as the mask says: bit 0 for shuffle, 1 for gzip.
      std::string bytes(16, '\0');
      for (size_t i = 0; i < 4; ++i)
        for (size_t b = 0; b < 4; ++b)
          bytes[mask & 1 ? i * 4 + b : b * 4 + i] = char(uint32_t(plain[i]) >> (8 * b));
      if (!(mask & 2)) {
        std::string packed(100, '\0');
        libdeflate_compressor* const c = libdeflate_alloc_compressor(6);
        packed.resize(
            libdeflate_zlib_compress(c, bytes.data(), bytes.size(), packed.data(), packed.size()));
        libdeflate_free_compressor(c);
        bytes = packed + "behind the end";  // which is left alone
      }
      vcell_test::edit(path, [&](hid_t f) {
        const hdf5::Handle x(must(H5Dopen2(f, "/x", H5P_DEFAULT)));
        const hsize_t second = 4;
        must(H5Dwrite_chunk(x, H5P_DEFAULT, mask, &second, bytes.size(), bytes.data()));
      });
      const auto found = read_x(path);
      CHECK(std::vector<int32_t>(found.begin() + 4, found.end()) == plain);
    }
}

TEST_CASE("hdf5 chunks: numbers become others by HDF5's rule", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5";
  const auto check = [&]<class From, class To>(const std::vector<From>& values, To) {
    {
      const hdf5::Handle file(
          must(H5Fcreate(path.string().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)));
      const hdf5::Handle x = vcell_test::put(file, "/x", values);
      H5Fflush(file, H5F_SCOPE_LOCAL);
    }
    const Open open(path);
    std::vector<To> theirs(values.size());
    must(H5Dread(open.x.id, hdf5::memory_type(dtype_of<To>()), H5S_ALL, H5S_ALL, H5P_DEFAULT,
                 theirs.data()));
    CHECK(hdf5::read_numbers<To>(open.d) == theirs);
    CHECK_FALSE(open.d.needs_library());
  };
  constexpr int64_t big = int64_t(1) << 40;
  check(std::vector<int64_t>{0, -1, big, -big, 2147483647, 2147483648, -2147483648}, int32_t());
  check(std::vector<uint32_t>{0, 7, 4294967295U, 2147483648U}, int32_t());
  check(std::vector<uint64_t>{0, ~uint64_t(0), uint64_t(1) << 63}, int64_t());
  check(std::vector<int64_t>{16'777'217, -16'777'219, big + 1}, float());
  check(std::vector<double>{0.1, -1e300, 1e300, 1e-300, 3}, float());
  check(std::vector<float>{0.1F, -3e38F}, double());
  check(std::vector<uint8_t>{0, 255}, int64_t());
}

TEST_CASE("hdf5 chunks: an index that lies is an error that names file and element", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5";
  for (const bool gzip : {false, true}) {
    Layout l{{10}, {5}, {H5S_UNLIMITED}};
    l.gzip = gzip;
    const auto values = write_x(path, l);
    const auto file_size = std::filesystem::file_size(path);
    const std::string sound = read_text(path);
    // Keys of the tree: size (4), mask (4), begin (8), 0 (8); between them addresses of chunks (8).
    const size_t second = sound.find(std::string("\0\0\0\0\x05\0\0\0\0\0\0\0", 12)) - 4;
    REQUIRE(second < sound.size());
    const auto fails = [&](size_t at, uint64_t value, size_t width, const char* text) {
      CAPTURE(at, value);
      std::string bytes = sound;
      std::memcpy(&bytes[at], &value, width);
      write_text(path, bytes);
      check_error<FormatError>([&] { read_x(path); }, {path.string(), "'/x'", text, "damaged"});
      CHECK_NOTHROW(Open(path));  // whoever does not read it does not mind
    };
    fails(second + 24, file_size, 8, "leads out of the file");
    fails(second + 24, file_size - 3, 8, "leads out of the file");
    fails(second + 24, ~uint64_t(0), 8, "leads out of the file");
    fails(second + 24, ~uint64_t(0) - 20, 8, "leads out of the file");
    fails(second, 0, 4, "impossible size");
    fails(second, 100'000, 4, "impossible size");
    fails(second + 8, 6, 8, "one that is none");
    fails(second + 8, 10, 8, "one that is none");
    fails(second + 8, uint64_t(1) << 60, 8, "one that is none");
    fails(second + 8, 0, 8, "out of order");
    fails(second - 32 - 24, 'x', 1, "index of chunks is none");
    if (gzip) fails(second + 4, 1, 4, "not the size of its elements");
  }
}
