#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/models/feature_kernels.hpp"
#include "vcell/models/pair_shifts.hpp"
#include "vcell/models/perturbation_features.hpp"

VCELL_BEGIN_NAMESPACE

struct FitFeatureRegressionOptions {
  bool linear = true, gaussian = true;  ///< kernels that may be chosen, beside none
};

/// Fits regressions from features to shifts. In a context c a perturbation p has
///
///   shift(c, p) = mean_c + f(z_p) + f_c(z_p)
///
/// mean_c over the perturbations learnt there, f fitted to what is left of each perturbation's
/// shifts, mean over its contexts, and f_c to what then is left in the context; all by the same
/// kernel. Shifts are not shrunk gene by gene beforehand: on simulated screens the regression,
/// which draws to the mean by itself, predicts unseen perturbations better from plain ones.
/// @tparam T  of the numbers it is computed in
template <class T = double>
class FeatureFitter {
 public:
  /// @param shifts    borrowed
  /// @param features  of every perturbation in shifts, by name
  /// @param names     of the codes of perturbations in shifts
  /// @param contexts  how many codes of contexts there are
  /// @throws ConfigError if there are no shifts, or a perturbation has no features
  FeatureFitter(const PairShifts& shifts, const PerturbationFeatures& features,
                std::span<const std::string> names, size_t contexts);

  size_t size() const { return codes_.size(); }  ///< n: perturbations in shifts
  /// Where a perturbation is among them; n: it is not.
  size_t place(int32_t perturbation) const { return place_[size_t(perturbation)]; }

  /// Chooses kernel and ridges (FeatureKernels::choose), and fits.
  FeatureRegression fit(const FitFeatureRegressionOptions& options = {}) const {
    return fit({}, std::vector<uint8_t>(size(), 1), &options);
  }
  /// Fits with the kernel and ridges of another regression.
  /// @param keep  (n) not 0 where a perturbation is learnt from
  FeatureRegression refit(const FeatureRegression& choice, std::span<const uint8_t> keep) const {
    return fit({choice.kernel, choice.width, {}, {}, {}, {}, choice.ridge}, keep, nullptr);
  }

 private:
  using Matrix = typename FeatureKernels<T>::Matrix;
  using Row = Eigen::Matrix<T, 1, Eigen::Dynamic>;

  /// What one stage is fitted to.
  struct Targets {
    std::vector<size_t> places;  // of the rows
    Matrix values;               // less their mean
    Row mean;
  };
  static Targets centre(std::vector<size_t> places, Matrix values);

  std::vector<Row> context_means(std::span<const uint8_t> keep) const;  // 1 + contexts
  Targets common(std::span<const uint8_t> keep, const std::vector<Row>& means) const;
  Targets rest(size_t context, std::span<const uint8_t> keep, const Row& mean,
               const Matrix& fitted) const;
  /// Adds what a stage says to a row of a regression. Returns what it says at its own places.
  Matrix add(const Targets& t, const KernelChoice& choice, Row& offset, Matrix& coefficients) const;
  FeatureRegression fit(FeatureRegression r, std::span<const uint8_t> keep,
                        const FitFeatureRegressionOptions* choosing) const;

  bool counts(size_t pair, std::span<const uint8_t> keep) const {
    return keep[place(shifts_.perturbation[pair])] != 0;
  }
  auto shift(size_t pair) const {
    return Eigen::Map<const Row>(shifts_.shift[pair].data, Eigen::Index(shifts_.genes()));
  }
  Tensor<float, 2> rows_of(const PerturbationFeatures& features,
                           std::span<const std::string> names);

  const PairShifts& shifts_;
  size_t contexts_;
  std::vector<int32_t> codes_;  // (n) ascending
  std::vector<size_t> place_;   // (names) in codes_; n: not there
  FeatureKernels<T> kernels_;
};

template <class T>
FeatureFitter<T>::FeatureFitter(const PairShifts& shifts, const PerturbationFeatures& features,
                                std::span<const std::string> names, size_t contexts)
    : shifts_(shifts), contexts_(contexts), kernels_(rows_of(features, names)) {}

template <class T>
Tensor<float, 2> FeatureFitter<T>::rows_of(const PerturbationFeatures& features,
                                           std::span<const std::string> names) {
  auto learnt = learnt_perturbations(shifts_, features, names);
  codes_ = std::move(learnt.codes);
  if (codes_.empty())
    throw ConfigError(
        "FeatureFitter: there is no shift to learn from; train on the cells of a perturbation");
  place_.assign(names.size(), codes_.size());
  for (size_t i = 0; i < codes_.size(); ++i) place_[size_t(codes_[i])] = i;
  return std::move(learnt.features);
}

template <class T>
auto FeatureFitter<T>::centre(std::vector<size_t> places, Matrix values) -> Targets {
  Row mean = Row::Zero(values.cols());
  if (values.rows()) mean = values.colwise().mean();
  values.rowwise() -= mean;
  return {std::move(places), std::move(values), std::move(mean)};
}

