#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/models/trained_embedding.hpp"
#include "vcell/train/embedding_fields.hpp"
#include "vcell/train/named_weights.hpp"

VCELL_BEGIN_NAMESPACE

/// Gives a new State Embedding model the weights of one that was trained, for other genes and
/// datasets. Of an identity table weights go by the names of genes; of others what is learnt goes
/// by the genes' vectors, which must come from where they came from. Datasets go by their names.
/// What the new model has alone stays as it is, what the old one has alone is left out.
/// @param m    whose values may be in use already; nothing changes where something does not fit
/// @throws ConfigError naming settings that differ, with both values
template <class = void>
StartedFrom start_from(TrainedEmbedding& m, const TrainedEmbedding& old) {
  using Config = StateEmbeddingConfig;
  static constexpr std::string_view shared[] = {
      "width", "layers", "heads", "mlp_width", "output_width", "norm_first", "cls_value"};
  const auto texts = [](const Config& config) {
    return detail::setting_texts(shared, [&](auto&& f) { visit_embedding_shape(config, f); });
  };
  detail::check_same_settings(texts(m.model.config()), texts(old.model.config()));
  const GeneTable &genes = m.genes, &old_genes = old.genes;
  if (genes.kind() != old_genes.kind())
    throw ConfigError(message("start_from: the gene table of the model that training starts from ",
                              "is ", name_of_choice(old_genes.kind()), ", and here ",
                              name_of_choice(genes.kind()), "; give the same [genes] gene_table"));
  const bool one_hot = genes.kind() == GeneTableKind::identity;
  if (!one_hot && genes.width() != old_genes.width())
    throw ConfigError(message("start_from: a gene's vector has ", old_genes.width(),
                              " numbers in the model that training starts from, and ",
                              genes.width(), " here; give the same [genes] gene_table and ",
                              "gene_table_width"));
  if (genes.kind() == GeneTableKind::random && genes.seed() != old_genes.seed())
    throw ConfigError(message("start_from: the vectors of genes were drawn with the seed ",
                              old_genes.seed(), ", and here with ", genes.seed(),
                              "; train with that seed"));
  std::vector<detail::NamedAxis<Config>> axes;
  if (one_hot)
    axes.push_back({"genes", genes.names(), old_genes.names(),
                    [](Config& c, size_t n) { c.gene_width += n; }});
  if (!m.datasets.empty() && !old.datasets.empty())
    axes.push_back(
        {"datasets", m.datasets, old.datasets, [](Config& c, size_t n) { c.datasets += n; }});
  StartedFrom out = detail::take_named(m.model, m.model.config(), old.model, axes,
                                       "a dataset token makes some parts of the model wider");
  out.names.push_back(detail::match_names("genes", genes.names(), old_genes.names()));
  if (!m.datasets.empty() && !old.datasets.empty())
    out.names.push_back(detail::match_names("datasets", m.datasets, old.datasets));
  if (genes.kind() == GeneTableKind::given) {
    const NamePlaces here(genes.names()), there(old_genes.names());
    const size_t width = genes.width();
    for (const auto& name : out.names[0].kept) {
      const float* vector = genes.values().data() + *here.find(name) * width;
      const float* old_vector = old_genes.values().data() + *there.find(name) * width;
      if (!std::equal(vector, vector + width, old_vector)) out.changed.push_back(name);
    }
  }
  return out;
}

VCELL_END_NAMESPACE
