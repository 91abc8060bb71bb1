#include "vcell/sets/open_screen.hpp"

#include <array>
#include <cmath>
#include <cstring>
#include <numeric>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/data/subset.hpp"
#include "vcell/io/h5ad/write_h5ad.hpp"
#include "vcell/models/pair_shifts.hpp"
#include "vcell/sets/assign_dataset_parts.hpp"
#include "vcell/sets/set_loader.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::TemporaryFolder;

namespace {

constexpr size_t n_cells = 90, n_genes = 14;

/// Counts of cells of two lines, of which the first two thirds of the rows have a gene that is
/// silent, with an embedding.
AnnData cells_of_all() {
  AnnData a;
  Rng rng(3);
  std::vector<float> counts, embedding;
  std::vector<std::string> names, genes, perturbation, line, batch;
  for (size_t g = 0; g < n_genes; ++g) genes.push_back(message("G", g));
  for (size_t i = 0; i < n_cells; ++i) {
    names.push_back(message("cell", i % 30));  // which come again
    perturbation.push_back(i % 3 == 0 ? "non-targeting" : message("G", i % 4));
    line.push_back(i % 30 < 15 ? "A" : "B");
    batch.push_back(message("b", i % 2));
    for (size_t g = 0; g < n_genes; ++g)
      counts.push_back(g == 5 || rng.below(2) ? 0.0F : float(1 + rng.below(9)));
    for (size_t k = 0; k < 3; ++k)
      embedding.push_back(k == 1 && i % 7 == 0 ? -0.0F : float(rng.normal()));
  }
  a.obs = DataFrame(names);
  a.obs.set("perturbation", perturbation);
  a.obs.set("line", line);
  a.obs.set("batch", batch);
  a.var = DataFrame(genes);
  a.X = Matrix(n_cells, n_genes, Numbers(counts));
  a.obsm.emplace("X_pca", Matrix(n_cells, 3, Numbers(embedding)));
  return a;
}

std::vector<size_t> range(size_t first, size_t last) {
  std::vector<size_t> out(last - first);
  std::iota(out.begin(), out.end(), first);
  return out;
}

/// Three files of 40, 20 and 30 cells: sparse and packed, sparse with the genes in another order,
/// dense with one gene more.
std::vector<ScreenFile> write_files(const TemporaryFolder& folder, const AnnData& all,
                                    bool gene_more = true) {
  std::vector<ScreenFile> files;
  const size_t begin[] = {0, 40, 60, n_cells};
  for (size_t i = 0; i < 3; ++i) {
    AnnData part = select_cells(all, range(begin[i], begin[i + 1]));
    if (i == 1) {
      std::vector<size_t> order = range(0, n_genes);
      std::reverse(order.begin(), order.end());
      part = select_genes(part, order);
    }
    if (i == 2 && !gene_more) {
      std::vector<size_t> without = range(0, n_genes);
      without.erase(without.begin() + 5);
      part = select_genes(part, without);
    }
    if (i < 2) {
      auto rows = to_csr<float>(*part.X);
      part.X = Matrix(rows.rows, rows.columns, rows.indptr, rows.indices, Numbers(rows.values));
    }
    files.push_back({folder.path() / message("file", i, ".h5ad")});
    write_h5ad(files.back().path, part, {.gzip = i == 0, .chunk_bytes = 1024});
  }
  return files;
}

OpenScreenOptions labelled() {
  OpenScreenOptions o;
  o.labels.context_keys = {"line"};
  o.labels.batch_key = "batch";
  return o;
}

bool same(const SetBatch& a, const SetBatch& b) {
  const auto equal = [](const Tensor<float, 3>& x, const Tensor<float, 3>& y) {
    return x.shape() == y.shape() &&
           (x.count() == 0 || std::memcmp(x.data(), y.data(), 4 * x.count()) == 0);
  };
  return equal(a.input, b.input) && equal(a.target, b.target) && equal(a.genes, b.genes) &&
         a.perturbation == b.perturbation && a.context == b.context &&
         std::ranges::equal(a.batch.values(), b.batch.values()) &&
         a.control_cells == b.control_cells && a.target_cells == b.target_cells;
}

SetLoaderOptions sets_of(size_t threads) {
  SetLoaderOptions o;
  o.source.sets.set_size = 4;
  o.source.batch_size = 3;
  o.source.pairing.within_batch = true;
  o.prefetch = {threads, 3};
  return o;
}

Screen in_memory(AnnData all, const OpenScreenOptions& o, std::optional<double> target_sum = {}) {
  normalize_to_log1p(all, {.target_sum = target_sum});
  return make_screen(all, o.labels);
}

}  // namespace

