#include "vcell/train/import_state.hpp"

#include <algorithm>
#include <numeric>

#include "io/pickle_bytes.hpp"
#include "support/errors.hpp"
#include "support/golden.hpp"
#include "support/largest_error.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/io/write_torch_archive.hpp"
#include "vcell/models/name_model.hpp"
#include "vcell/models/predict_cells.hpp"
#include "vcell/models/predict_rows.hpp"
#include "vcell/train/export_state.hpp"
#include "vcell/train/model_folder.hpp"

using namespace vcell;
using vcell_test::check_error, vcell_test::largest_magnitude, vcell_test::relative_error;

namespace {

std::filesystem::path golden_run() {
  const auto golden = vcell_test::golden_folder("state_transition");
  if (!golden || !std::filesystem::exists(*golden / "run_folder")) return {};
  return *golden / "run_folder";
}

/// A copy that may be changed.
std::filesystem::path copy_of_run(const vcell_test::TemporaryFolder& folder) {
  const auto to = folder.path() / "run";
  std::filesystem::copy(golden_run() / "run", to, std::filesystem::copy_options::recursive);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(to))
    std::filesystem::permissions(entry.path(), std::filesystem::perms::owner_write,
                                 std::filesystem::perm_options::add);
  std::filesystem::permissions(to, std::filesystem::perms::owner_write,
                               std::filesystem::perm_options::add);
  return to;
}

std::vector<std::string> names(const Json& list) {
  std::vector<std::string> out;
  for (const Json& item : list.items) out.push_back(item.text);
  return out;
}

std::vector<std::string> column(const AnnData& cells, const std::string& name) {
  return cells.obs.column(name).text();
}

}  // namespace

TEST_CASE("import_state: a run folder has its names, labels and sizes", "[train][golden]") {
  if (golden_run().empty()) VCELL_SKIP("no golden run_folder");
  const Json expected = parse_json_object(read_text(golden_run() / "expected.json"), "expected");
  const auto imported = import_state(golden_run() / "run");
  const TrainedModel& m = imported.model;
  CHECK(imported.weights.filename() == "final.ckpt");
  CHECK(m.unnamed.empty());
  CHECK(imported.remarks.empty());
  CHECK(m.genes == names(*expected.find("var_dims")->find("gene_names")));
  CHECK(m.perturbations.is_one_hot());
  CHECK(m.perturbations.names() == names(*expected.find("maps")->find("pert")));
  CHECK(m.batches == names(*expected.find("maps")->find("batch")));
  CHECK(m.contexts == names(*expected.find("maps")->find("cell_type")));
  CHECK(m.set_size == expected.find("set")->whole());
  CHECK(m.labels.perturbation_key == "gene");
  CHECK(m.labels.control == "non-targeting");
  CHECK(m.labels.context_keys == std::vector<std::string>{"cell_type"});
  CHECK(m.labels.batch_key == "gem_group");
  CHECK(std::ranges::count(imported.unused, "lora.alpha") == 1);
  const vcell_test::TemporaryFolder folder;
  save_model(folder.path() / "model", m);
  const auto loaded = load_model(folder.path() / "model");
  CHECK(parameter_arrays(members_of(loaded)[0].model.parameters()) ==
        parameter_arrays(m.model.parameters()));
}

