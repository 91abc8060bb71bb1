#include "experiment_options.hpp"

#include <algorithm>
#include <cctype>

#include "options.hpp"
#include "vcell/train/experiment_toml.hpp"
#include "vcell/train/presets.hpp"

namespace {

using Words = std::vector<std::string>;

std::string setting_name(std::string_view section, std::string_view key) {
  return section.empty() ? std::string(key) : vcell::message(section, '.', key);
}

/// The flag of a setting: its key with dashes, but for those that a user says most often.
std::string flag_of(std::string_view section, std::string_view key) {
  if (key == "path") return vcell::message("--", section);
  if (key == "context_keys") return "--context-key";
  std::string flag = vcell::message("--", key);
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

// Each kind of setting from what was said.

template <class T>
void set(T& field, const Words& words, const std::string& flag) {
  if constexpr (std::is_enum_v<T>)
    field = choice_of_word<T>(flag, words.back());
  else
    field = number_of<T>(flag, words.back());
}
void set(bool& field, const Words& words, const std::string&) { field = words.back() == "true"; }
void set(std::string& field, const Words& words, const std::string&) { field = words.back(); }
void set(Words& field, const Words& words, const std::string&) { field = words; }
template <class T>
void set(std::optional<T>& field, const Words& words, const std::string& flag) {
  field.reset();  // what nothing says
  if (!words.back().empty()) set(field.emplace(), words, flag);
}

// What a setting holds by default, for the help.

std::string text_of(const std::string& value) { return value; }
std::string text_of(const Words& value) { return value.empty() ? "" : vcell::list_of(value); }
template <class T>
std::string text_of(const T& value) {
  if constexpr (std::is_enum_v<T>)
    return std::string(vcell::name_of_choice(value));
  else
    return vcell::message(value);
}
template <class T>
std::string text_of(const std::optional<T>& value) {
  return value ? text_of(*value) : "";
}

}  // namespace

std::string with_flags(std::string text) {
  const vcell::Experiment defaults;
  vcell::visit_experiment(
      defaults, [&](std::string_view section, std::string_view key, const auto&, std::string_view) {
        if (section.empty()) return;
        const std::string setting = vcell::message('[', section, "] ", key),
                          flag = flag_of(section, key);
        const auto goes_on = [&](size_t end) {
          return end < text.size() && (std::isalnum(uint8_t(text[end])) || text[end] == '_');
        };
        for (size_t i = text.find(setting); i != std::string::npos; i = text.find(setting, i + 1))
          if (!goes_on(i + setting.size())) text.replace(i, setting.size(), flag);
      });
  return text;
}

ExperimentOptions::ExperimentOptions(CLI::App& command) {
  command.add_option("--experiment", *file_, "Settings in TOML; flags come on top")
      ->type_name("FILE");
  command
      .add_option("--preset", *preset_,
                  "Published settings to start from: " + vcell::list_of(vcell::preset_names()))
      ->type_name("NAME");
  const vcell::Experiment defaults;
  vcell::visit_experiment(defaults, [&]<class T>(std::string_view section, std::string_view key,
                                                 const T& value, std::string_view help) {
    if (key == "preset") return;
    const std::string name = setting_name(section, key), flag = flag_of(section, key);
    std::string text(help);
    if constexpr (std::is_same_v<T, Words>) text += "; may come several times";
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
          flag, [words = words_, name](const Words& said) { (*words)[name] = said; }, text);
      option->expected(1)->allow_extra_args(false);  // as with add_context_keys
      if constexpr (!std::is_same_v<T, Words>)
        option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
      else
        option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
      option->type_name(std::is_arithmetic_v<T> ? "N" : "TEXT");
    }
    if (!section.empty()) option->group(vcell::message('[', section, ']'));
  });
}

vcell::Experiment ExperimentOptions::experiment() const {
  if (!file_->empty() && !preset_->empty())
    throw vcell::ConfigError(
        "--experiment and --preset contradict each other: name the preset in the file");
  vcell::Experiment e = !file_->empty()     ? vcell::read_experiment(*file_)
                        : !preset_->empty() ? vcell::experiment_preset(*preset_)
                                            : vcell::Experiment{};
  apply(e);
  vcell::check_experiment(e);
  return e;
}

vcell::Experiment ExperimentOptions::resumed(const std::filesystem::path& stored) const {
  const auto e = vcell::read_experiment(stored);
  vcell::Experiment asked = e;
  apply(asked);
  if (!file_->empty() || !preset_->empty() ||
      vcell::format_experiment(asked) != vcell::format_experiment(e))
    throw vcell::ConfigError(vcell::message(
        "--resume goes on with the settings in ", vcell::quoted(stored.string()),
        ", and the flags say something else; leave the flags out, or start a new run"));
  return e;
}

void ExperimentOptions::apply(vcell::Experiment& e) const {
  vcell::visit_experiment(
      e, [&](std::string_view section, std::string_view key, auto& field, std::string_view) {
        const auto said = words_->find(setting_name(section, key));
        if (said != words_->end()) set(field, said->second, flag_of(section, key));
      });
  for (auto* path : {&e.data, &e.split, &e.perturbation_features})
    if (!path->empty()) *path = std::filesystem::absolute(*path).lexically_normal().string();
}
