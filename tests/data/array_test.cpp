#include "vcell/data/array.hpp"

#include <cmath>
#include <limits>

#include "support/errors.hpp"

using namespace vcell;
using vcell_test::check_error;

TEST_CASE("array: numbers of every dtype come out as the numbers they are", "[data]") {
  const auto check = [](auto x) {
    using T = decltype(x);
    const Array a = Array::of<T>({2, 1}, std::vector<T>{x, T(1)});
    CHECK(a.count() == 2);
    CHECK(a.bytes.size() == 2 * size_of(a.dtype));
    CHECK(a.as<double>() == std::vector<double>{double(x), 1});
    CHECK(a.as<T>() == std::vector<T>{x, T(1)});
  };
  check(int8_t(-128));
  check(uint8_t(255));
  check(int16_t(-32768));
  check(uint16_t(65535));
  check(std::numeric_limits<int32_t>::min());
  check(~uint32_t(0));
  check(int64_t(-5));
  check(uint64_t(5));
  check(0.1f);
  check(-1e300);
  const bool truths[] = {true, false};
  CHECK(Array::of<bool>({2}, truths).as<int>() == std::vector<int>{1, 0});
  const bfloat16 brain[] = {bfloat16(-2.5f)};
  CHECK(Array::of<bfloat16>({1}, brain).as<float>() == std::vector<float>{-2.5f});
}

TEST_CASE("array: integers are never rounded or wrapped", "[data]") {
  const auto fails = [](const Array& a, auto like) {
    check_error<FormatError>([&] { a.as<decltype(like)>(); }, {"Array::as", "does not fit into"});
  };
  const auto of = []<class T>(T x) { return Array::of<T>({1}, std::vector<T>{x}); };
  fails(of(int64_t(128)), int8_t());
  fails(of(int8_t(-1)), uint64_t());
  fails(of(~uint64_t(0)), int64_t());
  fails(of(0.5), int32_t());
  fails(of(std::numeric_limits<double>::quiet_NaN()), int32_t());
  fails(of(std::numeric_limits<double>::infinity()), int64_t());
  fails(of(9223372036854775808.0), int64_t());
  fails(of(18446744073709551616.0), uint64_t());
  fails(of(-1.0f), uint8_t());
  fails(of(uint8_t(2)), bool());
  CHECK(of(-9223372036854775808.0).as<int64_t>()[0] == std::numeric_limits<int64_t>::min());
  CHECK(of(18446744073709549568.0).as<uint64_t>()[0] == 18446744073709549568u);
  CHECK(of(255.0f).as<uint8_t>()[0] == 255);
}

TEST_CASE("array: shapes with nothing, of one number, and that do not fit", "[data]") {
  CHECK(Array::of<float>({0, 3}, std::vector<float>{}).as<double>().empty());
  CHECK(Array::of<float>({}, std::vector<float>{2}).as<int>() == std::vector<int>{2});
  check_error<ShapeError>([] { Array::of<float>({2}, std::vector<float>{1}); },
                          {"Array::of", "(1)", "(2)"});
  check_error<ShapeError>([] { Array{DType::f32, {2}, {}}.as<float>(); }, {"Array::as"});
}

TEST_CASE("half: every one of them is the float it should be", "[data]") {
  const auto value = [](uint16_t bits) { return float(half::from_bits(bits)); };
  CHECK(value(0x3c00) == 1.0f);
  CHECK(value(0xc000) == -2.0f);
  CHECK(value(0x7bff) == 65504.0f);
  CHECK(value(0x0001) == 0x1p-24f);
  CHECK(value(0x03ff) == 0x3ffp-24f);
  CHECK(value(0x0400) == 0x1p-14f);
  CHECK(value(0x7c00) == std::numeric_limits<float>::infinity());
  CHECK(value(0xfc00) == -std::numeric_limits<float>::infinity());
  CHECK(std::isnan(value(0x7e00)));
  CHECK(std::signbit(value(0x8000)));
  // By the definition: sign, exponent with bias 15, ten bits of fraction.
  for (uint32_t bits = 0; bits < 0x7c00; ++bits) {
    const int exponent = int(bits >> 10);
    const double fraction = double(bits & 0x3ff) / 1024;
    const double expected =
        exponent ? std::ldexp(1 + fraction, exponent - 15) : std::ldexp(fraction, -14);
    REQUIRE(double(value(uint16_t(bits))) == expected);
    REQUIRE(double(value(uint16_t(bits | 0x8000))) == -expected);
  }
}

TEST_CASE("dtype: names and sizes are numpy's", "[data]") {
  CHECK(name_of(DType::boolean) == "bool");
  CHECK(name_of(DType::bf16) == "bfloat16");
  CHECK(name_of(dtype_of<float>()) == "float32");
  CHECK(name_of(dtype_of<int64_t>()) == "int64");
  CHECK(size_of(DType::f16) == 2);
  CHECK(size_of(dtype_of<uint32_t>()) == 4);
}
