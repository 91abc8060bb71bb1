#include "vcell/nn/copy_parameters.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

/// Two parameters, one of them empty where `n` is 0.
struct Model {
  Parameters<float> parameters;
  Model(uint64_t seed, size_t n, const char* name = "b") : parameters(seed) {
    parameters.add<2>("a", {2, 3}, Initial::normal(1));
    parameters.add<1>(name, {n}, Initial::normal(1));
  }
  std::vector<float> values() const {
    const auto all = parameters.values();
    return {all.begin(), all.end()};
  }
};

}  // namespace

TEST_CASE("copy_parameters: the same values, each with its own", "[nn]") {
  for (const size_t n : {0, 1, 17}) {
    const Model from(1, n), to(2, n);
    REQUIRE(to.values() != from.values());
    copy_parameters(from.parameters, to.parameters);
    CHECK(to.values() == from.values());
    const auto before = from.values();
    to.parameters.all()[0].mutable_value()(0) += 1;
    CHECK(from.values() == before);
  }
}

TEST_CASE("copy_parameters: of another configuration nothing is taken", "[nn]") {
  const Model from(1, 4);
  for (const auto& [n, name] : {std::pair(5, "b"), {4, "c"}}) {
    const Model to(2, size_t(n), name);
    const auto before = to.values();
    check_error<ConfigError>([&] { copy_parameters(from.parameters, to.parameters); },
                             {"copy_parameters", "different configurations"});
    CHECK(to.values() == before);
  }
}
