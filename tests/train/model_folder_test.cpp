#include "vcell/train/model_folder.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "train/folder_bytes.hpp"
#include "train/st_screen.hpp"
#include "vcell/models/predict.hpp"
#include "vcell/train/perturbation_features_file.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::contains;
using vcell_test::folder_bytes;
using vcell_test::StScreen;
using vcell_test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

TrainedModel make_model(bool batches = true, bool features = false) {
  const StScreen s;
  auto config = s.config(batches);
  config.dropout = 0.1;
  PerturbationFeatures vectors(3);
  for (size_t i = 0; const char* name : {"P2", "ctrl", "P1", "Ünknown, \"name\""})
    vectors.add(name, std::vector<float>{0.5f, float(i++), -1e-30f});
  if (features) config.perturbation_width = 3;
  TrainedModel m{.model = StateTransition<float>(config, 3),
                 .genes = s.screen.genes,
                 .perturbations = features ? vectors : s.one_hot(),
                 .contexts = s.screen.context.names,
                 .batches = batches ? s.screen.batch.names : std::vector<std::string>(),
                 .labels = {.perturbation_key = "gene",
                            .control = "ctrl",
                            .context_keys = {"line", "donor"},
                            .batch_key = std::nullopt}};
  if (batches) m.labels.batch_key = "plate";
  m.scale = features ? Scale::log1p : Scale::counts;
  if (!features) m.target_sum = 4321.0625;
  m.set_size = 17;
  return m;
}

DenseMatrix<float> predicted(const TrainedModel& m) {
  const StScreen s;
  const std::vector<size_t> controls = {0, 1, 2, 3, 4};
  return predict(m.model, s.screen.expression, controls, m.perturbations.vector("P1"),
                 m.batches.empty() ? std::span<const int32_t>() : s.screen.batch.codes,
                 {.set_size = 4});
}

void edit(const fs::path& file, const std::string& from, const std::string& to) {
  std::string text = read_text(file);
  const size_t at = text.find(from);
  REQUIRE(at != text.npos);
  write_text(file, text.replace(at, from.size(), to));
}

}  // namespace

TEST_CASE("model_folder: a model reads back to the same predictions and the same bytes",
          "[train]") {
  for (const bool batches : {false, true})
    for (const bool features : {false, true}) {
      const TemporaryFolder folder;
      const TrainedModel m = make_model(batches, features);
      save_model(folder.path() / "model", m);
      const auto back = std::get<TrainedModel>(load_model(folder.path() / "model"));
      REQUIRE(back.model.config() == m.model.config());
      REQUIRE(back.genes == m.genes);
      REQUIRE(back.perturbations == m.perturbations);
      REQUIRE(back.contexts == m.contexts);
      REQUIRE(back.batches == m.batches);
      REQUIRE(back.labels.perturbation_key == "gene");
      REQUIRE(back.labels.control == "ctrl");
      REQUIRE(back.labels.context_keys == m.labels.context_keys);
      REQUIRE(back.labels.context_name == "all");
      REQUIRE(back.labels.batch_key == m.labels.batch_key);
      REQUIRE(back.scale == m.scale);
      REQUIRE(back.target_sum == m.target_sum);
      REQUIRE(back.set_size == 17);
      REQUIRE(predicted(back).values == predicted(m).values);
      const auto bytes = folder_bytes(folder.path());
      REQUIRE(bytes.contains("model/perturbation_features.safetensors") == features);
      save_model(folder.path() / "model", back);
      REQUIRE(folder_bytes(folder.path()) == bytes);
    }
}

