#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/models/perturbation_features.hpp"
#include "vcell/models/state_transition_terms.hpp"
#include "vcell/models/training_anchors.hpp"
#include "vcell/tensor/copy.hpp"
#include "vcell/train/recorded_steps.hpp"
#include "vcell/train/resident_cells.hpp"
#include "vcell/train/send_beside.hpp"
#include "vcell/train/state_transition_task_options.hpp"
#include "vcell/train/train_state.hpp"
#include "vcell/train/validation_shifts.hpp"

VCELL_BEGIN_NAMESPACE

/// Training of a State Transition model on a screen (of expression, or of an embedding:
/// embedding_screen), for Trainer::run: batches of paired sets in, the configuration's
/// loss with all its terms out (state_transition_terms). A gene decoder is trained on
/// options.sets.genes, log1p; a negative binomial one on the counts that those stand for, exp - 1.
///
///   StateTransitionTask task(model, features, screen, parts, options, trainer.batches());
///   trainer.run(task);
template <class T = float, class Device = Cpu>
class StateTransitionTask {
 public:
  /// @param model     must outlive the task, like features and screen
  /// @param screen    with the model's genes, and with batches where the model has a batch encoder
  /// @param parts     (cells)
  /// @param first     the batch of the first loss, when training is resumed
  /// @throws ShapeError if the genes or batches are not as many as the model's
  /// @throws ConfigError if a perturbation that is trained or validated on has no features, or
  ///         there is nothing to train on
  StateTransitionTask(const StateTransition<T, Device>& model, const PerturbationFeatures& features,
                      const Screen& screen, std::span<const Part> parts,
                      const StateTransitionTaskOptions& options = {}, uint64_t first = 0);

  /// The training loss of a step; steps come in order.
  /// @throws Error if it is not the next one
  Variable<T, 0, Device> loss(const TrainingStep<Device>& step) {
    load(step);
    return loss_of_loaded(step);
  }

  /// The first half of that: the batch of a step is brought to the device. Batches of equal shapes
  /// come to lie in the same places.
  /// @return what has to be equal for the second half to be the same work
  BatchShape load(const TrainingStep<Device>& step);
  /// The second half, which reads and sends nothing that differs between steps.
  Variable<T, 0, Device> loss_of_loaded(const TrainingStep<Device>& step) const {
    const Pass<Device> pass{.training = true, .seed = seed_, .step = step};
    const Done done = run(loaded_, pass);
    return loss_of(done, output_of(done, pass, 1));
  }

  /// The mean loss over the sets of the validation part, and how well their perturbations' shifts
  /// are met (ValidationShifts); nothing if there are none.
  std::optional<Validation> validation_loss();

  /// Sets in one pass over the training cells.
  size_t training_sets() const { return loader_.source().sets(); }
  /// Sets in the validation part.
  size_t validation_sets() const { return validation_.sets(); }
  /// Whether training batches are gathered on the device.
  bool is_resident() const { return bool(resident_.targets); }

 private:
  static SetSourceOptions training_sets(const StateTransitionTaskOptions& all, bool is_resident) {
    SetSourceOptions options = all.sets;
    options.sets.part = Part::train;
    if (all.anchors) options.sets.strata = all.anchors->strata();
    options.rows_only = is_resident;
    return options;
  }
  static SetSourceOptions validation_sets(const StateTransitionTaskOptions& all) {
    SetSourceOptions options = all.sets;
    options.sets.part = Part::validation;
    options.sets.weights = SamplingWeights::cells;  // what is measured weighs cells alike
    return options;
  }

  /// The cells of a screen on the device; with equal inputs and targets those are there once.
  struct Resident {
    ResidentCells<T, Device> inputs, targets, genes;
  };
  Resident resident_of(const Screen& screen, const StateTransitionTaskOptions& options) const;

  /// Where each perturbation of the screen is among the features; every one in use must be there.
  void find_places(const Screen& screen);

  /// A batch on the device.
  struct Loaded {
    Variable<T, 3, Device> control;
    StateTransitionTargets<T, Device> targets;
    Variable<T, 2, Device> perturbation, anchor;
    Indices<2, Device> batches;
    Variable<int32_t, 1, Device> all_lengths;      // in memory that stays
    Variable<int32_t, 1, Device> lengths;          // the same, or none where no set is short
    Indices<2, Device> control_rows, target_rows;  // of what is resident
    SendBeside<T, Device> sender;                  // of cells that are not
  };
  /// @param draws  what sets draw their anchors by, where there are two
  void load(const SetSource& source, const SetBatch& batch, Rng draws, Loaded& out) const;
  /// The cells of it.
  void send_cells(const SetBatch& batch, Loaded& out) const;
  void gather_cells(const SetBatch& batch, Loaded& out) const;

