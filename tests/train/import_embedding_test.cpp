#include "vcell/train/import_embedding.hpp"

#include "io/pickle_bytes.hpp"
#include "support/errors.hpp"
#include "support/golden.hpp"
#include "support/temporary_folder.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

std::filesystem::path golden_checkpoint() {
  const auto golden = vcell_test::golden_folder("state_embedding");
  return golden && std::filesystem::exists(*golden / "tabular.ckpt") ? *golden / "tabular.ckpt"
                                                                     : std::filesystem::path();
}

}  // namespace

TEST_CASE("import_embedding: a checkpoint has its shape, weights and gene table",
          "[train][golden]") {
  const auto path = golden_checkpoint();
  if (path.empty()) VCELL_SKIP("no golden state_embedding with a checkpoint");
  const auto imported = import_embedding(path);
  const TrainedEmbedding& m = imported.model;
  const Json described =
      parse_json_object(read_text(path.parent_path() / "tabular.json"), "tabular.json");
  const Json& model = *described.find("configuration")->find("model");
  const StateEmbeddingConfig& c = m.model.config();
  CHECK(c.width == model.find("emsize")->whole());
  CHECK(c.layers == model.find("nlayers")->whole());
  CHECK(c.mlp_width == model.find("d_hid")->whole());
  CHECK(c.output_width == model.find("output_dim")->whole());
  CHECK(c.sentence_length ==
        described.find("configuration")->find("dataset")->find("pad_length")->whole());
  CHECK(m.datasets.size() == c.datasets);
  const auto table =
      read_safetensors(path.parent_path() / "gene_embeddings.safetensors").tensors.at("table");
  REQUIRE(m.genes.names().size() == table.shape.at(0));
  for (size_t i = 0; i < m.genes.names().size(); ++i) CHECK(m.genes.names()[i] == message("G", i));
  CHECK(std::ranges::equal(m.genes.values(), table.as<float>()));
  size_t compared = 0;
  const auto parameters = parameter_arrays(m.model.parameters());
  for (const auto& [name, array] :
       read_safetensors(path.parent_path() / "tabular.data.safetensors").tensors)
    if (name.starts_with("f32.final.") && parameters.contains(name.substr(10))) {
      CHECK(parameters.at(name.substr(10)) == array);
      ++compared;
    }
  CHECK(compared + 5 > parameters.size());
  CHECK(std::ranges::count(imported.unused, "optimizer.max_lr") == 1);
  const vcell_test::TemporaryFolder folder;
  save_embedding(folder.path() / "model", m);
  const auto loaded = load_embedding(folder.path() / "model");
  CHECK(loaded.model.config() == c);
  CHECK(parameter_arrays(loaded.model.parameters()) == parameters);
  CHECK(import_embedding(path, path.parent_path() / "gene_embeddings.pt").model.genes.names() ==
        m.genes.names());
  CHECK(is_embedding_checkpoint(path));
}

TEST_CASE("import_embedding: what is missing or not offered is said", "[train]") {
  using namespace vcell_test;
  const TemporaryFolder folder;
  const auto path = folder.path() / "se.ckpt";
  const auto fails_with = [&](const std::string& values, const std::vector<std::string>& texts) {
    write_text(path, pickled("}(" + values + "u"));
    check_error<ConfigError>([&] { import_embedding(path); }, {"se.ckpt"});
    check_error<ConfigError>([&] { import_embedding(path); }, texts);
  };
  const std::string table = text("protein_embeds_dict") + "}";
  fails_with(table, {"no cfg_yaml"});
  fails_with(text("cfg_yaml") + text("a: 1"), {"no gene table"});
  fails_with(table + text("cfg_yaml") + text("a: 1"), {"'embeddings..size' is not there"});
  const std::string shape =
      "embeddings: {current: x, x: {size: 2}}\ndataset: {current: y, pad_length: 4}\n"
      "model: {emsize: 2, nlayers: 1, nhead: 1, d_hid: 2, output_dim: 2";
  fails_with(table + text("cfg_yaml") + text(shape + ", counts: false}"),
             {"'model.counts' is 'false'"});
  fails_with(table + text("cfg_yaml") + text(shape + "}\nloss: {name: kl}"),
             {"'loss.name' is 'kl'"});
  write_text(path, pickled("}(" + table + text("cfg_yaml") + text("a: [") + "u"));
  check_error<FormatError>([&] { import_embedding(path); }, {"cfg_yaml", "YAML"});
}
