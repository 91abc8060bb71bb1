#include "prepared.hpp"

#include <fmt/format.h>

#include <set>

#include "cells.hpp"
#include "vcell/preprocess/highly_variable_genes.hpp"
#include "vcell/sets/dataset_name.hpp"
#include "vcell/sets/default_split.hpp"
#include "vcell/sets/split_toml.hpp"
#include "vcell/sets/validation_cells.hpp"
#include "vcell/sets/validation_pairs.hpp"
#include "vcell/train/choices.hpp"
#include "vcell/train/perturbation_features_file.hpp"

namespace {

/// The genes that the model reads and predicts, by name; none where they are all.
std::vector<std::string> choose_genes(const vcell::Experiment& e, const vcell::AnnData& adata,
                                      Console& console) {
  const auto& all = adata.var.index;
  if (e.hvgs == 0 || all.size() <= e.hvgs) {
    console.note(fmt::format("the model reads and predicts all {} genes", all.size()));
    return {};
  }
  const auto scores = vcell::highly_variable_genes(*adata.X, {.n_top_genes = e.hvgs});
  std::vector<std::string> genes;
  for (const size_t gene : scores.indices()) genes.push_back(all[gene]);
  console.note(fmt::format("the model reads and predicts the {} most variable of {} genes",
                           genes.size(), all.size()));
  return genes;
}

/// Whether no validation cell is of a pair that is trained on.
bool validates_pairs(const Prepared& p) {
  std::set<std::pair<int32_t, int32_t>> trained;
  const auto pair = [&](size_t i) {
    return std::pair(p.all.context.codes[i], p.all.perturbation.codes[i]);
  };
  for (size_t i = 0; i < p.learnt.size(); ++i)
    if (p.learnt[i] == vcell::Part::train) trained.insert(pair(i));
  bool any = false;
  for (size_t i = 0; i < p.learnt.size(); ++i)
    if (p.learnt[i] == vcell::Part::validation && !p.all.is_control(i)) {
      if (trained.contains(pair(i))) return false;
      any = true;
    }
  return any;
}

void split(const vcell::Experiment& e, Prepared& p, const std::filesystem::path& file,
           Console& console) {
  const std::filesystem::path path = file.empty() ? e.split : file.string();
  if (path.empty()) {
    const std::filesystem::path data = e.data;
    auto made = vcell::default_split(p.all, {data.stem().string(), data.string()},
                                     {!e.perturbation_features.empty(), e.training.seed});
    p.split = std::move(made.spec);
    p.split_text = "default: " + made.description;
  } else {
    p.split = vcell::read_split(path);
    p.split_text = path.string();
  }
  console.note(fmt::format("split: {}", p.split_text));
  const std::string name = vcell::dataset_name(p.split, e.data);
  for (const auto& remark : vcell::check_split(p.all, p.split, name)) console.note(remark);
  p.parts = vcell::assign_parts(p.all, p.split, name);
  p.learnt = p.parts;
  const size_t pairs = vcell::add_validation_pairs(
      p.all, p.learnt, {.share = e.validation_pairs, .seed = e.training.seed});
  if (pairs)
    console.note(
        fmt::format("the split has no validation part: {} pairs of context and perturbation, whose "
                    "perturbations train in other contexts too, are held out for it",
                    pairs));
  const size_t drawn = vcell::add_validation_cells(
      p.all, p.learnt, {.fraction = e.validation, .seed = e.training.seed});
  if (drawn)
    console.note(
        fmt::format("the split has no validation part: {} training cells were drawn for "
                    "it, of pairs that are trained on: it measures the fit to them",
                    drawn));
  p.validates_pairs = validates_pairs(p);
  const auto cells = vcell::count_parts(p.learnt);
  console.note(fmt::format("cells: {} train, {} validation, {} test, {} unused", cells[0], cells[1],
                           cells[2], cells[3]));
}

/// What the model starts from: asked for, or the default where every perturbation to be predicted
/// has a shift to start from.
void anchor(const vcell::Experiment& e, Prepared& p, bool asked, Console& console) {
  p.anchor = e.model.anchor;
  if (p.anchor == vcell::Anchor::none) return;
  std::string why;
  if (e.model.output_space == vcell::OutputSpace::all_genes)
    why = "a model of --output-space all_genes has none";
  else if (const auto unseen = vcell::unseen_perturbations(p.screen(), p.parts); !unseen.empty())
    why = vcell::message("the split holds out every cell of ", vcell::list_of(unseen),
                         ", so there is no shift in another context to start from");
  if (!why.empty() && asked)
    throw vcell::ConfigError(vcell::message("--anchor ", vcell::name_of_choice(p.anchor), ": ", why,
                                            "; say --anchor none"));
  if (!why.empty()) {
    console.note("the model is not anchored (--anchor none): " + why);
    p.anchor = vcell::Anchor::none;
    return;
  }
  p.anchors.emplace(p.screen(), p.learnt, e.training.seed);
  console.note(fmt::format("anchored at the mean shift in other contexts, shrunk with k = {:g}",
                           p.anchors->shrinkage()));
  if (p.anchors->untrained().empty()) return;
  std::vector<std::string> names;
  for (const int32_t code : p.anchors->untrained())
    names.push_back(p.screen().perturbation.names[size_t(code)]);
  for (const auto& name : names) p.features.silence(name);
  console.note(fmt::format("not trained on, since there is a single cell to train on: {}",
                           vcell::list_of(names)));
}

}  // namespace

Prepared prepare(const vcell::Experiment& e, Console& console, bool anchor_asked,
                 const std::filesystem::path& file) {
  if (e.data.empty())
    throw vcell::ConfigError("no screen was named; say --data FILE with an h5ad file");
  Prepared p;
  p.adata = read_cells(e.data, console, CellParts::expression);
  filter(p.adata, e.min_genes, e.min_cells, console);
  p.normalized = normalize(p.adata, {.scale = e.scale}, console);
  p.all = vcell::make_labels(p.adata, e.labels);
  console.note(fmt::format("{} perturbations beside the control {}, {} contexts: {}",
                           p.all.perturbation.names.size() - 1, vcell::quoted(e.labels.control),
                           p.all.context.names.size(), vcell::list_of(p.all.context.names)));
  split(e, p, file, console);
  const auto genes = choose_genes(e, p.adata, console);
  vcell::take_expression(p.all, p.adata);
  if (!genes.empty()) p.chosen = vcell::select_genes(p.all, genes);
  const auto& screen = p.screen();
  if (e.perturbation_features.empty()) {
    p.features = vcell::PerturbationFeatures::one_hot(screen.perturbation.names);
    const auto unseen = vcell::unseen_perturbations(screen, p.parts);
    if (!unseen.empty())
      throw vcell::ConfigError(vcell::message(
          "the split holds out every cell of ", vcell::list_of(unseen),
          ", and one-hot perturbations say nothing of what was never seen; give "
          "--perturbation-features, or keep these perturbations in another context"));
  } else {
    p.features = vcell::read_perturbation_features(e.perturbation_features);
    if (e.zero_control && !p.features.has(e.labels.control))
      p.features.add(e.labels.control, std::vector<float>(p.features.width(), 0));
    console.note(fmt::format("perturbations are described by {} features of {}", p.features.width(),
                             e.perturbation_features));
  }
  anchor(e, p, anchor_asked, console);
  return p;
}