TEST_CASE("model_folder: an anchored model keeps its anchors, and predicts the same", "[train]") {
  const StScreen s;
  auto config = s.config();
  config.anchor = Anchor::perturbation_mean;
  TrainedModel m{.model = StateTransition<float>(config, 3),
                 .genes = s.screen.genes,
                 .perturbations = s.one_hot(),
                 .contexts = s.screen.context.names,
                 .batches = {},
                 .labels = {},
                 .anchors = make_anchors(
                     s.screen, [&](size_t i) { return s.screen.context.codes[i] == 0 || i % 3; },
                     s.one_hot(), 1, 0.7)};
  m.labels.control = "ctrl";
  m.perturbations.silence("P2");
  for (const auto& p : m.model.parameters().all())
    if (p.name.starts_with("project_out.3"))
      for (float& v : p.mutable_value()) v = 0.02f;
  const TemporaryFolder folder;
  save_model(folder.path() / "model", m);
  const auto back = std::get<TrainedModel>(load_model(folder.path() / "model"));
  REQUIRE(back.anchors);
  CHECK(back.anchors->alpha == 0.7);
  CHECK(back.anchors->shrinkage == 1);
  CHECK(back.anchors->shifts.cells == m.anchors->shifts.cells);
  CHECK(back.perturbations == m.perturbations);
  CHECK(back.perturbations.vector("P2") == std::vector<float>(4, 0));
  const std::vector<size_t> controls = {0, 1, 2, 3, 4};
  const auto predicted_in = [&](const TrainedModel& model, const char* p, const char* context) {
    const auto of = input_of(model, p, context);
    return predict(model.model, s.screen.expression, controls, of.vector, {},
                   {.set_size = 4, .anchor = of.anchor, .alpha = model.anchors->alpha});
  };
  for (const char* p : {"P1", "P2", "ctrl"})
    for (const char* context : {"x", "y", "new"})
      CHECK(predicted_in(back, p, context).values == predicted_in(m, p, context).values);
  CHECK(predicted_in(m, "P1", "x").values != predicted_in(m, "P1", "y").values);
  CHECK(input_of(m, "ctrl", "x").anchor == std::vector<float>(6, 0));
  CHECK_THROWS_AS(input_of(m, "P9", "x"), ConfigError);
  m.anchors->shifts.context[0] = 7;
  CHECK_THROWS_AS(save_model(folder.path() / "model", m), ShapeError);
  m.anchors.reset();
  CHECK_THROWS_AS(save_model(folder.path() / "model", m), ConfigError);
  const auto path = folder.path() / "model" / "anchors.safetensors";
  auto arrays = read_safetensors(path);
  arrays.tensors.erase("variance");
  write_safetensors(path, arrays);
  check_error<FormatError>([&] { load_model(folder.path() / "model"); },
                           {"anchors.safetensors", "'variance'"});
  fs::remove(path);
  CHECK_THROWS_AS(load_model(folder.path() / "model"), IoError);
}

