#include "read_embedding.hpp"

#include "options.hpp"
#include "vcell/pipeline/embed_cells.hpp"
#include "vcell/pipeline/embedding_in.hpp"
#include "vcell/train/embedding_folder.hpp"

vcell::DenseMatrix<float> read_embedding(const vcell::TrainedModel& model,
                                         const std::filesystem::path& folder,
                                         const vcell::AnnData& adata, const std::string& data,
                                         std::optional<vcell::Scale> scale,
                                         const std::string& command, Console& console) {
  if (model.model.config().output_space != vcell::OutputSpace::embedding) return {};
  const auto fail = [&](const auto&... parts) {
    throw vcell::ConfigError(vcell::message(command, ": ", parts...));
  };
  if (model.decoded_genes.empty())
    fail("the model in ", vcell::quoted(folder.string()),
         " predicts an embedding and decodes no genes of it");
  vcell::DenseMatrix<float> out;
  if (const auto& key = model.embedding_key; !key.empty()) {
    if (!adata.obsm.contains(key))
      fail("the model reads cells as obsm ", vcell::quoted(key), ", and ", vcell::quoted(data),
           " has none of that name; embed the cells as those that the model was trained on ",
           "(vcell embed --key)");
    out = vcell::embedding_in(adata, key);
  } else {
    const auto embedder = folder / "embedding";
    if (!std::filesystem::exists(embedder / "config.json"))
      fail("the model reads an embedding of cells, and what makes it is not in ",
           vcell::quoted(embedder.string()), "; copy the model's folder whole");
    out = vcell::embed_cells(vcell::load_embedding(embedder), adata,
                             {.scale = scale, .callbacks = callbacks_of(console)});
  }
  if (out.columns != model.genes.size())
    fail("cells are embedded in ", out.columns, " values, and the model reads ", model.genes.size(),
         "; embed them as those that it was trained on");
  return out;
}
