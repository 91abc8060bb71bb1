#pragma once

#include <charconv>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/core/progress.hpp"
#include "vcell/data/csr_matrix.hpp"
#include "vcell/io/cells/text_blocks.hpp"
#include "vcell/io/number_text.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// What the first lines of a matrix of triplets say (MatrixMarket coordinate,
/// https://math.nist.gov/MatrixMarket/formats.html).
struct MtxHeader {
  enum class Field { real, integer, pattern };
  Field field = Field::real;
  size_t rows = 0, columns = 0, entries = 0;
};

template <class = void>
std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
  return out;
}

/// The words of a line, which blanks separate.
template <class = void>
std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> out;
  for (;;) {
    const size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) return out;
    line.remove_prefix(begin);
    const size_t end = std::min(line.find_first_of(" \t\r"), line.size());
    out.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

/// The whole number that a word is.
template <class N>
bool parse_whole(std::string_view word, N& number) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return error == std::errc() && end == word.data() + word.size();
}

/// Whether a line with the extents was found in these lines, which begin the file or go on with its
/// comments; what follows stays in `lines`.
template <class = void>
bool read_mtx_header(const TextBlocks& text, const std::string& block, std::string_view& lines,
                     bool& has_banner, MtxHeader& header) {
  while (!lines.empty()) {
    const char* const place = lines.data();
    const auto fail = [&](const auto&... parts) { text.fail_at(block, place, parts...); };
    const std::string_view line = take_line(lines);
    if (!has_banner) {
      const auto words = words_of(line);
      if (words.empty() || words[0] != "%%MatrixMarket")
        text.fail("does not begin with '%%MatrixMarket', expected a matrix of triplets");
      const auto is = [&](size_t i, const char* word) {
        return i < words.size() && lower(words[i]) == word;
      };
      if (!is(1, "matrix") || !is(2, "coordinate"))
        fail("is ", quoted(line), ", expected '%%MatrixMarket matrix coordinate ...'");
      if (!is(4, "general"))
        fail("is ", quoted(line), ", expected 'general', as cells x genes has no symmetry");
      if (is(3, "integer"))
        header.field = MtxHeader::Field::integer;
      else if (is(3, "pattern"))
        header.field = MtxHeader::Field::pattern;
      else if (!is(3, "real"))
        fail("is ", quoted(line), ", expected numbers that are 'real', 'integer' or 'pattern'");
      has_banner = true;
      continue;
    }
    const auto words = words_of(line);
    if (words.empty() || words[0].front() == '%') continue;
    constexpr auto most = size_t(std::numeric_limits<int32_t>::max());
    if (words.size() != 3 || !parse_whole(words[0], header.rows) ||
        !parse_whole(words[1], header.columns) || !parse_whole(words[2], header.entries) ||
        header.rows > most || header.columns > most)
      fail("is ", quoted(line.substr(0, 80)), ", expected rows, columns and the number of entries");
    return true;
  }
  return false;
}

/// Rows of cells from triplets that come in any order. Those that come cell by cell, as Cell Ranger
/// writes them, need no more than the rows themselves.
template <class T>
class TripletRows {
 public:
  TripletRows(size_t cells, size_t genes, size_t entries) {
    m_.rows = cells;
    m_.columns = genes;
    m_.indptr.assign(cells + 1, 0);
    m_.indices.reserve(entries);
    m_.values.reserve(entries);
  }

  size_t size() const { return m_.indices.size(); }
  void add(int32_t cell, int32_t gene, T value) {
    if (cell < last_ && !mixed_) mix();
    if (mixed_) cells_.push_back(cell);
    last_ = cell;
    ++m_.indptr[size_t(cell) + 1];
    m_.indices.push_back(gene);
    m_.values.push_back(value);
  }

  /// The rows; genes within one are as they came.
  CsrMatrix<T> take() {
    std::partial_sum(m_.indptr.begin(), m_.indptr.end(), m_.indptr.begin());
    if (!mixed_) return std::move(m_);
    CsrMatrix<T> out{m_.rows, m_.columns, m_.indptr, std::vector<int32_t>(size()),
                     std::vector<T>(size())};
    for (size_t i = 0; i < size(); ++i) {
      const auto place = size_t(m_.indptr[size_t(cells_[i])]++);
      out.indices[place] = m_.indices[i];
      out.values[place] = m_.values[i];
    }
    return out;
  }

 private:
  /// Notes the cells of what came so far, one after the other.
  void mix() {
    mixed_ = true;
    cells_.reserve(m_.indices.capacity());
    for (size_t cell = 0; cell < m_.rows; ++cell)
      cells_.insert(cells_.end(), size_t(m_.indptr[cell + 1]), int32_t(cell));
  }

  CsrMatrix<T> m_;  // whose indptr counts until all have come
  std::vector<int32_t> cells_;
  int32_t last_ = 0;
  bool mixed_ = false;
};

template <class T>
struct Triplet {
  int32_t row, column;
  T value;
};

