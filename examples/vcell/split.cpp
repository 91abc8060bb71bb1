#include "vcell/sets/split.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <optional>

#include "cells.hpp"
#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "vcell/io/cell_rows.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/io/read_name_list.hpp"
#include "vcell/pipeline/prepare.hpp"
#include "vcell/preprocess/with_log1p_rows.hpp"
#include "vcell/sets/dataset_name.hpp"
#include "vcell/sets/default_split.hpp"
#include "vcell/sets/effect_sizes.hpp"
#include "vcell/sets/split_column.hpp"
#include "vcell/sets/split_summary.hpp"
#include "vcell/sets/split_toml.hpp"

namespace fs = std::filesystem;

namespace {

struct SplitSettings {
  vcell::H5adWriteOptions storage;  ///< of what is written
  vcell::CellInput input;
  std::string data, out, kind = "default", context, check, column, data_out;
  std::string test_list, validation_list;
  vcell::ScreenOptions labels;
  std::optional<double> test, validation, kept;
  vcell::ControlUse controls = vcell::ControlUse::shared;
  std::optional<double> controls_test, controls_validation;
  std::optional<vcell::Scale> scale;
  uint64_t seed = 42;
  double memory = 0;  // GB
  bool features = false, overwrite = false, lenient = false, stratify = false;
};

/// How strong each perturbation is, of X read in blocks.
std::vector<double> read_effects(const SplitSettings& s, const vcell::AnnData& adata,
                                 const vcell::Screen& screen, Console& console) {
  std::vector<std::string> remarks;
  const auto X = vcell::open_cells(s.data, {.h5ad = {.layers = false,
                                                     .obsm = false,
                                                     .varm = false,
                                                     .obsp = false,
                                                     .varp = false,
                                                     .raw = false,
                                                     .uns = false,
                                                     .budget = size_t(s.memory * 1e9),
                                                     .warnings = &remarks},
                                            .input = s.input})
                     .X;
  for (const auto& remark : remarks) console.note(remark);
  vcell::NormalizedToLog1p found;
  auto effects = vcell::with_log1p_rows(
      adata, X, {.scale = s.scale, .progress = console.progress()}, found, [&](auto rows) {
        return vcell::effect_sizes(
            vcell::WatchedRows(std::move(rows), console.progress(), "effects"), screen);
      });
  vcell::note_scale(found, callbacks_of(console));
  return effects;
}

/// What a kind of split does not read must not be given.
void check_flags(const SplitSettings& s) {
  const auto only = [&](const char* flag, bool given, std::initializer_list<const char*> kinds) {
    if (given && std::find(kinds.begin(), kinds.end(), s.kind) == kinds.end())
      throw vcell::ConfigError(
          vcell::message("split: ", flag, " says nothing for --kind ", s.kind, "; it is for ",
                         vcell::list_of(std::vector<std::string>(kinds.begin(), kinds.end()))));
  };
  only("--test", bool(s.test), {"perturbation", "cells"});
  only("--validation", bool(s.validation), {"perturbation", "cells"});
  only("--kept", bool(s.kept), {"underrepresented"});
  only("--test-list", !s.test_list.empty(), {"perturbation"});
  only("--validation-list", !s.validation_list.empty(), {"perturbation"});
  only("--stratify", s.stratify, {"perturbation"});
  only("--context", !s.context.empty(), {"underrepresented", "zeroshot"});
  only("--features", s.features, {"default"});
  if (s.controls == vcell::ControlUse::shared && (s.controls_test || s.controls_validation))
    throw vcell::ConfigError(
        "split: --controls-test and --controls-validation are for --controls disjoint");
  if (s.kind == "column" && s.controls == vcell::ControlUse::disjoint)
    throw vcell::ConfigError(
        "split: names cannot say which controls a column has in which part; give a run the column "
        "itself ([split] path obs:COLUMN) with [split] controls disjoint");
  if (s.kind == "column" && s.column.empty())
    throw vcell::ConfigError("split: --kind column needs --column, the obs column of the parts");
  if (s.kind != "column" && s.column.empty() != s.data_out.empty())
    throw vcell::ConfigError(
        "split: --column and --data-out go together: the obs column, and the file that gets it");
}

vcell::SplitSpec make(const SplitSettings& s, const vcell::AnnData& adata,
                      const vcell::Screen& screen, Console& console) {
  const fs::path path = fs::absolute(s.data).lexically_normal();
  const vcell::SplitDataset dataset{vcell::stem_of(path), path.string()};
  const auto context = [&] {
    if (s.context.empty())
      throw vcell::ConfigError(vcell::message("split: --kind ", s.kind, " needs --context, one of ",
                                              vcell::list_of(screen.context.names)));
    return s.context;
  };
  if (s.kind == "perturbation") {
    vcell::SplitByPerturbationOptions options{.seed = s.seed};
    if (s.test) options.test = *s.test;
    if (s.validation) options.validation = *s.validation;
    if (!s.test_list.empty()) options.test_names = vcell::read_name_list(s.test_list);
    if (!s.validation_list.empty())
      options.validation_names = vcell::read_name_list(s.validation_list);
    std::vector<double> effects;
    if (s.stratify) options.effects = effects = read_effects(s, adata, screen, console);
    return vcell::split_by_perturbation(screen, dataset, options);
  }
  if (s.kind == "underrepresented") {
    vcell::SplitUnderrepresentedOptions options{.seed = s.seed};
    if (s.kept) options.kept = *s.kept;
    return vcell::split_underrepresented(screen, dataset, context(), options);
  }
  if (s.kind == "zeroshot") return vcell::split_zeroshot(screen, dataset, context());
  if (s.kind == "cells")
    return vcell::split_by_cells(
        dataset,
        {.validation = s.validation.value_or(0), .test = s.test.value_or(0.2), .seed = s.seed});
  if (s.kind == "column")
    return vcell::split_of_parts(screen, dataset, vcell::read_split_column(adata, s.column));
  auto made = vcell::default_split(screen, dataset, {s.features, s.seed});
  console.note("default: " + made.description);
  return made.spec;
}

/// Cells of every context in every part, perturbations and pairs, and what that measures.
std::vector<vcell::Part> print_summary(const vcell::AnnData& adata, vcell::Screen& screen,
                                       const vcell::SplitSpec& spec, const SplitSettings& s,
                                       Console& console) {
  const std::string name = vcell::dataset_name(spec, s.data);
  if (spec.column.empty())
    for (const auto& remark : vcell::check_split(screen, spec, name, {.lenient = s.lenient}))
      console.note(remark);
  auto parts = vcell::parts_of_cells(adata, screen, spec, name, {.lenient = s.lenient});
  if (spec.controls) screen.control_parts = parts;  // what is missing is said in the verdict
  const auto summary = vcell::summarize_split(screen, parts);
  const auto line = [&](const std::string& what, auto number) {
    console.result(fmt::format("{:<24} {:>8} {:>10} {:>8} {:>8}", what, number(0), number(1),
                               number(2), number(3)));
  };
  console.result(fmt::format("{:<24} {:>8} {:>10} {:>8} {:>8}", "cells of context", "train",
                             "validation", "test", "unused"));
  for (size_t c = 0; c < screen.context.names.size(); ++c)
    line(screen.context.names[c], [&](size_t part) { return summary.contexts[c][part].cells(); });
  line("all", [&](size_t part) { return summary.parts[part].cells(); });
  if (spec.controls)
    for (size_t c = 0; c < screen.context.names.size(); ++c)
      line("controls of " + screen.context.names[c],
           [&](size_t part) { return summary.contexts[c][part].control_cells; });
  line("of them controls", [&](size_t part) { return summary.parts[part].control_cells; });
  line("perturbations", [&](size_t part) { return summary.parts[part].perturbations; });
  line("pairs with a context", [&](size_t part) { return summary.parts[part].pairs; });
  for (const auto& sentence : summary.verdict) console.result(sentence);
  return parts;
}

/// A copy of the data with the parts as an obs column; X goes from file to file.
void write_data(const SplitSettings& s, std::span<const vcell::Part> parts, Console& console) {
  auto [adata, X] =
      vcell::open_cells(s.data, {.h5ad = {.budget = size_t(s.memory * 1e9)}, .input = s.input});
  vcell::write_split_column(adata, s.column, parts);
  make_folder(fs::path(s.data_out).parent_path());
  auto storage = s.storage;
  storage.progress = console.progress();
  vcell::write_h5ad(s.data_out, adata, X, storage);
  console.result(s.data_out);
}

void split(const SplitSettings& s, Console& console) {
  check_flags(s);
  if (s.out.empty() && s.check.empty())
    throw vcell::ConfigError(
        "split: say --out FILE for a new split, or --check FILE for one that "
        "is there");
  for (const auto& file : {s.out, s.data_out})
    if (!file.empty()) refuse_to_overwrite("split", file, s.overwrite);
  const auto adata = read_cells(s.data, console, CellParts::annotations, s.memory, s.input);
  auto screen = vcell::make_labels(adata, s.labels);
  std::vector<vcell::Part> parts;
  if (s.check.empty()) {
    auto spec = make(s, adata, screen, console);
    if (s.controls == vcell::ControlUse::disjoint) {
      const vcell::HeldOutControls usual;
      spec.controls = {s.controls_validation.value_or(usual.validation),
                       s.controls_test.value_or(usual.test), s.seed};
    }
    parts = print_summary(adata, screen, spec, s, console);
    make_folder(fs::path(s.out).parent_path());
    vcell::write_split(s.out, spec);
    console.result(s.out);
  } else {
    std::vector<std::string> remarks;
    const auto spec = vcell::read_split(s.check, &remarks);
    for (const auto& remark : remarks) console.note(remark);
    parts = print_summary(adata, screen, spec, s, console);
  }
  if (!s.data_out.empty()) write_data(s, parts, console);
}

void add_share(CLI::App& command, const std::string& flag, std::optional<double>& field,
               const std::string& help) {
  command
      .add_option_function<std::string>(
          flag, [&field, flag](const std::string& word) { field = number_of<double>(flag, word); },
          help)
      ->type_name("SHARE");
}

}  // namespace

