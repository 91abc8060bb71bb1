#pragma once

#include <string>

#include "console.hpp"
#include "vcell/pipeline/embed_file.hpp"

/// What was said of an embedding of cells.
struct EmbedSettings {
  std::string data, model, out, dtype = "float32", gene_table;
  vcell::EmbedFileOptions options;
  bool overwrite = false;
};

/// Embeds the cells of a file.
/// @param command  what messages call it
void embed(const EmbedSettings& settings, const std::string& command, Console& console);
