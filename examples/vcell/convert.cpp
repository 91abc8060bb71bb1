#include <fmt/format.h>

#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "vcell/pipeline/convert_file.hpp"

namespace {

struct ConvertSettings {
  std::string data, out, x, to;
  vcell::ConvertFileOptions options;
  double memory = 0;  // GB
  bool overwrite = false;
};

/// By --to, else by the name of --out.
std::optional<vcell::ConvertTo> to_of(const ConvertSettings& s) {
  using enum vcell::ConvertTo;
  if (s.to.empty()) return vcell::format_of_name(s.out);
  for (const auto& [word, to] :
       {std::pair("h5ad", h5ad), {"10x", tenx_h5}, {"mtx", mtx}, {"csv", csv}, {"tsv", tsv}})
    if (s.to == word) return to;
  return {};
}

void convert(const ConvertSettings& s, Console& console) {
  refuse_to_overwrite("convert", s.out, s.overwrite);
  auto options = s.options;
  const auto to = to_of(s);
  if (!to)
    throw vcell::ConfigError(vcell::message(
        s.to.empty() ? "--to is missing, and the name of --out does not tell: it is " : "--to is ",
        vcell::quoted(s.to.empty() ? s.out : s.to), ", expected 'h5ad', '10x', 'mtx', 'csv' or ",
        "'tsv'"));
  options.to = *to;
  if (s.x == "csr")
    options.x = vcell::MatrixKind::csr;
  else if (s.x == "csc")
    options.x = vcell::MatrixKind::csc;
  else if (s.x == "dense")
    options.x = vcell::MatrixKind::dense;
  else if (!s.x.empty())
    throw vcell::ConfigError(
        vcell::message("--x is ", vcell::quoted(s.x), ", expected 'csr', 'csc' or 'dense'"));
  options.read.h5ad.budget = size_t(s.memory * 1e9);
  options.callbacks = callbacks_of(console);
  options.write.progress = console.progress();
  make_folder(std::filesystem::path(s.out).parent_path());
  const auto [cells, genes] = vcell::convert_file(s.data, s.out, options);
  console.note(fmt::format("{}: {} cells x {} genes", s.out, cells, genes));
  console.result(s.out);
}

}  // namespace

void add_convert(CLI::App& program, Console& console) {
  auto* command = program.add_subcommand(
      "convert", "Cells of any format as h5ad (X sparse by rows or columns, or dense) or another");
  auto s = std::make_shared<ConvertSettings>();
  command->add_option("--data", s->data, "Cells")->required()->type_name("FILE");
  command->add_option("--out", s->out, "The file, or of mtx the folder, to write")
      ->required()
      ->type_name("FILE");
  auto& o = s->options;
  command->add_option("--to", s->to,
                      "h5ad, 10x (.h5 of counts), csv, tsv, or mtx, a folder as Cell Ranger 3 "
                      "writes it [as the name of --out ends]");
  command->add_option("--x", s->x, "How X is stored: csr, csc or dense [as it was]");
  command
      ->add_option("--element", o.element,
                   "What becomes X: X, raw/X or layers/NAME of an h5ad file")
      ->capture_default_str();
  add_storage(*command, o.write);
  add_memory(*command, s->memory);
  add_cell_input(*command, o.read.input);
  command->add_flag("--overwrite", s->overwrite, "Replace a file that is there");
  add_common(*command, console);
  command->callback([s, &console] { convert(*s, console); });
}
