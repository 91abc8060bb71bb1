// Training steps on a GPU: launched as one recorded graph, and queued kernel by kernel.
#pragma once

#include <cmath>
#include <optional>
#include <tuple>

#include "support/gpu.hpp"
#include "support/model_work.hpp"
#include "vcell/train/trainer.hpp"

namespace vcell_bench {

/// A batch that stays where it is, as a task of Trainer: every step is of it.
/// @tparam Loss  Variable<float, 0, Cuda>(const Pass<Cuda>&)
template <class Loss>
class SameBatch {
 public:
  using Step = vcell::TrainingStep<vcell::Cuda>;

  explicit SameBatch(const Loss& loss) : loss_(loss) {}

  vcell::BatchShape load(const Step&) { return {}; }
  auto loss_of_loaded(const Step& step) const {
    return loss_(vcell::Pass<vcell::Cuda>{.training = true, .seed = 1, .step = step});
  }
  auto loss(const Step& step) const { return loss_of_loaded(step); }
  std::optional<double> validation_loss() { return std::nullopt; }

 private:
  Loss loss_;
};

/// Seconds of a training step: the median of several windows of steps, each of which ends with the
/// host reading what they left. The first steps, in which memory is taken and the work recorded,
/// are left out.
/// @param flops  of a step: the less, the longer a window
/// @throws Error if steps were to be recorded and were not
template <class Task>
double step_seconds(const Gpu& gpu, const vcell::Parameters<float, vcell::Cuda>& parameters,
                    vcell::TrainOptions options, Task task, double flops, bool record) {
  using Clock = std::chrono::steady_clock;
  const uint64_t first = gpu.tiny ? uint64_t(record) : 3, windows = gpu.tiny ? 1 : 4,
                 window = gpu.tiny ? 1 : uint64_t(std::clamp(5e12 / flops, 1., 20.)),
                 left_out = (first + window - 1) / window * window;
  options.max_steps = left_out + windows * window;
  options.schedule = vcell::ScheduleShape::constant;  // of too few steps for another one
  options.warmup = 0;
  options.validate_every = options.checkpoint_every = 0;
  options.report_every = window;
  options.accumulate = 1;
  options.record = record;
  vcell::Trainer<float, vcell::Cuda> trainer(parameters, options);
  std::vector<Clock::time_point> read;
  vcell::TrainCallbacks callbacks;
  callbacks.progress = [&](const vcell::ProgressUpdate& update) {
    if (update.done >= left_out && update.done % window == 0) read.push_back(Clock::now());
    return true;
  };
  if (left_out == 0) read.push_back(Clock::now());
  const vcell::TrainResult result = trainer.run(task, callbacks);
  if (record && result.recorded.count + 1 < options.max_steps)
    throw vcell::Error(vcell::message("all but the first of ", options.max_steps,
                                      " steps should be recorded, and ", result.recorded.count,
                                      " were: ", result.recorded.why_not));
  std::vector<double> seconds;
  for (size_t i = 1; i < read.size(); ++i)
    seconds.push_back(std::chrono::duration<double>(read[i] - read[i - 1]).count() /
                      double(window));
  return median(seconds);
}

/// Times and prints steps of one model in each precision, both ways, with the share of the
/// precision's rate that the formula's operations are (model FLOP utilisation, MFU).
/// @param name   of the model
/// @param sizes  of the batch
/// @param flops  of a step
/// @param values of the batch
/// @param loss   of SameBatch
template <class Model, class Loss>
void time_steps(const Gpu& gpu, const std::string& name, const std::string& sizes,
                const Model& model, const vcell::TrainOptions& options, double flops, double values,
                const Loss& loss) {
  using vcell::Precision;
  const double parameters = double(model.parameters().count());
  std::printf("%s, %s: %.0f parameters, %.4g flops a step\n", name.c_str(), sizes.c_str(),
              parameters, flops);
  vcell::current_context<vcell::Cuda>().synchronize();  // other contexts read what was made here
  for (const auto& [precision, word, rate] :
       {std::tuple{Precision::bfloat16, "bfloat16", &GpuPeaks::bfloat16},
        std::tuple{Precision::tf32, "tf32", &GpuPeaks::tf32},
        std::tuple{Precision::float32, "float32", &GpuPeaks::float32}}) {
    if (gpu.tiny && precision != Precision::bfloat16) continue;
    const vcell::Context<vcell::Cuda> context(precision);
    const vcell::UseContext use(context);
    const Work work{flops, training_step_bytes(parameters, values),
                    gpu.peaks ? gpu.peaks->*rate : 0};
    const auto time = [&, word = word](const char* way, bool record) {
      const double seconds =
          step_seconds(gpu, model.parameters(), options, SameBatch<Loss>(loss), flops, record);
      print(gpu, vcell::message(name, ", ", word, ", ", way), sizes, seconds, work);
      return seconds;
    };
    const double recorded = time("recorded", true), queued = time("queued", false);
    context.synchronize();
    std::printf("  queued takes %.2f times recorded", queued / recorded);
    if (work.rate > 0)
      std::printf("; MFU %.1f %%, queued %.1f %%", 100 * flops / recorded / work.rate,
                  100 * flops / queued / work.rate);
    std::printf("\n");
    std::fflush(stdout);
  }
}

}  // namespace vcell_bench
