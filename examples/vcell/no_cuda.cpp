#include "cuda.hpp"

CudaFacts cuda_facts() {
  CudaFacts out;
  out.json.add("built_in", vcell::json_of(false));
  out.lines.emplace_back("cuda", "not built in; configure with -DVCELL_WITH_CUDA=ON");
  return out;
}
