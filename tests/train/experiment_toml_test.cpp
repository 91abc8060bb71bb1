#include "vcell/train/experiment_toml.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::TemporaryFolder;

namespace {

/// Another value than the default, of any kind of setting.
void change(std::string& field) { field = "a \"quoted\"\\ name\twith\nlines"; }
void change(bool& field) { field = !field; }
void change(double& field) { field = field / 3 + 1e-9; }
void change(std::vector<std::string>& field) { field = {"cell line", "donor\""}; }
void change(std::vector<size_t>& field) { field = {3, 20000}; }
template <class T>
void change(T& field) {
  if constexpr (std::is_enum_v<T>)
    field = T(1 - int(field));
  else
    field += 3;
}
void change(std::vector<double>& field) { field.push_back(0.25); }
template <class T>
void change(std::optional<T>& field) {
  field.emplace();
  change(*field);
}

}  // namespace

TEST_CASE("experiment_toml: the defaults are those of run", "[train]") {
  Experiment e = parse_experiment("");
  REQUIRE(e.model.anchor == Anchor::none);  // a file that does not say so is of before anchors
  e.model.anchor = parse_experiment("[model]\nanchor = \"perturbation_mean\"").model.anchor;
  REQUIRE(e.model.anchor == Anchor::perturbation_mean);
  REQUIRE(e.ensemble == 1);  // nor does one of before ensembles
  e.ensemble = Experiment().ensemble;
  REQUIRE(e.ensemble == 2);
  REQUIRE(e.model.encoder_layers == 2);
  REQUIRE(e.model.decoder_layers == 2);
  REQUIRE_FALSE(e.lenient_split);
  REQUIRE(e.validation_pairs == 0.2);
  REQUIRE(e.model.hidden == 128);
  REQUIRE(e.model.layers == 2);
  REQUIRE(e.model.heads == 4);
  REQUIRE(e.model.head_dim == 32);
  REQUIRE(e.model.mlp_width == 512);
  REQUIRE(e.model.loss == SetLoss::energy_distance);
  REQUIRE(e.model.floor_squared == 0);
  REQUIRE(e.model.set_size == 64);
  REQUIRE(e.model.batch_size == 8);
  REQUIRE(e.hvgs == 2000);
  REQUIRE(e.min_genes == 0);
  REQUIRE(e.min_cells == 0);
  REQUIRE_FALSE(e.all_genes);
  REQUIRE(e.validation == 0.1);
  REQUIRE(e.training.max_steps == 1000);
  REQUIRE(e.training.optimizer == OptimizerKind::adamw);
  REQUIRE(e.training.learning_rate == 1e-4);
  REQUIRE(e.training.weight_decay == 5e-4);
  REQUIRE(e.training.clip == 10);
  REQUIRE(e.training.patience == 0);
  REQUIRE(e.kind == ModelKind::state_transition);
  REQUIRE(e.device == RunDevice::cpu);
  REQUIRE(e.rank == 0);
  REQUIRE(e.ranks == 1);
  REQUIRE(format_experiment(e) == format_experiment({}));
}

TEST_CASE("experiment_toml: every setting reads back", "[train]") {
  Experiment e;
  std::string text = format_experiment(e);
  size_t settings = 0;
  // One at a time, so that no setting hides behind another.
  visit_experiment(e, [&](std::string_view table, std::string_view key, auto& field, auto) {
    ++settings;
    if (key == "preset") return;  // any other name is an error
    if (key == "kind") return;    // the only one there is
    const auto kept = field;
    change(field);
    const std::string changed = format_experiment(e);
    INFO('[' << table << "] " << key);
    REQUIRE(changed != text);
    toml::table root = toml::parse(changed);
    Experiment back = detail::ExperimentReader(root, "test").read();
    REQUIRE(format_experiment(back) == changed);
    field = kept;
  });
  REQUIRE(settings > 40);
  REQUIRE(format_experiment(e) == text);
}