TEST_CASE("import_state: predictions are those of the reference's infer and predict",
          "[train][golden]") {
  if (golden_run().empty()) VCELL_SKIP("no golden run_folder");
  const TrainedModel m = import_state(golden_run() / "run").model;
  const auto place = [](const std::vector<std::string>& of, const std::string& name) {
    return size_t(std::find(of.begin(), of.end(), name) - of.begin());
  };
  const auto rows_of = [&](const AnnData& cells, const std::vector<size_t>& control) {
    RowRequests out{control, {}, {}};
    for (const std::string& name :
         column(cells, "gene"))  // an unknown one is taken for the control
      out.perturbation.push_back(
          m.perturbations.place(m.perturbations.has(name) ? name : m.labels.control));
    for (const std::string& name : column(cells, "gem_group"))
      out.batch.push_back(int32_t(place(m.batches, name)));
    return out;
  };
  const auto compare = [](const DenseMatrix<float>& made, const DenseMatrix<float>& expected) {
    CHECK(largest_magnitude(expected.values) > 0.1);
    CHECK(relative_error(made.values, expected.values) <= 1e-5);
  };

  const AnnData query = read_h5ad(golden_run() / "query.h5ad"),
                inferred = read_h5ad(golden_run() / "infer.h5ad");
  const auto controls = read_safetensors(golden_run() / "expected.safetensors")
                            .tensors.at("infer.control_row")
                            .as<size_t>();
  auto made =
      predict_rows(m, to_csr<float>(matrix(query.obsm, "X_hvg", "obsm")), rows_of(query, controls),
                   groups_by_name(column(query, "cell_type"), column(query, "gene")), m.set_size);
  for (float& value : made.values) value = std::clamp(value, 0.f, 14.f);
  compare(made, to_dense<float>(matrix(inferred.obsm, "X_hvg", "obsm")));

  const AnnData data = read_h5ad(golden_run() / "data/tiny.h5ad"),
                predicted = read_h5ad(golden_run() / "run/eval_final.ckpt/adata_pred.h5ad");
  std::vector<size_t> barcodes;
  for (const std::string& barcode : column(predicted, "ctrl_cell_barcode"))
    barcodes.push_back(place(data.obs.index, barcode));
  compare(predict_rows(m, to_csr<float>(matrix(data.obsm, "X_hvg", "obsm")),
                       rows_of(predicted, barcodes), groups_by_run(column(predicted, "gene")),
                       m.set_size),
          to_dense<float>(*predicted.X));
}

TEST_CASE("import_state: final is chosen, else last, else best, or what is asked for",
          "[train][golden]") {
  if (golden_run().empty()) VCELL_SKIP("no golden run_folder");
  const vcell_test::TemporaryFolder folder;
  const auto run = copy_of_run(folder);
  const auto chosen = [&](const std::string& asked) {
    return import_state(run, asked).weights.filename();
  };
  CHECK(chosen("best") == "best.ckpt");
  CHECK(chosen("last.ckpt") == "last.ckpt");
  CHECK(chosen((run / "checkpoints/best.ckpt").string()) == "best.ckpt");
  std::filesystem::remove(run / "checkpoints/final.ckpt");
  CHECK(chosen("") == "last.ckpt");
  check_error<IoError>([&] { chosen("final"); }, {"'final'", "best.ckpt", "last.ckpt"});
  std::filesystem::remove(run / "checkpoints/last.ckpt");
  CHECK(chosen("") == "best.ckpt");
  std::filesystem::remove(run / "checkpoints/best.ckpt");
  check_error<IoError>([&] { chosen(""); }, {"checkpoints", "final.ckpt, last.ckpt or best.ckpt"});
  check_error<IoError>([&] { import_state(run / "nothing"); }, {"nothing"});
}

TEST_CASE("import_state: a checkpoint alone has no names of perturbations until they are given",
          "[train][golden]") {
  if (golden_run().empty()) VCELL_SKIP("no golden run_folder");
  const auto path = golden_run() / "run/checkpoints/final.ckpt";
  const TrainedModel whole = import_state(golden_run() / "run").model;
  const vcell_test::TemporaryFolder folder;
  const auto alone = import_state(path);
  CHECK(alone.model.genes == whole.genes);  // its hyper_parameters have them
  CHECK(alone.model.unnamed == std::vector<std::string>{"perturbations"});
  CHECK(alone.model.batches == std::vector<std::string>{"0", "1", "2"});
  CHECK(alone.model.labels.control == "non-targeting");
  save_model(folder.path() / "model", alone.model);
  TrainedModel m = std::get<TrainedModel>(load_model(folder.path() / "model"));
  CHECK(m.unnamed == alone.model.unnamed);
  check_error<ConfigError>([&] { predict_cells(m, {}, {}); },
                           {"names of the model's perturbations", "--perturbation-names"});
  check_error<ConfigError>([&] { name_perturbations(m, {"A"}); },
                           {"1 names of perturbations", "5"});
  check_error<ConfigError>(
      [&] {
        name_perturbations(m, {"A", "B", "C", "D", "E"});
      },
      {"non-targeting"});
  check_error<ConfigError>([&] { name_genes(m, std::vector<std::string>(20, "G")); },
                           {"'G' comes twice"});
  name_perturbations(m, whole.perturbations.names());
  CHECK(m.unnamed.empty());
  CHECK(m.perturbations == whole.perturbations);
  name_genes(m, std::vector<std::string>(whole.genes.rbegin(), whole.genes.rend()));
  CHECK(m.genes[0] == whole.genes.back());
  check_error<ConfigError>([&] { name_genes(m, {"A"}); }, {"1 names of genes", "20"});
}

