// Writes an h5ad file of the shape of the Virtual Cell Challenge's training screen, 221,273 cells x
// 18,080 genes in 150 perturbations and a control, 47 % of it stored, 15 GB, not compressed. Its
// cells are drawn block by block while they are written, so it takes the memory of a block.
//
//     challenge_screen FILE counts|log1p [CELLS]
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/io/h5ad.hpp"

namespace {

using namespace vcell;

/// Cells x genes that are drawn when they are read (see RowSource): the same whatever the blocks.
struct DrawnRows {
  struct Gene {
    double zeros = 0;  // share of cells without a count
    double more = 0;   // mean of what the others have over one
  };
  size_t cells = 0;
  bool is_log1p = false;
  std::vector<Gene> genes;
  SparseLayout layout = {};

  DrawnRows(size_t cells_, size_t n_genes, bool is_log1p_) : cells(cells_), is_log1p(is_log1p_) {
    Rng rng(1, stream_of("genes"));
    for (size_t g = 0; g < n_genes; ++g) {
      const double mean = std::exp(1.5 * rng.normal() - 0.12);
      genes.push_back({1 / (1 + mean), mean});
    }
  }
  size_t rows() const { return cells; }
  size_t columns() const { return genes.size(); }
  DType dtype() const { return DType::f32; }
  bool is_sparse() const { return true; }

  void draw(size_t cell, std::vector<int32_t>& places, std::vector<float>& values) const {
    Rng rng(2, cell);
    const auto depth = float(std::exp(0.3 * rng.normal()));
    places.clear();
    values.clear();
    for (size_t g = 0; g < genes.size(); ++g) {
      const double u = rng.uniform();
      if (u < genes[g].zeros) continue;
      const float rest = float((1 - u) / (1 - genes[g].zeros));
      const float count = 1 + std::floor(-float(genes[g].more) * std::log(rest));
      places.push_back(int32_t(g));
      values.push_back(is_log1p ? std::log1p(count / depth) : count);
    }
  }
};

size_t block_end(const DrawnRows& m, size_t first, size_t bytes) {
  return std::min(m.rows(), first + std::max<size_t>(1, bytes / (8 * m.columns())));
}

template <class T>
CsrView<T> row_block(const DrawnRows& m, size_t first, size_t last, CsrMatrix<T>& scratch) {
  std::vector<std::vector<int32_t>> places(last - first);
  std::vector<std::vector<float>> values(last - first);
  parallel_for(last - first, 8, [&](size_t from, size_t to) {
    for (size_t i = from; i < to; ++i) m.draw(first + i, places[i], values[i]);
  });
  scratch = CsrMatrix<T>{};
  scratch.columns = m.columns();
  for (size_t i = 0; i < places.size(); ++i) {
    scratch.indices.insert(scratch.indices.end(), places[i].begin(), places[i].end());
    scratch.values.insert(scratch.values.end(), values[i].begin(), values[i].end());
    scratch.end_row();
  }
  return scratch.view();
}

std::vector<std::string> numbered(const char* name, size_t n) {
  std::vector<std::string> out;
  for (size_t i = 0; i < n; ++i) out.push_back(message(name, i));
  return out;
}

void write(const std::string& file, bool is_log1p, size_t cells) {
  constexpr size_t genes = 18'080, perturbations = 150;
  AnnData a;
  a.obs.index = numbered("cell", cells);
  a.var.index = numbered("GENE", genes);
  Rng rng(3);
  std::vector<std::string> labels;
  for (size_t i = 0; i < cells; ++i)
    labels.push_back(rng.uniform() < 0.17 ? std::string("non-targeting")
                                          : message("P", rng.below(perturbations)));
  a.obs.set("target_gene", Column(std::move(labels)));
  write_h5ad(file, a, DrawnRows(cells, genes, is_log1p), {.gzip = 0});
}

}  // namespace

int main(int argc, char** argv) {
  const std::string scale = argc > 2 ? argv[2] : "";
  if (argc < 3 || argc > 4 || (scale != "counts" && scale != "log1p")) {
    std::fprintf(stderr, "usage: challenge_screen FILE counts|log1p [CELLS]\n");
    return 2;
  }
  try {
    write(argv[1], scale == "log1p", argc > 3 ? size_t(std::atoll(argv[3])) : 221'273);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "challenge_screen: %s\n", e.what());
    return 1;
  }
}
