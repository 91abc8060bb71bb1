#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/data/keep.hpp"

VCELL_BEGIN_NAMESPACE

struct DownsampleCellsOptions {
  size_t cells = 0;  ///< that stay: of each group, all of one that has no more
  /// In place of `cells`, the share that stays, above 0 and up to 1: of each group, rounded, and
  /// one cell at least.
  std::optional<double> share = {};
  /// Columns of obs whose values make groups, such as the perturbation. None: all cells are one.
  std::vector<std::string> group_keys = {};
  uint64_t seed = 0;
};

/// Which cells stay if so many are drawn of each group, every choice as likely. Those without a
/// group, as a column misses their value, go.
/// @return  (cells) 1 where it stays
/// @throws ConfigError if options.cells is 0, the share none, or there is no such column
template <class = void>
std::vector<uint8_t> downsampled_cells(const DataFrame& obs,
                                       const DownsampleCellsOptions& options) {
  if (!options.share) check_positive("downsample_cells", "cells", options.cells);
  if (options.share && !(*options.share > 0 && *options.share <= 1))
    throw ConfigError(message("downsample_cells: share is ", *options.share,
                              ", expected a number above 0 and up to 1"));
  const Factor groups = joined_factor(obs, options.group_keys);
  std::vector<std::vector<size_t>> members(groups.names.size());
  for (size_t cell = 0; cell < groups.size(); ++cell)
    if (groups.codes[cell] >= 0) members[size_t(groups.codes[cell])].push_back(cell);
  std::vector<uint8_t> out(groups.size(), 0);
  for (size_t group = 0; group < members.size(); ++group) {
    // By its name, so that a group's cells do not depend on which others there are.
    Rng rng(options.seed, stream_of("downsample_cells") ^ stream_of(groups.names[group]));
    shuffle(members[group].begin(), members[group].end(), rng);
    const size_t all = members[group].size();
    const size_t wanted =
        options.share ? std::max<size_t>(1, size_t(std::round(*options.share * double(all))))
                      : options.cells;
    for (size_t i = 0; i < std::min(wanted, all); ++i) out[members[group][i]] = 1;
  }
  return out;
}

/// The same, and drops the cells that do not stay from every part of adata.
/// @throws ConfigError as above
template <class = void>
std::vector<uint8_t> downsample_cells(AnnData& adata, const DownsampleCellsOptions& options) {
  auto out = downsampled_cells(adata.obs, options);
  keep_cells(adata, out);
  return out;
}

VCELL_END_NAMESPACE
