#include "predictions.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "vcell/models/draw_near_controls.hpp"
#include "vcell/models/predict.hpp"
#include "vcell/preprocess/declared_scale.hpp"
#include "vcell/sets/control_pairing.hpp"

namespace {

/// Appends one row of a matrix to another.
void append_row(vcell::CsrMatrix<float>& to, const vcell::CsrMatrix<float>& from, size_t row) {
  const auto genes = from.row_indices(row);
  const auto values = from.row_values(row);
  to.indices.insert(to.indices.end(), genes.begin(), genes.end());
  to.values.insert(to.values.end(), values.begin(), values.end());
  to.end_row();
}

/// Rows of the control cells of the pairs' contexts, context by context.
std::vector<size_t> control_rows(const vcell::Screen& screen,
                                 std::span<const vcell::BaselineRequest> pairs) {
  const vcell::ControlPairing pairing(screen);
  std::vector<size_t> rows;
  for (const int32_t context : contexts_of(pairs)) {
    const auto controls = pairing.controls(context);
    rows.insert(rows.end(), controls.begin(), controls.end());
  }
  return rows;
}

/// Names for evaluation; contexts only where the screen has several.
class Labels {
 public:
  explicit Labels(const vcell::Screen& screen) : screen_(&screen) {}
  void add(int32_t perturbation, int32_t context) {
    perturbation_.push_back(screen_->perturbation.names[size_t(perturbation)]);
    context_.push_back(screen_->context.names[size_t(context)]);
  }
  vcell::LabelledCells with(vcell::CsrMatrix<float> cells) const {
    return {std::move(cells), screen_->genes, vcell::factor(perturbation_),
            screen_->context.names.size() > 1 ? vcell::factor(context_) : vcell::Factor()};
  }

 private:
  const vcell::Screen* screen_;
  std::vector<std::string> perturbation_, context_;
};

}  // namespace

std::vector<int32_t> contexts_of(std::span<const vcell::BaselineRequest> pairs) {
  std::set<int32_t> contexts;
  for (const auto& pair : pairs) contexts.insert(pair.context);
  return {contexts.begin(), contexts.end()};
}

std::vector<vcell::BaselineRequest> held_out_pairs(const Prepared& p, uint64_t seed,
                                                   vcell::PredictFrom from) {
  const auto& s = p.screen();
  std::map<std::pair<int32_t, int32_t>, size_t> cells;
  for (size_t i = 0; i < s.cells(); ++i)
    if (p.parts[i] == vcell::Part::test && !s.is_control(i))
      ++cells[{s.context.codes[i], s.perturbation.codes[i]}];
  if (cells.empty())
    throw vcell::ConfigError(
        "run: the split holds no perturbed cell out for test, so there is nothing to score; put "
        "some into test, or use 'vcell train'");
  const vcell::ControlPairing pairing(s);
  std::vector<vcell::BaselineRequest> pairs;
  for (const auto& [pair, n] : cells) {
    const auto& [context, perturbation] = pair;
    vcell::Rng rng(
        seed, vcell::stream_of(vcell::message("predict ", s.context.names[size_t(context)], '|',
                                              s.perturbation.names[size_t(perturbation)])));
    const auto controls = pairing.controls(context);
    pairs.push_back({context, perturbation,
                     from == vcell::PredictFrom::all
                         ? std::vector<size_t>(controls.begin(), controls.end())
                         : vcell::draw_near_controls(s.expression, controls, n, rng)});
  }
  return pairs;
}

Predictions predict_pairs(const vcell::TrainedModel& model, const vcell::Screen& screen,
                          const vcell::Screen* all, std::vector<vcell::BaselineRequest> pairs,
                          Console& console, bool new_context) {
  std::vector<int32_t> model_column;  // of every gene of `all`; -1 outside the model
  if (all) {
    std::unordered_map<std::string_view, int32_t> places;
    for (size_t g = 0; g < screen.genes.size(); ++g) places[screen.genes[g]] = int32_t(g);
    for (const auto& gene : all->genes) {
      const auto found = places.find(gene);
      model_column.push_back(found == places.end() ? -1 : found->second);
    }
  }
  std::vector<std::vector<float>> anchors;  // all before the first prediction: one may be missing
  for (const auto& pair : pairs)
    anchors.push_back(
        vcell::anchor_of(model, screen.perturbation.names[size_t(pair.perturbation)],
                         new_context ? "" : screen.context.names[size_t(pair.context)]));
  Predictions out{std::move(pairs), {}, {}};
  out.cells.columns = all ? all->genes.size() : screen.genes.size();
  const auto progress = console.progress();
  std::vector<float> row(out.cells.columns);
  for (size_t k = 0; k < out.pairs.size(); ++k) {
    const auto& pair = out.pairs[k];
    vcell::report(progress, {"predict", k, out.pairs.size(), {}});
    const auto made = vcell::predict(
        model.model, screen.expression, pair.control_cells,
        model.perturbations.vector(screen.perturbation.names[size_t(pair.perturbation)]),
        model.batches.empty() ? std::span<const int32_t>() : screen.batch.codes,
        {.set_size = model.set_size,
         .anchor = anchors[k],
         .alpha = model.anchors ? model.anchors->alpha : 1});
    out.pair_of.insert(out.pair_of.end(), made.rows, k);
    for (size_t i = 0; i < made.rows; ++i) {
      if (all) {
        const auto columns = all->expression.row_indices(pair.control_cells[i]);
        const auto values = all->expression.row_values(pair.control_cells[i]);
        std::fill(row.begin(), row.end(), 0.f);
        for (size_t g = 0; g < columns.size(); ++g) row[size_t(columns[g])] = values[g];
        for (size_t g = 0; g < row.size(); ++g)
          if (model_column[g] >= 0) row[g] = made.row(i)[size_t(model_column[g])];
      } else {
        row.assign(made.row(i).begin(), made.row(i).end());
      }
      for (size_t g = 0; g < row.size(); ++g)
        if (row[g] != 0) {
          out.cells.indices.push_back(int32_t(g));
          out.cells.values.push_back(row[g]);
        }
      out.cells.end_row();
    }
  }
  vcell::report(progress, {"predict", out.pairs.size(), out.pairs.size(), {}});
  return out;
}

