#include "vcell/nn/load_parameters.hpp"

#include <limits>

#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

Parameters<float> two() {
  Parameters<float> p(1);
  p.add<2>("a.weight", {2, 3}, vcell::Initial::normal(1));
  p.add<1>("a.bias", {2}, vcell::Initial::normal(1));
  return p;
}

std::vector<float> values(const Parameters<float>& p) {
  std::vector<float> out;
  for (const auto& q : p.all()) out.insert(out.end(), q.value().begin(), q.value().end());
  return out;
}

template <class T>
Array array(std::vector<size_t> shape, std::vector<T> v) {
  return Array::of<T>(std::move(shape), v);
}

}  // namespace

TEST_CASE("load_parameters: what parameter_arrays gave comes back", "[nn]") {
  const auto from = two();
  Parameters<float> to(7);
  to.add<1>("a.bias", {2}, vcell::Initial::normal(1));  // another order
  to.add<2>("a.weight", {2, 3}, vcell::Initial::normal(1));
  load_parameters(to, parameter_arrays(from));
  REQUIRE(parameter_arrays(to) == parameter_arrays(from));
}

TEST_CASE("load_parameters: any floating-point type, converted", "[nn]") {
  const auto p = two();
  std::map<std::string, Array> arrays;
  arrays["a.weight"] = array<double>({2, 3}, {1, 2, 3, 4, 5, 1.0 / 3});
  arrays["a.bias"] = array<bfloat16>({2}, {bfloat16(0.5f), bfloat16(-2.0f)});
  load_parameters(p, arrays);
  REQUIRE(values(p) == std::vector<float>{1, 2, 3, 4, 5, 1.0f / 3, 0.5f, -2});
}

TEST_CASE("load_parameters: names that may be ignored", "[nn]") {
  const auto p = two();
  auto arrays = parameter_arrays(p);
  arrays["unused.table"] = array<float>({1}, {1});
  check_error<ConfigError>([&] { load_parameters(p, arrays); }, {"unknown are 'unused.table'"});
  load_parameters(p, arrays, [](std::string_view name) { return name == "unused.table"; });
  arrays.erase("a.bias");  // a parameter is never ignored
  check_error<ConfigError>([&] { load_parameters(p, arrays, [](auto) { return true; }); },
                           {"missing are 'a.bias'"});
}

TEST_CASE("load_parameters: errors change nothing", "[nn]") {
  const auto p = two();
  const auto before = values(p);
  const auto good =
      std::map<std::string, Array>{{"a.bias", array<float>({2}, {8, 9})},
                                   {"a.weight", array<float>({2, 3}, {1, 2, 3, 4, 5, 6})}};
  auto bad = good;
  bad["a.weight"].shape = {3, 2};
  check_error<ShapeError>([&] { load_parameters(p, bad, {}, "file.safetensors"); },
                          {"file.safetensors: 'a.weight' has shape (3, 2), expected (2, 3)"});
  bad = good;
  bad["a.bias"] = array<int64_t>({2}, {1, 2});
  check_error<FormatError>([&] { load_parameters(p, bad); }, {"'a.bias' holds int64"});
  bad["a.bias"] = array<float>({2}, {1, std::numeric_limits<float>::infinity()});
  check_error<FormatError>([&] { load_parameters(p, bad); }, {"'a.bias' holds inf"});
  bad["a.bias"] = array<double>({2}, {1, 1e300});  // more than float holds
  check_error<FormatError>([&] { load_parameters(p, bad); }, {"'a.bias' holds inf"});
  bad = good;
  bad.erase("a.bias");
  bad["a.bais"] = good.at("a.bias");
  check_error<ConfigError>([&] { load_parameters(p, bad); },
                           {"missing are 'a.bias', unknown are 'a.bais'"});
  REQUIRE(values(p) == before);
}