  /// A batch after its pass through the model.
  struct Done {
    const Loaded* batch;
    StateTransitionOutput<T, Device> learnt;
  };
  Done run(const Loaded& batch, const Pass<Device>& pass) const {
    return {&batch, model_->learn(batch.control, batch.perturbation, batch.batches, pass,
                                  batch.lengths, batch.anchor)};
  }

  StateTransitionOutput<T, Device> output_of(const Done& done, const Pass<Device>& pass,
                                             double alpha) const {
    return model_->finish(done.batch->control, done.batch->anchor, done.learnt, pass, alpha);
  }
  Variable<T, 0, Device> loss_of(const Done& done,
                                 const StateTransitionOutput<T, Device>& output) const {
    return state_transition_terms(model_->config(), output, done.batch->targets,
                                  done.batch->control, done.batch->lengths)
        .total();
  }

  /// How much of what is learnt can be believed: what validation chooses from.
  std::span<const double> alphas() const {
    static constexpr double all[] = {1, 0.7, 0.5, 0.25, 0};
    return std::span(all).first(anchors_ && choose_alpha_ ? std::size(all) : 1);
  }

  const StateTransition<T, Device>* model_;
  const PerturbationFeatures* features_;
  const TrainingAnchors* anchors_;
  uint64_t seed_;
  bool choose_alpha_;
  Resident resident_;
  SetLoader loader_;
  SetSource validation_;
  size_t validation_batches_;
  std::vector<size_t> places_;  // (perturbations of the screen)
  Loaded loaded_;               // of training
  SetBatch batch_;              // of validation; its memory is used again
  ValidationShifts shifts_;
};

template <class T, class Device>
StateTransitionTask<T, Device>::StateTransitionTask(const StateTransition<T, Device>& model,
                                                    const PerturbationFeatures& features,
                                                    const Screen& screen,
                                                    std::span<const Part> parts,
                                                    const StateTransitionTaskOptions& options,
                                                    uint64_t first)
    : model_(&model),
      features_(&features),
      anchors_(options.anchors),
      seed_(options.sets.seed),
      choose_alpha_(options.choose_alpha),
      resident_(resident_of(screen, options)),
      loader_(screen, parts, {training_sets(options, bool(resident_.targets)), options.prefetch},
              first),
      validation_(screen, parts, validation_sets(options)),
      validation_batches_(options.validation_batches
                              ? std::min(options.validation_batches, validation_.batches())
                              : validation_.batches()),
      shifts_(screen, validation_.cell_sets().groups(), alphas().size()) {
  const auto& config = model.config();
  const size_t genes = screen.genes.size();
  if ((config.output_space == OutputSpace::embedding) != screen.is_embedding)
    throw ConfigError(message("StateTransitionTask: config.output_space is ",
                              screen.is_embedding ? "not embedding and the screen holds one"
                                                  : "embedding and the screen holds expression",
                              "; embedding_screen makes a screen of an embedding"));
  check_size_match("StateTransitionTask", "values of an input cell", loader_.source().input_width(),
                   "config.input_width", config.input_width);
  check_size_match("StateTransitionTask", "genes of the screen", genes, "config.output_width",
                   config.output_width);
  const bool two = config.anchor == Anchor::features;
  check_size_match("StateTransitionTask", "width of the features", features.width() + two,
                   "config.perturbation_width", config.perturbation_width);
  check_size_match("StateTransitionTask", "columns of options.sets.genes",
                   loader_.source().gene_width(), "config.gene_width", config.gene_width);
  if (config.batches)
    check_size_match("StateTransitionTask", "batches of the screen", screen.batch.names.size(),
                     "config.batches", config.batches);
  if (config.token_batches)
    check_size_match("StateTransitionTask", "batches of the screen", screen.batch.names.size(),
                     "config.token_batches", config.token_batches);
  if (model.is_anchored() != (anchors_ != nullptr))
    throw ConfigError(message(
        "StateTransitionTask: the model is ",
        anchors_ ? "not anchored and anchors were given" : "anchored and no anchors were given",
        "; options.anchors and config.anchor go together"));
  if (anchors_ && anchors_->has_features() != two)
    throw ConfigError(message("StateTransitionTask: options.anchors are made with",
                              two ? "out" : "", " features and config.anchor is ",
                              two ? "features" : "perturbation_mean", "; they go together"));
  if (anchors_)
    for (const SetSource* source : {&loader_.source(), &std::as_const(validation_)})
      for (const CellGroup& group : source->cell_sets().groups())
        for (const uint64_t draw : {0, 1}) anchors_->choose(group, draw);
  find_places(screen);
  if (!is_resident()) loaded_.sender = SendBeside<T, Device>(true);
}