vcell::LabelledCells labelled_predictions(const vcell::Screen& screen,
                                          std::span<const vcell::BaselineRequest> pairs,
                                          const vcell::CsrMatrix<float>& cells,
                                          std::span<const size_t> pair_of) {
  vcell::CsrMatrix<float> x = cells;
  Labels labels(screen);
  for (const size_t k : pair_of) labels.add(pairs[k].perturbation, pairs[k].context);
  for (const size_t row : control_rows(screen, pairs)) {
    append_row(x, screen.expression, row);
    labels.add(screen.control, screen.context.codes[row]);
  }
  return labels.with(std::move(x));
}

vcell::LabelledCells labelled_observations(const vcell::Screen& screen,
                                           std::span<const vcell::BaselineRequest> pairs,
                                           std::span<const vcell::Part> parts) {
  std::set<std::pair<int32_t, int32_t>> wanted;
  for (const auto& pair : pairs) wanted.insert({pair.context, pair.perturbation});
  std::vector<size_t> rows;
  for (size_t i = 0; i < screen.cells(); ++i)
    if (parts[i] == vcell::Part::test &&
        wanted.contains({screen.context.codes[i], screen.perturbation.codes[i]}))
      rows.push_back(i);
  const auto controls = control_rows(screen, pairs);
  rows.insert(rows.end(), controls.begin(), controls.end());
  Labels labels(screen);
  for (const size_t row : rows)
    labels.add(screen.perturbation.codes[row], screen.context.codes[row]);
  return labels.with(vcell::select_rows(screen.expression, std::span<const size_t>(rows)));
}

vcell::AnnData prediction_file(const vcell::AnnData& adata, const vcell::ScreenOptions& labels,
                               const vcell::Screen& screen, const Predictions& predictions,
                               const std::vector<std::string>& genes) {
  const auto controls = control_rows(screen, predictions.pairs);
  const size_t n = predictions.cells.rows;
  // The row that each cell's labels come from: its paired control, or itself.
  std::vector<size_t> source;
  for (const auto& pair : predictions.pairs)
    source.insert(source.end(), pair.control_cells.begin(), pair.control_cells.end());
  source.insert(source.end(), controls.begin(), controls.end());

  vcell::AnnData out;
  out.obs = vcell::DataFrame(std::vector<std::string>(source.size()));
  out.obs.index_name = adata.obs.index_name;
  std::vector<std::string> perturbation(source.size(), labels.control), from(source.size());
  std::vector<uint8_t> predicted(source.size(), 0);
  std::unordered_set<std::string_view> taken;
  for (const size_t row : controls) taken.insert(adata.obs.index[row]);
  for (size_t i = 0; i < source.size(); ++i) {
    from[i] = adata.obs.index[source[i]];
    out.obs.index[i] = from[i];
    if (i >= n) continue;
    const auto& pair = predictions.pairs[predictions.pair_of[i]];
    perturbation[i] = screen.perturbation.names[size_t(pair.perturbation)];
    predicted[i] = 1;
    out.obs.index[i] = vcell::message("predicted_", i);
    while (taken.contains(out.obs.index[i])) out.obs.index[i] += '_';
  }
  // Context and batch are those of the paired control; of the rest nothing is known.
  std::set<std::string> kept(labels.context_keys.begin(), labels.context_keys.end());
  if (labels.batch_key) kept.insert(*labels.batch_key);
  for (const auto& name : adata.obs.names()) {
    auto column = adata.obs.column(name).select_rows(source);
    if (name == labels.perturbation_key) {
      const auto factor = vcell::factor(perturbation);
      column = vcell::Categorical{factor.codes, factor.names, false};
    } else if (!kept.contains(name)) {
      column = column.with_missing(predicted);
    }
    out.obs.set(name, std::move(column));
  }
  out.obs.set("predicted", vcell::Numbers::truths(std::move(predicted)));
  out.obs.set("control_cell", std::move(from));

  const std::unordered_set<std::string_view> in_model(genes.begin(), genes.end());
  std::vector<uint8_t> made;
  for (const auto& gene : screen.genes) made.push_back(in_model.contains(gene));
  out.var = vcell::DataFrame(screen.genes);
  out.var.index_name = adata.var.index_name;
  out.var.set("predicted", vcell::Numbers::truths(std::move(made)));

  vcell::CsrMatrix<float> x = predictions.cells;
  for (const size_t row : controls) append_row(x, screen.expression, row);
  out.X = std::move(x);
  vcell::declare_scale(out, vcell::Scale::log1p, vcell::declared_target_sum(adata));
  return out;
}
