#include "vcell/nn/parameters.hpp"

#include <cstdint>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/threads.hpp"
#include "vcell/autograd/backward.hpp"
#include "vcell/nn/linear.hpp"
#include "vcell/ops/mean.hpp"
#include "vcell/ops/multiply.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

std::vector<float> values(const Parameter<float>& p) {
  return {p.value().begin(), p.value().end()};
}

}  // namespace

TEST_CASE("Parameters: one block, entries on 64 bytes, zeros between them", "[nn]") {
  Parameters<float> p(1);
  const auto a = p.add<1>("a", {3}, Initial::constant(1));
  const auto b = p.add<2>("b", {2, 9}, Initial::normal(1));
  const auto none = p.add<1>("none", {0}, Initial::constant(1));
  const auto c = p.add<1>("c", {16}, Initial::constant(2));
  CHECK(p.count() == 3 + 18 + 16);
  const auto all = p.values();
  CHECK(all.count() == 16 + 32 + 16);
  CHECK(p.values_count() == all.count());
  for (const auto* v : {&a, &c}) {
    CHECK(reinterpret_cast<uintptr_t>(v->value().data) % 64 == 0);
    CHECK(v->value().data >= all.data);
  }
  CHECK(b.value().data == all.data + 16);
  CHECK(none.count() == 0);
  std::vector<bool> used(all.count());
  for (const auto& q : p.all())
    for (size_t i = 0; i < q.count; ++i) used[p.value_offset(q) + i] = true;
  for (size_t i = 0; i < all.count(); ++i)
    if (!used[i]) CHECK(all[i] == 0);
  c.mutable_value()[3] = 7;
  CHECK(p.values()[p.value_offset(*p.find("c")) + 3] == 7);
}

TEST_CASE("Parameters: laid out at first use, and closed then", "[nn]") {
  Parameters<float> p(1);
  const auto a = p.add<2>("a", {2, 3}, Initial::normal(1));
  p.add<1>("b", {2}, Initial::constant(3));
  CHECK(a.value().data == p.values().data);  // the first use
  check_error<Error>([&] { p.add<1>("c", {2}, Initial()); }, {"'c'", "after", "in use"});
  CHECK(p.find("c") == nullptr);
  Parameters<float> q(1);
  q.add<1>("b", {2}, Initial::constant(3));
  q.lay_out_gradients();
  check_error<Error>([&] { q.add<1>("c", {2}, Initial()); }, {"'c'"});
}

TEST_CASE("Parameters: what is loaded before moves in, the rest is drawn", "[nn]") {
  const auto declare = [](Parameters<float>& p) {
    p.add<1>("a", {2}, Initial::normal(1));
    p.add<1>("b", {3}, Initial::normal(1));
  };
  Parameters<float> loaded(1), drawn(1);
  declare(loaded);
  declare(drawn);
  loaded.load(0, {5, 6});
  CHECK(values(loaded.all()[0]) == std::vector<float>{5, 6});
  CHECK(values(loaded.all()[1]) == values(drawn.all()[1]));
  loaded.load(1, {7, 8, 9});  // and after
  CHECK(values(loaded.all()[1]) == std::vector<float>{7, 8, 9});
}

TEST_CASE("Parameters: rows with names of their own", "[nn]") {
  Parameters<float> p(4), apart(4);
  const auto qk = p.add_rows<2>({{"q", 2}, {"k", 3}}, {5, 4}, Initial::normal(1));
  const auto q = apart.add<2>("q", {2, 4}, Initial::normal(1));
  const auto k = apart.add<2>("k", {3, 4}, Initial::normal(1));
  REQUIRE(p.all().size() == 2);
  CHECK(p.find("k")->shape == std::vector<size_t>{3, 4});
  CHECK(values(*p.find("q")) == std::vector<float>(q.value().begin(), q.value().end()));
  CHECK(values(*p.find("k")) == std::vector<float>(k.value().begin(), k.value().end()));
  CHECK(p.find("k")->value().data == qk.value().data + 8);
  backward(mean(multiply(qk, qk)));
  CHECK(p.find("k")->gradient()[1] == qk.gradient()(2, 1));
  check_error<ShapeError>(
      [&] {
        Parameters<float>().add_rows<2>({{"q", 2}}, {3, 4}, Initial());
      },
      {"named rows", "2", "3"});
  check_error<ConfigError>(
      [&] {
        Parameters<float> twice;
        twice.add_rows<1>({{"q", 2}}, {2}, Initial());
        twice.add_rows<1>({{"k", 2}, {"q", 1}}, {3}, Initial());
      },
      {"'q' is taken"});
}

