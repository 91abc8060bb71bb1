#include <fmt/format.h>

#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "vcell/pipeline/convert_file.hpp"

namespace {

struct ConvertSettings {
  std::string data, out, x, index_type, to = "h5ad";
  vcell::ConvertFileOptions options;
  double memory = 0;  // GB
  bool overwrite = false;
};

void convert(const ConvertSettings& s, Console& console) {
  refuse_to_overwrite("convert", s.out, s.overwrite);
  auto options = s.options;
  if (s.to != "h5ad" && s.to != "mtx")
    throw vcell::ConfigError(
        vcell::message("--to is ", vcell::quoted(s.to), ", expected 'h5ad' or 'mtx'"));
  options.to = s.to == "mtx" ? vcell::ConvertTo::mtx : vcell::ConvertTo::h5ad;
  if (s.x == "csr")
    options.x = vcell::MatrixKind::csr;
  else if (s.x == "csc")
    options.x = vcell::MatrixKind::csc;
  else if (s.x == "dense")
    options.x = vcell::MatrixKind::dense;
  else if (!s.x.empty())
    throw vcell::ConfigError(
        vcell::message("--x is ", vcell::quoted(s.x), ", expected 'csr', 'csc' or 'dense'"));
  if (s.index_type == "int32")
    options.write.index_type = vcell::DType::i32;
  else if (s.index_type == "int64")
    options.write.index_type = vcell::DType::i64;
  else if (!s.index_type.empty())
    throw vcell::ConfigError(vcell::message("--index-type is ", vcell::quoted(s.index_type),
                                            ", expected 'int32' or 'int64'"));
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
      "convert", "Cells of any format as h5ad, X sparse by rows or columns, or dense; or as mtx");
  auto s = std::make_shared<ConvertSettings>();
  command->add_option("--data", s->data, "Cells")->required()->type_name("FILE");
  command->add_option("--out", s->out, "The h5ad file, or the folder of triplets, to write")
      ->required()
      ->type_name("FILE");
  auto& o = s->options;
  command->add_option("--to", s->to, "h5ad, or mtx: a folder as Cell Ranger 3 writes it")
      ->capture_default_str();
  command->add_option("--x", s->x, "How X is stored: csr, csc or dense [as it was]");
  command
      ->add_option("--element", o.element,
                   "What becomes X: X, raw/X or layers/NAME of an h5ad file")
      ->capture_default_str();
  add_number(*command, "--gzip", o.write.gzip, "Compression: 0 none .. 9");
  add_number<size_t>(*command, "--chunk", o.write.chunk_bytes,
                     "Bytes of a chunk before it is compressed", 1024);
  command->add_option("--index-type", s->index_type,
                      "Of indices of sparse matrices: int32 or int64 [as it was]");
  command->add_flag("--contiguous", o.write.contiguous,
                    "With --gzip 0: all of X in one piece, for which it is read once more");
  add_memory(*command, s->memory);
  add_cell_input(*command, o.read.input);
  command->add_flag("--overwrite", s->overwrite, "Replace a file that is there");
  add_common(*command, console);
  command->callback([s, &console] { convert(*s, console); });
}