TEST_CASE("model_folder: a model anchored at features predicts what it never saw", "[train]") {
  const StScreen s;
  auto config = s.config();
  config.anchor = Anchor::features;
  PerturbationFeatures features(2);
  for (const auto& [name, v] : {std::pair{"ctrl", 0.f}, {"P1", 1.f}, {"P2", 2.f}, {"P3", 5.f}})
    features.add(name, std::vector<float>{v, v * v});
  config.perturbation_width = 3;
  const auto learnt = [&](size_t i) {  // not P3
    return s.screen.perturbation.names[size_t(s.screen.perturbation.codes[i])] != "P3";
  };
  TrainedModel m{.model = StateTransition<float>(config, 3),
                 .genes = s.screen.genes,
                 .perturbations = features,
                 .contexts = s.screen.context.names,
                 .batches = {},
                 .labels = {},
                 .anchors = make_anchors(s.screen, learnt, features, 1, 0.7, true)};
  m.labels.control = "ctrl";
  // A regression that says something, which two perturbations do not lead to.
  FeatureRegression& r = *m.anchors->regression;
  r.kernel = FeatureKernel::gaussian;
  r.width = 1.5;
  r.points = Tensor<float, 2>({2, 2}, std::vector<float>{0, 1, 2, 3});
  r.coefficients = Tensor<float, 3>({3, 2, 6});
  for (size_t i = 0; i < r.coefficients.count(); ++i) r.coefficients.values()[i] = float(i % 7) - 2;
  const TemporaryFolder folder;
  const auto path = folder.path() / "model";
  save_model(path, m);
  auto back = std::get<TrainedModel>(load_model(path));
  save_model(folder.path() / "again", back);
  CHECK(folder_bytes(folder.path() / "again") == folder_bytes(path));
  for (const char* context : {"x", "new"})
    for (const char* p : {"ctrl", "P1", "P3"}) {
      const auto a = input_of(m, p, context), b = input_of(back, p, context);
      CHECK(a.vector == b.vector);
      CHECK(a.anchor == b.anchor);
      CHECK(a.vector.size() == 3);
      CHECK(a.vector[2] == (p == std::string("P3") ? 1 : 0));
    }
  CHECK(input_of(m, "P3", "x").anchor == shift_of(r, features.vector("P3"), 0));
  CHECK(input_of(m, "P3", "new").anchor == shift_of(r, features.vector("P3"), -1));
  CHECK(input_of(m, "P3", "y").anchor != input_of(m, "P3", "x").anchor);
  CHECK(input_of(m, "P1", "y").anchor ==
        anchor_of(*m.anchors, int32_t(features.place("P1")), m.contexts[0] == "y" ? 0 : 1));

  // A perturbation that no file of the model knows.
  CHECK_THROWS_WITH(input_of(back, "P9", "x"), contains("'P9' is not known"));
  PerturbationFeatures more(2);
  more.add("P9", std::vector<float>{3, 9});
  more.add("P1", std::vector<float>{7, 7});
  add_perturbations(back, more, {"P9", "P1"});
  CHECK(input_of(back, "P9", "x").anchor == shift_of(r, std::vector<float>{3, 9}, 0));
  CHECK(input_of(back, "P9", "x").vector == std::vector<float>{3, 9, 1});
  CHECK(input_of(back, "P1", "x").vector == std::vector<float>{1, 1, 0});  // as it was trained
  CHECK_THROWS_WITH(add_perturbations(back, more, {"P10"}), contains("'P10' is not known"));
  PerturbationFeatures other(3);
  other.add("P10", std::vector<float>{1, 2, 3});
  CHECK_THROWS_AS(add_perturbations(back, other, {"P10"}), ShapeError);
  auto one_hot = make_model();
  check_error<ConfigError>([&] { add_perturbations(one_hot, more, {"P9"}); },
                           {"'P9'", "one-hot", "[data] perturbation_features"});

  // Damage.
  const auto file = path / "feature_regression.safetensors";
  const auto whole = read_safetensors(file);
  for (const char* name :
       {"kernel", "width", "ridge", "centre", "weight", "points", "offset", "coefficients"}) {
    auto arrays = whole;
    arrays.tensors.erase(name);
    write_safetensors(file, arrays);
    CHECK_THROWS_AS(load_model(path), FormatError);
  }
  auto arrays = whole;
  const int32_t kernel = 3;
  arrays.tensors["kernel"] = Array::of<int32_t>({}, {&kernel, 1});
  write_safetensors(file, arrays);
  check_error<FormatError>([&] { load_model(path); }, {"'kernel': 3"});
  m.anchors->regression.reset();
  CHECK_THROWS_AS(save_model(path, m), ConfigError);
}