TEST_CASE("experiment_toml: a file is complete and reads back", "[train]") {
  const TemporaryFolder folder;
  for (const std::string& name : preset_names()) {
    Experiment e = experiment_preset(name);
    e.data = "/Büro/screen \"1\".h5ad";
    e.scale = Scale::counts;
    e.labels.batch_key = "plate";
    e.model.batch_encoder = true;
    write_experiment(folder.path() / "experiment.toml", e);
    const Experiment back = read_experiment(folder.path() / "experiment.toml");
    REQUIRE(format_experiment(back) == format_experiment(e));
    REQUIRE(back.preset == name);
    REQUIRE(back.kind == e.kind);
    if (e.kind == ModelKind::state_transition) REQUIRE(back.model == e.model);
    REQUIRE(back.embedding == e.embedding);
  }
}

TEST_CASE("experiment_toml: relative paths begin at the file's folder", "[train]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "experiment.toml";
  Experiment e;
  e.data = "screen.h5ad";
  e.split = "../split.toml";
  write_experiment(path, e);
  const Experiment back = read_experiment(path);
  CHECK(back.data == (folder.path() / "screen.h5ad").string());
  CHECK(back.split == (folder.path().parent_path() / "split.toml").string());
  CHECK(back.perturbation_features.empty());
}

TEST_CASE("experiment_toml: presets are the published ones", "[train]") {
  const Experiment small = experiment_preset("state_sm");
  REQUIRE(small.model.set_size == 128);
  REQUIRE(small.model.hidden == 672);
  REQUIRE(small.model.heads * small.model.head_dim == 672);
  REQUIRE(small.model.mlp_width == 2688);
  REQUIRE_FALSE(small.model.basal_mlp);
  REQUIRE(small.training.optimizer == OptimizerKind::adam);
  REQUIRE(small.training.weight_decay == 0);
  REQUIRE(small.training.max_steps == 40000);
  REQUIRE(small.model.batch_size == 16);
  const Experiment state = experiment_preset("state");
  REQUIRE(state.model.encoder_layers == 1);
  REQUIRE(state.model.layers == 8);
  REQUIRE(state.model.basal_mlp);
  REQUIRE(experiment_preset("tahoe").model.heads * 58 == 696);
  REQUIRE(experiment_preset("state_lg").model.hidden == 1488);
  const Experiment tutorial = experiment_preset("tutorial");
  REQUIRE(tutorial.training.optimizer == OptimizerKind::adamw);
  REQUIRE(tutorial.training.weight_decay == 1e-2);
  REQUIRE(tutorial.training.max_steps == 2000);
  REQUIRE(tutorial.model.loss == SetLoss::rbf_mmd);
  REQUIRE(tutorial.model.median_heuristic);
  REQUIRE(tutorial.model.sigmas == std::vector<double>{1});
  REQUIRE(small.model.loss == SetLoss::energy_distance);
  // A gene decoder in an embedding alone, of the preset's widths where nothing else is said.
  REQUIRE(tutorial.model.decoder == GeneDecoderKind::none);
  REQUIRE(tutorial.model.decoder_widths.empty());
  const auto decoded = [](const char* preset, const char* more) {
    return parse_experiment(message("preset = \"", preset, "\"\n[model]\noutput_space = ",
                                    "\"embedding\"\ndecoder = \"plain\"\n", more))
        .model.decoder_widths;
  };
  REQUIRE(decoded("tutorial", "") == std::vector<size_t>{512});
  REQUIRE(decoded("tutorial", "decoder_widths = [9, 8]\n") == std::vector<size_t>{9, 8});
  REQUIRE(decoded("tutorial", "decoder_widths = []\n").empty());
  REQUIRE(decoded("state_sm", "").empty());

  const Experiment embeds = experiment_preset("se_small");
  REQUIRE(embeds.kind == ModelKind::state_embedding);
  REQUIRE(embeds.embedding.width == 512);
  REQUIRE(embeds.embedding.heads == 16);
  REQUIRE(embeds.embedding.mlp_width == 1024);
  REQUIRE(embeds.embedding.layers == 8);
  REQUIRE(embeds.embedding.batch_size == 128);
  REQUIRE(embeds.training.accumulate == 8);
  REQUIRE(embeds.training.clip == 0.8);
  REQUIRE(embeds.training.schedule == ScheduleShape::chained);
  const Schedule rates = schedule_of(embeds.training);
  REQUIRE(learning_rate(rates, 0) == Approx(0.33 * rates.rate));
  REQUIRE(learning_rate(rates, 300) > 0.98 * rates.rate);  // after 3 % of the steps
  REQUIRE(learning_rate(rates, embeds.training.max_steps) == Approx(0.3 * rates.rate));

  // A name of two kinds; the first has it where nothing else is said.
  REQUIRE(tutorial.kind == ModelKind::state_transition);
  const Experiment both = experiment_preset("tutorial", ModelKind::state_embedding);
  REQUIRE(both.kind == ModelKind::state_embedding);
  REQUIRE(both.embedding.width == 256);
  REQUIRE(both.embedding.epochs == 3);
  REQUIRE(both.embedding.loss == EmbeddingLoss::mean_squared_error);
  REQUIRE(both.training.learning_rate == 2e-4);
  REQUIRE(parse_experiment(format_experiment(both)).embedding == both.embedding);
  REQUIRE(
      parse_experiment("preset = \"tutorial\"\n[model]\nkind = \"state_embedding\"\n").embedding ==
      both.embedding);
  REQUIRE(parse_experiment("preset = \"tutorial\"\n[model]\nkind = \"state_embedding\"\n"
                           "[training]\nmax_steps = 9\n")
              .embedding.epochs == 0);
  const Experiment by_name = parse_experiment("preset = \"se_small\"\n[genes]\ngene_share = 0.1\n");
  REQUIRE(by_name.embedding.layers == 8);
  REQUIRE(by_name.embedding.gene_share == 0.1);
  check_error<ConfigError>([] { experiment_preset("state", ModelKind::state_embedding); },
                           {"'state' is of [model] kind 'state_transition'", "'se_small'"});
  check_error<FormatError>(
      [] { parse_experiment("preset = \"se_small\"\n[model]\nkind = \"state_transition\"\n"); },
      {"line 1", "'se_small' is of [model] kind 'state_embedding'"});

  const Experiment e = parse_experiment("preset = \"state\"\n[model]\nhidden = 64\n");
  REQUIRE(e.model.hidden == 64);
  REQUIRE(e.model.layers == 8);
  check_error<ConfigError>([] { parse_experiment("preset = \"state_xl\""); },
                           {"no preset 'state_xl'", "did you mean", "'state_sm'"});
}

