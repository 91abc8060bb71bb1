#include <fmt/format.h>

#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "vcell/pipeline/subset_file.hpp"

namespace {

struct SubsetSettings {
  std::string data, out, cells, genes;
  vcell::SubsetFileOptions options;
  double memory = 0;  // GB
  bool overwrite = false;
};

/// --where and --where-not: COLUMN=VALUE, whose values of one column come together.
void add_values(CLI::App& command, const std::string& flag, std::vector<vcell::ColumnValues>& to,
                const std::string& help) {
  command
      .add_option_function<std::vector<std::string>>(
          flag,
          [flag, &to](const std::vector<std::string>& words) {
            for (const std::string& word : words) {
              const size_t equals = word.find('=');
              if (equals == word.npos || equals == 0)
                throw vcell::ConfigError(
                    vcell::message(flag, " is ", vcell::quoted(word), ", expected COLUMN=VALUE"));
              const std::string column = word.substr(0, equals);
              auto at = std::find_if(to.begin(), to.end(),
                                     [&](const auto& asked) { return asked.column == column; });
              if (at == to.end()) at = to.insert(at, {column, {}});
              at->values.push_back(word.substr(equals + 1));
            }
          },
          help)
      ->expected(1)
      ->allow_extra_args(false)
      ->take_all()
      ->type_name("COLUMN=VALUE");
}

void subset(const SubsetSettings& s, Console& console) {
  refuse_to_overwrite("subset", s.out, s.overwrite);
  auto options = s.options;
  options.cells = s.cells;
  options.genes = s.genes;
  options.read.h5ad.budget = size_t(s.memory * 1e9);
  options.callbacks = callbacks_of(console);
  options.write.progress = console.progress();
  make_folder(std::filesystem::path(s.out).parent_path());
  const auto [cells, genes] = vcell::subset_file(s.data, s.out, options);
  console.note(fmt::format("{}: {} cells x {} genes", s.out, cells, genes));
  console.result(s.out);
}

}  // namespace

void add_subset(CLI::App& program, Console& console) {
  auto* command =
      program.add_subcommand("subset", "Some cells and genes of a file, from disk to disk");
  auto s = std::make_shared<SubsetSettings>();
  command->add_option("--data", s->data, "Cells")->required()->type_name("FILE");
  command->add_option("--out", s->out, "The h5ad file to write")->required()->type_name("FILE");
  auto& o = s->options;
  add_values(*command, "--where", o.where,
             "Cells with this in a column of obs; several of one column: any of them");
  add_values(*command, "--where-not", o.where_not, "Cells without this in a column of obs");
  command->add_option("--cells", s->cells, "Cells named in this file, a name a line")
      ->type_name("FILE");
  command->add_option("--genes", s->genes, "Genes named in this file, a name a line")
      ->type_name("FILE");
  command->add_option("--genes-where", o.genes_where, "Genes with true in this column of var")
      ->type_name("COLUMN");
  command
      ->add_option_function<std::string>(
          "--sample",
          [s](const std::string& word) {
            auto& subset = s->options;
            if (word.find_first_of(".%") == word.npos) {
              subset.sample = number_of<size_t>("--sample", word, 1);
              return;
            }
            const bool percent = word.ends_with('%');
            const double number =
                number_of<double>("--sample", percent ? word.substr(0, word.size() - 1) : word,
                                  std::numeric_limits<double>::lowest());
            subset.sample_share = percent ? number / 100 : number;
            if (!(*subset.sample_share > 0 && *subset.sample_share <= 1))
              throw vcell::ConfigError(
                  vcell::message("--sample is ", vcell::quoted(word), ", expected a number of ",
                                 "cells, or a share above 0 and up to 1, as 0.1 or 10%"));
          },
          "Draw so many of the cells that pass, or such a share of them, as 0.1 or 10% [all]")
      ->type_name("N|SHARE");
  command
      ->add_option("--by", o.sample_by,
                   "Column of obs: draw for each of its values; may come several times")
      ->expected(1)
      ->allow_extra_args(false)
      ->take_all()
      ->type_name("COLUMN");
  add_number(*command, "--seed", o.seed, "Seed of the draw");
  add_memory(*command, s->memory);
  add_cell_input(*command, o.read.input);
  add_storage(*command, o.write);
  command->add_flag("--overwrite", s->overwrite, "Replace a file that is there");
  add_common(*command, console);
  command->callback([s, &console] { subset(*s, console); });
}
