#include "experiment_options.hpp"

#include <algorithm>
#include <charconv>

#include "vcell/train/choices.hpp"
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

[[noreturn]] void refuse(const std::string& flag, const std::string& word, const char* expected) {
  throw vcell::ConfigError(
      vcell::message(flag, " is ", vcell::quoted(word), ", expected ", expected));
}

// Each kind of setting from what was said.

template <class N>
requires std::is_arithmetic_v<N>
void set(N& field, const Words& words, const std::string& flag) {
  const std::string& word = words.back();
  const auto parsed = std::from_chars(word.data(), word.data() + word.size(), field);
  if (parsed.ec != std::errc() || parsed.ptr != word.data() + word.size())
    refuse(flag, word, std::is_integral_v<N> ? "a whole number from 0" : "a number");
}
void set(bool& field, const Words& words, const std::string&) { field = words.back() == "true"; }
void set(std::string& field, const Words& words, const std::string&) { field = words.back(); }
void set(Words& field, const Words& words, const std::string&) { field = words; }
void set(std::optional<std::string>& field, const Words& words, const std::string&) {
  field = words.back();
}
template <class E>
requires std::is_enum_v<E>
void set(E& field, const Words& words, const std::string& flag) {
  const auto choice = vcell::choice_of<E>(words.back());
  if (!choice) refuse(flag, words.back(), vcell::list_of(vcell::choice_names<E>()).c_str());
  field = *choice;
}
void set(std::optional<vcell::Scale>& field, const Words& words, const std::string& flag) {
  set(field.emplace(), words, flag);
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
      // A list has one word a flag, so that a word after it is never swallowed.
      option->expected(1)->allow_extra_args(false);
      if constexpr (!std::is_same_v<T, Words>)
        option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
      else
        option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
      option->type_name(std::is_arithmetic_v<T> ? "N" : "TEXT");
    }
    option->group(section.empty() ? "Everything" : vcell::message("[", section, "]"));
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
  if (!asked.data.empty()) asked.data = std::filesystem::absolute(asked.data).lexically_normal();
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
}
