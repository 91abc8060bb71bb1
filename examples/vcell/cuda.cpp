#include "cuda.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <memory>

#include "state_transition_cuda.hpp"
#include "vcell/tensor/devices_cuda.hpp"

namespace {

using vcell::json_of;

/// A function of a shared library, where both are there. The library stays loaded while it is used.
template <class F>
class Loaded {
 public:
  Loaded(const std::string& library, const char* function)
      : library_(::dlopen(library.c_str(), RTLD_LAZY | RTLD_LOCAL), [](void* l) {
          if (l) ::dlclose(l);
        }) {
    if (library_) function_ = reinterpret_cast<F*>(::dlsym(library_.get(), function));
  }
  explicit operator bool() const { return function_; }
  template <class... A>
  auto operator()(A... arguments) const {
    return function_(arguments...);
  }

 private:
  std::shared_ptr<void> library_;
  F* function_ = nullptr;
};

/// "9.12.0" of 91200, as the libraries number themselves.
std::string version_text(size_t version, size_t major) {
  return fmt::format("{}.{}.{}", version / major, version % major / 100, version % 100);
}

/// The versions of NVIDIA's libraries that this machine has for the program: names and versions,
/// empty where there is none.
std::vector<std::pair<std::string, std::string>> libraries(int runtime) {
  std::vector<std::pair<std::string, std::string>> out;
  const Loaded<size_t()> cublas(fmt::format("libcublasLt.so.{}", runtime / 1000),
                                "cublasLtGetVersion");
  out.emplace_back("cublasLt", cublas ? version_text(cublas(), 10000) : "");
  const Loaded<size_t()> cudnn("libcudnn.so.9", "cudnnGetVersion");
  out.emplace_back("cudnn", cudnn ? version_text(cudnn(), 10000) : "");
  const Loaded<int(int*)> nccl("libnccl.so.2", "ncclGetVersion");
  int version = 0;
  out.emplace_back("nccl", nccl && nccl(&version) == 0 ? version_text(size_t(version), 10000) : "");
  return out;
}

std::string gib(size_t bytes) { return fmt::format("{:.1f}", double(bytes) / double(1 << 30)); }

std::string line_of(const vcell::CudaDevice& d) {
  std::string text = fmt::format("{}, compute capability {}.{}, {} GiB", d.name, d.capability / 10,
                                 d.capability % 10, gib(d.memory));
  return text + (d.free_memory ? fmt::format(", {} GiB free", gib(*d.free_memory))
                               : ", which takes no work of this process");
}

}  // namespace

vcell::StateTransitionDevice state_transition_on(vcell::RunDevice device,
                                                 vcell::Precision precision) {
  if (device == vcell::RunDevice::cpu) return {};
  const vcell::CudaDevices found = vcell::cuda_devices();
  if (found.devices.empty())
    throw vcell::CudaError("[run] device is cuda, and " + found.reason +
                           "; without one, name [run] device cpu");
  return {.train =
              [precision](const vcell::StateTransitionTraining& training) {
                return train_on_cuda(training, precision);
              },
          .place =
              [precision](const vcell::StateTransition<float>& model) {
                return place_on_cuda(model, precision);
              }};
}

CudaFacts cuda_facts() {
  const vcell::CudaDevices found = vcell::cuda_devices();
  CudaFacts out;
  const auto version = [](int v) { return v ? vcell::cuda_version_text(v) : std::string("none"); };
  out.json.add("built_in", json_of(true));
  out.json.add("runtime", json_of(version(found.runtime)));
  out.json.add("driver", json_of(version(found.driver)));
  out.lines.emplace_back(
      "cuda", fmt::format("runtime {}, driver {}", version(found.runtime), version(found.driver)));
  out.json.add("reason", json_of(found.reason));
  if (!found.reason.empty()) out.lines.emplace_back("no GPU", found.reason);
  vcell::Json devices{vcell::Json::Kind::array};
  for (const vcell::CudaDevice& d : found.devices) {
    vcell::Json& device = devices.items.emplace_back();
    device.add("number", json_of(d.number));
    device.add("name", json_of(d.name));
    device.add("capability", json_of(fmt::format("{}.{}", d.capability / 10, d.capability % 10)));
    device.add("memory", json_of(d.memory));
    device.add("free_memory", json_of(d.free_memory));
    out.lines.emplace_back(fmt::format("GPU {}", d.number), line_of(d));
  }
  out.json.add("devices", std::move(devices));
  vcell::Json all;
  for (const auto& [name, its_version] : libraries(found.runtime)) {
    all.add(name, its_version.empty() ? vcell::Json() : json_of(its_version));
    out.lines.emplace_back(name, its_version.empty() ? "not found" : its_version);
  }
  out.json.add("libraries", std::move(all));
  return out;
}
