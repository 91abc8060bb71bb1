#include <fmt/format.h>

#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "vcell/pipeline/preprocess_file.hpp"
#include "vcell/pipeline/read_steps.hpp"

namespace {

struct PreprocessSettings {
  std::string data, out, steps_file;
  std::vector<CLI::Option*> step_flags;  // none of which goes with steps_file
  // The steps that flags ask for, in the order that they are done in.
  vcell::QcStep qc;
  bool has_qc = false;
  std::optional<double> cell_bounds[4], gene_bounds[4];  // least and most counts, least and most
  vcell::KnockdownOptions knockdown;
  bool has_knockdown = false;
  vcell::PreprocessTrainOptions train;
  vcell::RegressOutStep regress_out;
  vcell::ScaleGenesOptions scale;
  bool has_scale = false, keeps_zeros = false;
  vcell::PcaOptions pca{.components = 0, .gene_mask = "highly_variable"};
  vcell::CellInput input;
  vcell::H5adWriteOptions write;
  double memory = 0.5;  // GB
  bool overwrite = false;
};

vcell::PreprocessSteps steps_of(const PreprocessSettings& s) {
  if (!s.steps_file.empty()) {
    for (const CLI::Option* flag : s.step_flags)
      if (flag->count())
        throw vcell::ConfigError(fmt::format(
            "{} does not go with --steps, whose file has the options of steps; give one of them",
            flag->get_name()));
    return vcell::read_steps(s.steps_file);
  }
  vcell::PreprocessSteps steps;
  if (s.has_qc) steps.emplace_back(s.qc);
  // 0 keeps all, and is what several programs say for it.
  const auto is_bound = [](const std::optional<double>& x) { return x && *x != 0; };
  const auto& c = s.cell_bounds;
  const auto& g = s.gene_bounds;
  if (is_bound(c[0])) steps.emplace_back(vcell::FilterCellsOptions{.min_counts = c[0]});
  if (is_bound(c[2])) steps.emplace_back(vcell::FilterCellsOptions{.min_genes = c[2]});
  if (c[1]) steps.emplace_back(vcell::FilterCellsOptions{.max_counts = c[1]});
  if (c[3]) steps.emplace_back(vcell::FilterCellsOptions{.max_genes = c[3]});
  if (is_bound(g[0])) steps.emplace_back(vcell::FilterGenesOptions{.min_counts = g[0]});
  if (is_bound(g[2])) steps.emplace_back(vcell::FilterGenesOptions{.min_cells = g[2]});
  if (g[1]) steps.emplace_back(vcell::FilterGenesOptions{.max_counts = g[1]});
  if (g[3]) steps.emplace_back(vcell::FilterGenesOptions{.max_cells = g[3]});
  if (s.has_knockdown) steps.emplace_back(s.knockdown);
  steps.emplace_back(s.train);
  if (!s.regress_out.keys.empty()) steps.emplace_back(s.regress_out);
  if (s.has_scale)
    steps.emplace_back(
        vcell::ScaleGenesOptions{.zero_center = !s.keeps_zeros, .max_value = s.scale.max_value});
  if (s.pca.components) steps.emplace_back(s.pca);
  return steps;
}

void preprocess(const PreprocessSettings& s, const std::string& command, Console& console) {
  refuse_to_overwrite(command, s.out, s.overwrite);
  vcell::preprocess_file(s.data, s.out,
                         {.steps = steps_of(s),
                          .steps_from = s.steps_file,
                          .input = s.input,
                          .memory = s.memory * 1e9,
                          .write = s.write,
                          .callbacks = callbacks_of(console)});
  console.result(s.out);
}

/// Adds the flags of steps, and lists them.
class StepFlags {
 public:
  StepFlags(CLI::App& command, std::vector<CLI::Option*>& list) : command_(command), list_(list) {}

  CLI::Option* own(CLI::Option* option) {
    list_.push_back(option);
    return option->group(group_);
  }
  void group(const std::string& name) { group_ = name; }

