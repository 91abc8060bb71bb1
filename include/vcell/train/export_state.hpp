#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/safetensors.hpp"
#include "vcell/io/write_torch_archive.hpp"
#include "vcell/models/reference_arrays.hpp"
#include "vcell/models/trained_model.hpp"
#include "vcell/nn/load_parameters.hpp"

VCELL_BEGIN_NAMESPACE

/// Writes the weights of a model under the names and in the shapes of the reference's package: as a
/// state_dict that torch.load reads with weights_only=True (`.pt`, `.pth`), or as `.safetensors`.
///
/// @param tables  rows of the tables of zeros that the package keeps beside the weights and that
///                play no part; without them it loads the file with strict=False
/// @throws ConfigError if the ending is another, or the model is anchored: the package has nothing
///         of the kind; IoError
template <class = void>
void export_state(const std::filesystem::path& path, const TrainedModel& m,
                  const ReferenceTables& tables = {}) {
  const std::string ending = path.extension().string();
  if (ending != ".pt" && ending != ".pth" && ending != ".safetensors")
    throw ConfigError(message("export_state: ", quoted(path.string()),
                              ": expected a file that ends in .pt, .pth or .safetensors"));
  if (m.anchors)
    throw ConfigError(
        "export_state: the model is anchored, and the package's models start from nothing; train "
        "one with anchor none");
  auto arrays = to_reference(m.model.config(), parameter_arrays(m.model.parameters()), tables);
  if (ending == ".safetensors")
    write_safetensors(path, {{{"format", "pt"}}, std::move(arrays)});
  else
    write_torch_archive(path, arrays);
}

VCELL_END_NAMESPACE