template <class T>
auto FeatureFitter<T>::context_means(std::span<const uint8_t> keep) const -> std::vector<Row> {
  std::vector<Row> means(1 + contexts_, Row::Zero(Eigen::Index(shifts_.genes())));
  std::vector<double> pairs(contexts_, 0);
  for (size_t i = 0; i < shifts_.pairs(); ++i)
    if (counts(i, keep)) {
      means[size_t(shifts_.context[i]) + 1] += shift(i);
      ++pairs[size_t(shifts_.context[i])];
    }
  double learnt = 0;
  for (size_t c = 0; c < contexts_; ++c)
    if (pairs[c] > 0) {
      means[c + 1] /= pairs[c];
      means[0] += means[c + 1];
      ++learnt;
    }
  if (learnt > 0) means[0] /= learnt;
  for (size_t c = 0; c < contexts_; ++c)
    if (pairs[c] == 0) means[c + 1] = means[0];
  return means;
}

template <class T>
auto FeatureFitter<T>::common(std::span<const uint8_t> keep, const std::vector<Row>& means) const
    -> Targets {
  std::vector<size_t> places, row(size());
  for (size_t i = 0; i < size(); ++i)
    if (keep[i]) {
      row[i] = places.size();
      places.push_back(i);
    }
  Matrix sums = Matrix::Zero(Eigen::Index(places.size()), Eigen::Index(shifts_.genes()));
  std::vector<double> pairs(places.size(), 0);
  for (size_t i = 0; i < shifts_.pairs(); ++i)
    if (counts(i, keep)) {
      const size_t r = row[place(shifts_.perturbation[i])];
      sums.row(Eigen::Index(r)) += shift(i) - means[size_t(shifts_.context[i]) + 1];
      ++pairs[r];
    }
  for (size_t r = 0; r < pairs.size(); ++r) sums.row(Eigen::Index(r)) /= pairs[r];
  return centre(std::move(places), std::move(sums));
}

template <class T>
auto FeatureFitter<T>::rest(size_t context, std::span<const uint8_t> keep, const Row& mean,
                            const Matrix& fitted) const -> Targets {
  std::vector<size_t> places, pairs;
  for (size_t i = 0; i < shifts_.pairs(); ++i)
    if (size_t(shifts_.context[i]) == context && counts(i, keep)) {
      pairs.push_back(i);
      places.push_back(place(shifts_.perturbation[i]));
    }
  Matrix values(Eigen::Index(pairs.size()), Eigen::Index(shifts_.genes()));
  for (size_t i = 0; i < pairs.size(); ++i)
    values.row(Eigen::Index(i)) = shift(pairs[i]) - mean - fitted.row(Eigen::Index(places[i]));
  return centre(std::move(places), std::move(values));
}

template <class T>
auto FeatureFitter<T>::add(const Targets& t, const KernelChoice& choice, Row& offset,
                           Matrix& coefficients) const -> Matrix {
  Matrix fitted = Matrix::Zero(Eigen::Index(size()), Eigen::Index(shifts_.genes()));
  offset += t.mean;
  for (const size_t p : t.places) fitted.row(Eigen::Index(p)) = t.mean;
  if (choice.ridge == 0 || t.places.size() < 2) return fitted;
  const Matrix kernel = kernels_.matrix(choice, t.places), middle = detail::centred(kernel);
  const double diagonal = middle.trace() / double(t.places.size());
  if (!(diagonal > FeatureKernels<T>::least_diagonal)) return fitted;  // all are alike here
  Matrix a = middle;
  a.diagonal().array() += choice.ridge * diagonal;
  Matrix solved = Eigen::LLT<Matrix>(a).solve(t.values);
  const Row mean = solved.colwise().mean();
  solved.rowwise() -= mean;  // so that the kernel's mean is no matter
  const Matrix said = middle * solved;
  const Row means = kernel.colwise().mean();
  offset -= means * solved;
  for (size_t i = 0; i < t.places.size(); ++i) {
    coefficients.row(Eigen::Index(t.places[i])) += solved.row(Eigen::Index(i));
    fitted.row(Eigen::Index(t.places[i])) += said.row(Eigen::Index(i));
  }
  return fitted;
}