  /// @param set  double -> void
  template <class F>
  CLI::Option* number(const std::string& flag, const std::string& help, F set) {
    return own(command_
                   .add_option_function<std::string>(
                       flag,
                       [flag, set](const std::string& word) {
                         set(number_of<double>(flag, word, -1e300));
                       },
                       help)
                   ->type_name("X"));
  }
  CLI::Option* number(const std::string& flag, std::optional<double>& field,
                      const std::string& help) {
    return number(flag, help, [&field](double x) { field = x; });
  }
  CLI::Option* number(const std::string& flag, double& field, const std::string& help) {
    return number(flag, help, [&field](double x) { field = x; })
        ->default_str(vcell::message(field));
  }
  template <class T>
  CLI::Option* text(const std::string& flag, T& field, const std::string& help,
                    const char* type = "COLUMN") {
    return own(command_.add_option(flag, field, help)->type_name(type)->expected(1));
  }
  CLI::Option* texts(const std::string& flag, std::vector<std::string>& field,
                     const std::string& help) {
    return text(flag, field, help)->allow_extra_args(false)->take_all();
  }
  CLI::Option* count(const std::string& flag, size_t& field, const std::string& help) {
    return own(add_number(command_, flag, field, help));
  }
  CLI::Option* flag(const std::string& name, bool& field, const std::string& help) {
    return own(command_.add_flag(name, field, help));
  }

 private:
  CLI::App& command_;
  std::vector<CLI::Option*>& list_;
  std::string group_ = "Options";
};

/// Flavor, batches and cut-offs of highly variable genes.
void add_hvg_flags(CLI::App& command, StepFlags& f, vcell::HighlyVariableGenesOptions& hvg,
                   CLI::Option* number) {
  f.own(command
            .add_option_function<std::string>(
                "--hvg-flavor",
                [&hvg](const std::string& word) {
                  hvg.flavor = choice_of_word<vcell::HvgFlavor>("--hvg-flavor", word);
                },
                "How variability is scored: seurat, cell_ranger, or seurat_v3, which reads the "
                "counts")
            ->type_name("TEXT")
            ->default_str(std::string(vcell::name_of_choice(hvg.flavor))));
  f.text("--batch-key", hvg.batch_key, "Column of obs: genes are scored in each batch");
  const auto add_bound = [&](const std::string& flag, double vcell::HvgCutOffs::*bound,
                             const std::string& help) {
    f.number(flag,
             help + ", in place of --hvgs [" + vcell::message(vcell::HvgCutOffs().*bound) + "]",
             [&hvg, bound](double x) {
               if (!hvg.cut_offs) hvg.cut_offs.emplace();
               (*hvg.cut_offs).*bound = x;
             })
        ->excludes(number);
  };
  add_bound("--min-mean", &vcell::HvgCutOffs::min_mean, "Genes of greater means");
  add_bound("--max-mean", &vcell::HvgCutOffs::max_mean, "Genes of smaller means");
  add_bound("--min-disp", &vcell::HvgCutOffs::min_disp, "Genes of higher scores");
  add_bound("--max-disp", &vcell::HvgCutOffs::max_disp, "Genes of lower scores");
}

void add_filters(StepFlags& f, PreprocessSettings& s) {
  f.group("Cells and genes that stay");
  const auto add = [&](const char* flag, std::optional<double>& field, const char* help) {
    f.number(flag, field, help)->type_name("N");
  };
  add("--min-counts", s.cell_bounds[0], "Drop cells with fewer counts");
  add("--max-counts", s.cell_bounds[1], "Drop cells with more counts");
  add("--min-genes", s.cell_bounds[2], "Drop cells with fewer genes; 0: keep all");
  add("--max-genes", s.cell_bounds[3], "Drop cells with more genes");
  add("--min-gene-counts", s.gene_bounds[0], "Drop genes with fewer counts");
  add("--max-gene-counts", s.gene_bounds[1], "Drop genes with more counts");
  add("--min-cells", s.gene_bounds[2], "Drop genes in fewer cells; 0: keep all");
  add("--max-cells", s.gene_bounds[3], "Drop genes in more cells");
  auto& k = s.knockdown;
  auto* on = f.flag("--filter-knockdown", s.has_knockdown,
                    "Keep the perturbed cells in which the knock-down of their gene worked");
  const auto of_knockdown = [&](CLI::Option* option) { option->needs(on); };
  of_knockdown(f.number("--residual-expression", k.residual_expression,
                        "Of the controls' mean: what a perturbation's cells have of its gene"));
  of_knockdown(
      f.number("--cell-residual-expression", k.cell_residual_expression, "The same of a cell"));
  of_knockdown(
      f.count("--min-perturbation-cells", k.min_cells, "Drop perturbations with fewer such cells"));
  of_knockdown(
      f.text("--perturbation-key", k.perturbation_key, "Column of obs with the perturbations")
          ->default_str(k.perturbation_key));
  of_knockdown(f.text("--control", k.control, "The label of control cells", "LABEL")
                   ->default_str(k.control));
  of_knockdown(
      f.text("--gene-key", k.gene_key, "Column of var that labels are of [the names of genes]"));
}

void add_qc(CLI::App& command, StepFlags& f, PreprocessSettings& s) {
  f.group("Quality");
  auto* on = f.flag("--qc", s.has_qc, "Write QC metrics to obs and var, before cells are dropped");
  f.text("--mt-prefix", s.qc.mt_prefix, "How the names of the gene set mt begin, as MT-", "TEXT")
      ->needs(on);
  f.texts("--qc-column", s.qc.gene_columns,
          "Column of var that is true for a set of genes; may come several times")
      ->needs(on);
  f.own(command
            .add_option_function<std::vector<std::string>>(
                "--percent-top",
                [&s](const std::vector<std::string>& words) {
                  s.qc.percent_top.clear();
                  for (const std::string& word : words)
                    s.qc.percent_top.push_back(number_of<size_t>("--percent-top", word, 1));
                },
                "Share of a cell's N greatest values; may come several times [50 100 200 500]")
            ->type_name("N")
            ->expected(1)
            ->allow_extra_args(false)
            ->take_all())
      ->needs(on);
}

void add_later_steps(StepFlags& f, PreprocessSettings& s) {
  f.group("After the logarithm");
  f.texts("--regress-out", s.regress_out.keys,
          "Column of obs: keep what it does not explain; may come several times");
  auto* on = f.flag("--scale-genes", s.has_scale, "Genes at mean 0 and unit variance");
  f.number("--max-value", s.scale.max_value, "Clip scaled values")->needs(on);
  f.flag("--no-zero-center", s.keeps_zeros, "Do not subtract means, so that zeros stay zeros")
      ->needs(on);
  f.number("--pca", "Principal components of the highly variable genes, to obsm X_pca",
           [&s](double x) {
             if (!(x >= 1 && x <= 1e6 && x == std::floor(x)))
               throw vcell::ConfigError(
                   vcell::message("--pca is ", x, ", expected a whole number from 1"));
             s.pca.components = size_t(x);
           })
      ->type_name("N");
}

}  // namespace