/// Takes the triplets of some lines.
/// @return nothing, or the line that does not fit, where reading ended
template <class T>
const char* parse_triplets(std::string_view lines, const MtxHeader& header,
                           std::vector<Triplet<T>>& out) {
  const char *p = lines.data(), *const end = p + lines.size();
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (p < end) {
    const char* const line = p;
    const auto skip = [&] {
      const char* const from = p;
      while (p < end && is_blank(*p)) ++p;
      return p > from;
    };
    skip();
    if (p < end && *p == '\n') {  // an empty line
      ++p;
      continue;
    }
    uint32_t place[2];
    for (size_t i = 0; i < 2; ++i) {
      if (i && !skip()) return line;
      const auto [after, error] = std::from_chars(p, end, place[i]);
      if (error != std::errc() || place[i] == 0 || place[i] > (i ? header.columns : header.rows))
        return line;
      p = after;
    }
    T value = T(1);
    if (header.field != MtxHeader::Field::pattern) {
      if (!skip()) return line;
#if defined(__cpp_lib_to_chars)
      std::conditional_t<std::is_integral_v<T>, T, double> number;
      const auto [after, error] = std::from_chars(p, end, number);
      value = T(number);
      if (error != std::errc() || (std::isinf(double(value)) && !std::isinf(double(number))))
        return line;
      p = after;
#else
      const char* after = p;
      while (after < end && !is_blank(*after) && *after != '\n') ++after;
      if constexpr (std::is_integral_v<T>) {
        if (!parse_whole({p, size_t(after - p)}, value)) return line;
      } else {
        const auto number = parse_number({p, size_t(after - p)});
        if (!number) return line;
        value = T(*number);
      }
      p = after;
#endif
    }
    skip();
    if (p == end || *p != '\n') return line;
    ++p;
    out.push_back({int32_t(place[0] - 1), int32_t(place[1] - 1), value});
  }
  return nullptr;
}

/// Lines in pieces of about so many bytes, cut at the ends of lines.
template <class = void>
std::vector<std::string_view> pieces_of(std::string_view lines, size_t bytes) {
  std::vector<std::string_view> out;
  while (!lines.empty()) {
    const size_t end = lines.size() > bytes ? lines.find('\n', bytes) : std::string_view::npos;
    const size_t size = end == std::string_view::npos ? lines.size() : end + 1;
    out.push_back(lines.substr(0, size));
    lines.remove_prefix(size);
  }
  return out;
}

/// What is wrong with a line of a triplet, for people.
template <class = void>
std::string wrong_triplet(std::string_view line, const MtxHeader& header) {
  const bool pattern = header.field == MtxHeader::Field::pattern;
  return message("is ", quoted(line.substr(0, 80)), ", expected a row of 1 .. ", header.rows,
                 ", a column of 1 .. ", header.columns,
                 pattern                                     ? ""
                 : header.field == MtxHeader::Field::integer ? " and a whole number"
                                                             : " and a number");
}

/// The triplets that follow the header.
/// @param lines       of the block after the header
/// @param genes_rows  whether rows of the file are genes, else cells
/// @return nothing if T does not hold one of the numbers, which the next wider type may
/// @throws FormatError naming the line that is none, or if there are not as many as the header says
template <class T>
std::optional<CsrMatrix<T>> read_triplets(TextBlocks& text, std::string& block,
                                          std::string_view lines, const MtxHeader& header,
                                          bool genes_rows, const Progress& progress) {
  TripletRows<T> rows(genes_rows ? header.columns : header.rows,
                      genes_rows ? header.rows : header.columns, header.entries);
  do {
    const auto pieces = pieces_of(lines, size_t(1) << 18);
    std::vector<std::vector<Triplet<T>>> found(pieces.size());
    std::vector<const char*> wrong(pieces.size(), nullptr);
    parallel_for(pieces.size(), 1, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) wrong[i] = parse_triplets(pieces[i], header, found[i]);
    });
    for (size_t i = 0; i < pieces.size(); ++i) {
      if (wrong[i]) {
        std::string_view rest = lines.substr(size_t(wrong[i] - lines.data()));
        const std::string_view line = take_line(rest);
        std::vector<Triplet<int64_t>> wide;
        if (std::is_same_v<T, int32_t> &&
            !parse_triplets<int64_t>({wrong[i], size_t(rest.data() - wrong[i])}, header, wide))
          return std::nullopt;
        text.fail_at(block, wrong[i], wrong_triplet(line, header));
      }
      if (found[i].size() > header.entries - rows.size())
        text.fail("has more entries than the ", header.entries, " that its header says");
      for (const Triplet<T>& t : found[i])
        genes_rows ? rows.add(t.column, t.row, t.value) : rows.add(t.row, t.column, t.value);
    }
    report(progress,
           {"read", size_t(text.done_bytes() >> 20), size_t(text.file_bytes() >> 20), "entries"});
    if (!text.next(block)) break;
    lines = block;
  } while (true);
  if (rows.size() != header.entries)
    text.fail("ends after ", rows.size(), " of the ", header.entries,
              " entries that its header says; is the file whole?");
  return rows.take();
}

}  // namespace detail
VCELL_END_NAMESPACE
