#include "vcell/pipeline/embed_file.hpp"

#include "support/errors.hpp"
#include "support/golden.hpp"
#include "support/largest_error.hpp"
#include "support/state_embedding_golden.hpp"
#include "support/temporary_folder.hpp"
#include "support/threads.hpp"
#include "vcell/io/npz.hpp"
#include "vcell/train/embedding_folder.hpp"

using namespace vcell;
using vcell_test::check_error, vcell_test::TemporaryFolder;

namespace {

/// A model for genes g0 .. g19, with their vectors given, or one-hot.
TrainedEmbedding small_model(bool identity = false) {
  std::vector<std::string> names;
  for (size_t g = 0; g < 20; ++g) names.push_back(message('g', g));
  GeneTable table = GeneTable::identity(names);
  if (!identity) {
    std::vector<float> values(20 * 6);
    Rng rng(3);
    for (float& v : values) v = float(rng.normal());
    table = GeneTable::given(names, 6, values, "esm2_t6");
  }
  const StateEmbeddingConfig config{.gene_width = table.width(),
                                    .width = 8,
                                    .layers = 1,
                                    .heads = 2,
                                    .mlp_width = 9,
                                    .output_width = 5,
                                    .sentence_length = 12,
                                    .datasets = 2};
  return {StateEmbedding<float>(config, 4), table, {"first", "second"}, Scale::counts};
}

AnnData small_data(size_t cells, bool log) {
  AnnData adata;
  std::vector<std::string> obs, var;
  for (size_t i = 0; i < cells; ++i) obs.push_back(message("cell", i));
  for (size_t g = 0; g < 18; ++g) var.push_back(g == 4 ? "unknown" : message('g', g));
  DenseMatrix<float> X{cells, 18, std::vector<float>(cells * 18)};
  Rng rng(9);
  for (float& v : X.values) {
    v = float(rng.below(4));
    if (log) v = std::log1p(v);
  }
  adata.X = Matrix(std::move(X));
  adata.obs = DataFrame(obs);
  adata.var = DataFrame(var);
  return adata;
}

std::vector<float> embedded(const std::filesystem::path& path, const std::string& key = "X_emb") {
  const auto adata = read_h5ad(path);
  return matrix(adata.obsm, key, "obsm").values().as<float>();
}

}  // namespace

TEST_CASE("embed_file golden: X_emb of the released package", "[pipeline][golden]") {
  const auto folder = vcell_test::golden_folder("state_embedding");
  if (!folder) VCELL_SKIP("golden folder state_embedding is absent");
  const vcell_test::StateEmbeddingGolden golden(*folder, "tabular");
  std::map<std::string, Array> weights;  // what the checkpoint holds after its three steps
  for (const auto& [name, array] : golden.data.tensors)
    if (name.starts_with("f32.final.")) weights[name.substr(10)] = array;
  const auto& table = golden.table.tensors.at("table");
  std::vector<std::string> names;
  for (size_t g = 0; g < table.shape.at(0); ++g) names.push_back(message('G', g));
  TrainedEmbedding model{StateEmbedding<float>(golden.config()),
                         GeneTable::given(names, table.shape.at(1), table.as<float>()),
                         {"0", "1", "2"},
                         Scale::log1p};
  load_parameters(model.model.parameters(), weights);
  const TemporaryFolder out;
  std::vector<std::string> notes;
  const auto from = *folder / "transform.h5ad";
  embed_file(model, from, out.path() / "a.h5ad",
             {.key = "X_ours",
              .scale = Scale::log1p,
              .callbacks = {.progress = {},
                            .note = [&](const std::string& line) { notes.push_back(line); }}});
  const auto theirs = embedded(from), ours = embedded(out.path() / "a.h5ad", "X_ours");
  REQUIRE(ours.size() == theirs.size());
  const std::vector<double> expected(theirs.begin(), theirs.end());
  CHECK(vcell_test::relative_error(std::span<const float>(ours), expected) < 1e-5);
  CHECK(notes.back().find("without one are 'UNKNOWN'") != std::string::npos);
}

