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
#include "vcell/data/cell_input.hpp"
#include "vcell/io/h5ad/h5ad_write_options.hpp"
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
/// @param flags  its name, or several after commas, of which messages say the first
template <class N>
CLI::Option* add_number(CLI::App& command, const std::string& flags, N& field,
                        const std::string& help, N least = 0) {
  return command
      .add_option_function<std::string>(
          flags,
          [&field, flag = flags.substr(0, flags.find(',')), least](const std::string& word) {
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
inline CLI::Option* add_scale(CLI::App& command, std::optional<vcell::Scale>& scale,
                              const std::string& help) {
  return command
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

/// --gzip, --chunk, --contiguous and --index-type of an h5ad file that is written.
inline void add_storage(CLI::App& command, vcell::H5adWriteOptions& options) {
  add_number(command, "--gzip", options.gzip, "Compression of numbers, 0 (none) .. 9")
      ->group("Storage");
  add_number(command, "--chunk", options.chunk_bytes, "Bytes that are compressed at a time")
      ->group("Storage");
  command
      .add_flag("--contiguous", options.contiguous,
                "All numbers in one piece, with --gzip 0; reads X once more")
      ->group("Storage");
  command
      .add_option_function<std::string>(
          "--index-type",
          [&options](const std::string& word) {
            if (word != "int32" && word != "int64")
              throw vcell::ConfigError(vcell::message("--index-type is ", vcell::quoted(word),
                                                      ", expected 'int32' or 'int64'"));
            options.index_type = word == "int32" ? vcell::DType::i32 : vcell::DType::i64;
          },
          "Of indices of sparse matrices: int32 or int64 [as it was]")
      ->group("Storage")
      ->type_name("TEXT");
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

/// What a file with cells does not say itself: --metadata and others.
inline void add_cell_input(CLI::App& command, vcell::CellInput& input) {
  const auto add = [&](const char* flag, auto& field, const char* help) {
    return command.add_option(flag, field, help)->group("Cells")->expected(1);
  };
  const auto add_choice = [&]<class E>(const std::string& flag, E& field, const char* help) {
    command
        .add_option_function<std::string>(
            flag,
            [&field, flag](const std::string& word) { field = choice_of_word<E>(flag, word); },
            help)
        ->group("Cells")
        ->type_name("TEXT")
        ->default_str(std::string(vcell::name_of_choice(field)));
  };
  add("--metadata", input.metadata.file,
      "CSV or TSV with a row for each cell, which becomes obs columns")
      ->type_name("FILE");
  add("--metadata-key", input.metadata.key, "Its column with the cells' names [the first]");
  command
      .add_flag("--drop-unmatched", input.metadata.drop_unmatched,
                "Leave out cells that the metadata or the data lack")
      ->group("Cells");
  add_choice("--genes-by", input.genes.names,
             "Of 10x .h5 and mtx: what genes are called by, symbols or ids");
  add_choice("--duplicate-genes", input.genes.duplicates,
             "Names of genes that come more than once: make_unique or refuse");
  add("--genome", input.genes.genomes, "Of 10x .h5 and mtx: those to keep [all]")
      ->allow_extra_args(false)
      ->take_all();
  add("--feature-type", input.genes.feature_types,
      "The same, all for all [Gene Expression]; both may come several times")
      ->allow_extra_args(false)
      ->take_all();
  command.add_flag("--genes-in-rows", input.genes_in_rows, "Of CSV and TSV: rows are genes")
      ->group("Cells");
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
