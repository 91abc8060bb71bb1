// How numbers lie in a file that is written: in chunks that are packed on all threads; and what is
// left of a file whose writer is killed.
#include "vcell/io/h5ad/write_h5ad.hpp"

#include <hdf5.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "support/errors.hpp"
#include "support/forked.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/io/h5ad/read_h5ad.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Cells x genes of which so many are stored, each cell's first genes.
template <class T>
Matrix matrix(size_t cells, size_t genes, size_t stored) {
  CsrMatrix<T> m;
  m.columns = genes;
  for (size_t i = 0; i < cells; ++i) {
    for (size_t j = 0; j < stored; ++j) {
      m.indices.push_back(int32_t(j));
      m.values.push_back(T(1 + i * 7 % 13 + j % 5));
    }
    m.end_row();
  }
  return m;
}

AnnData labels_for(const Matrix& X) {
  AnnData a;
  for (size_t i = 0; i < X.rows(); ++i) a.obs.index.push_back(std::to_string(i));
  for (size_t i = 0; i < X.columns(); ++i) a.var.index.push_back(std::to_string(i));
  return a;
}

/// A matrix that comes in blocks of so many rows.
struct CutRows {
  const Matrix* m;
  size_t most;
  SparseLayout layout = m->layout;

  size_t rows() const { return m->rows(); }
  size_t columns() const { return m->columns(); }
  DType dtype() const { return m->dtype(); }
  bool is_sparse() const { return m->is_sparse(); }
};

size_t block_end(const CutRows& c, size_t first, size_t) {
  return std::min(c.rows(), first + c.most);
}

template <class T>
CsrView<T> row_block(const CutRows& c, size_t first, size_t last, CsrMatrix<T>& scratch) {
  return row_block(*c.m, first, last, scratch);
}