template <class T>
FeatureRegression FeatureFitter<T>::fit(FeatureRegression r, std::span<const uint8_t> keep,
                                        const FitFeatureRegressionOptions* choosing) const {
  check_size_match("FeatureFitter", "size of keep", keep.size(), "perturbations", size());
  const auto means = context_means(keep);
  const Targets shared = common(keep, means);
  if (choosing) {
    std::vector<KernelChoice> kernels;
    if (choosing->linear) kernels.push_back({FeatureKernel::linear, 0, 0});
    if (choosing->gaussian && kernels_.median_distance() > 0)
      for (const double factor : {0.5, 1., 2., 4., 8.})
        kernels.push_back({FeatureKernel::gaussian, factor * kernels_.median_distance(), 0});
    const KernelChoice chosen = kernels_.choose(kernels, shared.places, shared.values);
    r.kernel = chosen.kernel;
    r.width = chosen.width;
    r.ridge.assign(1 + contexts_, 0);
    r.ridge[0] = chosen.ridge;
  }
  const size_t points = r.kernel == FeatureKernel::none ? 0 : size(), genes = shifts_.genes();
  r.standard = kernels_.standard();
  r.points = points ? kernels_.points() : Tensor<float, 2>({0, r.features()});
  r.offset = Tensor<float, 2>({1 + contexts_, genes});
  r.coefficients = Tensor<float, 3>({1 + contexts_, points, genes});
  const auto put = [&](size_t row, const Row& offset, const Matrix& coefficients) {
    std::transform(offset.data(), offset.data() + genes, r.offset[row].begin(),
                   [](double v) { return float(v); });
    for (size_t i = 0; i < points; ++i)
      for (size_t g = 0; g < genes; ++g)
        r.coefficients(row, i, g) = float(coefficients(Eigen::Index(i), Eigen::Index(g)));
  };
  Row offset = Row::Zero(Eigen::Index(genes));
  Matrix coefficients = Matrix::Zero(Eigen::Index(size()), Eigen::Index(genes));
  KernelChoice kernel = {r.kernel, r.width, r.ridge[0]};
  const Matrix fitted = add(shared, kernel, offset, coefficients);
  put(0, means[0] + offset, coefficients);
  for (size_t c = 0; c < contexts_; ++c) {
    const Targets own = rest(c, keep, means[c + 1], fitted);
    if (choosing && points && contexts_ > 1)
      r.ridge[c + 1] = kernels_.choose({&kernel, 1}, own.places, own.values).ridge;
    kernel.ridge = r.ridge[c + 1];
    Row own_offset = means[c + 1] + offset;
    Matrix own_coefficients = coefficients;
    add(own, kernel, own_offset, own_coefficients);
    put(c + 1, own_offset, own_coefficients);
  }
  return r;
}

/// What regressions that have not seen a perturbation say of it: for each of some pairs (context,
/// perturbation) the shift by the fold that its perturbation is left out of, with the kernel and
/// ridges of a regression that was fitted to all; of a perturbation that this has not seen either,
/// by itself.
/// @param asked  codes
/// @param folds  how many; fewer where there are fewer perturbations. Doses of one are in one
/// @param seed   of the folds
/// @return       (asked, genes); zeros where a single perturbation was learnt
template <class = void>
Tensor<float, 2> out_of_fold_shifts(const FeatureFitter<>& fitter, const FeatureRegression& all,
                                    const std::vector<std::pair<int32_t, int32_t>>& asked,
                                    const PerturbationFeatures& features,
                                    std::span<const std::string> names, uint64_t seed,
                                    size_t folds = 10) {
  const size_t n = fitter.size();
  Tensor<float, 2> out({asked.size(), all.genes()});
  // The doses of a perturbation are left out together.
  std::vector<size_t> group(n), first_of(features.names().size(), n);
  size_t groups = 0;
  for (size_t code = 0; code < names.size(); ++code) {
    const size_t i = fitter.place(int32_t(code));
    if (i == n) continue;
    size_t place = features.place(names[code]);
    if (features.is_dosed(place)) place = features.at_dose(place).place;
    if (first_of[place] == n) first_of[place] = groups++;
    group[i] = first_of[place];
  }
  folds = std::min(std::max<size_t>(folds, 2), groups);
  Rng rng(seed, stream_of("feature folds"));
  const auto order = permutation(groups, rng);
  std::vector<size_t> fold_of(groups), fold(n + 1, folds);  // at n: of what was not seen
  for (size_t i = 0; i < groups; ++i) fold_of[order[i]] = i % folds;
  for (size_t i = 0; i < n; ++i) fold[i] = fold_of[group[i]];
  parallel_for(folds + 1, 1, [&](size_t first, size_t last) {
    for (size_t k = first; k < last; ++k) {
      std::vector<uint8_t> keep(n);
      for (size_t i = 0; i < n; ++i) keep[i] = fold[i] != k;
      if (std::find(keep.begin(), keep.end(), 1) == keep.end()) continue;
      const FeatureRegression left = k < folds ? fitter.refit(all, keep) : FeatureRegression();
      for (size_t i = 0; i < asked.size(); ++i) {
        const auto& [context, perturbation] = asked[i];
        if (fold[fitter.place(perturbation)] != k) continue;
        const auto said =
            shift_of(k < folds ? left : all, features.vector(names[size_t(perturbation)]), context);
        std::copy(said.begin(), said.end(), out[i].begin());
      }
    }
  });
  return out;
}

VCELL_INSTANTIATE(models, class FeatureFitter<double>);
VCELL_INSTANTIATE(models,
                  Tensor<float, 2> out_of_fold_shifts<void>(
                      const FeatureFitter<>&, const FeatureRegression&,
                      const std::vector<std::pair<int32_t, int32_t>>&, const PerturbationFeatures&,
                      std::span<const std::string>, uint64_t, size_t));

VCELL_END_NAMESPACE
