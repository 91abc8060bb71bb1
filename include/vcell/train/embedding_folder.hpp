#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/models/trained_embedding.hpp"
#include "vcell/train/embedding_fields.hpp"
#include "vcell/train/model_folder.hpp"

VCELL_BEGIN_NAMESPACE

/// Writes a State Embedding model into a folder, whole or not at all, with all that embedding cells
/// on another machine takes:
///
///   config.json             format_version, shape of the model, what the gene table is, scale
///   weights.safetensors     parameters under their names
///   genes.txt               names of the gene table, a line each
///   gene_table.safetensors  its vectors, (genes, width); not of an identity or random table, which
///                           follow from config.json and the names
///   datasets.txt            what its dataset token tells apart
///   standard.safetensors    where embeddings are standardised: their `centre` and `spread`
///
/// @throws ShapeError if widths do not fit each other; ConfigError if a name cannot be written;
///         IoError
template <class = void>
void save_embedding(const std::filesystem::path& folder, const TrainedEmbedding& m) {
  check_trained_embedding(m);
  write_folder(folder, [&](const std::filesystem::path& fresh) {
    const auto into = [](Json& object) {
      return [&object](const char* key, const auto& field, auto...) {
        if constexpr (std::is_enum_v<std::decay_t<decltype(field)>>)
          object.add(key, json_of(name_of_choice(field)));
        else
          object.add(key, json_of(field));
      };
    };
    Json config, shape, table;
    const StateEmbeddingConfig& c = m.model.config();
    visit_embedding_shape(c, into(shape));
    into(shape)("set_size", c.set_size);
    into(shape)("gene_width", c.gene_width);
    into(shape)("datasets", c.datasets);
    const auto add_table = into(table);
    add_table("kind", m.genes.kind());
    add_table("seed", m.genes.seed());
    add_table("source", m.genes.source());
    const auto add = into(config);
    add("format_version", detail::model_format_version);
    add("kind", ModelKind::state_embedding);
    config.add("model", std::move(shape));
    config.add("gene_table", std::move(table));
    add("scale", m.scale);
    write_text(fresh / "config.json", detail::config_text(config));
    write_safetensors(fresh / "weights.safetensors", {{}, parameter_arrays(m.model.parameters())});
    detail::write_names(fresh / "genes.txt", m.genes.names());
    detail::write_names(fresh / "datasets.txt", m.datasets);
    if (!m.centre.empty()) {
      Safetensors standard;
      standard.tensors["centre"] = Array::of<float>({m.centre.size()}, std::span(m.centre));
      standard.tensors["spread"] = Array::of<float>({m.spread.size()}, std::span(m.spread));
      write_safetensors(fresh / "standard.safetensors", standard);
    }
    if (m.genes.kind() != GeneTableKind::given) return;
    Safetensors file;
    file.tensors["vectors"] =
        Array::of<float>({m.genes.names().size(), m.genes.width()}, m.genes.values());
    write_safetensors(fresh / "gene_table.safetensors", file);
  });
}