/// A dataset as HDF5 itself reads it.
template <class T>
std::vector<T> read_by_hdf5(const std::filesystem::path& file, const char* name) {
  const hdf5::Handle f(H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
  const hdf5::Handle d(H5Dopen2(f, name, H5P_DEFAULT)), space(H5Dget_space(d));
  std::vector<T> out(size_t(H5Sget_simple_extent_npoints(space)));
  const hdf5::Handle type(hdf5::memory_type(dtype_of<T>()));
  REQUIRE(H5Dread(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out.data()) >= 0);
  return out;
}

struct Stored {
  std::vector<hsize_t> chunk;  // none: it lies in one piece
  std::vector<int> filters;
  size_t chunks = 0, unpacked = 0;
};

Stored stored_as(const std::filesystem::path& file, const char* name) {
  const hdf5::Handle f(H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
  const hdf5::Handle d(H5Dopen2(f, name, H5P_DEFAULT)), creation(H5Dget_create_plist(d));
  Stored out;
  if (H5Pget_layout(creation) != H5D_CHUNKED) return out;
  out.chunk.resize(8);
  out.chunk.resize(size_t(H5Pget_chunk(creation, 8, out.chunk.data())));
  for (const hdf5::Filter& filter : hdf5::filters_of(creation)) out.filters.push_back(filter.id);
  const hdf5::Handle space(H5Dget_space(d));
  hsize_t n = 0, start[8], bytes = 0;
  H5Dget_num_chunks(d, space, &n);
  out.chunks = size_t(n);
  for (hsize_t i = 0; i < n; ++i) {
    unsigned mask = 0;
    haddr_t address = 0;
    H5Dget_chunk_info(d, space, i, start, &mask, &address, &bytes);
    out.unpacked += mask != 0;
  }
  return out;
}

}  // namespace

TEST_CASE("write_h5ad: the same bytes for any number of threads and any blocks", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto first = folder.path() / "first.h5ad", other = folder.path() / "other.h5ad";
  const int before = num_threads();
  // Several rounds of 8 MiB; as int64 the values fill them before the indices do.
  const Matrix sparse = matrix<int64_t>(2200, 1100, 1000),
               dense = to_dense<float>(matrix<float>(2200, 1100, 1000));
  for (const auto& [from, gzip] : {std::pair(&sparse, 0), {&sparse, 1}, {&dense, 1}}) {
    const Matrix& X = *from;
    CAPTURE(X.is_sparse(), gzip);
    const AnnData a = labels_for(X);
    set_num_threads(1);
    write_h5ad(first, a, CutRows{&X, 2200}, {.gzip = gzip});
    CHECK(read_h5ad(first).X == X);
    set_num_threads(3);
    write_h5ad(other, a, CutRows{&X, gzip ? size_t(1) : 777}, {.gzip = gzip});
    CHECK(bytes_of(other) == bytes_of(first));
    if (gzip == 0 || !X.is_sparse()) continue;
    AnnData whole = a;
    whole.X = X;
    write_h5ad(first, whole);
    CHECK(read_h5ad(first) == whole);
    set_num_threads(1);
    write_h5ad(other, whole);
    CHECK(bytes_of(other) == bytes_of(first));
  }
  set_num_threads(before);
}

TEST_CASE("write_h5ad: any HDF5 reads the chunks, of any shape and size", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto file = folder.path() / "a.h5ad";
  Rng rng(3);
  for (const std::vector<size_t>& shape : {std::vector<size_t>{1},
                                           {257},
                                           {5000},
                                           {1, 300},
                                           {3, 1000},
                                           {700, 3},
                                           {5, 7, 90},
                                           {2, 3, 5, 300},
                                           {4, 300, 1},
                                           {0, 3},
                                           {3, 0}}) {
    size_t n = 1;
    for (const size_t extent : shape) n *= extent;
    std::vector<float> hard(n);
    std::vector<int32_t> easy(n);
    for (size_t i = 0; i < n; ++i) {
      hard[i] = float(rng.uniform());
      easy[i] = int32_t(i);
    }
    AnnData a;
    a.uns["hard"] = Array{shape, hard};
    a.uns["easy"] = Array{shape, easy};
    for (const int gzip : {0, 1, 9})
      for (const size_t chunk : {1024, 5000, 1 << 18}) {
        CAPTURE(shape, gzip, chunk);
        write_h5ad(file, a, {.gzip = gzip, .chunk_bytes = chunk});
        CHECK(read_by_hdf5<float>(file, "uns/hard") == hard);
        CHECK(read_by_hdf5<int32_t>(file, "uns/easy") == easy);
        CHECK(read_h5ad(file) == a);
        const Stored found = stored_as(file, "uns/easy");
        CHECK(found.chunk.empty() == (gzip == 0 || n == 0));
        size_t bytes = 4;
        for (const hsize_t extent : found.chunk) bytes *= size_t(extent);
        CHECK(bytes <= chunk);
        if (n > 500 && gzip > 0) CHECK(2 * bytes > std::min(chunk, 4 * n) / 2);
      }
  }
}

TEST_CASE("write_h5ad: whole numbers are shuffled, chunks that do not shrink are left", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto file = folder.path() / "a.h5ad";
  Rng rng(3);
  std::vector<uint8_t> noise(5000), none(5000);
  for (uint8_t& x : noise) x = uint8_t(rng.next());
  AnnData a;
  a.uns["noise"] = Array{{5000}, noise};
  a.uns["none"] = Array{{5000}, none};
  a.uns["floats"] = Array{{5000}, std::vector<float>(5000)};
  a.uns["integers"] = Array{{5000}, std::vector<int16_t>(5000)};
  write_h5ad(file, a, {.gzip = 4, .chunk_bytes = 2048});
  CHECK(stored_as(file, "uns/noise").unpacked == 2);  // and the last one is padded by zeros
  CHECK(stored_as(file, "uns/noise").chunks == 3);
  CHECK(stored_as(file, "uns/none").unpacked == 0);
  CHECK(stored_as(file, "uns/none").filters == std::vector<int>{H5Z_FILTER_DEFLATE});
  CHECK(stored_as(file, "uns/floats").filters == std::vector<int>{H5Z_FILTER_DEFLATE});
  CHECK(stored_as(file, "uns/integers").filters ==
        std::vector<int>{H5Z_FILTER_SHUFFLE, H5Z_FILTER_DEFLATE});
  CHECK(read_by_hdf5<uint8_t>(file, "uns/noise") == noise);
  CHECK(read_h5ad(file) == a);
}

TEST_CASE("write_h5ad: what is not compressed lies in one piece, rows that are counted too",
          "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto file = folder.path() / "a.h5ad", other = folder.path() / "b.h5ad";
  const Matrix X = matrix<double>(1100, 1100, 1000);
  AnnData a = labels_for(X);
  write_h5ad(file, a, CutRows{&X, 100}, {.gzip = 0});
  CHECK(stored_as(file, "X/data").chunk == std::vector<hsize_t>{32768});
  write_h5ad(file, a, CutRows{&X, 100}, {.gzip = 0, .contiguous = true});
  for (const char* part : {"X/data", "X/indices", "X/indptr"})
    CHECK(stored_as(file, part).chunk.empty());
  CHECK(read_h5ad(file).X == X);
  write_h5ad(other, a, CutRows{&X, 7}, {.gzip = 0, .contiguous = true});
  CHECK(bytes_of(other) == bytes_of(file));
  check_error<ConfigError>([&] { write_h5ad(file, a, {.contiguous = true}); },
                           {"gzip is 1", "contiguous"});
}

TEST_CASE("write_h5ad: indices have the type that is asked for", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto file = folder.path() / "a.h5ad";
  const Matrix X = matrix<float>(30, 50, 20);
  AnnData a = labels_for(X);
  for (const DType type : {DType::i32, DType::i64}) {
    write_h5ad(file, a, X, {.index_type = type});
    CHECK(read_h5ad(file).X->layout.index_type == type);
    CHECK(read_h5ad(file).X->layout.offset_type == type);
    CHECK(read_h5ad(file).X->indices() == X.indices());
    AnnData whole = a;
    whole.X = X;
    whole.X->layout.by_columns = true;
    write_h5ad(file, whole, {.index_type = type});
    CHECK(read_h5ad(file).X->layout == SparseLayout{true, type, type});
  }
  check_error<ConfigError>([&] { write_h5ad(file, a, {.index_type = DType::u32}); },
                           {"index_type is uint32", "int32 or int64"});
  for (const size_t bytes : {size_t(0), size_t(1023), (size_t(1) << 30) + 1})
    check_error<ConfigError>([&] { write_h5ad(file, a, {.chunk_bytes = bytes}); },
                             {"chunk_bytes is", "1024 .. 1073741824"});
}

TEST_CASE("write_h5ad: a writer that is killed leaves the old file or the new one", "[io]") {
#if defined(VCELL_TEST_NO_FORK)
  VCELL_SKIP("ThreadSanitizer starts no threads in a child");
#else
  using Clock = std::chrono::steady_clock;
  const vcell_test::TemporaryFolder folder, references;
  const auto file = folder.path() / "a.h5ad";
  const Matrix Xs[] = {matrix<float>(200, 700, 300), matrix<float>(300, 700, 350)};
  const AnnData others[] = {labels_for(Xs[0]), labels_for(Xs[1])};
  const auto write = [&](const std::filesystem::path& to, size_t which) {
    write_h5ad(to, others[which], Xs[which], {.gzip = int(which)});
  };
  std::string whole[2];
  for (const size_t which : {0, 1}) {
    write(references.path() / "r.h5ad", which);
    whole[which] = bytes_of(references.path() / "r.h5ad");
  }
  const auto files = [&] {
    return std::distance(std::filesystem::directory_iterator(folder.path()), {});
  };
  const auto child_writes = [&](size_t which) {
    const pid_t child = vcell_test::fork_child();
    if (child == 0) {
      try {
        write(file, which);
      } catch (...) {
        ::_exit(1);
      }
      ::_exit(0);
    }
    return child;
  };
  write(file, 0);
  const auto start = Clock::now();
  REQUIRE(vcell_test::status_of(child_writes(0)) == 0);
  double seconds = std::chrono::duration<double>(Clock::now() - start).count();

  Rng rng(uint64_t(start.time_since_epoch().count()));
  size_t now = 0, killed = 0, orphans = 0, changed = 0;
  for (int round = 0; round < 50; ++round) {
    const size_t next = 1 - now;
    const pid_t child = child_writes(next);
    std::this_thread::sleep_for(std::chrono::duration<double>(1.1 * seconds * rng.uniform()));
    ::kill(child, SIGKILL);
    const int status = vcell_test::status_of(child);
    REQUIRE((status == 0 || status == -SIGKILL));
    killed += status != 0;
    seconds *= status == 0 ? 0.9 : 1.1;  // the machine has other things to do, now and then
    orphans += files() > 1;
    const std::string found = bytes_of(file);
    REQUIRE((found == whole[now] || found == whole[next]));
    if (status == 0) CHECK(found == whole[next]);
    changed += found == whole[next];
    now = found == whole[next] ? next : now;
  }
  INFO("killed " << killed << ", orphans " << orphans << ", changed " << changed << ", a write "
                 << seconds << " s");
  CHECK(killed > 5);
  CHECK(orphans > 0);
  write(file, now);
  CHECK(bytes_of(file) == whole[now]);
  CHECK(files() == 1);
#endif
}