TEST_CASE("import_state: maps of older versions, as pickles whose tensors are within them",
          "[train][golden]") {
  if (golden_run().empty()) VCELL_SKIP("no golden run_folder");
  using namespace vcell_test;
  const TemporaryFolder folder;
  const auto run = copy_of_run(folder);
  const TrainedModel whole = import_state(run).model;
  const auto vector = [](size_t place, size_t n) {
    std::vector<float> one_hot(n);
    one_hot[place] = 1;
    const std::string inner = legacy_file(
        storage("1", int32_t(n)), "](" + text("1") + "e",
        bytes_of(int64_t(n)) + std::string(reinterpret_cast<const char*>(one_hot.data()), 4 * n));
    return tensor(global("torch.storage", "_load_from_bytes") + bytes(inner) + "\x85R",
                  vcell_test::whole(0), '(' + vcell_test::whole(int32_t(n)) + 't',
                  '(' + vcell_test::whole(1) + 't');
  };
  const auto names = whole.perturbations.names();
  std::string map = "}(";
  for (size_t i = names.size(); i-- > 0;) map += text(names[i]) + vector(i, names.size());
  std::filesystem::remove(run / "pert_onehot_map.pt");
  write_text(run / "pert_onehot_map.pkl", pickled(map + 'u'));
  std::filesystem::remove(run / "batch_onehot_map.torch");
  write_text(run / "batch_onehot_map.pkl",
             pickled("}(" + text("batch3") + vcell_test::whole(2) + text("batch1") +
                     vcell_test::whole(0) + text("batch2") + vcell_test::whole(1) + 'u'));
  const TrainedModel m = import_state(run).model;
  CHECK(m.perturbations == whole.perturbations);
  CHECK(m.batches == whole.batches);
  write_text(run / "batch_onehot_map.pkl", pickled("}(" + text("a") + vcell_test::whole(1) +
                                                   text("b") + vcell_test::whole(1) + 'u'));
  check_error<FormatError>([&] { import_state(run); }, {"batch_onehot_map.pkl", "no other name"});
  write_text(run / "pert_onehot_map.pkl", pickled("]"));
  check_error<FormatError>([&] { import_state(run); }, {"pert_onehot_map.pkl", "a dict"});
  // What is no one-hot vector is the feature of its perturbation.
  std::map<std::string, Array> features;
  for (size_t i = 0; i < names.size(); ++i) {
    std::vector<float> feature(names.size(), 0.5f);
    feature[0] = float(i);
    features[names[i]] = Array::of<float>({names.size()}, feature);
  }
  write_torch_archive(run / "pert_onehot_map.pt", features);
  write_text(run / "batch_onehot_map.pkl",
             pickled("}(" + text("a") + vcell_test::whole(2) + text("b") + vcell_test::whole(1) +
                     text("c") + vcell_test::whole(0) + 'u'));
  const TrainedModel with_features = import_state(run).model;
  CHECK_FALSE(with_features.perturbations.is_one_hot());
  CHECK(with_features.perturbations.vector(names[3])[0] == 3);
  CHECK(with_features.batches == std::vector<std::string>{"c", "b", "a"});
}

TEST_CASE("import_state: a folder as model hubs give it", "[train][golden]") {
  if (golden_run().empty()) VCELL_SKIP("no golden run_folder");
  const vcell_test::TemporaryFolder folder;
  const TrainedModel whole = import_state(golden_run() / "run").model;
  TorchArchive archive(golden_run() / "run/checkpoints/final.ckpt");
  Safetensors weights;
  weights.tensors = archive.arrays(archive.root().at("state_dict"));
  write_safetensors(folder.path() / "model.safetensors", weights);
  Json config;
  for (const auto& [key, value] : flat_settings(archive.root().at("hyper_parameters"))) {
    Json* at = &config;  // nested again
    std::string rest = key;
    for (size_t dot = rest.find('.'); dot != rest.npos; dot = rest.find('.')) {
      const std::string name = rest.substr(0, dot);
      if (!at->find(name)) at->add(name, Json{Json::Kind::object});
      at = const_cast<Json*>(at->find(name));
      rest = rest.substr(dot + 1);
    }
    at->add(rest, json_of(value));
  }
  write_text(folder.path() / "config.json", json_text(config));
  const auto check = [&] {
    const auto imported = import_state(folder.path());
    CHECK(imported.weights.filename() == "model.safetensors");
    CHECK(imported.model.genes == whole.genes);
    CHECK(parameter_arrays(imported.model.model.parameters()) ==
          parameter_arrays(whole.model.parameters()));
  };
  check();
  std::filesystem::remove(folder.path() / "config.json");
  write_text(folder.path() / "config.yaml", json_text(config, 2));  // JSON is YAML
  check();
}