TEST_CASE("embed_file: counts and their logarithms alike, all else kept", "[pipeline]") {
  const TemporaryFolder folder;
  const auto model = small_model();
  auto counts = small_data(40, false);
  counts.obsm.emplace("X_emb", Value(Matrix(DenseMatrix<float>{40, 1, std::vector<float>(40)})));
  counts.uns.emplace("kept", Value(std::string("text")));
  const auto from = folder.path() / "counts.h5ad", to = folder.path() / "new" / "a.h5ad";
  write_h5ad(from, counts);
  write_h5ad(folder.path() / "log.h5ad", small_data(40, true));
  CHECK(embed_file(model, from, to, {.scale = Scale::counts}) == 15);
  embed_file(model, folder.path() / "log.h5ad", folder.path() / "b.h5ad", {.scale = Scale::log1p});
  const auto a = embedded(to);
  CHECK(a.size() == 40 * 15);
  const auto b = embedded(folder.path() / "b.h5ad");
  for (size_t i = 0; i < a.size(); ++i) CHECK(a[i] == Approx(b[i]).margin(1e-6));
  auto back = read_h5ad(to);
  back.obsm.clear();
  counts.obsm.clear();
  CHECK(back == counts);
  // What nobody declares is refused, or taken as the reference takes it, and that is said.
  check_error<ConfigError>(
      [&] { embed_file(model, folder.path() / "log.h5ad", folder.path() / "c.h5ad"); },
      {"nothing says"});
  std::string said;
  EmbedFileOptions undeclared{.fractions_are_log1p = true};
  undeclared.callbacks.note = [&](const std::string& line) { said += line; };
  embed_file(model, folder.path() / "log.h5ad", folder.path() / "c.h5ad", undeclared);
  CHECK(embedded(folder.path() / "c.h5ad") == b);
  CHECK(said.find("as State") != std::string::npos);
  embed_file(model, from, folder.path() / "c.h5ad", undeclared);  // whole numbers are counts
  CHECK(embedded(folder.path() / "c.h5ad") == a);
  // The embeddings alone.
  CHECK(embed_file(model, from, folder.path() / "a.npy", {.scale = Scale::counts}) == 15);
  const auto array = detail::read_npy(read_text(folder.path() / "a.npy"), "a.npy").numbers;
  CHECK(array.shape == std::vector<size_t>{40, 15});
  CHECK(array.as<float>() == a);
  check_error<ConfigError>(
      [&] { embed_file(model, from, folder.path() / "a.npy", {.half = true}); },
      {"a.npy", "float32"});
  // Into the file itself, in half precision, with other draws.
  embed_file(model, from, from, {.scale = Scale::counts, .half = true, .seed = 1});
  const auto half = read_h5ad(from);
  CHECK(matrix(half.obsm, "X_emb", "obsm").dtype() == DType::f16);
  CHECK(embedded(from) != a);
}

TEST_CASE("embed_file: X by columns gives the same bytes as X by rows", "[pipeline]") {
  const TemporaryFolder folder;
  const auto model = small_model();
  auto data = small_data(40, false);
  data.X = data.X->take_csr<float>();
  write_h5ad(folder.path() / "rows.h5ad", data);
  data.X->layout.by_columns = true;
  write_h5ad(folder.path() / "columns.h5ad", data);
  std::vector<std::string> notes;
  EmbedFileOptions options;
  options.callbacks.note = [&](const std::string& line) { notes.push_back(line); };
  embed_file(model, folder.path() / "rows.h5ad", folder.path() / "a.h5ad", options);
  CHECK(notes[0].find("by columns") == std::string::npos);
  notes.clear();
  embed_file(model, folder.path() / "columns.h5ad", folder.path() / "b.h5ad", options);
  CHECK(notes[0].find("is stored by columns (csc_matrix), so all of it is in memory") !=
        std::string::npos);
  CHECK(embedded(folder.path() / "b.h5ad") == embedded(folder.path() / "a.h5ad"));
  auto back = read_h5ad(folder.path() / "b.h5ad");
  back.obsm.clear();
  CHECK(back == data);
}

