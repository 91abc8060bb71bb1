#pragma once

#include <Eigen/Cholesky>
#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/models/feature_regression.hpp"

VCELL_BEGIN_NAMESPACE

/// A kernel and how much what it says is held back.
struct KernelChoice {
  FeatureKernel kernel = FeatureKernel::none;
  double width = 0;  ///< of the Gaussian kernel
  double ridge = 0;  ///< added to the diagonal, as part of its mean
};

namespace detail {

/// The kernel matrix as seen from its mean: H K H, with H = 1 - 1 / n.
template <class Matrix>
Matrix centred(const Matrix& k) {
  const auto means = k.colwise().mean().eval();
  Matrix out = k.rowwise() - means;
  const auto rows = out.rowwise().mean().eval();
  out.colwise() -= rows;
  return out;
}

/// Kernel ridge with a free mean, leaving each row out in turn: the squared errors, (n). With A =
/// (H K H + lambda)^-1 and Y the targets less their mean it is |(A Y)_i|^2 / (A_ii - 1 / (n
/// lambda))^2 (Golub, Heath and Wahba 1979, section 2), so of Y the products Y Y^T are enough.
/// @return  empty where a row alone decides what is said of it
template <class Matrix>
std::vector<double> leave_one_out(const Matrix& centred_kernel, double lambda,
                                  const Matrix& products) {
  const Eigen::Index n = centred_kernel.rows();
  Matrix a = centred_kernel;
  a.diagonal().array() += lambda;
  const Eigen::LLT<Matrix> factors(a);
  a = factors.solve(Matrix::Identity(n, n));
  const Matrix ap = a * products;
  std::vector<double> errors;
  for (Eigen::Index i = 0; i < n; ++i) {
    const double left = a(i, i) - 1 / (double(n) * lambda);
    if (!(left * lambda > 1e-9)) return {};
    errors.push_back(std::max(0.0, ap.row(i).dot(a.row(i))) / (left * left));
  }
  return errors;
}

}  // namespace detail

/// How alike perturbations are by their features, standardised: what regressions are fitted with,
/// in numbers of type T.
template <class T = double>
class FeatureKernels {
 public:
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  /// A centred kernel with less on its diagonal tells no points apart.
  static constexpr double least_diagonal = 1e-9;

  /// @param features  (n, P) of the perturbations. O(n^2 P)
  explicit FeatureKernels(Tensor<float, 2> features)
      : z_(std::move(features)), standard_(standardise(z_)) {
    compare();
  }

  size_t size() const { return z_.shape(0); }
  const Tensor<float, 2>& points() const { return z_; }           ///< (n, P)
  const StandardFeatures& standard() const { return standard_; }  ///< features -> points
  /// Of the distances between points that differ; 0 where none do.
  double median_distance() const { return median_; }

  /// The kernel of some points with each other.
  Matrix matrix(const KernelChoice& choice, std::span<const size_t> places) const;

  /// The kernel, of some, that predicts the targets of its points best, each from the others: by
  /// the squared error of leaving one out, over ridges from 0.001 to 32. The mean of the others is
  /// among what is compared, and is what is chosen (FeatureKernel::none) unless the best gains more
  /// than the standard error of its gain: among so many some gain a little by chance.
  ///
  /// Leaving one out is closed and needs no seed, and validation has too few perturbations to tell
  /// so many candidates apart.
  ///
  /// @param places   the points
  /// @param targets  (places, genes) less their mean
  /// O(n^3) for each of 10 ridges and each kernel, whatever the number of genes
  KernelChoice choose(std::span<const KernelChoice> kernels, std::span<const size_t> places,
                      const Matrix& targets) const;

 private:
  void compare();

  Tensor<float, 2> z_;
  StandardFeatures standard_;
  Matrix products_, squared_;  // (n, n) of points: products by P, squared distances
  double median_ = 0;
};

