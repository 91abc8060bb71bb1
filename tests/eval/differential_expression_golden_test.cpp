// Tables of pdex, scanpy and illico: what each call gave, again, as files with their columns.
#include <map>
#include <nlohmann/json.hpp>

#include "golden_support.hpp"
#include "support/golden.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/eval/expression_preset.hpp"

using namespace vcell_test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path;
  json config, config_2025;
  std::map<std::string, AnnData> cells;
  std::string control;

  explicit Folder(const fs::path& folder)
      : path(folder),
        config(json::parse(read_text(folder / "config.json"))),
        config_2025(json::parse(read_text(folder / "pdex0127_config.json"))),
        control(config.at("illico").at("ref_counts").at("arguments").at("reference")) {
    for (const char* name : {"counts", "log1p"})
      cells[name] = read_h5ad(folder / (std::string(name) + ".h5ad"));
  }
};

std::optional<Folder> folder() {
  const auto found = golden_folder("differential_expression");
  if (!found) return {};
  return Folder(*found);
}

using Bound = std::function<bool(double ours, double expected)>;
using Row = std::map<std::string, std::string>;

/// How columns that have the same meaning everywhere are compared.
std::map<std::string, Bound> usual_bounds(double p_relative) {
  const auto within = [](double absolute, double relative) {
    return [=](double a, double b) { return agrees(a, b, absolute, relative); };
  };
  const Bound p = within(0, p_relative), means = within(1e-7, 1e-5), same = within(0, 0),
              log2 = within(3e-5, 0), percent = within(2e-5, 2e-5), ratio = within(0, 2.1e-5),
              float32 = within(5e-6, 5e-6);
  return {{"p_value", p},
          {"fdr", p},
          {"pvals", p},
          {"pvals_adj", p},
          {"target_mean", means},
          {"ref_mean", means},
          {"reference_mean", means},
          {"target_membership", same},
          {"ref_membership", same},
          {"statistic", same},
          {"log2_fold_change", log2},
          {"percent_change", percent},
          {"fold_change", ratio},
          {"z_score", within(1e-10, 1e-10)},
          {"scores", float32},
          {"logfoldchanges", float32}};
}

std::vector<std::pair<std::string, Row>> rows_of(const fs::path& path) {
  const CsvTable table = read_csv(path);
  std::vector<std::pair<std::string, Row>> out;
  for (const auto& fields : table.rows) {
    Row row;
    for (size_t c = 0; c < fields.size(); ++c) row[table.header[c]] = fields[c];
    out.emplace_back(fields[0] + " / " + fields[1], row);
  }
  return out;
}

struct Call {
  std::string table;  // the file's name without .csv
  std::string input;
  std::string view;
  DifferentialExpressionOptions options;
  double p_relative = 1e-10;
};

/// Makes a table, writes it, and compares the two files. Columns of theirs that it lacks are an
/// error, as are rows.
void require_same(Folder& golden, const Call& call) {
  INFO(call.table);
  const AnnData& adata = golden.cells.at(call.input);
  const auto X = to_csr<float>(*adata.X);
  const auto groups = factor(adata.obs.column("target_gene"));
  const auto de =
      differential_expression(X.view(), adata.var.index, groups, golden.control, call.options);
  const TemporaryFolder temporary;
  const auto file = temporary.path() / "de.csv";
  const bool all = call.options.mode == ExpressionMode::all;
  write_differential_expression(file, de, expression_view(call.view), all ? "" : golden.control);
  const auto ours = rows_of(file), theirs = rows_of(golden.path / (call.table + ".csv"));
  REQUIRE(ours.size() == theirs.size());
  REQUIRE(theirs.size() > 0);
  const std::map<std::string, Row> found(ours.begin(), ours.end());
  REQUIRE(found.size() == ours.size());
  auto bounds = usual_bounds(call.p_relative);
  if (all) bounds["ref_mean"] = [](double a, double b) { return agrees(a, b, 1e-6, 1e-5); };
  if (call.options.float_p)  // which lose digits below the least normal float32
    for (const char* name : {"p_value", "fdr"})
      bounds[name] = [&](double a, double b) { return agrees(a, b, 1e-43, call.p_relative); };
  for (size_t r = 0; r < theirs.size(); ++r) {
    const auto& [key, row] = theirs[r];
    INFO(key);
    if (call.view == "pdex-0.3") REQUIRE(ours[r].first == key);  // others define no order
    REQUIRE(found.contains(key));
    const bool is_noise =
        all && row.contains("ref_mean") && !(*parse_number(row.at("ref_mean")) > 1e-4);
    for (const auto& [name, field] : row) {
      const auto bound = bounds.find(name);
      if (bound == bounds.end()) continue;  // names
      if (is_noise && (name == "log2_fold_change" || name == "percent_change")) continue;
      INFO(name);
      const double a = parse_number(found.at(key).at(name)).value(),
                   b = parse_number(field).value();
      INFO(a << ", expected " << b);
      REQUIRE(((std::isnan(a) && std::isnan(b)) || bound->second(a, b)));
    }
  }
  if (call.view == "scanpy")
    for (size_t r = 1; r < ours.size(); ++r)
      if (ours[r].second.at("group") == ours[r - 1].second.at("group"))
        REQUIRE(*parse_number(ours[r].second.at("scores")) <=
                *parse_number(ours[r - 1].second.at("scores")));
}

