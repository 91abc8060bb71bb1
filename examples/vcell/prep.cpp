#include <fmt/format.h>

#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "rules.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/read_name_list.hpp"
#include "vcell/pipeline/pack_submission_2025.hpp"
#include "vcell/pipeline/pack_submission_2026.hpp"
#include "vcell/pipeline/prepare.hpp"

namespace fs = std::filesystem;

namespace {

struct PrepSettings {
  vcell::CellInput input;
  Rules rules = Rules::none;
  std::string data, out, genes, perturbation_key = "target_gene", control = "non-targeting";
  std::string cell_type_key, context_key, panel, manifest;
  std::optional<vcell::Scale> scale;
  std::optional<size_t> expected_genes, most_cells, cells_per_perturbation;
  bool any_genes = false, overwrite = false;
};

/// The perturbations of a panel: the column target_gene of a table, and n_cells where it has that.
std::vector<vcell::PanelPerturbation> read_panel(const std::string& file) {
  const auto table = vcell::read_csv(file);
  const size_t names = table.column("target_gene");
  const bool has_cells =
      std::find(table.header.begin(), table.header.end(), "n_cells") != table.header.end();
  std::vector<vcell::PanelPerturbation> out;
  for (const auto& row : table.rows) {
    out.push_back({row[names]});
    if (!has_cells || row[table.column("n_cells")].empty()) continue;
    out.back().cells = number_of<size_t>("--panel: n_cells", row[table.column("n_cells")]);
  }
  return out;
}

/// What a manifest of the contest says: contexts and the panel's name.
void read_manifest(const fs::path& file, vcell::PackSubmission2026Options& options) {
  const auto json = vcell::parse_json_object(vcell::read_text(file),
                                             "--manifest: " + vcell::quoted(file.string()));
  const auto wrong = [&](const char* what) {
    throw vcell::FormatError(
        vcell::message("--manifest: ", vcell::quoted(file.string()), ": ", what));
  };
  if (const auto* contexts = json.find("contexts")) {
    if (contexts->kind != vcell::Json::Kind::array) wrong("contexts is no list of names");
    for (const auto& context : contexts->items) {
      if (context.kind != vcell::Json::Kind::text) wrong("contexts is no list of names");
      options.contexts.push_back(context.text);
    }
  }
  if (const auto* id = json.find("panel_id"); id && id->kind != vcell::Json::Kind::null) {
    if (id->kind != vcell::Json::Kind::text) wrong("panel_id is no text");
    options.panel_id = id->text;
  }
}

void prep_2025(const PrepSettings& s, Console& console) {
  refuse_flags("vcc2025", {{"--context-key", !s.context_key.empty()},
                           {"--panel", !s.panel.empty()},
                           {"--manifest", !s.manifest.empty()},
                           {"--cells-per-perturbation", s.cells_per_perturbation.has_value()}});
  vcell::PackSubmission2025Options options;
  options.perturbation_key = s.perturbation_key;
  options.cell_type_key = s.cell_type_key;
  options.control = s.control;
  options.genes = vcell::read_name_list(s.genes);
  if (s.any_genes || s.expected_genes) options.expected_genes = s.expected_genes;
  options.most_cells = s.most_cells.value_or(options.most_cells);
  options.scale = s.scale;
  options.input = s.input;
  options.callbacks = callbacks_of(console);
  vcell::note_scale(vcell::pack_submission_2025(s.data, s.out, options), options.callbacks);
}

void prep_2026(const PrepSettings& s, Console& console) {
  refuse_flags("vcc2026", {{"--cell-type-key", !s.cell_type_key.empty()},
                           {"--scale log1p", s.scale == vcell::Scale::log1p}});
  if (s.panel.empty())
    throw vcell::ConfigError(
        "prep: --rules vcc2026 needs --panel, the table of the contest's perturbations");
  vcell::PackSubmission2026Options options;
  options.perturbation_key = s.perturbation_key;
  if (!s.context_key.empty()) options.context_key = s.context_key;
  options.control = s.control;
  options.genes = vcell::read_name_list(s.genes);
  options.panel = read_panel(s.panel);
  if (!s.manifest.empty()) {
    read_manifest(s.manifest, options);
  } else if (const auto beside = fs::path(s.panel).parent_path() / "manifest.json";
             fs::exists(beside)) {
    console.note("contexts and panel_id: " + beside.string());
    read_manifest(beside, options);
  }
  if (s.any_genes || s.expected_genes) options.expected_genes = s.expected_genes;
  options.most_cells = s.most_cells.value_or(options.most_cells);
  options.cells_per_perturbation =
      s.cells_per_perturbation.value_or(options.cells_per_perturbation);
  options.input = s.input;
  options.callbacks = callbacks_of(console);
  const auto stored = vcell::pack_submission_2026(s.data, s.out, options);
  console.note(fmt::format("{} values stored", stored));
}

void prep(const PrepSettings& s, Console& console) {
  refuse_to_overwrite("prep", s.out, s.overwrite);
  make_folder(fs::path(s.out).parent_path());
  s.rules == Rules::vcc2025 ? prep_2025(s, console) : prep_2026(s, console);
  console.result(s.out);
}

}  // namespace

