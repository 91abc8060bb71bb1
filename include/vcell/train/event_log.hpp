#pragma once

#include "vcell/io/event_file.hpp"
#include "vcell/train/train_state.hpp"

VCELL_BEGIN_NAMESPACE

/// What steps of training leave, for TensorBoard: the numbers of metrics.csv under the tags
/// train/loss, train/learning_rate, train/gradient_norm, validation/loss, validation/pearson_delta
/// and validation/discrimination. Unlike that file it holds times.
///
///   EventLog log("run/tensorboard", trainer.state().step);
///   trainer.run(task, {.metrics = [&](const MetricsRow& row) { log.add(row); }});
class EventLog {
 public:
  /// @param done  steps done before
  /// @throws WriteError
  template <class = void>
  explicit EventLog(const std::filesystem::path& folder, uint64_t done = 0) : file_(folder, done) {}

  /// @throws WriteError
  template <class = void>
  void add(const MetricsRow& row) {
    file_.add(row.step, "train/loss", row.train_loss);
    file_.add(row.step, "train/learning_rate", row.learning_rate);
    file_.add(row.step, "train/gradient_norm", row.gradient_norm);
    if (row.validation_loss) file_.add(row.step, "validation/loss", *row.validation_loss);
    if (row.pearson_delta) file_.add(row.step, "validation/pearson_delta", *row.pearson_delta);
    if (row.discrimination) file_.add(row.step, "validation/discrimination", *row.discrimination);
  }

 private:
  EventFile file_;
};

VCELL_END_NAMESPACE
