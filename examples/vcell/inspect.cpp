#include <fmt/format.h>
#include <fmt/ranges.h>

#include "commands.hpp"
#include "vcell/io/describe_10x_h5.hpp"
#include "vcell/io/h5ad/describe_h5ad.hpp"
#include "vcell/io/json.hpp"
#include "vcell/io/read_cells.hpp"
#include "vcell/io/sandbox.hpp"

namespace {

vcell::Json as_json(const std::vector<vcell::H5adElement>& elements) {
  vcell::Json all{vcell::Json::Kind::array};
  for (const auto& e : elements) {
    vcell::Json& one = all.items.emplace_back();
    const auto add = [&](const char* key, const auto& value) {
      one.add(key, vcell::json_of(value));
    };
    add("path", e.path);
    add("encoding", e.encoding);
    add("shape", e.shape);
    add("dtype", e.dtype);
    add("chunks", e.chunks);
    add("filters", e.filters);
    add("stored_values", e.stored_values);
    add("stored_bytes", e.stored_bytes);
    if (e.is_sparse()) add("density", e.density());
    add("first", e.first);
    if (e.labels) add("labels", e.labels);
    if (!e.scale.empty()) add("scale", e.scale);
  }
  return all;
}

/// "6343 x 299", nothing for a single value.
std::string shape_text(const vcell::H5adElement& e) {
  return fmt::format("{}", fmt::join(e.shape, " x "));
}

/// The first labels of a column, each of one line and short, and that there are more.
std::string first_text(const vcell::H5adElement& e) {
  constexpr size_t longest = 24;
  std::vector<std::string> labels;
  for (std::string label : e.first) {
    for (char& c : label)
      if (uint8_t(c) < 32 || c == 127) c = '?';
    size_t end = std::min(label.size(), longest);
    while (end < label.size() && end > 0 && (label[end] & 0xC0) == 0x80) --end;  // whole letters
    labels.push_back(vcell::quoted(label.substr(0, end)) + (end < label.size() ? "..." : ""));
  }
  const size_t all = e.labels || e.shape.empty() ? e.labels : e.shape[0];
  return fmt::format("{}{}", fmt::join(labels, ", "), e.first.size() < all ? ", ..." : "");
}

std::string as_text(const std::vector<vcell::H5adElement>& elements) {
  size_t path = 4, encoding = 4, shape = 5;
  for (const auto& e : elements) {
    path = std::max(path, e.path.size());
    encoding = std::max(encoding, e.encoding.size());
    shape = std::max(shape, shape_text(e).size());
  }
  std::string text;
  for (const auto& e : elements) {
    std::string line = fmt::format("{:<{}}  {:<{}}  {:<{}}", e.path, path, e.encoding, encoding,
                                   shape_text(e), shape);
    if (!e.dtype.empty()) line += "  " + e.dtype;
    if (e.is_sparse())
      line += fmt::format(", {} stored ({:.3g} %)", e.stored_values, 100 * e.density());
    if (!e.chunks.empty()) line += fmt::format(", chunks {}", fmt::join(e.chunks, " x "));
    if (!e.filters.empty()) line += fmt::format(", {}", fmt::join(e.filters, " "));
    if (e.path == "/X")
      line += e.scale.empty() ? "; no scale is declared" : "; declared " + e.scale;
    if (!e.first.empty()) line += ": " + first_text(e);
    line.erase(line.find_last_not_of(' ') + 1);
    text += (text.empty() ? "" : "\n") + line;
  }
  return text;
}

std::vector<std::string> first_of(std::vector<std::string> names) {
  names.resize(std::min<size_t>(names.size(), 5));
  return names;
}

vcell::H5adElement describe_column(const std::string& path, const vcell::Column& column) {
  vcell::H5adElement out;
  const auto& labels = column.is_categorical() ? column.categorical().categories : column.values();
  out.path = path;
  out.encoding = column.is_categorical() ? "categorical" : "array";
  out.shape = {column.size()};
  out.dtype = labels.is_text() ? "text" : vcell::name_of(labels.numbers().dtype());
  if (column.is_categorical()) {
    out.labels = labels.size();
    out.dtype = fmt::format("{} labels ({})", out.labels, out.dtype);
  }
  out.first = first_of(column.is_categorical() ? labels.text() : column.text());
  return out;
}

/// Names of cells and genes, and columns, under paths that begin so.
void describe_tables(const std::string& begin, const vcell::AnnData& cells,
                     std::vector<vcell::H5adElement>& out) {
  for (const auto& [name, table] : {std::pair("/obs", &cells.obs), {"/var", &cells.var}}) {
    out.emplace_back().path = begin + name;
    out.back().shape = {table->rows(), table->names().size()};
    out.back().encoding = "dataframe";
    out.back().first = first_of(table->index);
    for (const std::string& column : table->names())
      out.push_back(
          describe_column(fmt::format("{}{}/{}", begin, name, column), table->column(column)));
  }
}

/// What a 10x file holds, as elements of the AnnData that each of its matrices becomes.
void describe_10x(const std::string& file, vcell::ReadCellsOptions options,
                  std::vector<vcell::H5adElement>& out) {
  options.h5ad.X = false;
  const auto matrices = vcell::describe_10x_h5(file);
  for (const vcell::H5adElement& matrix : matrices) {
    const bool is_one = matrices.size() == 1;  // else one of several genomes
    if (!is_one) options.input.genes.genomes = {matrix.path.substr(1)};
    const std::string begin = is_one ? "" : matrix.path;
    out.push_back(matrix);
    out.back().path = begin + "/X";
    describe_tables(begin, vcell::read_cells(file, options), out);
  }
}

/// What a file of another format than h5ad holds, as elements of the AnnData that it becomes.
std::vector<vcell::H5adElement> describe_other(const std::string& file, vcell::CellFormat format) {
  vcell::ReadCellsOptions options;
  if (format != vcell::CellFormat::csv_table) options.input.genes.feature_types = {"all"};
  std::vector<vcell::H5adElement> out(1);
  out[0].path = "/";
  out[0].encoding = vcell::name_of(format);
  if (format == vcell::CellFormat::tenx_h5) {
    describe_10x(file, options, out);
    return out;
  }
  const vcell::AnnData cells = vcell::read_cells(file, options);
  vcell::H5adElement& x = out.emplace_back();
  x.path = "/X";
  x.encoding = "csr_matrix";
  x.shape = {cells.cells(), cells.genes()};
  x.dtype = vcell::name_of(cells.X->values().dtype());
  x.stored_values = cells.X->values().size();
  describe_tables("", cells, out);
  return out;
}

}  // namespace

