#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "console.hpp"
#include "vcell/data/dense_matrix.hpp"
#include "vcell/models/trained_model.hpp"
#include "vcell/preprocess/declared_scale.hpp"

/// The embedding that a model reads: an entry of obsm, or what the State Embedding model in its
/// folder makes of the cells. Empty: it reads expression.
/// @param folder   the model's
/// @param adata    X as the file has it
/// @param data     names the file, and `command` the command, in messages
/// @throws vcell::ConfigError if there is none, it does not fit the model, or the model decodes no
///         genes of it
vcell::DenseMatrix<float> read_embedding(const vcell::TrainedModel& model,
                                         const std::filesystem::path& folder,
                                         const vcell::AnnData& adata, const std::string& data,
                                         std::optional<vcell::Scale> scale,
                                         const std::string& command, Console& console);
