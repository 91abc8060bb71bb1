#include "vcell/kernels/find_centres.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/catch.hpp"
#include "support/random_tensor.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

constexpr size_t first = 5;  // any number
constexpr uint32_t nothing = 99;

/// What is found, on memory that is full of what is not a number.
template <class T>
struct Found {
  std::vector<T> mean, memory;
  std::vector<uint32_t> centre_of;
  std::vector<const T*> centres;
  size_t count;

  explicit Found(const Tensor<T, 2>& set)
      : mean(set.shape(1), T(0)),
        memory(2 * set.shape(0), T(NAN)),
        centre_of(set.shape(0), nothing),
        centres(first + kernel::most_centres) {
    const size_t n = set.shape(0), columns = set.shape(1);
    for (size_t i = 0; i < n; ++i)
      for (size_t c = 0; c < columns; ++c) mean[c] += set(i, c) / T(n);
    centres[first] = mean.data();
    count = kernel::find_centres<T>(set.view(), first, centres.data(), centre_of.data(),
                                    {memory.data(), 2, n, n});
  }
};

template <class T>
double square(const T* a, const T* b, size_t columns) {
  double sum = 0;
  for (size_t c = 0; c < columns; ++c) sum += std::pow(double(a[c]) - double(b[c]), 2);
  return sum;
}

/// Cells of place k are 0.01 wide and thousands from others, squared; of -1: anywhere.
template <class T>
Tensor<T, 2> in_places(const std::vector<int>& places, size_t columns) {
  const auto centre = random_tensor<T, 2>({20, columns}, 77);
  auto x = random_tensor<T, 2>({places.size(), columns}, 1);
  for (size_t i = 0; i < places.size(); ++i)
    for (size_t c = 0; c < columns; ++c)
      x(i, c) =
          places[i] < 0 ? 10 * x(i, c) : 10 * centre(size_t(places[i]), c) + T(0.01) * x(i, c);
  return x;
}

/// The first cells of each place, counts[k] of place k, in random order.
std::vector<int> in_random_order(const std::vector<size_t>& counts) {
  std::vector<int> places;
  for (size_t k = 0; k < counts.size(); ++k) places.insert(places.end(), counts[k], int(k));
  Rng rng(3);
  shuffle(places.begin(), places.end(), rng);
  return places;
}

template <class T>
void check_clusters(const std::vector<int>& places, size_t clusters) {
  const auto x = in_places<T>(places, 30);
  const Found<T> found(x);
  INFO(clusters << " clusters of " << places.size());
  CHECK(found.count >= clusters);  // the mean may be far from all
  CHECK(found.count <= clusters + 1);
  double largest = 0;
  for (size_t i = 0; i < places.size(); ++i) {
    REQUIRE(found.centre_of[i] >= first);
    REQUIRE(found.centre_of[i] < first + found.count);
    largest = std::max(largest, square(x.view()[i].data, found.centres[found.centre_of[i]], 30));
  }
  CHECK(largest < 0.1);
}

}  // namespace

TEST_CASE("kernel find_centres: every cluster gets one", "[kernels]") {
  for (const auto& counts : std::vector<std::vector<size_t>>{{24, 24},
                                                             {40, 24},
                                                             {100, 100},
                                                             {70, 40, 30},
                                                             {80, 50, 40, 30, 30},
                                                             {700, 600, 500, 500, 300},
                                                             {100, 100, 100, 100, 100, 100}}) {
    auto places = in_random_order(counts);
    check_clusters<float>(places, counts.size());
    check_clusters<double>(places, counts.size());
    std::sort(places.begin(), places.end());
    check_clusters<float>(places, counts.size());
    for (size_t i = 0; i < places.size(); ++i) places[i] = int(i % counts.size());
    check_clusters<float>(places, counts.size());
  }
}

TEST_CASE("kernel find_centres: every point has the closest", "[kernels]") {
  // Clusters beside points that lie anywhere.
  auto places = in_random_order({60, 50});
  for (size_t i = 0; i < places.size(); i += 3) places[i] = -1;
  const auto x = in_places<float>(places, 30);
  const Found<float> found(x);
  CHECK(found.count == 3);
  for (size_t i = 0; i < places.size(); ++i) {
    const double own = square(x.view()[i].data, found.centres[found.centre_of[i]], 30);
    for (size_t k = first; k < first + found.count; ++k)
      CHECK(own <= square(x.view()[i].data, found.centres[k], 30) * (1 + 1e-5));
    if (places[i] >= 0) CHECK(own < 0.1);
  }
}

TEST_CASE("kernel find_centres: the mean is enough", "[kernels]") {
  const auto check_mean = [](const auto& x) {
    const Found found(x);
    CHECK(found.count == 1);
    for (const uint32_t k : found.centre_of) CHECK(k == first);
  };
  for (const size_t n : {1, 3, 47, 48, 300}) {
    const auto x = random_tensor<float, 2>({n, 40}, n);
    check_mean(x);
    CHECK(std::isnan(Found<float>(x).memory.back()));  // no centre was tried
  }
  check_mean(in_places<float>(in_random_order({200}), 30));     // one cluster
  check_mean(in_places<float>(in_random_order({20, 20}), 30));  // few points
  check_mean(Tensor<float, 2>({90, 7}));
  check_mean(Tensor<float, 2>({90, 0}));
  // More clusters than a centre of each would pay for.
  check_mean(in_places<float>(in_random_order(std::vector<size_t>(20, 15)), 30));
  auto x = random_tensor<float, 2>({90, 7}, 1);
  x(3, 4) = NAN;
  check_mean(x);
}

TEST_CASE("kernel find_centres: many clusters get as many as there may be", "[kernels]") {
  const auto x = in_places<float>(in_random_order(std::vector<size_t>(16, 100)), 30);
  CHECK(Found<float>(x).count == kernel::most_centres);
}
