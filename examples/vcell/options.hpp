#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "console.hpp"
#include "experiment_options.hpp"
#include "vcell/core/callbacks.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/train/choices.hpp"

// What the options of several commands have in common.

/// The number that a word is: a whole one from `least`, or any finite one. (CLI11 would read "-1"
/// as a large number and "010" as 8.)
/// @throws vcell::ConfigError naming the flag and what is expected
template <class N>
N number_of(const std::string& flag, const std::string& word, N least = 0) {
  N number{};
  const auto end = word.data() + word.size();
  const auto parsed = std::from_chars(word.data(), end, number);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == end;
  if constexpr (std::is_integral_v<N>) {
    if (!whole || number < least)
      throw vcell::ConfigError(vcell::message(flag, " is ", vcell::quoted(word),
                                              ", expected a whole number from ", least));
  } else if (!whole || !std::isfinite(number)) {
    throw vcell::ConfigError(
        vcell::message(flag, " is ", vcell::quoted(word), ", expected a number"));
  }
  return number;
}

/// The choice that a word names.
/// @throws vcell::ConfigError naming the flag and the choices
template <class E>
E choice_of_word(const std::string& flag, const std::string& word) {
  const auto choice = vcell::choice_of<E>(word);
  if (!choice)
    throw vcell::ConfigError(vcell::message(flag, " is ", vcell::quoted(word), ", expected ",
                                            vcell::list_of(vcell::choice_names<E>())));
  return *choice;
}

/// An option with one number.
template <class N>
CLI::Option* add_number(CLI::App& command, const std::string& flag, N& field,
                        const std::string& help, N least = 0) {
  return command
      .add_option_function<std::string>(
          flag,
          [&field, flag, least](const std::string& word) {
            field = number_of<N>(flag, word, least);
          },
          help)
      ->type_name("N")
      ->default_str(vcell::message(field));
}

/// What the library says, for people: on the console, with flags instead of settings.
inline vcell::Callbacks callbacks_of(Console& console) {
  return {console.progress(),
          [&console](const std::string& line) { console.note(with_flags(line)); }};
}

/// --scale
inline void add_scale(CLI::App& command, std::optional<vcell::Scale>& scale,
                      const std::string& help) {
  command
      .add_option_function<std::string>(
          "--scale",
          [&scale](const std::string& word) {
            scale = choice_of_word<vcell::Scale>("--scale", word);
          },
          help)
      ->type_name("TEXT");
}

/// --device and --precision
inline void add_device(CLI::App& command, vcell::RunDevice& device, vcell::Precision& precision) {
  command
      .add_option_function<std::string>(
          "--device",
          [&device](const std::string& word) {
            device = choice_of_word<vcell::RunDevice>("--device", word);
          },
          "What the model predicts on: cpu or cuda")
      ->type_name("TEXT")
      ->default_str(std::string(vcell::name_of_choice(device)));
  command
      .add_option_function<std::string>(
          "--precision",
          [&precision](const std::string& word) {
            precision = choice_of_word<vcell::Precision>("--precision", word);
          },
          "What its products round to on cuda: float32, tf32 or bfloat16")
      ->type_name("TEXT")
      ->default_str(std::string(vcell::name_of_choice(precision)));
}

/// --memory
inline void add_memory(
    CLI::App& command, double& gigabytes,
    const std::string& help =
        "GB that arrays of a file may take [64 times the file, and 1 at least]") {
  command
      .add_option_function<std::string>(
          "--memory",
          [&gigabytes](const std::string& word) {
            gigabytes = number_of<double>("--memory", word);
            if (!(gigabytes > 0 && gigabytes < 1e9))
              throw vcell::ConfigError(
                  vcell::message("--memory is ", vcell::quoted(word),
                                 ", expected gigabytes above 0 and below 1e9"));
          },
          help)
      ->type_name("GB");
}

/// --context-key, which may come several times.
inline void add_context_keys(CLI::App& command, std::vector<std::string>& keys,
                             const std::string& help) {
  // One word a flag, so that a word after it is never swallowed.
  command.add_option("--context-key", keys, help)->expected(1)->allow_extra_args(false)->take_all();
}

/// --quiet and --threads, which every command that computes has.
inline void add_common(CLI::App& command, Console& console) {
  command.add_flag("--quiet", console.quiet, "Say nothing but results and errors");
  command
      .add_option_function<std::string>(
          "--threads",
          [](const std::string& word) { vcell::set_num_threads(number_of("--threads", word, 1)); },
          "Threads; never changes a result [what the machine grants]")
      ->type_name("N");
}
