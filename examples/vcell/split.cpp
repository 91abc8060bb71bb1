#include "vcell/sets/split.hpp"

#include <fmt/format.h>

#include <map>

#include "cells.hpp"
#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "vcell/sets/dataset_name.hpp"
#include "vcell/sets/default_split.hpp"
#include "vcell/sets/split_toml.hpp"

namespace fs = std::filesystem;

namespace {

struct SplitSettings {
  std::string data, out, kind = "default", context, check;
  vcell::ScreenOptions labels;
  uint64_t seed = 42;
  double memory = 0;  // GB
  bool features = false, overwrite = false, lenient = false;
};

/// The labels of a screen without its expression.
vcell::Screen read_labels(const SplitSettings& s, Console& console) {
  return vcell::make_labels(read_cells(s.data, console, CellParts::labels, s.memory), s.labels);
}

vcell::SplitSpec make(const SplitSettings& s, const vcell::Screen& screen, Console& console) {
  const fs::path path = fs::absolute(s.data).lexically_normal();
  const vcell::SplitDataset dataset{path.stem().string(), path.string()};
  const auto context = [&] {
    if (s.context.empty())
      throw vcell::ConfigError(vcell::message("split: --kind ", s.kind, " needs --context, one of ",
                                              vcell::list_of(screen.context.names)));
    return s.context;
  };
  if (s.kind == "perturbation")
    return vcell::split_by_perturbation(screen, dataset, {.seed = s.seed});
  if (s.kind == "underrepresented")
    return vcell::split_underrepresented(screen, dataset, context(), {.seed = s.seed});
  if (s.kind == "zeroshot") return vcell::split_zeroshot(screen, dataset, context());
  if (s.kind == "cells") return vcell::split_by_cells(dataset, {.test = 0.2, .seed = s.seed});
  auto made = vcell::default_split(screen, dataset, {s.features, s.seed});
  console.note("default: " + made.description);
  return made.spec;
}

/// Cells of every context in every part.
void print_counts(const vcell::Screen& screen, const vcell::SplitSpec& spec, const SplitSettings& s,
                  Console& console) {
  const std::string name = vcell::dataset_name(spec, s.data);
  for (const auto& remark : vcell::check_split(screen, spec, name, {.lenient = s.lenient}))
    console.note(remark);
  const auto parts = vcell::assign_parts(screen, spec, name, {.lenient = s.lenient});
  console.result(fmt::format("{:<24} {:>8} {:>10} {:>8} {:>8}", "context", "train", "validation",
                             "test", "unused"));
  for (size_t c = 0; c < screen.context.names.size(); ++c) {
    size_t n[4] = {};
    for (size_t i = 0; i < parts.size(); ++i)
      if (screen.context.codes[i] == int32_t(c)) ++n[size_t(parts[i])];
    console.result(fmt::format("{:<24} {:>8} {:>10} {:>8} {:>8}", screen.context.names[c], n[0],
                               n[1], n[2], n[3]));
  }
}

void split(const SplitSettings& s, Console& console) {
  const auto screen = read_labels(s, console);
  if (!s.check.empty()) {
    std::vector<std::string> remarks;
    const auto spec = vcell::read_split(s.check, &remarks);
    for (const auto& remark : remarks) console.note(remark);
    print_counts(screen, spec, s, console);
    return;
  }
  if (s.out.empty())
    throw vcell::ConfigError(
        "split: say --out FILE for a new split, or --check FILE for one that "
        "is there");
  refuse_to_overwrite("split", s.out, s.overwrite);
  const auto spec = make(s, screen, console);
  print_counts(screen, spec, s, console);
  make_folder(fs::path(s.out).parent_path());
  vcell::write_split(s.out, spec);
  console.result(s.out);
}

}  // namespace

void add_split(CLI::App& program, Console& console) {
  auto* command = program.add_subcommand(
      "split", "Choose what is trained on and what is held out, or check it");
  auto s = std::make_shared<SplitSettings>();
  command->add_option("--data", s->data, "The screen, h5ad")->required()->type_name("FILE");
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
                   "default, perturbation, underrepresented, zeroshot, cells. The default tests "
                   "perturbations that another context has as well, in the context that has the "
                   "most of them; where none are shared, perturbations (with --features) or cells")
      ->check(CLI::IsMember({"default", "perturbation", "underrepresented", "zeroshot", "cells"}))
      ->capture_default_str();
  command->add_option("--context", s->context, "For underrepresented and zeroshot: which one");
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
  command->add_flag("--overwrite", s->overwrite, "Replace a file that is there");
  command->add_flag("--quiet", console.quiet, "Say nothing but results and errors");
  command->callback([s, &console] { split(*s, console); });
}
