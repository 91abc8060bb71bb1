#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/product_backend.hpp"
#include "vcell/models/trained_model.hpp"
#include "vcell/pipeline/prepare.hpp"
#include "vcell/report/report_input.hpp"
#include "vcell/train/choices.hpp"
#include "vcell/version.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

using Facts = std::vector<std::pair<std::string, std::string>>;

/// What a split says of one data set, context by context.
template <class = void>
Facts split_facts(const SplitSpec& split, const std::string& dataset) {
  Facts out;
  const auto context_of = [&](const std::string& key) -> std::optional<std::string> {
    const auto parts = split_key(split, key);
    return parts && parts->dataset == dataset ? std::optional(parts->context) : std::nullopt;
  };
  for (const auto& [key, part] : split.zeroshot)
    if (const auto context = context_of(key))
      out.emplace_back("Context " + *context, message("every perturbation is ", name_of(part)));
  for (const auto& [key, held] : split.fewshot)
    if (const auto context = context_of(key))
      for (const auto& [part, names] :
           {std::pair("test", &held.test), std::pair("validation", &held.validation)})
        if (!names->empty())
          out.emplace_back(message("Context ", *context, ", ", part), list_of(*names, 40));
  if (!split.column.empty())
    out.emplace_back("By cells", "as obs column " + split.column + " says");
  if (split.controls)
    out.emplace_back("Controls", split.column.empty()
                                     ? message("of each context's ", split.controls->test,
                                               " are for test alone, ", split.controls->validation,
                                               " for validation")
                                     : std::string("each for its own part alone"));
  if (split.cells)
    out.emplace_back("By cells",
                     message("of every training perturbation ", split.cells->test,
                             " of the cells are test, ", split.cells->validation, " validation"));
  return out;
}

template <class = void>
ReportSection data_section(const Experiment& e, const Prepared& p) {
  const auto& screen = p.screen;
  std::vector<std::string> files{e.data.empty() ? "in memory" : e.data};
  files.insert(files.end(), e.more_files.begin(), e.more_files.end());
  Facts facts = {
      {files.size() > 1 ? "Files" : "File", files.size() > 1 ? list_of(files, 40) : files[0]},
      {"Cells", message(screen.cells(), ", with ", p.genes_before, " genes")},
      {"Perturbations",
       message(screen.perturbation.names.size() - 1, " and the control ", e.labels.control)},
      {"Contexts", list_of(screen.context.names)},
      {"Scale of X",
       p.normalized.found.scale == Scale::counts
           ? message("counts, normalised to ", *p.normalized.target_sum, " a cell, then log1p")
           : "log1p, as it was"}};
  if (e.min_genes || e.min_cells)
    facts.emplace_back("Dropped", message("cells with fewer than ", e.min_genes, " genes, then ",
                                          "genes in fewer than ", e.min_cells, " cells"));
  const size_t genes = p.model_genes.empty() ? screen.genes.size() : p.model_genes.size();
  facts.emplace_back(
      "Genes", genes == p.genes_before
                   ? message("all ", genes)
                   : message("the ", genes, " most variable, chosen from ",
                             e.choose_from == ChooseFrom::training ? "training cells and controls"
                                                                   : "all cells, those of test too",
                             genes == screen.genes.size()
                                 ? "; scores are over these alone"
                                 : "; the others are those of the control cell, and scored too"));
  return {"Data", std::move(facts)};
}

template <class = void>
ReportSection split_section(const Experiment& e, const Prepared& p, const std::string& dataset) {
  const auto cells = count_parts(p.parts);
  Facts facts = {{"From", e.split.empty() ? "the default rule" : e.split},
                 {"Cells", message(cells[0], " train, ", cells[1], " validation, ", cells[2],
                                   " test, ", cells[3], " unused")}};
  if (p.dataset.names.empty())
    for (auto& fact : split_facts(p.split, dataset)) facts.push_back(std::move(fact));
  for (const std::string& name : p.dataset.names)
    for (auto& [what, value] : split_facts(p.split, name))
      facts.emplace_back(message("Data set ", name, ", ", what), std::move(value));
  if (!p.split_parts.empty()) {  // validation was drawn
    auto drawn = p.parts;
    std::ranges::replace(drawn, Part::test, Part::unused);
    if (const auto whole = unseen_perturbations(p.screen, drawn); !whole.empty())
      facts.emplace_back("Every context, validation", "drawn: " + list_of(whole, 40));
  }
  return {"Split", std::move(facts)};
}