TEST_CASE("experiment_toml: numbers may be written either way", "[train]") {
  const Experiment e = parse_experiment(
      "seed = 0x1F\n[training]\nclip = 5\nmax_steps = 1_000\nlearning_rate = 1e-3\n"
      "[data]\nscale = \"log1p\"\nbatch_key = \"\"\ncontext_keys = []\n");
  REQUIRE(e.training.seed == 31);
  REQUIRE(e.training.clip == 5);
  REQUIRE(e.training.max_steps == 1000);
  const Experiment widths = parse_experiment("[model]\nloss = \"rbf_mmd\"\nsigmas = [0.5, 2]\n");
  REQUIRE(widths.model.sigmas == std::vector<double>{0.5, 2});
  REQUIRE(e.scale == Scale::log1p);
  REQUIRE_FALSE(e.labels.batch_key);
  REQUIRE(e.labels.context_keys.empty());
}

TEST_CASE("experiment_toml: errors name file, line and the nearest setting", "[train]") {
  const auto check = [](const char* text, const std::vector<std::string>& parts) {
    check_error<FormatError>([&] { parse_experiment(text, "run.toml"); }, parts);
  };
  check("seed = 1\n\n[training]\nmax_step = 5\n",
        {"run.toml, line 4", "[training] 'max_step' is no setting", "did you mean 'max_steps'"});
  check("[trainig]\nmax_steps = 5\n", {"line 1", "'trainig'", "did you mean 'training'"});
  check("max_steps = 5\n", {"'max_steps' is no setting"});
  check("training = 5\n", {"'training' must be a table"});
  check("[training]\nmax_steps = \"5\"\n",
        {"line 2", "[training] 'max_steps'", "expected a whole number"});
  check("[training]\nmax_steps = -5\n", {"not negative"});
  check("[training]\nmax_steps = 5.5\n", {"expected a whole number"});
  check("[training]\nclip = true\n", {"[training] 'clip': expected a number"});
  check("[training]\noptimizer = \"sgd\"\n",
        {"'optimizer' is 'sgd', expected one of 'adam', 'adamw'"});
  check("[data]\nscale = \"raw\"\n", {"'scale' is 'raw'", "'counts', 'log1p'"});
  check("[data]\npath = 5\n", {"[data] 'path': expected text"});
  check("[data]\nall_genes = 1\n", {"expected true or false"});
  check("[data]\ncontext_keys = \"line\"\n", {"expected a list"});
  check("[data]\ncontext_keys = [1]\n", {"line 2", "'context_keys'"});
  check("[data]\nbatch_key = 1\n", {"[data] 'batch_key': expected text"});
  check("[model]\nsigmas = 1.0\n", {"[model] 'sigmas': expected a list of numbers"});
  check("[model]\nsigmas = [\"1\"]\n", {"line 2", "[model] 'sigmas': expected a number"});
  check("[model]\nkind = \"decoder\"\n",
        {"line 2", "[model] 'kind' is 'decoder'", "'state_transition'"});
  check("[run]\ndevice = \"tpu\"\n", {"[run] 'device' is 'tpu'", "'cpu', 'cuda'"});
  check("[run]\nprecision = \"half\"\n", {"[run] 'precision' is 'half'", "'bfloat16'"});
  check("[run]\nrank = -1\n", {"[run] 'rank'", "not negative"});
  check("[\"\"]\nseed = 1\n", {"line 1", "'' is no setting"});
  check("seed = [\n", {"run.toml, line"});
  check("seed = 1\nseed = 2\n", {"line 2"});
}