void add_prep(CLI::App& program, Console& console) {
  auto* command = program.add_subcommand(
      "prep", "Make a submission to the Virtual Cell Challenge of predicted cells");
  auto s = std::make_shared<PrepSettings>();
  add_rules(*command, s->rules)->required();
  command
      ->add_option("--data", s->data,
                   "Predicted cells: h5ad with X by rows, 10x .h5, mtx, CSV or TSV")
      ->required()
      ->type_name("FILE");
  command->add_option("--out", s->out, "The container to write, .vcc")
      ->required()
      ->type_name("FILE");
  command->add_option("--genes", s->genes, "The contest's genes in order, one a line")
      ->required()
      ->type_name("FILE");
  command->add_option("--perturbation-key", s->perturbation_key, "obs column of the perturbation")
      ->capture_default_str();
  command
      ->add_option("--control", s->control,
                   "Label of the control in it: needed in 2025, refused in 2026")
      ->capture_default_str();
  command->add_option("--cell-type-key", s->cell_type_key,
                      "2025: obs column of the cell type [none]");
  add_scale(*command, s->scale, "2025: of X, counts or log1p [the file decides]");
  command->add_option("--context-key", s->context_key, "2026: obs column of the context [context]");
  command
      ->add_option("--panel", s->panel,
                   "2026: the contest's perturbations, csv with target_gene and perhaps n_cells")
      ->type_name("FILE");
  command
      ->add_option("--manifest", s->manifest,
                   "2026: contexts and panel_id, json [manifest.json beside the panel]")
      ->type_name("FILE");
  command
      ->add_option_function<std::string>(
          "--expected-genes",
          [s](const std::string& word) {
            s->any_genes = word == "any";
            if (!s->any_genes) s->expected_genes = number_of<size_t>("--expected-genes", word, 1);
          },
          "How many genes the contest has, or any [18080, 18533]")
      ->type_name("N");
  const auto add_limit = [&](const char* flag, std::optional<size_t>& field, const char* help) {
    command
        ->add_option_function<std::string>(
            flag,
            [&field, flag](const std::string& word) { field = number_of<size_t>(flag, word, 1); },
            help)
        ->type_name("N");
  };
  add_limit("--max-cells", s->most_cells, "How many cells it takes [200000, 400000]");
  add_limit("--cells-per-perturbation", s->cells_per_perturbation,
            "2026: in each context, where the panel does not say [400]");
  add_cell_input(*command, s->input);
  command->add_flag("--overwrite", s->overwrite, "Replace a file that is there");
  add_common(*command, console);
  command->callback([s, &console] { prep(*s, console); });
}
