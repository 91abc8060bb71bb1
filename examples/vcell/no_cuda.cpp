#include "cuda.hpp"

CudaFacts cuda_facts() {
  CudaFacts out;
  out.json.add("built_in", vcell::json_of(false));
  out.lines.emplace_back("cuda", "not built in; configure with -DVCELL_WITH_CUDA=ON");
  return out;
}

vcell::StateTransitionDevice state_transition_on(vcell::RunDevice device, vcell::Precision) {
  if (device == vcell::RunDevice::cpu) return {};
  throw vcell::ConfigError(
      "[run] device is cuda, and this program was built without CUDA: configure it with "
      "-DVCELL_WITH_CUDA=ON, or name [run] device cpu");
}