template <class = void>
ReportSection model_section(const Experiment& e, std::span<const TrainedModel> members) {
  const TrainedModel& model = members[0];
  const auto& c = model.model.config();
  std::string shrinkage, alpha;
  for (const TrainedModel& m : members) {
    if (!m.anchors) continue;
    const char* const comma = shrinkage.empty() ? "" : ", ";
    shrinkage += message(comma, m.anchors->shrinkage);
    alpha += message(comma, m.anchors->alpha);
  }
  const bool in_embedding = c.output_space == OutputSpace::embedding;
  ReportSection out = {
      "Model",
      {{"State Transition",
        message(c.layers, " layers of width ", c.hidden, ", ", c.heads, " heads of ", c.head_dim,
                ", ", model.model.parameters().count(), " parameters")},
       {"Preset", e.preset.empty() ? "none" : e.preset},
       {"Starts from",
        model.anchors
            ? message("the control cell and the mean shift in other contexts, shrunk ",
                      "with k = ", shrinkage,
                      model.anchors->regression ? ", or where there is none what features say" : "",
                      "; of what is learnt ", alpha, " is added")
            : "nothing: not anchored"},
       {"Genes", in_embedding
                     ? message(model.decoded_genes.size(), ", decoded of the embedding by a ",
                               name_of_choice(c.decoder), " decoder, weight ", c.decoder_weight,
                               " in the loss")
                     : message(model.genes.size())},
       {"Perturbations as",
        model.perturbations.is_one_hot()
            ? "one-hot"
            : message(
                  model.perturbations.width(), " features",
                  e.perturbation_features.empty() ? "" : message(" of ", e.perturbation_features))},
       {"Batches", c.batches ? message("a learned vector for each of ", c.batches) : "not used"}}};
  if (in_embedding)
    out.facts.emplace_back(
        "Cells as",
        message(model.genes.size(), " values of ",
                !model.embedding_key.empty() ? "obsm " + quoted(model.embedding_key)
                : e.cell_embedding.empty() ? "a small State Embedding, trained before on controls "
                                             "and cells that nothing holds out"
                                           : "the State Embedding " + e.cell_embedding));
  if (members.size() > 1)
    out.facts.emplace_back("Members",
                           message(members.size(), ", each with a seed and validation of its own; ",
                                   "their predicted cells are averaged"));
  return out;
}

template <class = void>
ReportSection training_facts(const Experiment& e) {
  const auto& t = e.training;
  Facts facts = {
      {"Steps", message(t.max_steps, ", ",
                        t.accumulate > 1 ? message(t.accumulate, " batches of ") : std::string(),
                        e.model.batch_size, " sets of ", e.model.set_size, " cells each")},
      {"Loss", std::string(name_of_choice(e.model.loss))},
      {"Optimiser", message(name_of_choice(t.optimizer), ", rate ", t.learning_rate, " (",
                            name_of_choice(t.schedule), "), weight decay ", t.weight_decay)},
      {"Seed", message(t.seed)}};
  if (!e.init_from.empty())
    facts.emplace_back("Starts from the model", message(e.init_from, ", SHA-256 ", e.init_sha256));
  if (t.ema > 0)
    facts.emplace_back("Kept parameters", message("an average over steps, decay ", t.ema));
  if (t.choose_by != ChooseBy::loss)
    facts.emplace_back("Chosen by", std::string(name_of_choice(t.choose_by)) + " in validation");
  return {"Training", std::move(facts)};
}

}  // namespace detail

/// What was run on what, by which version: the report's last section.
/// @param dataset  what the split calls the screen
/// @param models   the members of the ensemble, or one; empty where none was trained
template <class = void>
std::vector<ReportSection> run_facts(const Experiment& e, const Prepared& p,
                                     const std::string& dataset,
                                     std::span<const TrainedModel> models) {
  std::vector<ReportSection> out = {detail::data_section(e, p),
                                    detail::split_section(e, p, dataset)};
  if (!models.empty()) {
    out.push_back(detail::model_section(e, models));
    out.push_back(detail::training_facts(e));
  }
  out.push_back({"Versions", {{"vcell", VCELL_VERSION}, {"Matrix products", product_backend()}}});
  return out;
}

VCELL_END_NAMESPACE
