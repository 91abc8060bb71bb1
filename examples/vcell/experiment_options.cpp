#include "experiment_options.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <utility>

#include "options.hpp"
#include "vcell/sets/near_names.hpp"
#include "vcell/train/experiment_toml.hpp"
#include "vcell/train/presets.hpp"

namespace {

using Words = std::vector<std::string>;

/// Whether a setting is a list.
template <class T>
constexpr bool is_list = requires(T field) {
  field.emplace_back();
};

std::string setting_name(std::string_view section, std::string_view key) {
  return section.empty() ? std::string(key) : vcell::message(section, '.', key);
}

/// The flag of a setting: its key with dashes, but for those that a user says most often.
std::string flag_of(std::string_view section, std::string_view key) {
  if (key == "path") return vcell::message("--", section);
  if (key == "context_keys") return "--context-key";
  if (key == "kind") return "--model-kind";
  if (key == "genomes") return "--genome";
  if (key == "feature_types") return "--feature-type";
  std::string flag = vcell::message("--", key);
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

/// The kind of a model by its short name, or the name as it is.
std::string whole_kind(const std::string& word) {
  return word == "st" ? "state_transition" : word == "se" ? "state_embedding" : word;
}

// Each kind of setting from what was said.

template <class T>
void set(T& field, const Words& words, const std::string& flag) {
  if constexpr (std::is_enum_v<T>)
    field = choice_of_word<T>(flag, words.back());
  else
    field = number_of<T>(flag, words.back());
}
void set(bool& field, const Words& words, const std::string& flag) {
  field = words.back() == "true";
  if (!field && words.back() != "false")
    throw vcell::ConfigError(
        vcell::message(flag, " is ", vcell::quoted(words.back()), ", expected true or false"));
}
void set(std::string& field, const Words& words, const std::string&) { field = words.back(); }
template <class T>
void set(std::vector<T>& field, const Words& words, const std::string& flag) {
  field.clear();
  for (const std::string& word : words) set(field.emplace_back(), {word}, flag);
}
template <class T>
void set(std::optional<T>& field, const Words& words, const std::string& flag) {
  field.reset();  // what nothing says
  if (!words.back().empty()) set(field.emplace(), words, flag);
}

// What a setting holds by default, for the help.

std::string text_of(const std::string& value) { return value; }
template <class T>
std::string text_of(const T& value) {
  if constexpr (std::is_enum_v<T>)
    return std::string(vcell::name_of_choice(value));
  else
    return vcell::message(value);
}
template <class T>
std::string text_of(const std::vector<T>& value) {
  std::string text;
  for (const T& item : value) text += (text.empty() ? "" : ", ") + text_of(item);
  return text;
}
template <class T>
std::string text_of(const std::optional<T>& value) {
  return value ? text_of(*value) : "";
}

/// The settings that most people have to say; the others are in groups of their own.
bool is_main(std::string_view section, std::string_view key) {
  constexpr std::array<std::string_view, 5> data = {"path", "perturbation_key", "control",
                                                    "context_keys", "scale"};
  if (section == "data") return std::find(data.begin(), data.end(), key) != data.end();
  return section.empty() || (section == "split" && key == "path") ||
         (section == "training" && key == "max_steps");
}

/// Calls f(section, key, value, help) for the settings of every kind of model, each once.
template <class F>
void visit_all_settings(F f) {
  std::set<std::string> seen;
  vcell::Experiment defaults;
  vcell::visit_kinds(defaults, [&](auto kind, const auto&) {
    vcell::Experiment of_kind;
    of_kind.kind = kind;
    vcell::visit_experiment(std::as_const(of_kind),
                            [&](std::string_view section, std::string_view key, const auto& value,
                                std::string_view help) {
                              if (seen.insert(setting_name(section, key)).second)
                                f(section, key, value, help);
                            });
  });
}

/// What the library says beside settings, and how the program says it.
struct Phrase {
  std::string_view library, program;
  const char* flag;  ///< that a command must have for it; null: any
};
constexpr Phrase phrases[] = {
    {"run_in_folder with OldRun::resume in ", "vcell run --resume --out ", nullptr},
    {"OldRun::resume", "--resume", "--resume"},
    {"OldRun::overwrite", "--overwrite", "--overwrite"},
    {"BaselineOptions::as_delta", "--as-delta", "--as-delta"},
    {"BaselineOptions::counts", "--counts", "--counts"},
    {"another RunFolder", "another --out", "--out"},
    {"another --out", "another --output", "--output"},
    {"H5adReadOptions::budget", "--memory", "--memory"},
    {"MetadataOptions::drop_unmatched", "--drop-unmatched", "--drop-unmatched"},
    {"SubsetFileOptions::sample_by", "--by", "--by"},
    {"SubsetFileOptions::sample or sample_share", "--sample", "--sample"},
    {"MetadataOptions::file", "--metadata", "--metadata"},
    {"MetadataOptions::key", "--metadata-key", "--metadata-key"},
    {"GeneOptions::names", "--genes-by", "--genes-by"},
    {"GeneOptions::duplicates", "--duplicate-genes", "--duplicate-genes"},
    {"GeneOptions::genomes", "--genome", "--genome"},
    {"GeneOptions::feature_types", "--feature-type", "--feature-type"},
    {"CellInput::genes_in_rows", "--genes-in-rows", "--genes-in-rows"},
    {"ConcatFilesOptions::unique_names", "--unique-names", "--unique-names"},
    {"H5adWriteOptions::gzip", "--gzip", "--gzip"},
    {"ConvertFileOptions::x", "--x", "--x"},
    {"ConvertFileOptions::element", "--element", "--element"},
    {"ConcatFilesOptions::label", "--label", "--label"},
    {"write_h5ad: gzip is ", "--gzip is ", "--gzip"},
    {"write_h5ad: chunk_bytes is ", "--chunk is ", "--chunk"},
    {"contiguous is true", "--contiguous was given", "--contiguous"},
    {"simulate_screen: cells is ", "--cells is ", "--cells"},
    {"simulate_screen: density is ", "--density is ", "--density"},
    {"MatchGenesOptions::column", "--gene-column", "--gene-column"},
    {"MatchGenesOptions::least_share", "--gene-share", "--gene-share"},
    {"clip_value", "--clip-value", "--clip-value"},
    {"mode on_target", "--mode on_target", "--mode"},
    {"mode all", "--mode all", "--mode"},
    {"test by wilcoxon", "say --test wilcoxon", "--test"},
    {"the real cells", "the cells of --real", "--real"},
    {"the predicted cells", "the cells of --pred", "--pred"},
};

/// Replaces words where they end.
void replace_all(std::string& text, std::string_view words, std::string_view with) {
  const auto goes_on = [&](size_t end) {
    return end < text.size() && (std::isalnum(uint8_t(text[end])) || text[end] == '_');
  };
  for (size_t i = text.find(words); i != text.npos; i = text.find(words, i)) {
    const bool is_word = words.ends_with(' ') || !goes_on(i + words.size());
    if (is_word) text.replace(i, words.size(), with);
    i += is_word ? with.size() : 1;  // what was put there may have the words in it
  }
}

}  // namespace

std::string with_flags(std::string text, const CLI::App* command) {
  const auto has = [&](const std::string& flag) {
    return !command || command->get_option_no_throw(flag);
  };
  visit_all_settings(
      [&](std::string_view section, std::string_view key, const auto&, std::string_view) {
        if (section.empty()) return;
        if (const auto flag = flag_of(section, key); has(flag))
          replace_all(text, vcell::message('[', section, "] ", key), flag);
      });
  for (const Phrase& phrase : phrases)
    if (!phrase.flag || has(phrase.flag)) replace_all(text, phrase.library, phrase.program);
  return text;
}

std::string with_reference_names(std::string text, std::span<const vcell::ReferenceSetting> table) {
  for (const vcell::ReferenceSetting& row : table) {
    const size_t dot = row.ours.find('.');
    if (row.meaning != vcell::ReferenceMeaning::setting || dot == row.ours.npos ||
        row.part == vcell::ReferencePart::llama || row.part == vcell::ReferencePart::gpt2)
      continue;  // which of the two is meant a message does not say
    replace_all(text, vcell::message('[', row.ours.substr(0, dot), "] ", row.ours.substr(dot + 1)),
                row.name);
  }
  return text;
}

ExperimentOptions::ExperimentOptions(CLI::App& command) {
  command.set_help_all_flag("--help-all", "Print this help with all settings and exit");
  command
      .add_option("settings", *settings_,
                  "Settings by their names in a file, as training.max_steps=500; the same as flags")
      ->type_name("KEY=VALUE");
  command.add_option("--experiment", *file_, "Settings in TOML; flags come on top")
      ->type_name("FILE");
  command
      .add_option("--preset", *preset_,
                  "Published settings to start from: " + vcell::list_of(vcell::preset_names()))
      ->type_name("NAME");
  visit_all_settings([&]<class T>(std::string_view section, std::string_view key, const T& value,
                                  std::string_view help) {
    if (key == "preset") return;
    const std::string name = setting_name(section, key);
    std::string flag = flag_of(section, key);
    if (key == "kind") flag += ",--kind";
    if (key == "output_space") flag += ",--space";
    std::string text(help);
    if constexpr (is_list<T>) text += "; may come several times";
    if (const auto now = text_of(value); !now.empty()) text += " [" + now + "]";
    CLI::Option* option = nullptr;
    if constexpr (std::is_same_v<T, bool>) {
      const std::string both = flag + ",!--no-" + flag.substr(2);
      option = command.add_flag_function(
          both,
          [words = words_, name](std::int64_t n) { (*words)[name] = {n > 0 ? "true" : "false"}; },
          text);
    } else {
      option = command.add_option_function<Words>(
          flag,
          [words = words_, name](const Words& said) {
            (*words)[name] = name == "model.kind" ? Words{whole_kind(said.back())} : said;
          },
          text);
      option->expected(1)->allow_extra_args(false);  // as with add_context_keys
      if constexpr (!is_list<T>)
        option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
      else
        option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
      option->type_name(std::is_arithmetic_v<T> ? "N" : "TEXT");
    }
    if (!is_main(section, key)) option->group(vcell::message('[', section, ']'));
  });
}

ExperimentOptions ExperimentOptions::of(const std::string& preset, const Words& settings) {
  ExperimentOptions out;
  *out.preset_ = preset;
  *out.settings_ = settings;
  return out;
}

void ExperimentOptions::read_settings() const {
  std::map<std::string, bool> known;  // whether the setting is a list
  visit_all_settings(
      [&]<class T>(std::string_view section, std::string_view key, const T&, std::string_view) {
        if (key != "preset") known[setting_name(section, key)] = is_list<T>;
      });
  for (const std::string& word : std::exchange(*settings_, {})) {
    const size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const auto setting = known.find(name);
    if (equals == std::string::npos || setting == known.end()) {
      std::vector<std::string> names;
      for (const auto& [key, is_list] : known) names.push_back(key);
      const auto near = vcell::near_names(name, names);
      throw vcell::ConfigError(vcell::message(
          vcell::quoted(word), ": expected a setting, as training.max_steps=500, or a flag",
          near.empty() ? "" : "; did you mean " + vcell::list_of(near) + "?"));
    }
    auto& said = (*words_)[name];
    if (!said.empty() && !by_name_->contains(name))
      throw vcell::ConfigError(
          vcell::message(vcell::quoted(word), " says what a flag said already; leave one out"));
    by_name_->insert(name);
    if (!setting->second) said.clear();
    said.push_back(word.substr(equals + 1));
  }
}

vcell::Experiment ExperimentOptions::experiment() const {
  read_settings();
  if (!file_->empty() && !preset_->empty())
    throw vcell::ConfigError(
        "--experiment and --preset contradict each other: name the preset in the file");
  std::optional<vcell::ModelKind> kind;
  if (const auto said = words_->find("model.kind"); said != words_->end())
    set(kind, said->second, flag_of("model", "kind"));
  vcell::Experiment e = !file_->empty()     ? vcell::read_experiment(*file_)
                        : !preset_->empty() ? vcell::experiment_preset(*preset_, kind)
                                            : vcell::Experiment{};
  apply(e);
  set_embedding_defaults(e);
  vcell::check_experiment(e);
  return e;
}

void ExperimentOptions::set_embedding_defaults(vcell::Experiment& e) const {
  if (!vcell::is_in_embedding(e) || !file_->empty()) return;
  if (e.model.decoder == vcell::GeneDecoderKind::none && !says("model.decoder"))
    e.model.decoder = vcell::GeneDecoderKind::plain;
  const bool decodes = e.model.decoder != vcell::GeneDecoderKind::none;
  if (!says("model.decoder_widths") && decodes)
    e.model.decoder_widths =
        preset_->empty() ? std::vector<size_t>{512} : vcell::preset_decoder_widths(*preset_);
  // A decoder begins at nothing, where the model begins at its anchor.
  if (preset_->empty() && !says("training.learning_rate")) e.training.learning_rate = 1e-3;
}

vcell::Experiment ExperimentOptions::resumed(const std::filesystem::path& stored) const {
  read_settings();
  const auto e = vcell::read_experiment(stored);
  vcell::Experiment asked = e;
  apply(asked);
  if (!file_->empty() || (!preset_->empty() && *preset_ != e.preset) ||
      vcell::format_experiment(asked) != vcell::format_experiment(e))
    throw vcell::ConfigError(vcell::message(
        "--resume goes on with the settings in ", vcell::quoted(stored.string()),
        ", and the flags say something else; leave the flags out, or start a new run"));
  return e;
}

void ExperimentOptions::apply(vcell::Experiment& e) const {
  // Steps that are said stand above the epochs of a preset or file.
  if (words_->contains("training.max_steps")) e.embedding.epochs = 0;
  std::set<std::string> there;
  vcell::visit_experiment(
      e, [&](std::string_view section, std::string_view key, auto& field, std::string_view) {
        const std::string name = setting_name(section, key);
        there.insert(name);
        const auto said = words_->find(name);
        if (said == words_->end()) return;
        set(field, said->second, by_name_->contains(name) ? name : flag_of(section, key));
      });
  for (const auto& entry : *words_) {
    const std::string& name = entry.first;
    if (there.contains(name)) continue;
    const size_t dot = name.find('.');
    throw vcell::ConfigError(vcell::message(
        by_name_->contains(name) ? name : flag_of(name.substr(0, dot), name.substr(dot + 1)),
        " is no setting of the kind of model that is trained, ", vcell::name_of_choice(e.kind),
        "; leave it out, or name another --model-kind"));
  }
  for (auto* path : vcell::paths_of(e))
    if (!path->empty()) *path = std::filesystem::absolute(*path).lexically_normal().string();
}