TEST_CASE("open_screen: batches from files are those from memory, for any threads", "[sets]") {
  const TemporaryFolder folder;
  const AnnData all = cells_of_all();
  const auto files = write_files(folder, all);
  auto o = labelled();
  o.obsm = "X_pca";
  for (const auto target : {std::optional<double>(), std::optional(100.0)}) {
    o.target_sum = target;
    o.memory = target ? 8 : size_t(1) << 20;
    const Screen memory = in_memory(all, o, target);
    const OpenScreen open = open_screen(files, o);
    CHECK(open.screen.genes == memory.genes);
    CHECK(open.screen.perturbation == memory.perturbation);
    CHECK(open.screen.context == memory.context);
    CHECK(open.screen.batch == memory.batch);
    CHECK(open.scale == Scale::counts);
    CHECK(open.first_cell == std::vector<size_t>{0, 40, 60, 90});
    CHECK(open.datasets == std::vector<std::string>{"file0", "file1", "file2"});
    CHECK(open.cells == all.obs.index);
    const std::vector<Part> parts(n_cells, Part::train);
    const auto pca = to_dense<float>(*all.obsm.at("X_pca").matrix());
    for (const bool embedded : {false, true}) {
      auto sets = sets_of(0);
      if (embedded) {
        sets.source.input = &pca;
        sets.source.genes = &memory.expression;
      }
      SetLoader expected(memory, parts, sets);
      for (const size_t threads : {0, 1, 4})
        for (const uint64_t first : {0, 17}) {
          auto from_disk = sets_of(threads);
          if (embedded) {
            from_disk.source.input = open.obsm;
            from_disk.source.genes = open.screen.reader();
          }
          SetLoader loader(open.screen, parts, from_disk, first);
          CHECK(loader.source().input_width() == (embedded ? 3 : n_genes));
          for (uint64_t step = first; step < first + 25; ++step)
            REQUIRE(same(loader.next(), expected.batch(step)));
        }
    }
  }
}

TEST_CASE("open_screen: genes are matched by name", "[sets]") {
  const TemporaryFolder folder;
  const AnnData all = cells_of_all();
  const auto files = write_files(folder, all, false);
  auto o = labelled();
  const OpenScreen common = open_screen(files, o);
  CHECK(common.screen.genes.size() == n_genes - 1);  // G5 is not in the third
  Screen memory = select_genes(in_memory(all, o), common.screen.genes);
  const auto check = [&](const OpenScreen& open) {
    for (size_t cell = 0; cell < n_cells; ++cell) {
      std::vector<float> a(open.screen.genes.size()), b = a;
      const std::vector<size_t> row{cell};
      open.screen.reader().read(row, {a.data(), {1, a.size()}});
      memory.reader().read(row, {b.data(), {1, b.size()}});
      REQUIRE(a == b);
    }
  };
  check(common);
  o.genes = {"G7", "G0", "G12"};
  memory = select_genes(memory, o.genes);
  const OpenScreen few = open_screen(files, o);
  CHECK(few.screen.genes == o.genes);
  check(few);
  o.genes = {"G7", "G5"};
  check_error<ConfigError>([&] { open_screen(files, o); }, {"file2.h5ad", "'G5'", "1 of the 2"});
  o.genes = {"G7", "G7"};
  check_error<ConfigError>([&] { open_screen(files, o); }, {"'G7'", "twice"});
}