TEST_CASE("model_folder: combinations are the sum of their parts", "[train]") {
  const StScreen s;
  for (const bool by_features : {false, true}) {
    auto config = s.config();
    config.anchor = by_features ? Anchor::features : Anchor::perturbation_mean;
    PerturbationFeatures names(2);
    for (const auto& [name, v] : {std::pair{"ctrl", 0.f}, {"P1", 1.f}, {"P2", 2.f}, {"P3", 5.f}})
      names.add(name, std::vector<float>{v, 1});
    if (!by_features) names = s.one_hot();
    config.perturbation_width = by_features ? 3 : 4;
    TrainedModel m{.model = StateTransition<float>(config, 3),
                   .genes = s.screen.genes,
                   .perturbations = names,
                   .contexts = s.screen.context.names,
                   .batches = {},
                   .labels = {},
                   .anchors = make_anchors(
                       s.screen,
                       [&](size_t i) {  // not P3
                         return s.screen.perturbation.codes[i] != s.screen.perturbation.code("P3");
                       },
                       names, 1, 0.7, by_features)};
    m.labels.control = "ctrl";
    m.labels.combination_separator = "+";
    m.perturbations.combine("P1+P2", {"P1", "P2"});
    const TemporaryFolder folder;
    save_model(folder.path() / "model", m);
    auto back = std::get<TrainedModel>(load_model(folder.path() / "model"));
    CHECK(back.labels.combination_separator == "+");
    CHECK(back.perturbations == m.perturbations);
    const auto whole = [&](const char* p) {
      return anchor_of(*m.anchors, int32_t(m.perturbations.place(p)), -1);
    };
    const auto pair = input_of(back, "P1+P2", "x");
    CHECK(pair.vector == input_of(m, "P1+P2", "x").vector);
    CHECK(pair.vector ==
          (by_features ? std::vector<float>{3, 2, 0} : std::vector<float>{1, 1, 0, 0}));
    for (size_t g = 0; g < 6; ++g)
      CHECK(pair.anchor[g] == Approx(whole("P1")[g] + whole("P2")[g]).margin(1e-6));
    CHECK(pair.alpha == 0.7);

    // One that was never seen, of parts that were; and of one that was not.
    const PerturbationFeatures none;
    add_perturbations(back, none, {"P2+P1", "P1+ctrl"});
    CHECK(input_of(back, "P2+P1", "x").anchor == pair.anchor);
    CHECK(input_of(back, "P1+ctrl", "x").anchor == whole("P1"));
    add_perturbations(back, none, {"P1+P3"});
    if (by_features) {
      const auto said = shift_of(*back.anchors->regression, std::vector<float>{5, 1}, 0);
      const auto mixed = input_of(back, "P1+P3", "x");
      const auto alone =
          anchor_of(*m.anchors, int32_t(m.perturbations.place("P1")), 0);  // in x, as of P3
      for (size_t g = 0; g < 6; ++g)
        CHECK(mixed.anchor[g] == Approx(alone[g] + said[g]).margin(1e-6));
      CHECK(mixed.vector == std::vector<float>{6, 2, 1});
      CHECK(mixed.alpha == 0);  // two perturbations are too few to tell anything by features
    } else {
      CHECK_THROWS_WITH(input_of(back, "P1+P3", "x"), contains("'P1+P3'"));
    }
    CHECK_THROWS_WITH(add_perturbations(back, none, {"P1+P9"}), contains("'P9'"));
    CHECK_THROWS_WITH(add_perturbations(back, none, {"P1+"}), contains("without a name"));
  }
}

TEST_CASE("model_folder: doses are kept, and their range", "[train]") {
  for (const bool by_features : {false, true}) {
    TrainedModel m = make_model(false, by_features);
    m.labels.dose_key = "dose";
    m.labels.combination_separator = "+";
    m.perturbations.set_doses(0.5, 8);  // wider than that of the names
    for (const char* name : {"P1@2", "P2@0.5", "P1+P2@4"}) m.perturbations.derive(name, m.labels);
    const TemporaryFolder folder;
    const auto path = folder.path() / "model";
    save_model(path, m);
    const auto back = std::get<TrainedModel>(load_model(path));
    CHECK(back.labels.dose_key == "dose");
    CHECK(back.perturbations == m.perturbations);
    CHECK(back.perturbations.greatest_dose() == 8);
    CHECK(back.perturbations.vector("P1+P2@4") == m.perturbations.vector("P1+P2@4"));
    const auto fails = [&](const char* from, const char* to, const char* said) {
      save_model(path, m);
      edit(path / "config.json", from, to);
      check_error<FormatError>([&] { load_model(path); }, {"config.json", said});
    };
    fails("\"least_dose\": 0.5", "\"least_dose\": -1", "'least_dose' is -1");
    fails("\"least_dose\": 0.5", "\"least_dose\": 9", "the least first");
    fails("\"dose_key\": \"dose\"", "\"dose_key\": \"\"", "neither without a 'dose_key'");
  }
}