void add_preprocess_as(CLI::App& program, const std::string& name, Console& console) {
  auto* command = program.add_subcommand(
      name, "Normalise counts, take logarithms, find highly variable genes, and more steps");
  auto s = std::make_shared<PreprocessSettings>();
  command->add_option("--data,--adata", s->data, "Counts: h5ad, 10x .h5, mtx, CSV or TSV")
      ->required()
      ->type_name("FILE");
  command->add_option("--out,--output", s->out, "The h5ad file to write")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--steps", s->steps_file,
                   "TOML with a list of steps, in place of the flags of steps")
      ->type_name("FILE");
  StepFlags f(*command, s->step_flags);
  auto& train = s->train;
  auto* hvgs = f.count("--hvgs,--num_hvgs", train.hvg.n_top_genes, "Highly variable genes");
  add_hvg_flags(*command, f, train.hvg, hvgs);
  f.number("--target-sum", train.target_sum, "Total of every cell [the median total]")
      ->type_name("N");
  auto* exclude = f.flag("--exclude-highly-expressed", train.exclude_highly_expressed,
                         "Leave genes out of the totals that hold much of the counts of some cell");
  f.number("--max-fraction", train.max_fraction, "How much that is")->needs(exclude);
  f.own(add_scale(*command, train.scale, "Of X: counts [the file decides]"));
  add_filters(f, *s);
  add_qc(*command, f, *s);
  add_later_steps(f, *s);
  add_memory(*command, s->memory, "GB that X may take; a larger one is read in blocks [0.5]");
  add_cell_input(*command, s->input);
  add_storage(*command, s->write);
  command->add_flag("--overwrite", s->overwrite, "Replace a file that is there");
  add_common(*command, console);
  command->callback([s, name, &console] { preprocess(*s, name, console); });
}

void add_preprocess(CLI::App& program, Console& console) {
  add_preprocess_as(program, "preprocess", console);
}