template <class T>
void FeatureKernels<T>::compare() {
  const auto n = Eigen::Index(z_.shape(0));
  products_ = squared_ = Matrix(n, n);
  parallel_for(size_t(n), 8, [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i)
      for (size_t j = 0; j <= i; ++j) {
        double product = 0, square = 0;
        for (size_t k = 0; k < z_.shape(1); ++k) {
          const double a = double(z_(i, k)), b = double(z_(j, k));
          product += a * b;
          square += (a - b) * (a - b);
        }
        products_(Eigen::Index(i), Eigen::Index(j)) = product / double(z_.shape(1));
        squared_(Eigen::Index(i), Eigen::Index(j)) = square;
      }
  });
  std::vector<double> apart;
  for (Eigen::Index i = 0; i < n; ++i)
    for (Eigen::Index j = 0; j < i; ++j) {
      products_(j, i) = products_(i, j);
      squared_(j, i) = squared_(i, j);
      if (squared_(i, j) > 0) apart.push_back(squared_(i, j));
    }
  if (apart.empty()) return;
  const auto middle = apart.begin() + std::ptrdiff_t(apart.size() / 2);
  std::nth_element(apart.begin(), middle, apart.end());
  median_ = std::sqrt(*middle);
}

template <class T>
auto FeatureKernels<T>::matrix(const KernelChoice& choice, std::span<const size_t> places) const
    -> Matrix {
  const auto n = Eigen::Index(places.size());
  Matrix k(n, n);
  for (Eigen::Index i = 0; i < n; ++i)
    for (Eigen::Index j = 0; j < n; ++j) {
      const auto a = Eigen::Index(places[size_t(i)]), b = Eigen::Index(places[size_t(j)]);
      k(i, j) = choice.kernel == FeatureKernel::linear
                    ? products_(a, b)
                    : std::exp(-squared_(a, b) / (2 * choice.width * choice.width));
    }
  return k;
}

template <class T>
KernelChoice FeatureKernels<T>::choose(std::span<const KernelChoice> kernels,
                                       std::span<const size_t> places,
                                       const Matrix& targets) const {
  const size_t n = places.size();
  if (n < 3) return {};
  const Matrix products = targets * targets.transpose();
  const double far = double(n) / double(n - 1);
  std::vector<double> plain;  // the mean of the others alone
  for (Eigen::Index i = 0; i < products.rows(); ++i) plain.push_back(products(i, i) * far * far);

  constexpr std::array<double, 10> ridges = {1e-3, 3.2e-3, 1e-2, 3.2e-2, 0.1, 0.32, 1, 3.2, 10, 32};
  std::vector<std::vector<double>> errors(kernels.size() * ridges.size());
  for (size_t k = 0; k < kernels.size(); ++k) {
    const Matrix centred_kernel = detail::centred(matrix(kernels[k], places));
    const double diagonal = centred_kernel.trace() / double(n);
    if (!(diagonal > least_diagonal)) continue;
    parallel_for(ridges.size(), 1, [&](size_t first, size_t last) {
      for (size_t r = first; r < last; ++r)
        errors[k * ridges.size() + r] =
            detail::leave_one_out(centred_kernel, ridges[r] * diagonal, products);
    });
  }
  const auto total = [](const std::vector<double>& e) {
    double sum = 0;
    for (const double x : e) sum += x;
    return sum;
  };
  size_t chosen = errors.size();
  double least = total(plain);
  for (size_t i = 0; i < errors.size(); ++i)
    if (!errors[i].empty() && total(errors[i]) < least) {
      least = total(errors[i]);
      chosen = i;
    }
  if (chosen == errors.size()) return {};
  // What it gains over the mean, and the standard error of that: by chance some candidate always
  // gains a little.
  double gain = 0, square = 0;
  for (size_t i = 0; i < n; ++i) {
    const double d = plain[i] - errors[chosen][i];
    gain += d;
    square += d * d;
  }
  gain /= double(n);
  const double variance = std::max(0.0, square / double(n) - gain * gain);
  if (gain * gain * double(n) <= variance) return {};
  KernelChoice out = kernels[chosen / ridges.size()];
  out.ridge = ridges[chosen % ridges.size()];
  return out;
}

VCELL_INSTANTIATE(models, class FeatureKernels<double>);

VCELL_END_NAMESPACE
