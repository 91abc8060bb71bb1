#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <numbers>
#include <optional>
#include <string_view>
#include <type_traits>

#include "vcell/core/cmath.hpp"
#include "vcell/preprocess/find_value.hpp"
#include "vcell/preprocess/matrix_of.hpp"
#include "vcell/preprocess/scale.hpp"

VCELL_BEGIN_NAMESPACE

struct DeclaredScale {
  Scale scale = Scale::counts;
  /// Nobody said so: X holds nothing but whole numbers from 0. Say it aloud.
  bool inferred = false;
};

namespace detail {

/// What uns['vcell']['scale'] says of counts that some model predicted, with fractions.
inline constexpr std::string_view fractional_counts = "fractional counts";

template <class = void>
bool says_fractional_counts(const AnnData& adata) {
  const Value* scale = find(adata.uns, "vcell/scale");
  return scale && scale->text() && *scale->text() == fractional_counts;
}

/// Whether uns['vcell']['scale'] says log1p or, where it is not there, uns['log1p'] is.
/// @throws ConfigError if that names another base than e
template <class = void>
bool says_log1p(const char* function, const AnnData& adata) {
  if (const Value* scale = find(adata.uns, "vcell/scale")) {
    const std::string* text = scale->text();
    if (!text || (*text != "counts" && *text != "log1p" && *text != fractional_counts))
      throw ConfigError(message(function, ": uns['vcell']['scale'] is ",
                                text ? quoted(*text) : "no text",
                                ", expected 'counts', 'fractional counts' or 'log1p'"));
    return *text == "log1p";
  }
  const Value* base = find(adata.uns, "log1p/base");
  if (!base || base->is_nothing()) return find(adata.uns, "log1p") != nullptr;
  double number = 0;
  const bool is_number = base->is_number(number);
  if (is_number && std::abs(number - std::numbers::e) < 1e-6) return true;
  throw ConfigError(message(function, ": uns['log1p'] says that X is a logarithm to base ",
                            is_number ? message(number) : "(no number)",
                            ", expected the natural one (base null or e); multiply X by the ",
                            "natural logarithm of the base and set the base to null"));
}

/// @throws ConfigError if X of adata is log1p already
template <class = void>
void check_not_log1p(const char* function, const AnnData& adata) {
  if (says_log1p(function, adata))
    throw ConfigError(
        message(function, ": uns['log1p'] says that X is log1p already, expected counts"));
}

template <class S, class F>
void check_values(const AnnData& adata, const S& X, const char* declared, const char* expected,
                  F&& is_wrong) {
  if (const auto found = find_value(X, is_wrong))
    throw ConfigError(message("declared_scale: X is declared ", declared, ", but ",
                              text_of(*found, &adata), ", expected ", expected));
}

/// Without branches and calls, so that several values are looked at at once.
constexpr auto is_no_count = [](auto x) {
  using T = decltype(x);
  constexpr bool is_float = sizeof(T) == sizeof(int32_t);
  using Whole = std::conditional_t<is_float, int32_t, int64_t>;
  using Bits = std::conditional_t<is_float, uint32_t, uint64_t>;
  constexpr Bits size_bits = ~Bits(0) >> 1;                // all but the sign
  constexpr T bound = T(Whole(1) << (8 * sizeof(T) - 2));  // there are no fractions beyond
  const T size = std::bit_cast<T>(
      std::min<Bits>(std::bit_cast<Bits>(x) & size_bits, std::bit_cast<Bits>(bound)));
  const bool is_count = (x >= 0) & (x <= std::numeric_limits<T>::max());
  return bool(!is_count | (T(Whole(size)) != size));
};

template <class S>
void check_log1p(const AnnData& adata, const S& X) {
  check_values(adata, X, "log1p", "numbers in 0 .. 30; say --scale counts if they are counts",
               [](auto x) { return !((x >= 0) & (x <= highest_log1p)); });
  // A whole number above 0 is the logarithm of no fraction, so log1p data without any fractional
  // value does not occur.
  if (find_value(X, [](auto x) { return x != std::trunc(x); })) return;
  check_values(adata, X, "log1p",
               "fractions too, while X holds whole numbers only, as counts are; say --scale counts",
               [](auto) { return true; });
}

}  // namespace detail