TEST_CASE("open_screen: a data set is a label, and has a split of its own", "[sets]") {
  const TemporaryFolder folder;
  auto files = write_files(folder, cells_of_all());
  files[0].name = files[2].name = "one";
  files[1].name = "two";
  auto o = labelled();
  o.dataset_key = "dataset";
  o.labels.context_keys = {"dataset", "line"};
  const OpenScreen open = open_screen(files, o);
  CHECK(open.screen.context.names == std::vector<std::string>{"one|A", "one|B", "two|A", "two|B"});
  SplitSpec split;
  split.datasets = {{"one", "one"}, {"two", "two"}};
  split.training = {"one"};
  split.zeroshot = {{"two.two|B", Part::test}};
  const auto parts = assign_dataset_parts(open, split);
  std::array<size_t, 2> seen{};
  for (size_t i = 0; i < n_cells; ++i) {
    const auto& context = open.screen.context.names[size_t(open.screen.context.codes[i])];
    if (context.starts_with("one")) CHECK(parts[i] == Part::train);
    if (context == "two|A") CHECK(parts[i] == Part::unused);
    if (context == "two|A") ++seen[0];
    if (context != "two|B" || open.screen.is_control(i)) continue;
    CHECK(parts[i] == Part::test);
    ++seen[1];
  }
  CHECK(std::min(seen[0], seen[1]) > 0);
  o.dataset_key = "batch";
  check_error<ConfigError>([&] { open_screen(files, o); }, {"file0.h5ad", "'batch'", "already"});
}

TEST_CASE("open_screen: what needs memory says so, shifts are measured from disk", "[sets]") {
  const TemporaryFolder folder;
  const AnnData all = cells_of_all();
  const auto o = labelled();
  const OpenScreen open = open_screen(write_files(folder, all), o);
  const Screen memory = in_memory(all, o);
  check_error<ConfigError>([&] { select_genes(open.screen, {"G1"}); },
                           {"select_genes", "in memory", "make_screen"});
  const std::vector<Part> parts(n_cells, Part::train);
  const PairShifts a = pair_shifts(open.screen, parts), b = pair_shifts(memory, parts);
  REQUIRE(a.shift.shape() == b.shift.shape());
  CHECK(std::ranges::equal(a.shift.values(), b.shift.values()));
  CHECK(std::ranges::equal(a.variance.values(), b.variance.values()));
}

TEST_CASE("open_screen: errors name the files", "[sets]") {
  const TemporaryFolder folder;
  const AnnData all = cells_of_all();
  const auto files = write_files(folder, all);
  const auto rewrite = [&](const AnnData& a) {
    write_h5ad(files[1].path, a);
    return files;
  };
  const auto o = labelled();
  check_error<ConfigError>([&] { open_screen({}, o); }, {"no files"});
  AnnData a = all;
  a.obs.erase("line");
  check_error<ConfigError>([&] { open_screen(rewrite(a), o); }, {"file1.h5ad", "'line'"});
  a = all;
  for (std::string& gene : a.var.index) gene += "x";
  check_error<ConfigError>([&] { open_screen(rewrite(a), o); }, {"file1.h5ad", "no gene", "'G0x'"});
  a.var.index = all.var.index;
  a.var.index[3] = "G4";
  check_error<ConfigError>([&] { open_screen(rewrite(a), o); },
                           {"file1.h5ad", "more than once", "'G4'"});
  a = all;
  normalize_to_log1p(a, {.target_sum = 50});
  check_error<ConfigError>([&] { open_screen(rewrite(a), o); },
                           {"file0.h5ad", "counts", "file1.h5ad", "log1p"});
  AnnData other = all;
  normalize_to_log1p(other, {.target_sum = 60});
  write_h5ad(files[0].path, other);
  const std::vector<ScreenFile> two{files[0], files[1]};
  check_error<ConfigError>([&] { open_screen(two, o); },
                           {"file0.h5ad", "60", "file1.h5ad", "50", "one total"});
  write_h5ad(files[0].path, a);
  CHECK(open_screen(two, o).target_sum == 50);
  auto embedded = o;
  embedded.obsm = "X_pca";
  a.obsm.insert_or_assign("X_pca", Matrix(n_cells, 2, Numbers(std::vector<float>(2 * n_cells))));
  write_h5ad(files[1].path, a);
  check_error<ConfigError>([&] { open_screen(two, embedded); },
                           {"file1.h5ad", "obsm['X_pca']", "2 columns", "file0.h5ad", "3"});
  std::vector<float> bad(3 * n_cells, 1);
  bad[7] = NAN;
  a.obsm.insert_or_assign("X_pca", Matrix(n_cells, 3, Numbers(bad)));
  write_h5ad(files[1].path, a);
  check_error<ConfigError>([&] { open_screen(two, embedded); },
                           {"file1.h5ad", "obsm['X_pca']", "row 2, column 1", "nan"});
}
