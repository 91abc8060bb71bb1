#include <fmt/format.h>

#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "vcell/train/export_state.hpp"
#include "vcell/train/model_folder.hpp"

namespace {

struct ExportSettings {
  std::string model, out;
  vcell::ReferenceTables tables;
  bool overwrite = false;
};

void export_model(const ExportSettings& s, Console& console) {
  refuse_to_overwrite("export", s.out, s.overwrite);
  if (const auto whole = vcell::whole_folder(s.model);
      whole.empty() || !std::filesystem::exists(whole / "config.json"))
    throw vcell::ConfigError(vcell::message("export: there is no model in ", vcell::quoted(s.model),
                                            " (no config.json); name the folder 'model' of a run"));
  const auto loaded = vcell::load_model(s.model);
  const auto members = vcell::members_of(loaded);
  if (members.size() != 1)
    throw vcell::ConfigError(fmt::format(
        "export: {} holds {} models, expected one; name the folder of a member, such as {}",
        vcell::quoted(s.model), members.size(),
        vcell::quoted((std::filesystem::path(s.model) / "member_1").string())));
  make_folder(std::filesystem::path(s.out).parent_path());
  vcell::export_state(s.out, members[0], s.tables);
  if (!s.tables.tokens)
    console.note(
        "the backbone's table of tokens, zeros that play no part, is left out: Arc's State "
        "loads the file with strict=False, or say --token-rows");
  console.result(s.out);
}

}  // namespace

void add_export(CLI::App& program, Console& console) {
  auto* command = program.add_subcommand(
      "export", "Write a model's weights under the names of Arc's State, for torch");
  auto s = std::make_shared<ExportSettings>();
  command->add_option("model", s->model, "A model folder, e.g. run/model")
      ->required()
      ->type_name("FOLDER");
  command
      ->add_option("--out", s->out,
                   "A .safetensors file, or a .pt that torch.load reads with weights_only=True")
      ->required()
      ->type_name("FILE");
  add_number(*command, "--token-rows", s->tables.tokens,
             "Rows of the backbone's table of tokens, zeros that play no part");
  add_number(*command, "--position-rows", s->tables.positions,
             "Rows of gpt2's table of positions, likewise");
  command->add_flag("--overwrite", s->overwrite, "Replace a file that is there");
  add_common(*command, console);
  command->callback([s, &console] { export_model(*s, console); });
}
