#pragma once

#include "vcell/models/shift_predictor.hpp"

VCELL_BEGIN_NAMESPACE

/// Predicted cells are control cells.
template <class Void = void>
class ControlCopy final : public ShiftPredictor<Void> {
 public:
  std::string name() const override { return "control_copy"; }
  std::string meaning() const override {
    return "A baseline: predicted cells are control cells; nothing happens.";
  }
  void fit(const Screen& screen, std::span<const Part>, const Callbacks&) override {
    genes_ = screen.genes.size();
  }
  std::optional<std::vector<double>> shift(int32_t, int32_t) const override {
    return std::vector<double>(genes_, 0.0);
  }

 protected:
  std::string source() const override { return "screen"; }

 private:
  size_t genes_ = 0;
};

VCELL_END_NAMESPACE