/// The scale of X: `given` if it is; else what uns['vcell']['scale'] says; else log1p if
/// uns['log1p'] is there; else counts, but only when every value is a whole number from 0
/// (`inferred` then says so). What is declared must also be what X holds:
///
/// - counts: every value is a whole number from 0; where uns['vcell']['scale'] says 'fractional
///   counts', any number from 0;
/// - log1p: every value lies in 0 .. 30, and they are not all whole numbers (unless all are 0).
///
/// @param adata  names and uns; its own X is not looked at
/// @param X      (cells, genes), read in row blocks
/// @param given  what the user says, over what the file says
/// @throws ConfigError if nobody says it and X holds other numbers; if X contradicts what is
///         declared, naming a cell, its gene and the value; if uns['log1p'] has another base than
///         e
template <class S>
requires RowSource<S, float> DeclaredScale declared_scale(const AnnData& adata, const S& X,
                                                          std::optional<Scale> given = {}) {
  if (!given && detail::says_log1p("declared_scale", adata)) given = Scale::log1p;
  if (!given && find(adata.uns, "vcell/scale")) given = Scale::counts;
  if (!given) {
    if (const auto found = find_value(X, detail::is_no_count))
      throw ConfigError(message("declared_scale: nothing says whether X holds counts or log1p ",
                                "(there is no uns['log1p']), and ", text_of(*found, &adata),
                                ", which is no count; say which it is: --scale counts or ",
                                "--scale log1p"));
    return {Scale::counts, true};
  }
  if (*given == Scale::counts && detail::says_fractional_counts(adata))
    detail::check_values(adata, X, "fractional counts", "finite numbers from 0",
                         [](auto x) { return !(x >= 0 && std::isfinite(x)); });
  else if (*given == Scale::counts)
    detail::check_values(adata, X, "counts",
                         "whole numbers from 0; say --scale log1p if they are that",
                         detail::is_no_count);
  else
    detail::check_log1p(adata, X);
  return {*given, false};
}

/// The same of the X that adata has.
/// @throws ConfigError also if there is none
template <class = void>
DeclaredScale declared_scale(const AnnData& adata, std::optional<Scale> given = {}) {
  return declared_scale(adata, detail::matrix_of("declared_scale", adata), given);
}

/// The total that every cell had before the logarithm was taken, as uns['vcell']['target_sum']
/// says.
/// @throws ConfigError if that is no finite number above 0
template <class = void>
std::optional<double> declared_target_sum(const AnnData& adata) {
  const Value* value = find(adata.uns, "vcell/target_sum");
  if (!value) return {};
  double sum = 0;
  if (!value->is_number(sum) || !(sum > 0 && std::isfinite(sum)))
    throw ConfigError(
        "declared_target_sum: uns['vcell']['target_sum'] is no finite number above 0; remove it, "
        "or "
        "write the total that the cells were normalised to");
  return sum;
}

/// Records the scale of X where other tools look for it, log1p as uns['log1p'] {base: null}, counts
/// by its absence; and in uns['vcell'], with the total that every cell was normalised to, where
/// that is known.
/// @param fractional  of counts: they have fractions, as predicted ones may
template <class = void>
void declare_scale(AnnData& adata, Scale scale, std::optional<double> target_sum = {},
                   bool fractional = false) {
  if (scale == Scale::log1p)
    adata.uns.insert_or_assign("log1p", Dict{{"base", Value()}});
  else
    adata.uns.erase("log1p");
  const Value* before = find(adata.uns, "vcell");
  Dict own = before && before->dict() ? *before->dict() : Dict();
  own.insert_or_assign("scale", std::string(scale == Scale::log1p ? "log1p"
                                            : fractional          ? detail::fractional_counts
                                                                  : "counts"));
  own.erase("target_sum");
  if (target_sum) own.insert_or_assign("target_sum", *target_sum);
  adata.uns.insert_or_assign("vcell", std::move(own));
}

VCELL_END_NAMESPACE