void add_split(CLI::App& program, Console& console) {
  auto* command = program.add_subcommand(
      "split", "Choose what is trained on and what is held out, or check it");
  auto s = std::make_shared<SplitSettings>();
  command->add_option("--data", s->data, "The screen: h5ad, 10x .h5, mtx, CSV or TSV")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--perturbation-key", s->labels.perturbation_key,
                   "obs column of the perturbation")
      ->capture_default_str();
  command->add_option("--control", s->labels.control, "Label of the control in it")
      ->capture_default_str();
  add_context_keys(*command, s->labels.context_keys,
                   "obs column of the context, may come several times");
  command->add_option("--dose-key", s->labels.dose_key,
                      "obs column of doses: each perturbation at a dose is one of its own");
  command
      ->add_option("--kind", s->kind,
                   "default, perturbation, underrepresented, zeroshot, cells, column. The default "
                   "tests perturbations that another context has as well, in the context that has "
                   "the most of them; where none are shared, perturbations (with --features) or "
                   "cells")
      ->check(CLI::IsMember(
          {"default", "perturbation", "underrepresented", "zeroshot", "cells", "column"}))
      ->capture_default_str();
  command->add_option("--context", s->context, "For underrepresented and zeroshot: which one");
  add_share(*command, "--test", s->test, "Of the perturbations, or of each one's cells [0.2]");
  add_share(*command, "--validation", s->validation, "The same [0.16, of cells 0]");
  add_share(*command, "--kept", s->kept,
            "For underrepresented: of the context's perturbations, to train [0.3]");
  command
      ->add_option("--test-list", s->test_list,
                   "For perturbation: those to test in a file with a name a line, in place of a "
                   "share")
      ->type_name("FILE");
  command->add_option("--validation-list", s->validation_list, "The same for validation")
      ->type_name("FILE");
  command
      ->add_option_function<std::string>(
          "--controls",
          [s](const std::string& word) {
            s->controls = choice_of_word<vcell::ControlUse>("--controls", word);
          },
          "shared, or disjoint: each control serves its own part alone")
      ->type_name("USE")
      ->default_str("shared");
  add_share(*command, "--controls-test", s->controls_test,
            "Of each context's controls, where they are disjoint [0.2]");
  add_share(*command, "--controls-validation", s->controls_validation, "The same [0.16]");
  command->add_option("--batch-key", s->labels.batch_key,
                      "obs column of the batch: disjoint controls are drawn of each in proportion");
  command->add_flag("--stratify", s->stratify,
                    "For perturbation: hold weak and strong ones out alike, by how far they move "
                    "the mean cell");
  add_scale(*command, s->scale, "Of X, for --stratify: counts or log1p [the file decides]");
  auto* column = command->add_option(
      "--column", s->column,
      "obs column with train, val and test: read by --kind column, else written to --data-out");
  command->add_option("--data-out", s->data_out, "An h5ad file to write: the data with that column")
      ->type_name("FILE")
      ->needs(column);
  command->add_flag(
      "--features", s->features,
      "The model will know perturbations by features (for the default where contexts share none)");
  add_number(*command, "--seed", s->seed, "Of what is drawn");
  command->add_option("--out", s->out, "The TOML file to write")->type_name("FILE");
  auto* check =
      command->add_option("--check", s->check, "A TOML file to check against the screen instead")
          ->type_name("FILE");
  command
      ->add_flag("--lenient-split", s->lenient,
                 "Contexts and perturbations in it that the screen does not have are left out")
      ->needs(check);
  add_memory(*command, s->memory);
  add_cell_input(*command, s->input);
  add_storage(*command, s->storage);
  command->add_flag("--overwrite", s->overwrite, "Replace a file that is there");
  add_common(*command, console);
  command->callback([s, &console] { split(*s, console); });
}