TEST_CASE("model_folder: the members of an ensemble", "[train]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "model";
  std::vector<TrainedModel> members;
  for (size_t i = 0; i < 3; ++i) {
    members.push_back(make_model());
    for (const auto& p : members.back().model.parameters().all())
      if (p.name.starts_with("project_out"))
        for (float& v : p.mutable_value()) v += 0.25f * float(i);
  }
  save_model(path, members);
  const auto loaded = load_model(path);
  const auto back = members_of(loaded);
  REQUIRE(back.size() == 3);
  for (size_t i = 0; i < 3; ++i) CHECK(predicted(back[i]).values == predicted(members[i]).values);
  CHECK(predicted(back[0]).values != predicted(back[1]).values);
  const auto second = load_model(path / "member_2");
  CHECK(predicted(std::get<TrainedModel>(second)).values == predicted(members[1]).values);
  const auto bytes = folder_bytes(path);
  save_model(path, back);
  CHECK(folder_bytes(path) == bytes);
  // One member is a model like any other.
  save_model(folder.path() / "one", std::span(members).first(1));
  save_model(folder.path() / "same", members[0]);
  CHECK(folder_bytes(folder.path() / "one") == folder_bytes(folder.path() / "same"));

  const auto damaged = [&](const char* from, const char* to, std::vector<std::string> parts) {
    save_model(path, members);
    edit(path / "config.json", from, to);
    check_error<FormatError>([&] { load_model(path); }, parts);
  };
  damaged("\"members\": 3", "\"members\": 0", {"config.json", "'members' is 0"});
  damaged("\"members\": 3", "\"members\": -3", {"config.json", "'members' is -3"});
  damaged("\"members\": 3", "\"members\": 90000000000", {"'members' is 90000000000"});
  damaged("\"members\": 3", "\"members\": 3, \"model\": 3", {"'model' is not known"});
  save_model(path, members);
  fs::remove_all(path / "member_3");
  check_error<IoError>([&] { load_model(path); }, {"'members' is 3", "member_3"});
  save_model(path, members);
  save_model(path / "member_2", members);
  check_error<FormatError>([&] { load_model(path); }, {"member_2 is an ensemble itself"});
  save_model(path, members);
  edit(path / "member_2/genes.txt", "g1\n", "other\n");
  check_error<ConfigError>([&] { load_model(path); }, {"the genes of member 2"});
  save_model(path, members);
  edit(path / "member_3/config.json", "4321.0625", "4321");
  check_error<ConfigError>([&] { load_model(path); }, {"scale and target_sum of member 3"});
  members[1].labels.control = "P1";
  check_error<ConfigError>([&] { save_model(path, members); }, {"the labels of member 2"});
  check_error<ConfigError>([&] { save_model(path, std::vector<TrainedModel>()); }, {"members"});
}

