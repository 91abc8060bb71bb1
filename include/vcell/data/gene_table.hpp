#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/check.hpp"
#include "vcell/core/cmath.hpp"
#include "vcell/core/name_places.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/core/rng.hpp"

VCELL_BEGIN_NAMESPACE

/// What the vectors of a gene table are.
enum class GeneTableKind {
  given,     ///< those of a protein language model, or whatever a file holds
  identity,  ///< one-hot: as wide as there are genes
  random     ///< drawn by seed and name
};

/// Which width a random table has unless another is asked for: that of ESM-2.
constexpr size_t random_gene_width = 5120;

/// A vector for each gene: what State Embedding knows of genes. Data, not learnt.
class GeneTable {
 public:
  GeneTable() = default;

  /// @param values  (genes, width), finite
  /// @param source  where they come from, e.g. the model that made them; kept with a trained model
  /// @throws ConfigError if a name comes twice or is empty, or a number is not finite; ShapeError
  template <class = void>
  static GeneTable given(std::vector<std::string> names, size_t width, std::vector<float> values,
                         std::string source = "") {
    GeneTable out = named(GeneTableKind::given, std::move(names), width);
    check_size_match("GeneTable", "numbers given", values.size(), "genes times width",
                     out.names_.size() * width);
    for (size_t i = 0; i < values.size(); ++i)
      if (!std::isfinite(values[i]))
        throw ConfigError(message("GeneTable: the vector of ", quoted(out.names_[i / width]),
                                  " holds ", values[i], ", expected finite numbers"));
    out.values_ = std::move(values);
    out.source_ = std::move(source);
    return out;
  }
  /// One-hot vectors: nothing is known of genes but which is which.
  /// @throws ConfigError if a name comes twice or is empty
  template <class = void>
  static GeneTable identity(std::vector<std::string> names) {
    const size_t width = names.size();
    return named(GeneTableKind::identity, std::move(names), width);
  }
  /// Vectors of N(0, 1), a function of seed and name: a one-hot vector through a random projection.
  /// @throws ConfigError if a name comes twice or is empty, or the width is 0
  template <class = void>
  static GeneTable random(std::vector<std::string> names, size_t width = random_gene_width,
                          uint64_t seed = 0) {
    check_positive("GeneTable", "width of a random table", width);
    GeneTable out = named(GeneTableKind::random, std::move(names), width);
    out.seed_ = seed;
    out.values_.resize(out.names_.size() * width);
    parallel_for(out.names_.size(), 16, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        Rng rng(seed, stream_of(out.names_[i]));
        for (size_t j = 0; j < width; ++j) out.values_[i * width + j] = float(rng.normal());
      }
    });
    return out;
  }

  const std::vector<std::string>& names() const { return names_; }
  size_t width() const { return width_; }
  GeneTableKind kind() const { return kind_; }
  uint64_t seed() const { return seed_; }
  const std::string& source() const { return source_; }
  /// (genes, width); empty of an identity table.
  std::span<const float> values() const { return values_; }

  /// Writes the vector of a gene. (width)
  /// @throws ShapeError if there is no such gene, or out has another size
  template <class T>
  void copy(size_t gene, std::span<T> out) const {
    check_index("GeneTable::copy", "gene", gene, names_.size());
    check_size_match("GeneTable::copy", "size of out", out.size(), "width", width_);
    if (kind_ == GeneTableKind::identity) {
      std::fill(out.begin(), out.end(), T(0));
      out[gene] = T(1);
    } else {
      std::copy_n(values_.data() + gene * width_, width_, out.begin());
    }
  }

  bool operator==(const GeneTable&) const = default;

 private:
  template <class = void>
  static GeneTable named(GeneTableKind kind, std::vector<std::string> names, size_t width) {
    check_positive("GeneTable", "number of genes", names.size());
    check_positive("GeneTable", "width", width);
    const NamePlaces places(names);
    for (const std::string& name : names) {
      if (name.empty()) throw ConfigError("GeneTable: a gene has an empty name");
      if (places.repeats(name))
        throw ConfigError(message("GeneTable: the gene ", quoted(name), " comes twice"));
    }
    GeneTable out;
    out.kind_ = kind;
    out.names_ = std::move(names);
    out.width_ = width;
    return out;
  }

  GeneTableKind kind_ = GeneTableKind::given;
  std::vector<std::string> names_;
  size_t width_ = 0;
  uint64_t seed_ = 0;
  std::string source_;
  std::vector<float> values_;
};

/// The table of genes whose vectors are means over their isoforms. Genes stand in the order of
/// their first isoform.
/// @param isoforms  the gene of each isoform
/// @param values    (isoforms, width), each the mean over an isoform's residues
/// @param source    the model that made them
/// @throws as GeneTable::given
template <class = void>
GeneTable gene_table_of_isoforms(const std::vector<std::string>& isoforms, size_t width,
                                 std::span<const float> values, std::string source) {
  check_size_match("gene_table_of_isoforms", "numbers given", values.size(), "isoforms times width",
                   isoforms.size() * width);
  const NamePlaces first(isoforms);
  std::vector<std::string> names;
  std::vector<size_t> gene(isoforms.size()), count;
  for (size_t i = 0; i < isoforms.size(); ++i) {
    const size_t at = *first.find(isoforms[i]);
    if (at == i) {
      gene[i] = names.size();
      names.push_back(isoforms[i]);
      count.push_back(0);
    }
    gene[i] = gene[at];
    ++count[gene[i]];
  }
  std::vector<double> sums(names.size() * width);
  for (size_t i = 0; i < isoforms.size(); ++i)
    for (size_t j = 0; j < width; ++j) sums[gene[i] * width + j] += values[i * width + j];
  std::vector<float> means(sums.size());
  for (size_t k = 0; k < sums.size(); ++k) means[k] = float(sums[k] / double(count[k / width]));
  return GeneTable::given(std::move(names), width, std::move(means), std::move(source));
}

VCELL_END_NAMESPACE
