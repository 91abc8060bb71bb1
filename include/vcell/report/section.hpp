#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// A section of the page under a heading, both HTML.
template <class = void>
std::string section(std::string_view id, std::string_view heading, const std::string& inside) {
  return fmt::format(
      "<section id=\"{0}\" aria-labelledby=\"{0}-h\">\n<h2 id=\"{0}-h\">{1}</h2>\n{2}"
      "</section>\n",
      id, heading, inside);
}

}  // namespace detail

VCELL_END_NAMESPACE
