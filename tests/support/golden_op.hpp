// Runs one operation against its goldens: ops/<op>.safetensors and what ops.json says of its cases.
#pragma once

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/largest_error.hpp"
#include "vcell/autograd/backward.hpp"
#include "vcell/io/safetensors.hpp"
#include "vcell/tensor/copy.hpp"

namespace vcell_test {

/// Largest errors allowed: max |ours - golden| / max |golden|, against the float64 numbers.
struct GoldenBounds {
  double out, gradient;
  /// Where the golden numbers are all 0, but for rounding: absolute.
  double zero;
  /// What errors of the result are divided by instead of max |golden|; 0 = max |golden|.
  double out_scale = 0;
  /// Absolute errors of "out", "grad.x", ... that rounding alone explains, allowed in any case: for
  /// inputs so large that the order of a sum decides more digits than the bounds above grant.
  std::map<std::string, double> rounding = {};
};

/// One case of one operation in one precision on one device.
template <class T, class Device = vcell::Cpu>
class GoldenCase {
 public:
  static constexpr bool is_float = std::is_same_v<T, float>;

  const std::string name;
  const nlohmann::json& attributes;
  GoldenBounds bounds =
      is_float ? GoldenBounds{2e-6, 2e-6, 1e-6} : GoldenBounds{1e-12, 1e-12, 1e-12};

  GoldenCase(const vcell::Safetensors& file, std::string case_name, const nlohmann::json& attrs)
      : name(std::move(case_name)), attributes(attrs), file_(file) {}

  bool has(const std::string& input) const { return file_.tensors.count(name + ".in." + input); }
  const vcell::Array& array(const std::string& key) const { return file_.tensors.at(name + key); }
  size_t rank(const std::string& input) const { return array(".in." + input).shape.size(); }

  /// An input that is not differentiated, such as a mask or an index.
  template <class U, int rank>
  vcell::Tensor<U, rank> data(const std::string& input) const {
    return tensor<U, rank>(array(".in." + input));
  }
  template <class U, int rank>
  vcell::Tensor<U, rank> cotangent() const {
    return tensor<U, rank>(array(".cot"));
  }
  /// A floating input; its gradient is compared when the file has one.
  template <int rank>
  vcell::Variable<T, rank, Device> input(const std::string& input_name) {
    const bool differentiated = file_.tensors.count(name + ".f64.grad." + input_name);
    const vcell::Variable<T, rank, Device> x(vcell::to_device<Device>(data<T, rank>(input_name)),
                                             differentiated);
    if (differentiated) inputs_.push_back({input_name, x.template reshape<1>({x.count()})});
    return x;
  }

  /// Compares the result, goes backward from the case's cotangent and compares the gradients.
  template <int rank>
  void check(const vcell::Variable<T, rank, Device>& y) {
    CHECK(std::vector<size_t>(y.shape().begin(), y.shape().end()) == array(".f64.out").shape);
    compare("out", y.value(), bounds.out, bounds.out_scale);
    const auto dy = vcell::to_device<Device>(cotangent<T, rank>());
    vcell::backward(y, dy.view());
    std::set<std::string> compared;
    for (const auto& [input_name, x] : inputs_) {
      compare("grad." + input_name, x.gradient(), bounds.gradient, 0);
      compared.insert(name + ".f64.grad." + input_name);
    }
    for (const auto& [key, unused] : file_.tensors)
      if (key.rfind(name + ".f64.grad.", 0) == 0) CHECK(compared.count(key) == 1);
  }

 private:
  template <class U, int rank>
  static vcell::Tensor<U, rank> tensor(const vcell::Array& a) {
    REQUIRE(a.shape.size() == size_t(rank));
    vcell::Shape<rank> shape{};
    if constexpr (rank > 0) std::copy(a.shape.begin(), a.shape.end(), shape.begin());
    vcell::Tensor<U, rank> t(shape);
    const auto values = a.as<U>();
    std::copy(values.begin(), values.end(), t.data());
    return t;
  }

  template <class View>
  void compare(const std::string& what, View view, double bound, double scale) {
    const auto ours = vcell::to_host(view);
    const auto golden = array(".f64." + what).template as<double>();
    const double largest = largest_magnitude(golden);
    double allowed = largest < 1e-12 ? bounds.zero : bound * (scale > 0 ? scale : largest);
    if (const auto found = bounds.rounding.find(what); found != bounds.rounding.end())
      allowed = std::max(allowed, found->second);
    const double error = largest_difference(ours.values(), golden);
    INFO(name << ' ' << what << (is_float ? " in float" : " in double") << ": error " << error
              << ", allowed " << allowed << ", largest " << largest);
    const bool within = error <= allowed;
    CHECK(within);
  }

  struct Input {
    std::string name;
    vcell::Variable<T, 1, Device> x;
  };
  const vcell::Safetensors& file_;
  std::vector<Input> inputs_;
};

/// Calls run(case) for every case of an operation that ops.json lists, in double and in float.
template <class Device = vcell::Cpu, class Run>
void check_golden_op(const std::filesystem::path& folder, const std::string& op, Run run) {
  std::ifstream text(folder / "ops.json");
  REQUIRE(text.good());
  const auto description = nlohmann::json::parse(text);
  const auto file = vcell::read_safetensors(folder / (op + ".safetensors"));
  const auto& cases = description.at("ops").at(op);
  CHECK_FALSE(cases.empty());
  for (const auto& [name, attributes] : cases.items()) {
    INFO(op << ", case " << name);
    GoldenCase<double, Device> wide(file, name, attributes);
    run(wide);
    GoldenCase<float, Device> narrow(file, name, attributes);
    run(narrow);
  }
}

/// Calls f(std::integral_constant<int, rank>) for a rank that is known at run time, 1 .. 4.
template <class F>
void with_rank(size_t rank, F f) {
  if (rank == 1) return f(std::integral_constant<int, 1>());
  if (rank == 2) return f(std::integral_constant<int, 2>());
  if (rank == 3) return f(std::integral_constant<int, 3>());
  if (rank == 4) return f(std::integral_constant<int, 4>());
  FAIL("a golden input of rank " << rank);
}

}  // namespace vcell_test