TEST_CASE("model_folder: folders of the first format still load", "[train]") {
  const TemporaryFolder folder;
  const TrainedModel m = make_model();
  save_model(folder.path() / "model", m);
  const auto config = folder.path() / "model" / "config.json";
  edit(config, "\"format_version\": 2", "\"format_version\": 1");
  Json json = parse_json_object(read_text(config), "config.json");
  Json& shape = json.items[size_t(std::find(json.keys.begin(), json.keys.end(), "model") -
                                  json.keys.begin())];
  size_t later = 0;
  for (size_t i = shape.keys.size(); i-- > 0;)
    if (!is_first_key(shape.keys[i])) {
      shape.keys.erase(shape.keys.begin() + std::ptrdiff_t(i));
      shape.items.erase(shape.items.begin() + std::ptrdiff_t(i));
      ++later;
    }
  REQUIRE(shape.keys.size() == 17);
  REQUIRE(later >= 8);
  write_text(config, json_text(json, 2));
  const auto back = std::get<TrainedModel>(load_model(folder.path() / "model"));
  CHECK(back.model.config() == m.model.config());
  CHECK(predicted(back).values == predicted(m).values);
}

TEST_CASE("model_folder: what cannot be read back is not written", "[train]") {
  const TemporaryFolder folder;
  auto m = make_model();
  m.genes[2] = "two\nlines";
  check_error<ConfigError>([&] { save_model(folder.path() / "model", m); }, {"line end", "genes"});
  m = make_model();
  m.labels.perturbation_key = "caf\xE9";
  check_error<ConfigError>([&] { save_model(folder.path() / "model", m); },
                           {"config.json", "UTF-8"});
  m = make_model();
  m.genes.pop_back();
  check_error<ShapeError>([&] { save_model(folder.path() / "model", m); }, {"genes (5)"});
  m = make_model();
  m.labels.control = "none";
  check_error<ConfigError>([&] { save_model(folder.path() / "model", m); }, {"'none'"});
  REQUIRE(fs::is_empty(folder.path()));
}

TEST_CASE("model_folder: errors name the file and the key", "[train]") {
  const TrainedModel m = make_model();
  const auto check = [&]<class E>(const char* file, const char* from, const char* to,
                                  std::vector<std::string> parts, E*) {
    const TemporaryFolder folder;
    save_model(folder.path(), m);
    edit(folder.path() / file, from, to);
    INFO(file << ": " << from << " -> " << to);
    parts.push_back("load_model");
    check_error<E>([&] { load_model(folder.path()); }, parts);
  };
  FormatError* const format = nullptr;
  ConfigError* const config = nullptr;
  const char* const json = "config.json";
  check(json, "\"format_version\": 2", "\"format_version\": 3",
        {"config.json", "'format_version' is 3", "newer"}, format);
  check(json, "\"format_version\": 2,", "", {"'format_version' is not there"}, format);
  check(json, "\"kind\": \"state_transition\"", "\"kind\": \"other\"", {"'kind' is \"other\""},
        format);
  check(json, "\"hidden\": 16", "\"hidden\": \"16\"",
        {"'model.hidden' is \"16\", expected a whole number"}, format);
  check(json, "\"hidden\": 16", "\"hidden\": -16", {"'model.hidden' is -16"}, format);
  check(json, "\"hidden\": 16", "\"hidden\": 1.5", {"'model.hidden' is 1.5"}, format);
  check(json, "\"hidden\": 16", "\"hidden\": [[1], {}]", {"'model.hidden' is a list, expected"},
        format);
  check(json, "\"hidden\": 16", "\"hidden\": {\"x\": 1}", {"'model.hidden' is an object"}, format);
  check(json, "\"hidden\": 16", ("\"hidden\": \"" + std::string(79, 'x') + "ü\"").c_str(),
        {"'model.hidden' is \"" + std::string(79, 'x') + "...\", expected"}, format);
  check(json, "\"hidden\": 16", "\"hidden\": 16, \"hidden\": 16",
        {"config.json' is no JSON object: it has the key 'hidden' twice"}, format);
  check(json, "\"hidden\": 16", "\"hiden\": 16", {"'model.hidden' is not there"}, format);
  check(json, "\"hidden\": 16", "\"hidden\": 16, \"widht\": 3", {"'model.widht' is not known"},
        format);
  check(json, "\"hidden\": 16", "\"hidden\": 8", {"weights.safetensors", "shape"},
        static_cast<ShapeError*>(nullptr));
  check(json, "\"hidden\": 16", "\"hidden\": 9000000000000000000", {"larger than"}, format);
  check(json, "\"layers\": 1", "\"layers\": 4000000000", {"larger than"}, format);
  check(json, "\"layers\": 1", "\"layers\": 0", {"unknown are 'transformer_backbone.layers.0"},
        config);
  check(json, "\"heads\": 2", "\"heads\": 0", {"config.json", "config.heads is 0"}, config);
  check(json, "\"loss\": \"energy_distance\"", "\"loss\": \"mse\"",
        {"'model.loss' is \"mse\", expected one of 'energy_distance', 'mean_squared_error'"},
        format);
  check(json, "\"basal_mlp\": false", "\"basal_mlp\": 0", {"'model.basal_mlp'", "true or false"},
        format);
  check(json, "\"sigmas\": [", "\"sigmas\": [\"wide\",",
        {"'model.sigmas' is \"wide\", expected a number"}, format);
  check(json, "\"blur\": 0.05", "\"blur\": null", {"'model.blur' is null, expected a number"},
        format);
  check(json, "\"scale\": \"counts\"", "\"scale\": \"raw\"", {"'scale'", "'counts', 'log1p'"},
        format);
  check(json, "\"target_sum\": 4321.0625", "\"target_sum\": -1", {"target_sum is -1"}, config);
  check(json, "\"batch_key\": \"plate\"", "\"batch_key\": 5", {"'labels.batch_key' is 5"}, format);
  check(json, "\"control\": \"ctrl\"", "\"control\": \"ctl\"", {"'ctl'", "did you mean 'ctrl'"},
        config);
  check(json, "\"set_size\": 17", "\"set_size\": 17,\n\"set_sise\": 3",
        {"'set_sise' is not known; did you mean 'set_size'"}, format);
  check(json, "{", "[", {"no JSON"}, format);
  check("genes.txt", "g1\n", "", {"genes (5)", "config.input_width (6)"}, config);
  check("genes.txt", "g1\n", "g2\n", {"genes.txt", "line 3: 'g2' comes twice"}, format);
  check("genes.txt", "g5\n", "g5", {"genes.txt", "cut off"}, format);
  check("perturbations.txt", "P3\n", "", {"width of the perturbations (3)"}, config);
  check("batches.txt", "one\n", "", {"batches (1)"}, config);
}

