// Losses on logits and counts against the reference's numbers.
#include "support/golden_op.hpp"
#include "vcell/ops/cross_entropy.hpp"
#include "vcell/ops/log_softmax.hpp"
#include "vcell/ops/negative_binomial_loss.hpp"

using namespace vcell;
using namespace vcell_test;

TEST_CASE("log_softmax: golden", "[ops][golden]") {
  const auto folder = golden_folder("ops");
  if (!folder) VCELL_SKIP("golden folder ops is absent");
  check_golden_op(*folder, "log_softmax", [](auto& c) {
    with_rank(c.rank("x"), [&](auto rank) {
      const auto x = c.template input<rank>("x");
      const int dim = c.attributes.at("dim");
      c.check(dim == -1 ? log_softmax(x) : log_softmax(x, dim < 0 ? dim + rank : dim));
    });
  });
}

TEST_CASE("cross_entropy: golden", "[ops][golden]") {
  const auto folder = golden_folder("ops");
  if (!folder) VCELL_SKIP("golden folder ops is absent");
  check_golden_op(*folder, "cross_entropy", [](auto& c) {
    const auto reduction = c.attributes.at("reduction").template get<std::string>();
    REQUIRE((reduction == "mean" || reduction == "sum" || reduction == "none"));
    const auto x = c.template input<2>("x");
    auto labels = c.template data<int32_t, 1>("y");
    if (reduction == "none")
      c.check(cross_entropies(x, std::move(labels)));
    else
      c.check(cross_entropy(x, std::move(labels),
                            reduction == "mean" ? Reduction::mean : Reduction::sum));
  });
}

TEST_CASE("negative_binomial_loss: golden", "[ops][golden]") {
  const auto folder = golden_folder("ops");
  if (!folder) VCELL_SKIP("golden folder ops is absent");
  check_golden_op(*folder, "nb_nll", [](auto& c) {
    if (c.is_float) c.bounds.out = 1e-4;
    if (c.name == "near_poisson") {
      // The reference subtracts log gamma functions, and digamma functions, of theta up to 3e7:
      // what rounding leaves of the difference.
      double logs = 0, slopes = 0;
      for (const double t : c.array(".in.theta").template as<double>()) {
        logs = std::max(logs, t * std::log(t));
        slopes = std::max(slopes, std::log(t));
      }
      constexpr double epsilon = std::numeric_limits<double>::epsilon();
      slopes *= largest_magnitude(c.array(".cot").template as<double>());
      c.bounds.rounding = {{"out", epsilon * logs}, {"grad.theta", 2 * epsilon * slopes}};
    }
    with_rank(c.rank("mu"), [&](auto rank) {
      c.check(negative_binomial_loss(c.template input<rank>("count"), c.template input<rank>("mu"),
                                     c.template input<rank>("theta"),
                                     {.epsilon = c.attributes.at("eps")}));
    });
  });
}
