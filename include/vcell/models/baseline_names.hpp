#pragma once

#include <array>
#include <string_view>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// The names of the baselines, in the order of reports: the one place where a new one is listed,
/// beside make_baseline.
inline constexpr std::array<std::string_view, 6> baseline_names = {
    "control_copy", "perturbation_mean", "perturbation_mean_shrunk",
    "context_mean", "mean_response",     "mean_of_perturbation_means"};

/// Those that read features of perturbations.
inline constexpr std::array<std::string_view, 3> feature_baseline_names = {
    "feature_nearest", "feature_ridge", "feature_kernel_ridge"};

VCELL_END_NAMESPACE
