// Another kind of model than State Transition in experiment files: what one has to say to be one.
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "vcell/train/experiment_toml.hpp"

namespace {

enum class Kind { state_transition, decoder };
constexpr std::array<std::string_view, 2> choices(Kind) { return {"state_transition", "decoder"}; }

struct DecoderSettings {
  size_t hidden = 7;
  size_t genes = 100;
};
template <class Settings, class F>
requires std::same_as<std::remove_const_t<Settings>, DecoderSettings>
void visit_settings(Settings& s, F&& f) {
  f("model", "hidden", s.hidden, "inner width");
  f("decoder", "genes", s.genes, "that are decoded at once");
}

struct TwoKinds : vcell::Experiment {
  Kind kind = Kind::state_transition;
  DecoderSettings decoder;
};
template <class E, class F>
requires std::same_as<std::remove_const_t<E>, TwoKinds>
void visit_kinds(E& e, F&& f) {
  f(Kind::state_transition, e.model);
  f(Kind::decoder, e.decoder);
}

TwoKinds read(std::string_view text) {
  const toml::table root = toml::parse(text);
  return vcell::detail::ExperimentReader<TwoKinds>(root, "run.toml").read();
}

}  // namespace

TEST_CASE("experiment kinds: each reads its own settings and those of all", "[train]") {
  const auto transition = read("[model]\nhidden = 64\n[sets]\nset_size = 9\n");
  CHECK(transition.kind == Kind::state_transition);
  CHECK(transition.model.hidden == 64);
  CHECK(transition.model.set_size == 9);
  CHECK(transition.decoder.hidden == 7);
  const auto decoder = read(
      "[model]\nhidden = 64\nkind = \"decoder\"\n[decoder]\ngenes = 9\n"
      "[training]\nmax_steps = 5\n");
  CHECK(decoder.kind == Kind::decoder);
  CHECK(decoder.decoder.hidden == 64);
  CHECK(decoder.decoder.genes == 9);
  CHECK(decoder.model.hidden == 128);
  CHECK(decoder.training.max_steps == 5);
}

TEST_CASE("experiment kinds: settings of another kind are refused by name", "[train]") {
  const auto check = [](const char* text, const std::vector<std::string>& parts) {
    vcell_test::check_error<vcell::FormatError>([&] { read(text); }, parts);
  };
  check("[model]\nkind = \"decoder\"\nlayers = 2\n",
        {"run.toml, line 3", "[model] 'layers' belongs to [model] kind 'state_transition'",
         "the kind here is 'decoder'"});
  check("[model]\nkind = \"decoder\"\n[sets]\nset_size = 2\n",
        {"line 3", "'sets' belongs to [model] kind 'state_transition'"});
  check("[decoder]\ngenes = 2\n",
        {"line 1", "'decoder' belongs to [model] kind 'decoder'", "here is 'state_transition'"});
  check("[model]\nkind = \"decoder\"\nlayer = 2\n", {"[model] 'layer' is no setting"});
  check("preset = \"state\"\n[model]\nkind = \"decoder\"\n",
        {"line 1", "preset 'state' is of [model] kind 'state_transition'", "'decoder'"});
}
