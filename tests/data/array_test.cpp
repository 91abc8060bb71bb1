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
    CHECK(a.values.bytes().size() == 2 * size_of(a.dtype()));
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
    check_error<FormatError>([&] { a.as<decltype(like)>(); }, {"Numbers::as", "does not fit into"});
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
  check_error<ShapeError>([] { Array{{2}, {}}.as<float>(); }, {"Array::as"});
}

TEST_CASE("numbers: taken over, borrowed, converted and given back", "[data]") {
  std::vector<int32_t> whole = {3, -1, 7};
  const int32_t* at = whole.data();
  Numbers n = std::move(whole);
  CHECK(n.dtype() == DType::i32);
  CHECK(n.size() == 3);
  CHECK(n.values<int32_t>().data() == at);
  check_error<FormatError>([&] { n.values<float>(); }, {"Numbers::values", "int32", "float32"});
  const Numbers copy = n;
  n.values<int32_t>()[1] = 5;
  CHECK(copy.as<int64_t>() == std::vector<int64_t>{3, -1, 7});
  CHECK(n.as<double>() == std::vector<double>{3, 5, 7});
  CHECK_FALSE(n == copy);
  float some[2] = {};
  CHECK(n.copy(1, 2, some));
  CHECK((some[0] == 5 && some[1] == 7));
  uint8_t byte[1] = {};
  CHECK_FALSE(copy.copy(1, 1, byte));
  check_error<ShapeError>([&] { n.copy(2, 2, some); }, {"Numbers::copy", "2 from 2 on, of 3"});
  check_error<ShapeError>([&] { n.copy(4, 0, some); }, {"Numbers::copy"});
  const std::vector<size_t> places = {2, 0, 2}, pair = {1}, beyond = {3};
  CHECK(n.select(places).as<int>() == std::vector<int>{7, 3, 7});
  CHECK(Numbers(std::vector<int8_t>{1, 2, 3, 4}).select(pair, 2).as<int>() ==
        std::vector<int>{3, 4});
  check_error<ShapeError>([&] { n.select(beyond); }, {"Numbers::select", "3"});
  CHECK(n.take<int32_t>().data() == at);
  CHECK(n.size() == 0);
  n = copy;
  CHECK(n.take<int64_t>() == std::vector<int64_t>{3, -1, 7});
  n = copy;
  n.become<float>();
  CHECK(n == Numbers(std::vector<float>{3, -1, 7}));
  n.truncate(1);
  CHECK(n == Numbers(std::vector<float>{3}));
  check_error<ShapeError>([&] { n.truncate(2); }, {"Numbers::truncate", "2 of 1"});
  CHECK(Numbers(DType::f16, 2).as<float>() == std::vector<float>{0, 0});
  CHECK(Numbers() == Numbers(std::vector<float>()));
  CHECK_FALSE(Numbers() == Numbers(std::vector<double>()));
}

TEST_CASE("numbers: truth values are bytes, 0 or 1", "[data]") {
  const Numbers truths = Numbers::truths({0, 1, 7});
  CHECK(truths.dtype() == DType::boolean);
  CHECK(truths == Numbers(std::vector<uint8_t>{0, 1, 1}, DType::boolean));
  CHECK_FALSE(truths == Numbers(std::vector<uint8_t>{0, 1, 1}));
  CHECK(truths.as<bool>() == std::vector<bool>{false, true, true});
  CHECK(truths.as<double>() == std::vector<double>{0, 1, 1});
  CHECK(truths.holds<uint8_t>());
  check_error<FormatError>([] { Numbers(std::vector<float>{1}, DType::f64); }, {"Numbers"});
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
