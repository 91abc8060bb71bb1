#pragma once

#include <atomic>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "vcell/data/borrowed_rows.hpp"
#include "vcell/data/selected_rows.hpp"
#include "vcell/preprocess/highly_variable_genes.hpp"
#include "vcell/preprocess/log1p_rows.hpp"
#include "vcell/preprocess/normalize_to_log1p.hpp"
#include "vcell/preprocess/scale_and_totals.hpp"

VCELL_BEGIN_NAMESPACE

struct PreprocessTrainOptions {
  /// What X holds. Not given: what the file says. It must be counts.
  std::optional<Scale> scale = {};
  /// The total every cell gets. Not given: the median of the totals above 0.
  std::optional<double> target_sum = {};
  /// Flavor seurat_v3 reads the counts, the others what becomes of them.
  HighlyVariableGenesOptions hvg = {};
  /// Not 0 where a cell is looked at, for the median and for the genes, one entry per cell; empty:
  /// all are. Where hvg.cells is given, it says so for the genes.
  std::span<const uint8_t> cells = {};
  /// As in NormalizeTotalOptions; takes a pass or two more over X that is read in blocks.
  bool exclude_highly_expressed = false;
  double max_fraction = 0.05;
};

struct PreprocessedTrain {
  NormalizedToLog1p normalized;
  HighlyVariableGenes hvg;
};

namespace detail {

template <class = void>
void check_preprocess_train(const AnnData& adata, const PreprocessTrainOptions& options) {
  const bool is_log1p =
      options.scale ? *options.scale == Scale::log1p : says_log1p("preprocess_train", adata);
  if (is_log1p)
    throw ConfigError(
        "preprocess_train: X is declared log1p, expected counts; for log1p data call "
        "highly_variable_genes and store_hvg");
  if (options.hvg.batch_key) adata.obs.column(*options.hvg.batch_key);  // before anything changes
}

template <class = void>
HighlyVariableGenesOptions hvg_options(const PreprocessTrainOptions& options) {
  auto out = options.hvg;
  if (out.cells.empty()) out.cells = options.cells;
  return out;
}

}  // namespace detail

/// preprocess_train for who reads X once, to write it, say: the totals, unless their median is
/// asked for, the check that X holds counts, and the sums that genes are scored from are found in
/// that very pass. To the same bits as preprocess_train.
///
///   TrainRows rows(adata, counts, options);   // reads counts once for the median of the totals,
///                                             // twice for seurat_v3
///   copy_rows<float>(rows.X(), to);           // log1p of normalised counts
///   auto done = rows.finish(adata);           // var, uns
///   auto X = std::move(rows).log1p_rows(done.hvg.highly_variable);  // for obsm['X_hvg']
template <class S>
class TrainRows {
  struct Divide {
    TrainRows* of;
    template <class T>
    void operator()(size_t row, std::span<const int32_t>, std::span<T> values) const {
      of->make_log1p(row, values);
    }
  };

 public:
  /// @param adata    all but X; it stays as it is until finish, and as long as this
  /// @param counts   X
  /// @param options  what they refer to lives as long as this
  /// @throws ConfigError, ShapeError as preprocess_train
  TrainRows(const AnnData& adata, S counts, const PreprocessTrainOptions& options);
  TrainRows(const TrainRows&) = delete;
  TrainRows& operator=(const TrainRows&) = delete;

  /// A source (see RowSource) of what X becomes: refers to this. Whoever reads a row after one that
  /// nobody has read gets an error; read again, rows are the same.
  class Rows {
   public:
    explicit Rows(TrainRows* of) : layout(of->counts_.layout), of_(of) {}

    SparseLayout layout;

    size_t rows() const { return of_->counts_.rows(); }
    size_t columns() const { return of_->counts_.columns(); }
    DType dtype() const { return of_->type_; }
    bool is_sparse() const { return of_->counts_.is_sparse(); }

    template <class T>
    CsrView<T> read(size_t first, size_t last, CsrMatrix<T>& scratch) const {
      return of_->read(first, last, scratch);
    }
    size_t end_of_block(size_t first, size_t bytes) const {
      return block_end(of_->counts_, first, bytes);
    }
    template <class T>
    friend CsrView<T> row_block(const Rows& s, size_t first, size_t last, CsrMatrix<T>& scratch) {
      return s.read(first, last, scratch);
    }
    friend size_t block_end(const Rows& s, size_t first, size_t bytes) {
      return s.end_of_block(first, bytes);
    }

   private:
    TrainRows* of_;
  };
  Rows X() { return Rows(this); }

  /// Whether X() has to be read through before finish.
  bool is_to_be_read() const { return next_ < counts_.rows() && (powers_ || target_); }

  /// Stores the scores and the scale in adata, which is otherwise that of the constructor.
  /// @throws Error if X() was not read through as float, or double where it is of float64
  PreprocessedTrain finish(AnnData& adata);

  /// After finish, X for further passes.
  Log1pRows<S> log1p_rows() && { return {std::move(counts_), std::move(factors_), type_}; }
  /// The same of some genes, those whose flag is not 0: no logarithm is taken of others.
  Log1pRows<SelectedRows<S>> log1p_rows(std::span<const uint8_t> genes) && {
    SelectedRows<S> some(std::move(counts_));
    some.keep_columns(genes);
    return {std::move(some), std::move(factors_), type_};
  }

