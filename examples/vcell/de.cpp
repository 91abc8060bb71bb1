#include <fmt/format.h>

#include "cells.hpp"
#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "vcell/data/watched_rows.hpp"
#include "vcell/eval/expression_preset.hpp"
#include "vcell/eval/measured_expression.hpp"
#include "vcell/eval/result_files.hpp"
#include "vcell/eval/streamed_expression.hpp"
#include "vcell/eval/write_expression.hpp"
#include "vcell/io/cell_rows.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/pipeline/bytes_of_x.hpp"
#include "vcell/pipeline/prepare.hpp"

namespace {

/// What the flags say over the rules; nothing: what the rules say.
struct DeSettings {
  vcell::CellInput input;
  std::string data, out, rules = "pdex-0.3", columns;
  std::string perturbation_key = "perturbation", control = "non-targeting", gene_key;
  std::vector<std::string> context_keys;
  std::optional<vcell::Scale> scale;
  std::optional<vcell::ExpressionMode> mode;
  std::optional<vcell::ExpressionTest> test;
  std::optional<vcell::Means> means;
  std::optional<vcell::Continuity> continuity;
  std::optional<vcell::ZeroMeans> zero_means;
  std::optional<vcell::FdrScope> fdr;
  std::optional<bool> tie_correction;
  std::optional<size_t> exact_cells;
  std::optional<double> epsilon, clip_value, cpm_filter, least_mean, target_sum;
  double memory = 0;  // GB
  bool overwrite = false;
};

/// The rules' options with what the flags say over them.
/// @param scale  of X
vcell::DifferentialExpressionOptions options_of(const DeSettings& s, vcell::Scale scale,
                                                const std::string& view) {
  const bool is_log1p = scale == vcell::Scale::log1p;
  auto out = vcell::expression_preset(s.rules, is_log1p);
  const auto say = [](auto& field, const auto& said) {
    if (said) field = *said;
  };
  say(out.mode, s.mode);
  say(out.test, s.test);
  if (s.means) out.geometric_mean = *s.means == vcell::Means::geometric;
  say(out.continuity, s.continuity);
  say(out.zero_means, s.zero_means);
  say(out.fdr_scope, s.fdr);
  say(out.tie_correction, s.tie_correction);
  say(out.exact_cells, s.exact_cells);
  say(out.epsilon, s.epsilon);
  say(out.clip_value, s.clip_value);
  if (s.cpm_filter) out.cpm_filter = s.cpm_filter;
  if (s.least_mean) out.least_ref_mean = s.least_mean;
  if (s.target_sum) out.target_sum = s.target_sum;
  if (out.target_sum && is_log1p)
    throw vcell::ConfigError(vcell::message(
        "de: --", s.target_sum ? "target-sum" : "rules " + s.rules,
        " scales counts, and X of --data holds log1p values; give counts, or other rules"));
  if (out.target_sum) out.is_log1p = false;
  if (view == "illico") out.has_z_score = true;
  return out;
}

/// The perturbed gene of each target, by an obs column.
std::vector<std::string> own_genes_of(const vcell::ExpressionGroups& groups,
                                      const vcell::Column& column, const std::string& key) {
  const auto genes = column.text();
  std::vector<std::string> out;
  for (size_t t = 0; t < groups.targets.size(); ++t) {
    const auto& rows = groups.rows[t];
    for (const size_t row : rows)
      if (genes[row] != genes[rows[0]])
        throw vcell::ConfigError(vcell::message(
            "de: --gene-key ", key, " names ", vcell::quoted(genes[rows[0]]), " and ",
            vcell::quoted(genes[row]), " for cells of ", vcell::quoted(groups.targets[t]),
            ", expected one gene for each perturbation"));
    out.push_back(genes[rows[0]]);
  }
  return out;
}

void check_genes(const std::vector<std::string>& genes) {
  const vcell::NamePlaces places(genes);
  std::vector<std::string> twice;
  for (size_t g = 0; g < genes.size(); ++g)
    if (*places.find(genes[g]) != g) twice.push_back(genes[g]);
  if (!twice.empty())
    throw vcell::ConfigError(
        vcell::message("de: --data has genes that are there twice: ", vcell::list_of(twice),
                       "; make the names of var unique"));
}

/// Whether X is tested in less time and memory while it is read than after it: there is one table,
/// and reading X twice, which the check of its scale takes, costs little.
bool is_tested_while_read(const DeSettings& s) {
  if (!s.context_keys.empty()) return false;
  if (vcell::cell_format(s.data) != vcell::CellFormat::h5ad) return false;
  for (const vcell::H5adElement& element : vcell::describe_h5ad(s.data))
    if (element.path == "/X") return element.encoding == "csr_matrix" && element.filters.empty();
  return false;
}

/// Whether a table is small enough to be measured whole.
bool is_kept(size_t targets, size_t genes) {
  return double(targets) * double(genes * vcell::expression_entry_bytes()) <=
         double(vcell::ExpressionMemory().kept_bytes);
}

/// The cells with nothing but X.
vcell::AnnData read_only_x(const DeSettings& s, Console& console) {
  return vcell::read_cells(s.data, {.h5ad = {.layers = false,
                                             .obsm = false,
                                             .varm = false,
                                             .obsp = false,
                                             .varp = false,
                                             .raw = false,
                                             .uns = false,
                                             .budget = size_t(s.memory * 1e9),
                                             .progress = console.progress()},
                                    .input = s.input});
}

void de(const DeSettings& s, Console& console) {
  namespace fs = std::filesystem;
  const std::string view_name = !s.columns.empty()           ? s.columns
                                : s.rules == "cell-eval-0.8" ? "pdex-0.3"
                                : s.rules == "vcc2026"       ? "pdex-0.3"
                                                             : s.rules;
  const auto view = vcell::expression_view(view_name);
  vcell::expression_preset(s.rules);  // which throws before anything is read
  if (s.context_keys.empty()) refuse_to_overwrite("de", s.out, s.overwrite);
  const double memory = s.memory > 0 ? s.memory * 1e9 : vcell::detail::machine_memory() / 2;
  const double needed = vcell::detail::bytes_of_x(s.data, s.input);
  const bool fits = needed <= memory || memory == 0;
  bool streams = !fits || is_tested_while_read(s);
  auto adata = read_cells(s.data, console, streams ? CellParts::annotations : CellParts::expression,
                          s.memory, s.input);
  if (!fits)
    console.note(
        fmt::format("X takes {:.0f} MB, more than the {:.0f} MB granted (--memory), so it "
                    "is read in blocks, several times",
                    needed / 1e6, memory / 1e6));
  vcell::detail::check_column(adata, "[data] perturbation_key", s.perturbation_key);
  for (const auto& key : s.context_keys)
    vcell::detail::check_column(adata, "[data] context_keys", key);
  const auto labels = vcell::factor(adata.obs.column(s.perturbation_key));
  if (fits && streams && !is_kept(labels.names.size(), adata.genes())) {
    streams = false;
    adata.X = std::move(read_only_x(s, console).X);
  }
  std::optional<vcell::CellRows> stream;
  if (streams) {
    stream.emplace(vcell::open_cells(s.data, {.h5ad = {.layers = false,
                                                       .obsm = false,
                                                       .varm = false,
                                                       .obsp = false,
                                                       .varp = false,
                                                       .raw = false,
                                                       .uns = false},
                                              .input = s.input})
                       .X);
    vcell::check_size_match("de", "rows of X", stream->rows(), "cells", adata.cells());
  }
  const auto declared =
      stream ? vcell::declared_scale(
                   adata, vcell::WatchedRows(*stream, console.progress(), "check"), s.scale)
             : vcell::declared_scale(
                   adata,
                   vcell::WatchedRows(
                       vcell::BorrowedRows(vcell::detail::matrix_of("declared_scale", adata)),
                       console.progress(), "check"),
                   s.scale);
  if (declared.inferred)
    console.note("X holds nothing but whole numbers, so it is taken for counts (--scale counts)");
  auto options = options_of(s, declared.scale, view_name);
  options.progress = console.progress();
  check_genes(adata.var.index);
  vcell::Factor contexts;
  if (!s.context_keys.empty()) contexts = vcell::joined_factor(adata.obs, s.context_keys);
  const bool has_contexts = !s.context_keys.empty();
  const auto files =
      vcell::result_files(has_contexts ? contexts.names : std::vector<std::string>{""});
  const fs::path out = s.out;
  const auto file_of = [&](size_t c) {
    return out.parent_path() / (files[c].prefix + out.filename().string());
  };
  for (size_t c = 0; c < files.size(); ++c) refuse_to_overwrite("de", file_of(c), s.overwrite);
  std::shared_ptr<const vcell::CsrMatrix<float>> X;
  if (!stream)
    X = std::make_shared<const vcell::CsrMatrix<float>>(vcell::to_csr<float>(std::move(*adata.X)));
  make_folder(out.parent_path());
  for (size_t c = 0; c < files.size(); ++c) {
    std::vector<size_t> rows;
    vcell::Factor here{labels.names, {}};
    for (size_t i = 0; i < labels.size(); ++i) {
      if (has_contexts && contexts.codes[i] != int32_t(c)) continue;
      rows.push_back(i);
      here.codes.push_back(labels.codes[i]);
    }
    auto groups = options.mode == vcell::ExpressionMode::all
                      ? vcell::expression_groups_of_all(here, rows, options.unlabelled_are_others)
                      : vcell::expression_groups(here, s.control, rows);
    if (!s.gene_key.empty()) {
      vcell::detail::check_column(adata, "--gene-key", s.gene_key);
      groups.own_genes = own_genes_of(groups, adata.obs.column(s.gene_key), s.gene_key);
    }
    // Beside the table and what is read at a time.
    const auto panel_bytes = fits ? ~size_t(0) : size_t(std::min(0.7 * memory, 1.05e9));
    const auto table =
        stream ? vcell::ExpressionTable(vcell::streamed_expression(*stream, adata.var.index, groups,
                                                                   options, {panel_bytes}))
               : vcell::measured_expression(X, adata.var.index, std::move(groups), options);
    const bool against_control = options.mode != vcell::ExpressionMode::all;
    vcell::write_differential_expression(
        file_of(c), table, view, against_control ? s.control : std::string(), options.progress);
    console.result(file_of(c).string());
  }
}

template <class E>
void add_choice(CLI::App& command, const std::string& flag, std::optional<E>& field,
                const std::string& help) {
  command
      .add_option_function<std::string>(
          flag, [&field, flag](const std::string& word) { field = choice_of_word<E>(flag, word); },
          help + ": " + vcell::list_of(vcell::choice_names<E>()) + " [the rules']")
      ->type_name("TEXT");
}

template <class N>
void add_optional(CLI::App& command, const std::string& flag, std::optional<N>& field,
                  const std::string& help) {
  command
      .add_option_function<std::string>(
          flag, [&field, flag](const std::string& word) { field = number_of<N>(flag, word); }, help)
      ->type_name("N");
}

}  // namespace