namespace detail {

/// A configuration that is larger than the weights beside it is damaged: found out before memory
/// for it is asked for.
template <class = void>
void check_fits_embedding(const StateEmbeddingConfig& c,
                          const std::map<std::string, Array>& weights) {
  double there = 0;
  for (const auto& [name, array] : weights) there += double(array.count());
  const double d = double(c.width), out = double(c.output_width), joined = d + out + 1;
  const double needed = d * (double(c.gene_width) + out + 4 * d) + 8 * joined * joined +
                        double(c.layers) * d * (4 * d + 2 * double(c.mlp_width)) +
                        d * double(c.datasets);
  constexpr size_t longest = 1 << 20;
  if (needed > there || c.sentence_length > longest)
    throw FormatError(message("the model it describes is larger than weights.safetensors, or its ",
                              "sentences longer than ", longest,
                              "; the files are not of one model"));
}

template <class = void>
GeneTable read_saved_table(const std::filesystem::path& folder, GeneTableKind kind, size_t width,
                           uint64_t seed, std::string source) {
  auto names = read_names(folder / "genes.txt");
  if (kind == GeneTableKind::random) return GeneTable::random(std::move(names), width, seed);
  if (kind == GeneTableKind::identity) return GeneTable::identity(std::move(names));
  const auto path = folder / "gene_table.safetensors";
  const auto file = read_safetensors(path);
  const auto found = file.tensors.find("vectors");
  if (found == file.tensors.end() || found->second.shape != std::vector{names.size(), width})
    throw FormatError(message("load_embedding: ", quoted(path.string()), ": expected 'vectors' (",
                              names.size(), ", ", width, "), found ",
                              found == file.tensors.end() ? "none" : message(found->second.shape)));
  return GeneTable::given(std::move(names), width, found->second.as<float>(), std::move(source));
}

/// What embeddings are standardised by, where the folder says it.
template <class = void>
void read_standard(const std::filesystem::path& folder, TrainedEmbedding& m) {
  const auto path = folder / "standard.safetensors";
  if (!std::filesystem::exists(path)) return;
  const auto file = read_safetensors(path);
  const size_t width = m.model.embedding_width();
  for (auto [name, to] : {std::pair("centre", &m.centre), {"spread", &m.spread}}) {
    const auto found = file.tensors.find(name);
    const bool fits =
        found != file.tensors.end() && found->second.shape == std::vector<size_t>{width};
    if (fits) *to = found->second.template as<float>();
    const bool spreads = to == &m.spread;
    if (!fits ||
        !std::ranges::all_of(*to, [&](float v) { return std::isfinite(v) && (v > 0 || !spreads); }))
      throw FormatError(message("load_embedding: ", quoted(path.string()), ": expected '", name,
                                "', ", width, " finite numbers", spreads ? " above 0" : ""));
  }
}

}  // namespace detail

/// Reads a model that save_embedding wrote. Everything is checked: files, keys, names, shapes.
/// @throws IoError if a file cannot be read; FormatError, ConfigError or ShapeError naming the file
///         and the key or name
template <class = void>
TrainedEmbedding load_embedding(const std::filesystem::path& named) {
  const auto whole = whole_folder(named);
  const auto& folder = whole.empty() ? named : whole;
  const auto path = folder / "config.json";
  const std::string where = message("load_embedding: ", quoted(path.string()));
  const Json json = parse_json_object(read_text(path), where);
  JsonFields fields(json, where);
  const ModelKind kind = detail::read_kind(fields, where);
  if (kind != ModelKind::state_embedding)
    throw FormatError(message(where, ": 'kind' is ", quoted(name_of_choice(kind)),
                              ", expected 'state_embedding': a model that embeds cells"));
  StateEmbeddingConfig config;
  JsonFields shape = fields.object("model");
  const auto read_shape = [&](const char* key, auto& field, auto...) { shape.read(key, field); };
  visit_embedding_shape(config, read_shape);
  read_shape("set_size", config.set_size);
  read_shape("gene_width", config.gene_width);
  read_shape("datasets", config.datasets);
  shape.finish();
  GeneTableKind table_kind{};
  uint64_t seed = 0;
  std::string source;
  JsonFields table = fields.object("gene_table");
  table.read("kind", table_kind);
  table.read("seed", seed);
  table.read("source", source);
  table.finish();
  Scale scale{};
  fields.read("scale", scale);
  fields.finish();
  const auto weights_path = folder / "weights.safetensors";
  auto weights = read_safetensors(weights_path).tensors;
  try {
    detail::check_fits_embedding(config, weights);
    TrainedEmbedding m{
        StateEmbedding<float>(config),
        detail::read_saved_table(folder, table_kind, config.gene_width, seed, std::move(source)),
        detail::read_names(folder / "datasets.txt"), scale};
    check_trained_embedding(m);
    load_parameters(m.model.parameters(), std::move(weights), StateEmbedding<float>::is_ignored,
                    message("load_embedding: ", quoted(weights_path.string())));
    detail::read_standard(folder, m);
    m.model.parameters().values();  // laid out here, not in whatever comes first
    return m;
  } catch (const ShapeError& error) {
    throw ConfigError(message(where, ": ", error.what()));
  } catch (const FormatError& error) {
    throw FormatError(message(where, ": ", error.what()));
  }
}

VCELL_INSTANTIATE(files,
                  void save_embedding<void>(const std::filesystem::path&, const TrainedEmbedding&));
VCELL_INSTANTIATE(files, TrainedEmbedding load_embedding<void>(const std::filesystem::path&));

VCELL_END_NAMESPACE