TEST_CASE("model_folder: absent files, foreign and damaged weights", "[train]") {
  const TemporaryFolder folder;
  for (const char* file : {"config.json", "weights.safetensors", "genes.txt", "perturbations.txt",
                           "contexts.txt", "batches.txt", "perturbation_features.safetensors"}) {
    save_model(folder.path() / "model", make_model(true, true));
    fs::remove(folder.path() / "model" / file);
    check_error<IoError>([&] { load_model(folder.path() / "model"); }, {file});
  }
  save_model(folder.path() / "model", make_model());
  const auto path = folder.path() / "model" / "weights.safetensors";
  auto weights = read_safetensors(path);
  weights.tensors["transformer_backbone.embed_tokens.weight"] =
      Array::of<float>({1, 1}, std::array<float, 1>{0});  // of the reference: ignored
  write_safetensors(path, weights);
  load_model(folder.path() / "model");
  auto& bias = weights.tensors.at("basal_encoder.bias");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(bias.values.bytes().data(), &nan, sizeof nan);
  write_safetensors(path, weights);
  check_error<FormatError>([&] { load_model(folder.path() / "model"); },
                           {"weights.safetensors", "'basal_encoder.bias' holds nan"});
  weights.tensors["extra"] = bias;
  weights.tensors.erase("basal_encoder.bias");
  write_safetensors(path, weights);
  check_error<ConfigError>([&] { load_model(folder.path() / "model"); },
                           {"missing are 'basal_encoder.bias', unknown are 'extra'"});
}
