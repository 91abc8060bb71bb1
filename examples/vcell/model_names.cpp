#include "model_names.hpp"

#include "vcell/pipeline/training_gene_names.hpp"

void add_model_names(CLI::App& command, ModelNames& names) {
  command
      .add_option("--genes", names.genes,
                  "For a model without names of its genes: a file with one a line, or the h5ad it "
                  "was trained on")
      ->type_name("FILE");
  command
      .add_option("--perturbation-names", names.perturbations,
                  "For a model without names of its perturbations: a file with one a line, in the "
                  "order of their places")
      ->type_name("FILE");
}

void name_models(std::span<vcell::TrainedModel> members, const ModelNames& names) {
  for (auto& member : members) {
    if (!names.genes.empty())
      vcell::name_genes(member,
                        vcell::training_gene_names(names.genes, vcell::gene_names(member).size()));
    if (!names.perturbations.empty())
      vcell::name_perturbations(member, vcell::read_name_list(names.perturbations));
  }
}

std::string missing_names(const vcell::TrainedModel& model) {
  std::string out;
  for (const auto& what : model.unnamed) {
    const bool genes = what != "perturbations";
    out +=
        vcell::message(out.empty() ? "" : "; ",
                       "the files that the model came from do not name its ", what, ": give ",
                       genes ? "them by --genes, since columns are matched by name, never by place"
                             : "the names by --perturbation-names, in the order of their places");
  }
  return out;
}
