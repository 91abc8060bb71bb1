#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"
#include "vcell/io/number_text.hpp"

VCELL_BEGIN_NAMESPACE

/// The number in a field of a table.
/// @param function  who reads, for the message
/// @param fields    of the row, which is the `row`-th below the header, from 0
/// @throws FormatError naming the file, the row, the column and what is there, if that is no number
template <class = void>
double csv_number(std::string_view function, const std::filesystem::path& path,
                  const std::vector<std::string>& header, const std::vector<std::string>& fields,
                  size_t row, size_t column) {
  if (const auto number = parse_number(fields[column])) return *number;
  throw FormatError(message(function, ": ", quoted(path.string()), ", row ", row + 1, ", column ",
                            quoted(header[column]), " holds ", quoted(fields[column]),
                            ", expected a number"));
}

VCELL_END_NAMESPACE
