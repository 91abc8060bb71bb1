#pragma once

#include <optional>
#include <string>

#include "options.hpp"
#include "vcell/models/trained_model.hpp"
#include "vcell/pipeline/prepare.hpp"

/// Brings cells to the scale of a model: counts to its own total, log1p values as they are.
/// @param what  names the cells in messages, as "predict: --data"
/// @throws vcell::ConfigError if the totals differ or are not known
inline void normalize_for(const vcell::TrainedModel& model, vcell::AnnData& adata,
                          std::optional<vcell::Scale> scale, const std::string& what,
                          Console& console) {
  const auto normalized = vcell::normalize_to_log1p(
      adata, {.scale = scale, .target_sum = model.target_sum, .library_log1p = true});
  vcell::note_scale(normalized, callbacks_of(console));
  const bool counts = normalized.found.scale == vcell::Scale::counts;
  if (!counts && normalized.target_sum && model.target_sum &&
      !vcell::same_target_sum(*normalized.target_sum, *model.target_sum))
    throw vcell::ConfigError(vcell::message(
        what, " holds log1p values of cells that were normalised to ", *normalized.target_sum,
        ", and the model was trained on a total of ", *model.target_sum,
        "; give the counts, which are then normalised as the model's were"));
  if (counts && !model.target_sum)
    throw vcell::ConfigError(vcell::message(
        what,
        " holds counts, and the model was trained on log1p values whose total is not known; "
        "normalise the data as the training data were and declare the scale log1p"));
}