template <class T, class Device>
BatchShape StateTransitionTask<T, Device>::load(const TrainingStep<Device>& step) {
  if (step.number != loader_.step())
    throw Error(message("StateTransitionTask: step ", step.number, " was asked for after step ",
                        loader_.step(), " had been prepared; make the task with the step that ",
                        "training starts at"));
  load(loader_.source(), loader_.next(), Rng(seed_, stream_of("anchors of sets") + step.number),
       loaded_);
  return {loaded_.control.shape(0), loaded_.control.shape(1), bool(loaded_.lengths)};
}

template <class T, class Device>
std::optional<Validation> StateTransitionTask<T, Device>::validation_loss() {
  if (validation_batches_ == 0) return std::nullopt;
  const NoGrad no_grad;
  std::vector<double> sums(alphas().size());
  Loaded loaded;
  size_t sets = 0;
  shifts_.clear();
  for (size_t i = 0; i < validation_batches_; ++i) {
    validation_.read_pass(i, batch_);
    const size_t n = batch_.perturbation.size();
    load(validation_, batch_, Rng(seed_, stream_of("anchors of validation sets") + i), loaded);
    const Done done = run(loaded, {});
    const auto lengths = std::as_const(batch_.lengths).view();
    shifts_.add_observed(batch_.group, lengths, std::as_const(batch_.target).view());
    for (size_t a = 0; a < sums.size(); ++a) {
      const auto output = output_of(done, {}, alphas()[a]);
      sums[a] += double(to_host(loss_of(done, output).value())()) * double(n);
      if constexpr (readable_on_host<Device>) {
        shifts_.add_predicted(a, batch_.group, lengths, output.cells.value());
      } else {
        const auto cells = to_host(output.cells.value());
        shifts_.add_predicted(a, batch_.group, lengths, cells.view());
      }
    }
    sets += n;
  }
  const auto best = size_t(std::min_element(sums.begin(), sums.end()) - sums.begin());
  Validation found(sums[best] / double(sets), alphas()[best]);
  if (const auto scores = shifts_.scores(best)) {
    found.pearson_delta = scores->pearson_delta;
    found.discrimination = scores->discrimination;
  }
  return found;
}

template <class T, class Device>
void StateTransitionTask<T, Device>::find_places(const Screen& screen) {
  std::vector<std::string> absent;
  places_.assign(screen.perturbation.names.size(), 0);
  for (const SetSource* source : {&loader_.source(), &std::as_const(validation_)})
    for (const CellGroup& group : source->cell_sets().groups()) {
      const auto code = size_t(group.perturbation);
      const std::string& name = screen.perturbation.names[code];
      if (features_->has(name))
        places_[code] = features_->place(name);
      else if (std::find(absent.begin(), absent.end(), name) == absent.end())
        absent.push_back(name);
    }
  if (!absent.empty())
    throw ConfigError(message("StateTransitionTask: no features for ", list_of(absent),
                              ", which the split trains or validates on; add them, or leave ",
                              "their cells out of these parts"));
}

