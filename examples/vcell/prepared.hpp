#pragma once

#include "console.hpp"
#include "vcell/data/anndata.hpp"
#include "vcell/models/perturbation_features.hpp"
#include "vcell/models/training_anchors.hpp"
#include "vcell/preprocess/normalize_to_log1p.hpp"
#include "vcell/sets/split.hpp"
#include "vcell/train/experiment.hpp"

/// A screen that is ready to be trained on.
struct Prepared {
  vcell::AnnData adata;                 ///< filtered; the file's own columns. X is in `all`
  vcell::NormalizedToLog1p normalized;  ///< how X became log1p
  vcell::Screen all;                    ///< every gene
  std::optional<vcell::Screen> chosen;  ///< the model's genes, where they are fewer
  vcell::SplitSpec split;
  std::string split_text;           ///< where the split is from, for people
  std::vector<vcell::Part> parts;   ///< of every cell, as the split says it
  std::vector<vcell::Part> learnt;  ///< the same with validation drawn where it has none
  bool validates_pairs = false;     ///< validation cells are of pairs that are not trained on
  vcell::Anchor anchor = vcell::Anchor::none;     ///< as the data allow it
  std::optional<vcell::TrainingAnchors> anchors;  ///< of an anchored model
  vcell::PerturbationFeatures features;

  /// The model's genes.
  const vcell::Screen& screen() const { return chosen ? *chosen : all; }
};

/// Reads, filters, normalises, splits, and chooses genes, as an experiment says.
/// @param split         used instead of the experiment's when given, as by a run that is gone on
///                      with
/// @param anchor_asked  the experiment's anchor was asked for, and is no default that may give way
Prepared prepare(const vcell::Experiment& e, Console& console, bool anchor_asked,
                 const std::filesystem::path& split = {});