TEST_CASE("embed_file: the same for any number of threads", "[pipeline]") {
  const TemporaryFolder folder;
  const auto model = small_model(true);
  write_h5ad(folder.path() / "a.h5ad", small_data(21, false));
  vcell_test::check_same_on_any_threads([&] {
    embed_file(model, folder.path() / "a.h5ad", folder.path() / "b.h5ad");
    return embedded(folder.path() / "b.h5ad");
  });
}

TEST_CASE("embed_file: stopped or refused, nothing is there", "[pipeline]") {
  const TemporaryFolder folder;
  const auto model = small_model();
  const auto from = folder.path() / "a.h5ad", to = folder.path() / "b.h5ad";
  write_h5ad(from, small_data(40, false));
  size_t told = 0;
  const Progress stop = [&](const ProgressUpdate& update) {
    CHECK(update.total == 40);
    return ++told < 2;
  };
  check_error<Stopped>([&] { embed_file(model, from, to, {.callbacks = {.progress = stop}}); },
                       {"embed", "16 of 40"});
  CHECK_FALSE(std::filesystem::exists(to));
  check_error<ConfigError>([&] { embed_file(model, from, to, {.genes = {.least_share = 1}}); },
                           {"17 of 18 genes", "'unknown'"});
  check_error<ConfigError>([&] { embed_file(model, from, to, {.scale = Scale::log1p}); },
                           {"log1p"});
  CHECK_FALSE(std::filesystem::exists(to));
}

TEST_CASE("save_embedding, load_embedding: the same embeddings, of every kind of table",
          "[train]") {
  const TemporaryFolder folder;
  write_h5ad(folder.path() / "a.h5ad", small_data(5, false));
  const auto run = [&](const TrainedEmbedding& model) {
    embed_file(model, folder.path() / "a.h5ad", folder.path() / "b.h5ad");
    return embedded(folder.path() / "b.h5ad");
  };
  for (const bool identity : {false, true}) {
    const auto model = small_model(identity);
    save_embedding(folder.path() / "model", model);
    const auto loaded = load_embedding(folder.path() / "model");
    CHECK(loaded.genes == model.genes);
    CHECK(loaded.datasets == model.datasets);
    CHECK(loaded.model.config() == model.model.config());
    CHECK(run(loaded) == run(model));
  }
  auto random = small_model();
  random.genes = GeneTable::random(random.genes.names(), 6, 11);
  save_embedding(folder.path() / "model", random);
  CHECK_FALSE(std::filesystem::exists(folder.path() / "model" / "gene_table.safetensors"));
  CHECK(load_embedding(folder.path() / "model").genes == random.genes);
}

TEST_CASE("load_embedding: what does not fit is named", "[train]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "model";
  save_embedding(path, small_model());
  const std::string config = read_text(path / "config.json");
  const auto edit = [&](const std::string& from, const std::string& to) {
    auto text = config;
    REQUIRE(text.find(from) != text.npos);
    write_text(path / "config.json", text.replace(text.find(from), from.size(), to));
  };
  edit("\"width\": 8", "\"width\": 80000");
  check_error<FormatError>([&] { load_embedding(path); }, {"config.json", "larger than"});
  edit("\"sentence_length\": 12", "\"sentence_length\": 1000000000");
  check_error<FormatError>([&] { load_embedding(path); }, {"sentences longer"});
  edit("\"kind\": \"state_embedding\"", "\"kind\": \"state_transition\"");
  check_error<FormatError>([&] { load_embedding(path); }, {"'state_transition'", "embeds"});
  edit("\"format_version\": 2", "\"format_version\": 3");
  check_error<FormatError>([&] { load_embedding(path); }, {"'format_version' is 3"});
  edit("\"heads\": 2", "\"heads\": 3");
  check_error<ConfigError>([&] { load_embedding(path); }, {"3 heads"});
  edit("\"datasets\": 2", "\"datasets\": 1");
  check_error<ConfigError>([&] { load_embedding(path); }, {"datasets"});
  write_text(path / "config.json", config);
  write_text(path / "genes.txt", "g0\ng1\n");
  check_error<FormatError>([&] { load_embedding(path); }, {"gene_table.safetensors", "(2, 6)"});
  check_error<FormatError>([&] { load_model(path); }, {"'state_embedding'", "load_embedding"});
}