TEST_CASE("import_state: what cannot be imported is refused by name", "[train][golden]") {
  const auto golden = vcell_test::golden_folder("state_transition");
  if (golden_run().empty()) VCELL_SKIP("no golden run_folder");
  check_error<FormatError>([&] { import_state(*golden / "llama_small.pt"); },
                           {"llama_small.pt", "no state_dict"});
  TrainedModel embedding = import_state(*golden / "gene_decoder.ckpt").model;
  CHECK(embedding.genes.at(1) == "embedding_1");
  CHECK(embedding.decoded_genes.size() == embedding.model.config().gene_width);
  CHECK(embedding.unnamed == std::vector<std::string>{"decoded genes", "perturbations"});
  std::vector<std::string> decoded;
  for (size_t i = 0; i < embedding.decoded_genes.size(); ++i) decoded.push_back(message("G", i));
  name_genes(embedding, decoded);
  CHECK(embedding.decoded_genes == decoded);
  CHECK(embedding.unnamed == std::vector<std::string>{"perturbations"});
  CHECK(import_state(*golden / "llama_small.ckpt").model.genes.size() ==
        import_state(*golden / "llama_small.ckpt").model.model.config().input_width);
  CHECK(import_state(*golden / "gpt2_bidirectional.ckpt").model.model.config().backbone ==
        BackboneKind::gpt2);
  const vcell_test::TemporaryFolder folder;
  const auto run = copy_of_run(folder);
  std::filesystem::rename(run / "config.yaml", run / "c");
  CHECK(import_state(run).model.labels.perturbation_key == "gene");  // of data_module.torch
  write_text(run / "config.yaml", "model: [\n");
  check_error<FormatError>([&] { import_state(run); }, {"config.yaml", "YAML"});
  if (const auto se = vcell_test::golden_folder("state_embedding");
      se && std::filesystem::exists(*se / "tabular.ckpt"))
    check_error<ConfigError>([&] { import_state(*se / "tabular.ckpt"); },
                             {"State Embedding", "import_embedding"});
}

TEST_CASE("export_state: weights go back under the names that they came with", "[train][golden]") {
  if (golden_run().empty()) VCELL_SKIP("no golden run_folder");
  const auto golden = *vcell_test::golden_folder("state_transition");
  const vcell_test::TemporaryFolder folder;
  for (const auto& checkpoint : {golden_run() / "run/checkpoints/final.ckpt",
                                 golden / "llama_small.ckpt", golden / "gpt2_bidirectional.ckpt"}) {
    INFO(checkpoint.string());
    const TrainedModel m = import_state(checkpoint).model;
    TorchArchive archive(checkpoint);
    auto expected = archive.arrays(archive.root().at("state_dict"));
    const auto rows = [&](const char* table) {
      const auto found = expected.find(message("transformer_backbone.", table, ".weight"));
      return found == expected.end() ? 0 : found->second.shape.at(0);
    };
    const ReferenceTables tables{rows("embed_tokens") + rows("wte"), rows("wpe")};
    export_state(folder.path() / "m.pt", m, tables);
    TorchArchive written(folder.path() / "m.pt");
    CHECK(written.arrays(written.root()) == expected);
    export_state(folder.path() / "m.safetensors", m, tables);
    const auto safe = read_safetensors(folder.path() / "m.safetensors");
    CHECK(safe.tensors == expected);
    CHECK(safe.metadata.at("format") == "pt");
    for (const char* table : {"embed_tokens", "wte", "wpe"})
      expected.erase(message("transformer_backbone.", table, ".weight"));
    export_state(folder.path() / "m.pt", m);
    TorchArchive without(folder.path() / "m.pt");
    CHECK(without.arrays(without.root()) == expected);
    check_error<ConfigError>([&] { export_state(folder.path() / "m.bin", m); }, {"m.bin", ".pt"});
  }
}