void add_inspect(CLI::App& program, Console& console) {
  auto* command = program.add_subcommand(
      "inspect", "What a file with cells holds: shapes, types, how it is stored, first labels");
  auto file = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false), sandbox = std::make_shared<bool>(false);
  command->add_option("file", *file, "h5ad, 10x .h5, mtx, CSV or TSV")
      ->required()
      ->type_name("FILE");
  command->add_flag("--json", *json, "As JSON");
  command->add_flag("--sandbox", *sandbox,
                    "Read the file in a process of its own with little memory and time: for files "
                    "from strangers, which may crash HDF5");
  command->callback([file, json, sandbox, &console] {
    const auto say = [&]() -> std::string {
      if (const auto format = vcell::cell_format(*file); format != vcell::CellFormat::h5ad) {
        const auto told = describe_other(*file, format);
        return *json ? vcell::json_text(as_json(told), 2) : as_text(told);
      }
      const auto elements = vcell::describe_h5ad(*file);
      return *json ? vcell::json_text(as_json(elements), 2) : as_text(elements);
    };
    if (!*sandbox) return console.result(say());
    std::error_code error;
    const auto bytes = std::filesystem::file_size(*file, error);
    vcell::SandboxLimits limits;
    if (!error) limits.memory += 4.0 * double(bytes);
    console.result(vcell::in_sandbox("inspect: file " + vcell::quoted(*file), say, limits));
  });
}
