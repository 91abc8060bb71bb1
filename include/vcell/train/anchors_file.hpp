#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/io/safetensors.hpp"
#include "vcell/models/anchors.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The arrays of a file that belongs to a model.
class ModelArrays {
 public:
  explicit ModelArrays(const std::filesystem::path& path)
      : path_(path), tensors_(read_safetensors(path).tensors) {}

  /// The sizes of an array; empty where it is not there.
  template <class = void>
  std::vector<size_t> shape(const char* name) const {
    const auto found = tensors_.find(name);
    return found == tensors_.end() ? std::vector<size_t>() : found->second.shape;
  }
  /// Its values.
  /// @throws FormatError if it is not there, of another type or shape, or a number is not finite
  template <class T>
  std::vector<T> get(const char* name, const std::vector<size_t>& shape) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end())
      throw FormatError(message("load_model: ", quoted(path_.string()), " has no array ",
                                quoted(name), "; the file is not one that vcell wrote"));
    if (found->second.shape != shape || found->second.dtype() != dtype_of<T>())
      throw FormatError(message("load_model: ", quoted(path_.string()), ", array ", quoted(name),
                                ": ", name_of(found->second.dtype()), ' ', found->second.shape,
                                ", expected ", name_of(dtype_of<T>()), ' ', shape));
    auto values = found->second.template as<T>();
    if constexpr (std::is_floating_point_v<T>)
      for (const T v : values)
        if (!std::isfinite(v))
          throw FormatError(message("load_model: ", quoted(path_.string()), ", array ",
                                    quoted(name), " holds ", double(v), ", expected finite ",
                                    "numbers"));
    return values;
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  std::map<std::string, Array> tensors_;
};

template <class = void>
void write_anchors(const std::filesystem::path& path, const Anchors& anchors) {
  const PairShifts& s = anchors.shifts;
  const std::vector<float> shift(s.shift.values().begin(), s.shift.values().end());
  const std::vector<uint64_t> cells(s.cells.begin(), s.cells.end());
  Safetensors file;
  file.tensors["shift"] = Array::of<float>({s.pairs(), s.genes()}, shift);
  file.tensors["variance"] = Array::of<float>({s.pairs(), s.genes()}, s.variance.values());
  file.tensors["context"] = Array::of<int32_t>({s.pairs()}, s.context);
  file.tensors["perturbation"] = Array::of<int32_t>({s.pairs()}, s.perturbation);
  file.tensors["cells"] = Array::of<uint64_t>({s.pairs()}, cells);
  file.tensors["shrinkage"] = Array::of<double>({}, {&anchors.shrinkage, 1});
  file.tensors["alpha"] = Array::of<double>({}, {&anchors.alpha, 1});
  write_safetensors(path, file);
}

template <class = void>
Anchors read_anchors(const std::filesystem::path& path, size_t genes) {
  const ModelArrays arrays(path);
  const auto shape = arrays.shape("shift");
  const size_t pairs = shape.empty() ? 0 : shape[0];
  Anchors out;
  const auto shift = arrays.get<float>("shift", {pairs, genes});
  const auto cells = arrays.get<uint64_t>("cells", {pairs});
  out.shifts.context = arrays.get<int32_t>("context", {pairs});
  out.shifts.perturbation = arrays.get<int32_t>("perturbation", {pairs});
  out.shifts.stratum.assign(pairs, -1);
  out.shifts.cells.assign(cells.begin(), cells.end());
  out.shifts.shift = Tensor<double, 2>({pairs, genes});
  std::copy(shift.begin(), shift.end(), out.shifts.shift.values().begin());
  out.shifts.variance =
      Tensor<float, 2>({pairs, genes}, arrays.get<float>("variance", {pairs, genes}));
  out.shrinkage = arrays.get<double>("shrinkage", {})[0];
  out.alpha = arrays.get<double>("alpha", {})[0];
  return out;
}

template <class = void>
void write_feature_regression(const std::filesystem::path& path, const FeatureRegression& r) {
  const size_t rows = r.ridge.size(), points = r.points.shape(0), width = r.features();
  const auto kernel = int32_t(r.kernel);
  Safetensors file;
  file.tensors["kernel"] = Array::of<int32_t>({}, {&kernel, 1});
  file.tensors["width"] = Array::of<double>({}, {&r.width, 1});
  file.tensors["ridge"] = Array::of<double>({rows}, r.ridge);
  file.tensors["centre"] = Array::of<float>({width}, r.standard.centre);
  file.tensors["weight"] = Array::of<float>({width}, r.standard.weight);
  file.tensors["points"] = Array::of<float>({points, width}, r.points.values());
  file.tensors["offset"] = Array::of<float>({rows, r.genes()}, r.offset.values());
  file.tensors["coefficients"] =
      Array::of<float>({rows, points, r.genes()}, r.coefficients.values());
  write_safetensors(path, file);
}

template <class = void>
FeatureRegression read_feature_regression(const std::filesystem::path& path) {
  const ModelArrays arrays(path);
  const auto size = [&](const char* name, size_t axis) {
    const auto shape = arrays.shape(name);
    return axis < shape.size() ? shape[axis] : 0;
  };
  const size_t rows = size("ridge", 0), points = size("points", 0), width = size("centre", 0),
               genes = size("offset", 1);
  FeatureRegression r;
  const int32_t kernel = arrays.get<int32_t>("kernel", {})[0];
  if (kernel < 0 || kernel > int32_t(FeatureKernel::gaussian))
    throw FormatError(message("load_model: ", quoted(path.string()), ", array 'kernel': ", kernel,
                              ", expected 0 (none), 1 (linear) or 2 (Gaussian)"));
  r.kernel = FeatureKernel(kernel);
  r.width = arrays.get<double>("width", {})[0];
  r.ridge = arrays.get<double>("ridge", {rows});
  r.standard = {arrays.get<float>("centre", {width}), arrays.get<float>("weight", {width})};
  r.points = Tensor<float, 2>({points, width}, arrays.get<float>("points", {points, width}));
  r.offset = Tensor<float, 2>({rows, genes}, arrays.get<float>("offset", {rows, genes}));
  r.coefficients = Tensor<float, 3>({rows, points, genes},
                                    arrays.get<float>("coefficients", {rows, points, genes}));
  return r;
}

}  // namespace detail
VCELL_END_NAMESPACE
