#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/data/array.hpp"
#include "vcell/nn/parameters.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The values of one parameter out of an array.
template <class T, class Device>
std::vector<T> checked_values(std::string_view source, const Parameter<T, Device>& parameter,
                              const Array& array) {
  if (array.dtype() < DType::f16)
    throw FormatError(message(source, ": ", quoted(parameter.name), " holds ",
                              name_of(array.dtype()), ", expected floating-point numbers"));
  if (array.shape != parameter.shape)
    throw ShapeError(message(source, ": ", quoted(parameter.name), " has shape ", array.shape,
                             ", expected ", parameter.shape,
                             "; the file belongs to a model of another configuration"));
  std::vector<T> values = array.as<T>();
  for (const T v : values)
    if (!std::isfinite(v))
      throw FormatError(message(source, ": ", quoted(parameter.name), " holds ", double(v),
                                ", expected finite numbers"));
  return values;
}

}  // namespace detail

/// Sets all parameters from arrays of the same names, as a file holds them. Nothing changes unless
/// everything fits.
///
/// @param arrays      given up one by one as they are read, so that a model that is moved in is not
///                    in memory twice
/// @param is_ignored  names that may be there although no parameter has them
/// @param source      what messages begin with, e.g. the file
/// @throws ConfigError listing the names that are missing and those that belong to no parameter
/// @throws ShapeError if a shape differs; FormatError if an array holds integers or a number that
///         is not finite
template <class T, class Device>
void load_parameters(const Parameters<T, Device>& parameters, std::map<std::string, Array> arrays,
                     const std::function<bool(std::string_view)>& is_ignored = {},
                     std::string_view source = "load_parameters") {
  std::vector<std::string> missing, unknown;
  for (const auto& p : parameters.all())
    if (!arrays.contains(p.name)) missing.push_back(p.name);
  for (const auto& [name, array] : arrays)
    if (!parameters.find(name) && !(is_ignored && is_ignored(name))) unknown.push_back(name);
  if (!missing.empty() || !unknown.empty())
    throw ConfigError(message(source, ": the names do not fit the model: missing are ",
                              list_of(missing), ", unknown are ", list_of(unknown),
                              "; check the model's configuration"));
  std::vector<std::vector<T>> values;
  for (const auto& p : parameters.all()) {
    values.push_back(detail::checked_values(source, p, arrays.at(p.name)));
    arrays.erase(p.name);
  }
  for (size_t i = 0; i < values.size(); ++i) parameters.load(i, std::move(values[i]));
}

/// All parameters as arrays by name: what load_parameters takes.
template <class T, class Device>
std::map<std::string, Array> parameter_arrays(const Parameters<T, Device>& parameters) {
  const auto all = to_host(parameters.values());
  std::map<std::string, Array> arrays;
  for (const auto& p : parameters.all())
    arrays[p.name] =
        Array::of<T>(p.shape, all.values().subspan(parameters.value_offset(p), p.count));
  return arrays;
}

VCELL_END_NAMESPACE