template <class T, class Device>
void StateTransitionTask<T, Device>::load(const SetSource& source, const SetBatch& batch, Rng draws,
                                          Loaded& out) const {
  const auto& config = model_->config();
  const size_t sets = batch.perturbation.size();
  const size_t width = features_->width();
  auto rows = Tensor<T, 2>::uninitialized({sets, config.perturbation_width});
  for (size_t b = 0; b < sets; ++b)
    features_->copy<T>(places_[size_t(batch.perturbation[b])],
                       {rows[b].begin(), rows[b].begin() + std::ptrdiff_t(width)});
  const auto is_short = [&](int32_t n) { return size_t(n) * sets < batch.target_cells.size(); };
  send(batch.lengths, out.all_lengths);
  const bool any = std::ranges::any_of(batch.lengths.values(), is_short);
  out.lengths = any ? out.all_lengths : Variable<int32_t, 1, Device>();
  if (anchors_) {
    auto values = Tensor<T, 2>::uninitialized({sets, config.output_width});
    for (size_t b = 0; b < sets; ++b) {
      const auto chosen = anchors_->choose(source.cell_sets().groups()[batch.group[b]],
                                           anchors_->has_features() ? draws.next() : 0);
      std::ranges::copy(chosen.anchor, values[b].begin());
      if (anchors_->has_features()) rows(b, width) = T(chosen.by_features);
    }
    send(values, out.anchor);
  }
  send(rows, out.perturbation);
  if (batch.input.count())
    send_cells(batch, out);
  else
    gather_cells(batch, out);
  if (config.token_batches) out.targets.batches.send(batch_of_sets(batch.batch, batch.lengths));
  if (config.batches) out.batches.send(batch.batch);
}

template <class T, class Device>
void StateTransitionTask<T, Device>::send_cells(const SetBatch& batch, Loaded& out) const {
  std::array<typename SendBeside<T, Device>::Item, 3> items;
  size_t count = 0;
  Tensor<T, 3> input, target, genes;  // of them, where T is not what they are
  const auto add = [&](const Tensor<float, 3>& x, Tensor<T, 3>& own, Variable<T, 3, Device>& to) {
    if constexpr (std::is_same_v<T, float>)
      items[count++] = {x.view(), &to};
    else
      items[count++] = {std::as_const(own = cast<T>(x)).view(), &to};
  };
  add(batch.input, input, out.control);
  add(batch.target, target, out.targets.cells);
  Tensor<float, 3> counts;
  if (model_->config().decoder == GeneDecoderKind::negative_binomial)
    for (float& x : (counts = batch.genes).values()) x = std::expm1(x);
  const auto& observed = counts.count() ? counts : batch.genes;
  if (model_->config().gene_width) add(observed, genes, out.targets.genes);
  out.sender.send(std::span(items).first(count));
}

template <class T, class Device>
void StateTransitionTask<T, Device>::gather_cells(const SetBatch& batch, Loaded& out) const {
  const size_t sets = batch.perturbation.size();
  const auto rows_of = [&](const std::vector<size_t>& cells) {
    auto rows = Tensor<int32_t, 2>::uninitialized({sets, cells.size() / sets});
    std::ranges::transform(cells, rows.data(), [&](size_t cell) {
      return cell == no_cell ? resident_.targets.no_row() : int32_t(cell);
    });
    return rows;
  };
  out.control_rows.send(rows_of(batch.control_cells));
  out.target_rows.send(rows_of(batch.target_cells));
  const auto& inputs = resident_.inputs ? resident_.inputs : resident_.targets;
  inputs.gather(out.control_rows, out.control);
  resident_.targets.gather(out.target_rows, out.targets.cells);
  if (resident_.genes) resident_.genes.gather(out.target_rows, out.targets.genes);
}

template <class T, class Device>
auto StateTransitionTask<T, Device>::resident_of(const Screen& screen,
                                                 const StateTransitionTaskOptions& options) const
    -> Resident {
  using Cells = ResidentCells<T, Device>;
  const bool has_genes = model_->config().gene_width && options.sets.genes;
  const DenseMatrix<float>* input = options.sets.input.dense();
  const CsrMatrix<float>* genes = has_genes ? options.sets.genes.csr() : nullptr;
  // What is on disk, or in another kind of matrix, is sent batch by batch.
  if (screen.elsewhere || (options.sets.input && !input) || (has_genes && !genes)) return {};
  size_t bytes = Cells::bytes(screen.cells(), screen.expression.columns);
  if (input) bytes += Cells::bytes(input->rows, input->columns);
  if (genes) bytes += Cells::bytes(genes->rows, genes->columns);
  Resident out;
  if (bytes > options.resident_bytes ||
      screen.cells() >= size_t(std::numeric_limits<int32_t>::max()))
    return out;
  const auto itself = [](float x) { return x; };
  out.targets = Cells(screen.expression, itself);
  if (input) out.inputs = Cells(*input, itself);
  const bool counts = model_->config().decoder == GeneDecoderKind::negative_binomial;
  if (genes) out.genes = Cells(*genes, [counts](float x) { return counts ? std::expm1(x) : x; });
  return out;
}

VCELL_INSTANTIATE(models, class StateTransitionTask<float>);

VCELL_END_NAMESPACE