void add_de(CLI::App& program, Console& console) {
  auto* command = program.add_subcommand(
      "de", "Test every gene of every perturbation for differential expression");
  auto s = std::make_shared<DeSettings>();
  command->add_option("--data", s->data, "Cells: h5ad, 10x .h5, mtx, CSV or TSV")
      ->required()
      ->type_name("FILE");
  command->add_option("--out", s->out, "The table to write, CSV")->required()->type_name("FILE");
  command->add_option("--perturbation-key", s->perturbation_key, "obs column of the perturbation")
      ->capture_default_str();
  command->add_option("--control", s->control, "Label of the control in it")->capture_default_str();
  add_context_keys(*command, s->context_keys,
                   "obs column of the context, may come several times; a table for each, whose "
                   "name begins with it");
  add_scale(*command, s->scale, "Of X: counts or log1p [the file decides]");
  command
      ->add_option("--rules", s->rules,
                   "Test as this package does: " + vcell::list_of(vcell::expression_presets))
      ->capture_default_str();
  command->add_option(
      "--columns", s->columns,
      "Name the columns as in " + vcell::list_of(vcell::expression_views) + " [the rules']");
  add_choice(*command, "--mode", s->mode,
             "Compare with the control, with all other cells, or in the own gene alone");
  add_choice(*command, "--test", s->test, "The test");
  add_choice(*command, "--means", s->means, "Means");
  add_choice(*command, "--continuity", s->continuity, "Continuity correction of rank sums");
  command
      ->add_option_function<std::string>(
          "--tie-correction",
          [s](const std::string& word) {
            if (word != "yes" && word != "no")
              throw vcell::ConfigError(vcell::message("--tie-correction is ", vcell::quoted(word),
                                                      ", expected 'yes' or 'no'"));
            s->tie_correction = word == "yes";
          },
          "Correct the variance of rank sums for ties: yes or no [the rules']")
      ->type_name("TEXT");
  add_optional(*command, "--exact-cells", s->exact_cells,
               "Exact rank sum test without ties where a group has at most so many cells");
  add_choice(*command, "--zero-means", s->zero_means, "Fold changes where a mean is 0");
  add_optional(*command, "--epsilon", s->epsilon, "Added to both means of a fold change");
  add_optional(*command, "--clip-value", s->clip_value, "Fold change from 0, with zero means clip");
  add_optional(*command, "--cpm-filter", s->cpm_filter,
               "Leave out genes with at most so many counts of a million on both sides");
  add_optional(*command, "--least-mean", s->least_mean,
               "Leave out genes whose mean in the reference is not above this");
  add_choice(*command, "--fdr", s->fdr, "False discovery rates over the genes of a target, or all");
  add_optional(*command, "--target-sum", s->target_sum, "Scale the counts of every cell to this");
  command->add_option("--gene-key", s->gene_key,
                      "obs column of the perturbed gene, for mode on_target [the perturbation]");
  add_memory(*command, s->memory,
             "GB that X may take; a larger one is read in blocks [half of the machine's]");
  add_cell_input(*command, s->input);
  command->add_flag("--overwrite", s->overwrite, "Replace a table that is there");
  add_common(*command, console);
  command->callback([s, &console] { de(*s, console); });
}