TEST_CASE("experiment_toml: values out of their range", "[train]") {
  const auto check = [](const char* text, const std::vector<std::string>& parts) {
    check_error<ConfigError>([&] { parse_experiment(text); }, parts);
  };
  check("[sets]\nset_size = 0\n", {"[sets] set_size is 0"});
  check("[split]\nvalidation = 1\n", {"[split] validation is 1"});
  check("[model]\nbatch_encoder = true\n", {"needs [data] batch_key"});
  check("[model]\nsigmas = []\n", {"[model] sigmas is empty"});
  check("[model]\nsigmas = [1.0, 0]\n", {"[model] sigmas is 0", "1e-30"});
  check("[model]\nsigmas = [inf]\n", {"[model] sigmas is inf"});
  check("[model]\nblur = 0\n", {"[model] blur is 0"});
  check("[model]\nsinkhorn_weight = -1\n", {"[model] sinkhorn_weight is -1"});
  check("[model]\nfloor_squared = nan\n", {"[model] floor_squared is nan"});
  check("[model]\nloss_chunks = 0\n", {"[model] loss_chunks is 0"});
  check("[model]\nloss = \"rbf_mmd\"\nestimator = \"unbiased\"\n[sets]\nset_size = 1\n",
        {"[model] estimator unbiased", "[sets] set_size"});
  check("[data]\nzero_control = true\n", {"needs [data] perturbation_features"});
  check("[training]\nlearning_rate = nan\n", {"rate is nan"});
  check("[training]\nmax_steps = 0\n", {"max_steps is 0"});
  check("[training]\nensemble = 0\n", {"[training] ensemble is 0", "1 to 1000"});
  check("[training]\nensemble = 1001\n", {"[training] ensemble is 1001", "1 to 1000"});
  check("[model]\nkind = \"state_embedding\"\n[run]\ndevice = \"cuda\"\n",
        {"[run] device is cuda", "state_embedding", "CPU so far"});
  check("[run]\nprecision = \"tf32\"\n", {"[run] precision is tf32", "[run] device cpu"});
  check("[run]\nrank = 1\n", {"[run] rank is 1 and [run] ranks 1", "below ranks"});
  check("[run]\nranks = 0\n", {"[run] rank is 0 and [run] ranks 0"});
  check("[run]\nranks = 2\n", {"[run] ranks is 2", "expected 1"});
  Experiment e;
  e.training.seed = uint64_t(1) << 63;
  check_error<ConfigError>([&] { format_experiment(e); }, {"less than 2^63"});
  check_error<IoError>([] { read_experiment("no/such/file.toml"); }, {"no/such/file.toml"});
}
