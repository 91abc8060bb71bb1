#pragma once

#include <CLI/CLI.hpp>
#include <span>
#include <string>

#include "vcell/models/name_model.hpp"

// The names of a model that came without them.

struct ModelNames {
  std::string genes, perturbations;  ///< files; empty: not given
};

/// --genes and --perturbation-names
void add_model_names(CLI::App& command, ModelNames& names);

/// Gives the models the names that the files hold.
/// @throws vcell::Error naming the file and what is wrong with it
void name_models(std::span<vcell::TrainedModel> members, const ModelNames& names);

/// What is still missing, why it is needed, and by which option it is given; empty if nothing is.
std::string missing_names(const vcell::TrainedModel& model);
