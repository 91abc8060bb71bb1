// Model folders of before a model had more settings than its first.
#include <nlohmann/json.hpp>
#include <set>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "train/st_screen.hpp"
#include "vcell/train/model_folder.hpp"

using namespace vcell;

TEST_CASE("model_folder: one of the first version has what models then were", "[train]") {
  const vcell_test::StScreen s;
  const auto config = s.config(true);
  TrainedModel m{.model = StateTransition<float>(config, 3),
                 .genes = s.screen.genes,
                 .perturbations = s.one_hot(),
                 .contexts = s.screen.context.names,
                 .batches = s.screen.batch.names,
                 .labels = {}};
  m.labels.control = "ctrl";
  const vcell_test::TemporaryFolder folder;
  save_model(folder.path() / "model", m);
  const auto file = folder.path() / "model" / "config.json";
  auto json = nlohmann::json::parse(read_text(file));
  const std::set<std::string> first = {"hidden",
                                       "layers",
                                       "heads",
                                       "head_dim",
                                       "mlp_width",
                                       "encoder_layers",
                                       "decoder_layers",
                                       "basal_mlp",
                                       "dropout",
                                       "loss",
                                       "predict_residual",
                                       "output_space",
                                       "input_width",
                                       "floor_squared",
                                       "batches",
                                       "output_width",
                                       "perturbation_width"};
  auto& shape = json.at("model");
  size_t later = 0;
  const nlohmann::json all = shape;
  for (const auto& [key, value] : all.items())
    if (!first.contains(key)) later += shape.erase(key);
  CHECK(later > 15);
  CHECK(shape.size() == first.size());
  write_text(file, json.dump());
  const auto back = std::get<TrainedModel>(load_model(folder.path() / "model"));
  CHECK(back.model.config() == config);
  CHECK(parameter_arrays(back.model.parameters()) == parameter_arrays(m.model.parameters()));
  for (const std::string& key : first) {  // which are asked for
    auto without = json;
    without.at("model").erase(key);
    write_text(file, without.dump());
    vcell_test::check_error<FormatError>([&] { load_model(folder.path() / "model"); },
                                         {"'model." + key + "' is not there"});
  }
}