TEST_CASE("Parameters: frozen by name or by what names begin with", "[nn]") {
  Parameters<float> p(1);
  const Linear<float> first(p, "layers.1", 3, 2), other(p, "layers.10", 3, 2);
  const Linear<float> both(p, {{"q", 2}, {"k", 2}}, 3);
  p.freeze("layers.1");
  CHECK_FALSE(p.find("layers.1.weight")->entry.requires_gradient());
  CHECK_FALSE(p.find("layers.1.bias")->entry.requires_gradient());
  CHECK(p.find("layers.10.bias")->entry.requires_gradient());
  p.freeze("layers.10.bias");
  CHECK_FALSE(p.find("layers.10.bias")->entry.requires_gradient());
  CHECK(p.find("layers.10.weight")->entry.requires_gradient());
  check_error<ConfigError>([&] { p.freeze("layer"); }, {"'layer'", "layers.1.weight"});
  check_error<ConfigError>([&] { p.freeze("q"); }, {"'q.weight'", "'k.weight'", "rows of one"});
  CHECK(p.find("q.weight")->entry.requires_gradient());
  p.lay_out_gradients();
  check_error<Error>([&] { p.freeze("q.weight"); }, {"'q.weight'", "before the optimizer"});
}

TEST_CASE("Parameters: frozen like those of another model, whole entries alone or not", "[nn]") {
  const auto declare = [](auto& p) {
    const Linear<float> first(p, "a", 3, 2), second(p, "a.b", 3, 2);
    const Linear<float> both(p, {{"q", 2}, {"k", 2}}, 3);
  };
  Parameters<float> from(1), to(2);
  declare(from);
  declare(to);
  from.freeze("a.weight");
  from.find("q.bias")->entry.value();  // laid out: no matter
  to.freeze_like(from);
  for (const auto& p : to.all()) {
    INFO(p.name);
    CHECK(p.entry.requires_gradient() == (p.name != "a.weight"));
  }
  Parameters<float> fewer(1);
  check_error<ShapeError>([&] { to.freeze_like(fewer); }, {"freeze_like", "parameters"});
  to.freeze_like(from);  // again
  to.lay_out_gradients();
  check_error<Error>([&] { to.freeze_like(from); }, {"freeze_like", "'a.weight'", "before the"});
}

TEST_CASE("Parameters: gradients of one block, and before that of each its own", "[nn]") {
  Parameters<double> p(1);
  const auto a = p.add<1>("a", {3}, Initial::constant(2)), b = p.add<1>("b", {3}, Initial());
  p.add<1>("frozen", {4}, Initial());
  p.freeze("frozen");
  backward(mean(multiply(a, a)));
  CHECK(a.gradient()[1] == Approx(4 / 3.));
  p.lay_out_gradients();
  CHECK(a.gradient()[1] == Approx(4 / 3.));  // it moved in
  const auto all = p.gradients();
  CHECK(all.count() == 16);
  CHECK(a.gradient().data == all.data);
  CHECK(all[p.gradient_offset(*p.find("a")) + 1] == Approx(4 / 3.));
  for (size_t i = 3; i < 16; ++i) CHECK(all[i] == 0);  // padding, and b, which nothing reached
  a.gradient()[0] = NAN;
  p.clear_gradients();
  CHECK_FALSE(a.gradient_target().accumulate);
  p.clear_gradients();
  CHECK(p.gradients()[0] == 0);
  CHECK(b.gradient()[2] == 0);
}

TEST_CASE("Parameters: initial values are the same on any number of threads", "[nn]") {
  vcell_test::check_same_on_any_threads([] {
    Parameters<float> p(9);
    p.add<2>("w", {200, 301}, Initial::normal(1));
    p.add<2>("u", {200, 301}, Initial::uniform(1));
    const auto all = p.values();
    return std::vector<float>(all.begin(), all.end());
  });
}

TEST_CASE("Parameters: values outlive the table", "[nn]") {
  Variable<float, 1> a;
  {
    Parameters<float> p(1);
    a = p.add<1>("a", {3}, Initial::constant(2));
    Parameters<float> moved = std::move(p);
    CHECK(moved.all().size() == 1);
  }
  CHECK(a.value()[2] == 2);  // laid out now
}