 private:
  template <class T>
  void find_totals(const PreprocessTrainOptions& options);
  template <class T>
  void make_log1p(size_t row, std::span<T> values);
  template <class T>
  CsrView<T> read(size_t first, size_t last, CsrMatrix<T>& scratch);
  void check_counts() const;

  const AnnData& adata_;
  S counts_;
  std::optional<Scale> scale_;
  bool fractional_ = false;         // counts are declared to have fractions
  DType type_ = DType::f32;         // that is computed in
  std::optional<double> target_;    // where totals are found row by row
  std::vector<double> factors_;     // (cells)
  std::atomic<bool> wrong_{false};  // a value that is no count was met
  Factor batches_;
  HighlyVariableGenesOptions hvg_;
  detail::HvgCells cells_;
  std::optional<detail::GenePowers> powers_;  // of what was read so far
  size_t next_ = 0;                           // the row that is to be read next
  PreprocessedTrain done_;
};

template <class S>
TrainRows<S>::TrainRows(const AnnData& adata, S counts, const PreprocessTrainOptions& options)
    : adata_(adata), counts_(std::move(counts)), scale_(options.scale) {
  detail::check_preprocess_train(adata, options);
  detail::count_chosen("preprocess_train", options.cells, adata.cells());
  check_size_match("preprocess_train", "rows of X", counts_.rows(), "cells", adata.cells());
  check_size_match("preprocess_train", "columns of X", counts_.columns(), "genes", adata.genes());
  hvg_ = detail::without_names(detail::hvg_options(options), adata, batches_);
  cells_ = detail::hvg_cells(adata.cells(), adata.genes(), hvg_);
  const Matrix* layer = nullptr;  // in memory, as all of adata but X
  if (options.hvg.layer) layer = &detail::matrix_for(hvg_.flavor, adata, options.hvg.layer);

  fractional_ = detail::says_fractional_counts(adata);
  done_.normalized.found.inferred = !scale_ && !find(adata.uns, "vcell/scale");
  factors_.resize(adata.cells());
  with_value_type<void>(counts_, [&]<class T>() {
    type_ = dtype_of<T>();
    if (options.target_sum && !options.exclude_highly_expressed) {
      target_ = double(detail::target_of<T>({options.target_sum}, {}));
      done_.normalized.target_sum = target_;
    } else {
      find_totals<T>(options);
    }
  });
  if (layer)
    done_.hvg = highly_variable_genes(*layer, hvg_);
  else if (hvg_.flavor == HvgFlavor::seurat_v3)
    done_.hvg = highly_variable_genes(counts_, hvg_);
  else
    powers_.emplace(detail::gene_powers(adata.genes(), cells_, hvg_));
}

/// Says what is wrong with X, where something was met.
template <class S>
void TrainRows<S>::check_counts() const {
  if (!wrong_) return;
  declared_scale(adata_, counts_, scale_);
  throw Error("preprocess_train: X changed while it was read");
}

template <class S>
template <class T>
void TrainRows<S>::find_totals(const PreprocessTrainOptions& options) {
  detail::scale_and_totals<T>(adata_, counts_, scale_, factors_);
  if (options.exclude_highly_expressed) {
    auto total =
        detail::total_factors<T>(counts_, detail::total_options(options), std::move(factors_));
    factors_ = std::move(total.factors);
    done_.normalized.target_sum = total.target_sum;
    return;
  }
  const T target = detail::target_of<T>({{}, options.cells}, factors_);
  for (size_t cell = 0; cell < factors_.size(); ++cell)
    factors_[cell] = detail::factor_of<T>(cell, factors_[cell], factors_[cell], target);
  done_.normalized.target_sum = target;
}

template <class S>
template <class T>
void TrainRows<S>::make_log1p(size_t row, std::span<T> values) {
  if (target_) {
    if (!detail::are_counts(std::span<const T>(values), fractional_)) {
      wrong_ = true;
      return;
    }
    const double total = detail::total_of(std::span<const T>(values));
    factors_[row] = detail::factor_of<T>(row, total, total, T(*target_));
  }
  detail::log1p_values(values, detail::divisor<T>(factors_[row]));
}

template <class S>
template <class T>
CsrView<T> TrainRows<S>::read(size_t first, size_t last, CsrMatrix<T>& scratch) {
  const TransformedRows<BorrowedRows<S>, Divide> rows(BorrowedRows<S>(counts_), Divide{this},
                                                      type_);
  const CsrView<T> block = rows.read(first, last, scratch);
  check_counts();
  if (first > next_)
    throw Error(message("preprocess_train: row ", first, " is read, and the one to be read is ",
                        next_, "; rows are read in their order"));
  if (first < next_ || dtype_of<T>() != type_) return block;
  if constexpr (std::is_floating_point_v<T>)  // as type_ is
    if (powers_) powers_->add(first, block);
  next_ = last;
  return block;
}

template <class S>
PreprocessedTrain TrainRows<S>::finish(AnnData& adata) {
  if (is_to_be_read())
    throw Error(message("preprocess_train: rows from ", next_, " of ", counts_.rows(),
                        " were not read as ", name_of(type_)));
  if (powers_) done_.hvg = detail::dispersion_genes(*powers_, cells_, hvg_);
  done_.normalized.empty_cells = size_t(std::count(factors_.begin(), factors_.end(), 0.0));
  declare_scale(adata, Scale::log1p, done_.normalized.target_sum);
  store_scores(adata, done_.hvg);
  return std::move(done_);
}

VCELL_END_NAMESPACE
