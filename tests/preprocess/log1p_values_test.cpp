#include "vcell/preprocess/log1p_values.hpp"

#include <bit>
#include <limits>
#include <vector>

#include "support/catch.hpp"

using namespace vcell;

namespace {

float log1p_of(float x, float by = 1) {
  detail::log1p_values(std::span(&x, 1), by);
  return x;
}

bool same_bits(float a, float b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
}

}  // namespace

TEST_CASE("log1p_values: near the logarithm for every size of value", "[preprocess]") {
  // Floats from 0 to 1e6 in even steps of their bits, denormal ones included, and beyond.
  std::vector<float> x;
  constexpr uint32_t last = 0x7f7fffff;
  for (uint32_t bits = 0; bits < last - 5003; bits += 5003) x.push_back(std::bit_cast<float>(bits));
  for (const float y : {1e6F, 0.5F, std::bit_cast<float>(0x3effffffU), 2.F, 0x1p126F, 0x1p127F,
                        std::numeric_limits<float>::max(), 1.4e-45F})
    x.push_back(y);
  auto found = x;
  detail::log1p_values(std::span(found));
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double expected = std::log1p(double(x[i]));
    const double error = std::abs(double(found[i]) - expected);
    // Of denormal values half a unit of the last place is more than 2e-7.
    if (error > 1e-45) worst = std::max(worst, error / expected);
  }
  CHECK(worst < 2e-7);
  CHECK(found[0] == 0);
  CHECK(log1p_of(7, 2) == Approx(std::log1p(3.5)).epsilon(2e-7));
}

TEST_CASE("log1p_values: values that are no counts", "[preprocess]") {
  constexpr float inf = std::numeric_limits<float>::infinity();
  CHECK(same_bits(log1p_of(-0.F), -0.F));
  CHECK(same_bits(log1p_of(0.F), 0.F));
  CHECK(log1p_of(inf) == inf);
  CHECK(std::isnan(log1p_of(std::numeric_limits<float>::quiet_NaN())));
  CHECK(log1p_of(-1) == -inf);
  CHECK(std::isnan(log1p_of(-1.5F)));
  CHECK(std::isnan(log1p_of(-inf)));
  CHECK(log1p_of(-0.75F) == Approx(std::log1p(-0.75)).epsilon(2e-7));
  CHECK(same_bits(log1p_of(-1e-30F), -1e-30F));
}

TEST_CASE("log1p_values: the same bytes wherever a value lies", "[preprocess]") {
  std::vector<float> x;
  for (size_t i = 0; i < 200; ++i) x.push_back(float(i * i % 97) * 0.37F + float(i) * 1e-3F);
  x[100] = std::numeric_limits<float>::infinity();
  for (const size_t begin : {0, 1, 3, 17, 63, 64, 65})
    for (const size_t size : {0, 1, 2, 15, 16, 63, 64, 65, 127, 130}) {
      auto some = x;
      detail::log1p_values(std::span(some).subspan(begin, size), 0.7F);
      bool same = true;
      for (size_t i = 0; i < x.size(); ++i)
        same &= same_bits(some[i], i < begin || i >= begin + size ? x[i] : log1p_of(x[i], 0.7F));
      CAPTURE(begin, size);
      CHECK(same);
    }
}

TEST_CASE("log1p_values: double", "[preprocess]") {
  std::vector<double> x{0, 3, 1e-12};
  detail::log1p_values(std::span(x), 2.0);
  CHECK(x == std::vector<double>{0, std::log1p(1.5), std::log1p(5e-13)});
}