ExpressionMode mode_of(const std::string& name) {
  REQUIRE((name == "ref" || name == "all" || name == "on_target"));
  return name == "ref"   ? ExpressionMode::ref
         : name == "all" ? ExpressionMode::all
                         : ExpressionMode::on_target;
}

}  // namespace

TEST_CASE("differential_expression: groups are as large as config.json says", "[eval][golden]") {
  auto golden = folder();
  if (!golden) VCELL_SKIP("golden folder differential_expression is absent");
  const AnnData& adata = golden->cells.at("counts");
  const auto groups = factor(adata.obs.column("target_gene"));
  std::map<std::string, size_t> sizes;
  for (const int32_t code : groups.codes)
    if (code >= 0) ++sizes[groups.names[size_t(code)]];
  REQUIRE(sizes == golden->config.at("groups").get<std::map<std::string, size_t>>());
}

TEST_CASE("differential_expression: every table of pdex 0.3", "[eval][golden]") {
  auto golden = folder();
  if (!golden) VCELL_SKIP("golden folder differential_expression is absent");
  for (const auto& [name, call] : golden->config.at("pdex03").items()) {
    const auto& arguments = call.at("arguments");
    auto options = expression_preset("pdex-0.3", arguments.at("is_log1p").get<bool>());
    options.mode = mode_of(arguments.at("mode"));
    options.geometric_mean = arguments.value("geometric_mean", true);
    options.epsilon = arguments.value("epsilon", options.epsilon);
    if (arguments.contains("cpm_filter")) options.cpm_filter = arguments.at("cpm_filter");
    require_same(*golden, {"pdex03_" + name, call.at("input"), "pdex-0.3", options});
    if (arguments.contains("cpm_filter")) {
      options.cpm_filter = {};  // it takes rows out
      REQUIRE(call.at("rows").get<size_t>() ==
              read_csv(golden->path / ("pdex03_" + name + ".csv")).rows.size());
    }
  }
}

TEST_CASE("differential_expression: every table of pdex 0.1.27", "[eval][golden]") {
  auto golden = folder();
  if (!golden) VCELL_SKIP("golden folder differential_expression is absent");
  size_t tables = 0;
  for (const auto& [name, call] : golden->config_2025.items()) {
    if (!call.is_object() || !call.contains("arguments")) continue;
    const auto& arguments = call.at("arguments");
    const bool is_log1p = arguments.at("is_log1p"),
               is_double = call.at("dtypes").at("p_value") == "float64";
    auto options = expression_preset("pdex-0.1.27", is_log1p);
    if (!arguments.value("exp_post_agg", true)) options.geometric_mean = false;
    if (!arguments.value("tie_correct", true)) options.continuity = Continuity::none;
    if (arguments.contains("clip_value")) {
      REQUIRE(arguments.at("clip_value").is_null());
      options.zero_means = ZeroMeans::undefined;
    }
    if (is_double) {
      options.float_p = false;
      options.double_sums = true;
    }
    require_same(*golden, {"pdex0127_" + name, is_log1p ? "log1p" : "counts", "pdex-0.1.27",
                           options, is_double ? 1e-12 : 1e-5});
    ++tables;
  }
  REQUIRE(tables >= 6);
}

TEST_CASE("differential_expression: every table of scanpy", "[eval][golden]") {
  auto golden = folder();
  if (!golden) VCELL_SKIP("golden folder differential_expression is absent");
  for (const auto& [name, call] : golden->config.at("scanpy").items()) {
    const auto& arguments = call.at("arguments");
    auto options = expression_preset("scanpy");
    const std::string method = arguments.at("method");
    if (method != "wilcoxon") {
      REQUIRE((method == "t-test" || method == "t-test_overestim_var"));
      options.test =
          method == "t-test" ? ExpressionTest::t_test : ExpressionTest::t_test_overestim_var;
      options.has_z_score = false;
    }
    options.tie_correction = arguments.value("tie_correct", false);
    options.mode = arguments.at("reference") == "rest" ? ExpressionMode::all : ExpressionMode::ref;
    const bool counts = name.find("counts") != std::string::npos;
    require_same(*golden, {"scanpy_" + name, counts ? "counts" : "log1p", "scanpy", options});
  }
}

TEST_CASE("differential_expression: every table of illico", "[eval][golden]") {
  auto golden = folder();
  if (!golden) VCELL_SKIP("golden folder differential_expression is absent");
  for (const auto& [name, call] : golden->config.at("illico").items()) {
    const auto& arguments = call.at("arguments");
    const bool is_log1p = arguments.at("is_log1p");
    auto options = expression_preset("illico", is_log1p);
    options.geometric_mean = is_log1p && arguments.value("exp_post_agg", false);
    options.tie_correction = arguments.value("tie_correct", true);
    if (!arguments.value("use_continuity", true)) options.continuity = Continuity::none;
    if (arguments.at("reference").is_null()) options.mode = ExpressionMode::all;
    require_same(*golden, {"illico_" + name, is_log1p ? "log1p" : "counts", "illico", options});
  }
}
