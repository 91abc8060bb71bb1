#pragma once

#include "vcell/preprocess/qc_metrics.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Writes columns of a table and, where wanted, their log(1 + x) behind them.
class QcColumns {
 public:
  QcColumns(DataFrame& table, DType dtype, bool log1p)
      : table_(&table), dtype_(dtype), log1p_(log1p) {}

  /// Sums of values of X, which are whole numbers where X holds those.
  void totals(const std::string& name, const std::vector<double>& values) {
    if (dtype_ < DType::f16)
      table_->set(name, std::vector<int64_t>(values.begin(), values.end()));
    else
      numbers(name, values);
    if (log1p_) numbers("log1p_" + name, log1p_of(values));
  }
  void means(const std::string& name, const std::vector<double>& values) {
    numbers(name, values);
    if (log1p_) numbers("log1p_" + name, log1p_of(values));
  }
  void numbers(const std::string& name, const std::vector<double>& values) {
    if (dtype_ == DType::f32 || dtype_ == DType::f16)
      table_->set(name, std::vector<float>(values.begin(), values.end()));
    else
      table_->set(name, values);
  }
  void sizes(const std::string& name, const std::vector<int64_t>& values) {
    table_->set(name, values);
    if (log1p_) table_->set("log1p_" + name, log1p_of({values.begin(), values.end()}));
  }

 private:
  static std::vector<double> log1p_of(std::vector<double> values) {
    for (double& x : values) x = std::log1p(x);
    return values;
  }

  DataFrame* table_;
  DType dtype_;
  bool log1p_;
};

}  // namespace detail

/// Writes metrics to obs and var, under the names that scanpy gives them and in its types (numbers
/// of genes as int64, whatever X is):
/// obs n_genes_by_counts, total_counts, pct_counts_in_top_50_genes, ..., total_counts_mt,
/// pct_counts_mt, ...; var n_cells_by_counts, mean_counts, pct_dropout_by_counts, total_counts;
/// and log1p_ of most of them.
/// @param options  log1p, expr_type and var_type are looked at
/// @throws ShapeError if there is not one number per cell and gene
template <class = void>
void store_qc_metrics(AnnData& adata, const QcMetrics& metrics,
                      const QcMetricsOptions& options = {}) {
  const std::string &type = options.expr_type, total = "total_" + type;
  detail::QcColumns obs(adata.obs, metrics.dtype, options.log1p);
  obs.sizes(message("n_", options.var_type, "_by_", type), metrics.genes_of_cell);
  obs.totals(total, metrics.total_of_cell);
  for (const auto& top : metrics.top)
    adata.obs.set(message("pct_", type, "_in_top_", top.n, "_", options.var_type), top.percent);
  for (const auto& set : metrics.sets) {
    obs.totals(message(total, "_", set.name), set.total);
    obs.numbers(message("pct_", type, "_", set.name), set.percent);
  }
  detail::QcColumns var(adata.var, metrics.dtype, options.log1p);
  adata.var.set("n_cells_by_" + type, metrics.cells_of_gene);
  var.means("mean_" + type, metrics.mean_of_gene);
  adata.var.set("pct_dropout_by_" + type, metrics.dropout);
  var.totals(total, metrics.total_of_gene);
}

/// Finds the metrics of X of adata, or of a layer, and writes them to obs and var.
/// @throws ConfigError also if there is no such matrix
template <class = void>
QcMetrics qc_metrics(AnnData& adata, const QcMetricsOptions& options = {}) {
  QcMetrics out = qc_metrics(options.layer ? detail::layer_of("qc_metrics", adata, *options.layer)
                                           : detail::matrix_of("qc_metrics", adata),
                             options);
  store_qc_metrics(adata, out, options);
  return out;
}

VCELL_END_NAMESPACE
