// Ensembles of every kind that prediction tells apart, and what they are asked: for every device.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "train/st_screen.hpp"
#include "vcell/models/predict_cells.hpp"
#include "vcell/sets/embedding_screen.hpp"

namespace vcell_test {

struct PredictCase {
  std::string name;
  std::vector<vcell::TrainedModel> members;  ///< with initial weights, each with others
  vcell::Screen screen;
  std::optional<vcell::Screen> genes;  ///< of models in an embedding
  std::vector<vcell::PredictionRequest> requests = {};

  /// @param cells  of each request; no multiple of 4, or there are whole sets alone
  PredictCase(std::string its_name, const vcell::StateTransitionConfig& config, size_t count,
              size_t cells, std::vector<std::string> model_genes = {})
      : name(std::move(its_name)) {
    const StScreen s;
    screen = s.screen;
    if (config.output_space == vcell::OutputSpace::embedding) {
      vcell::DenseMatrix<float> embedding{screen.cells(), StScreen::genes,
                                          screen.expression.values};
      for (float& value : embedding.values) value -= 0.5f;
      genes = screen;
      screen = vcell::embedding_screen(s.screen, embedding);
    }
    if (model_genes.empty()) model_genes = screen.genes;
    for (size_t i = 0; i < count; ++i) {
      vcell::TrainedModel m{.model = vcell::StateTransition<float>(config, i + 1),
                            .genes = model_genes,
                            .perturbations = s.one_hot(),
                            .contexts = screen.context.names,
                            .batches = {},
                            .labels = {},
                            .set_size = 4};
      m.labels.control = "ctrl";
      if (config.batches) m.batches = screen.batch.names;
      if (config.gene_width) m.decoded_genes = s.screen.genes;
      if (config.anchor != vcell::Anchor::none)
        m.anchors = vcell::make_anchors(
            screen, [](size_t) { return true; }, m.perturbations, 2, i ? 0.25 : 0.7);
      members.push_back(std::move(m));
    }
    for (const char* context : {"x", "y"})
      for (const char* perturbation : {"ctrl", "P1", "P3"}) {
        vcell::PredictionRequest r{
            screen.context.code(context), screen.perturbation.code(perturbation), {}};
        for (size_t row = 0; row < cells; ++row) r.control_cells.push_back(row % screen.cells());
        requests.push_back(std::move(r));
      }
  }

  vcell::PredictedCells predict(const vcell::PlaceModel& place) const {
    return predict_cells(members, screen, requests,
                         {.genes = genes ? &*genes : nullptr, .place = place});
  }
};

inline std::vector<PredictCase> predict_cases(size_t cells) {
  const StScreen s;
  std::vector<PredictCase> all;
  auto with_batches = s.config(true);
  with_batches.input_width = with_batches.output_width = 4;
  all.emplace_back("three members with batches and some of the genes", with_batches, 3, cells,
                   std::vector<std::string>{"g5", "g0", "g3", "g1"});
  auto anchored = s.config();
  anchored.anchor = vcell::Anchor::perturbation_mean;
  all.emplace_back("two anchored members", anchored, 2, cells);
  auto decoded = anchored;
  decoded.output_space = vcell::OutputSpace::embedding;
  decoded.decoder = vcell::GeneDecoderKind::negative_binomial;
  decoded.gene_width = StScreen::genes;
  decoded.decoder_widths = {16, 16};
  all.emplace_back("two anchored members with a decoder", decoded, 2, cells);
  return all;
}

}  // namespace vcell_test
