#pragma once

#include <CLI/CLI.hpp>
#include <string_view>
#include <utility>
#include <vector>

/// Whose rules: the Virtual Cell Challenge of a year.
enum class Rules { none, vcc2025, vcc2026 };

/// --rules
CLI::Option* add_rules(CLI::App& command, Rules& rules);

/// @throws vcell::ConfigError naming the flags that were given and say nothing under some rules
void refuse_flags(std::string_view rules,
                  const std::vector<std::pair<std::string_view, bool>>& given);
